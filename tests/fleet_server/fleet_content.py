"""Content of the model ``g1``, and a fleet with settings: what the tests of uploads and downloads need."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

from fleet_wire import G1, Fleet, Wire, body, status

from station.fleet.server import FleetServer, Options, init

CONTENT = "/provision/manage/content/g1/"
DOWNLOAD = "/provision/download?vendor=acme&model=g1"


@contextlib.contextmanager
def serving(database: Path, options: Options) -> Iterator[Fleet]:
    """A fleet with settings of its own."""
    grant = init(database, "acme")
    server = FleetServer(database, options=options)
    server.start()
    fleet = Fleet(server, database, grant)
    try:
        yield fleet
    finally:
        fleet.wire.socket.close()
        server.stop()


def noise(size: int, seed: bytes = b"") -> bytes:
    """Bytes that repeat nowhere, the same for one seed."""
    return hashlib.shake_128(seed).digest(size)


def create(fleet: Fleet, name: str, form: str = "") -> None:
    assert fleet.wire.code("POST", CONTENT, f"id={name}{form}") == 205


def upload(fleet: Fleet, name: str, data: bytes, kind: str = "application/x-fw") -> int:
    headers = {"X-Exosite-Token": fleet.grant.token, "Content-Type": kind}
    return fleet.wire.code("POST", CONTENT + name, data, headers)


def put(fleet: Fleet, name: str, data: bytes, kind: str = "application/x-fw") -> None:
    """Make an entry with a blob."""
    create(fleet, name)
    assert upload(fleet, name, data, kind) == 205


def rest(wire: Wire, reply: bytes) -> bytes:
    """Read on until a reply that has begun is as long as its Content-Length says; return its body."""
    head, _, data = reply.partition(b"\r\n\r\n")
    length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
    got = bytearray(data)
    while len(got) < length:
        more = wire.socket.recv(1 << 18)
        assert more, f"the connection ended after {len(got)} of {length} bytes"
        got += more
    assert len(got) == length
    return bytes(got)


def fetch(fleet: Fleet, name: str, headers: dict[str, str] | None = None) -> bytes:
    """The bytes that M6 gives."""
    given = {"X-Exosite-Token": fleet.grant.token, **(headers or {})}
    return rest(fleet.wire, fleet.wire.ask("GET", f"{CONTENT}{name}?download=true", headers=given))


def activated(fleet: Fleet, sn: str, model: str = "g1") -> dict[str, str]:
    """List, enable and activate a serial number; return the header that its board sends."""
    path = G1.replace("g1", model)
    assert fleet.wire.code("POST", path + "/", f"sn={sn}") == 205
    assert fleet.wire.code("POST", f"{path}/{sn}", f"enable=true&owner={fleet.grant.owner_rid}") == 200
    reply = fleet.wire.activate(sn, model)
    assert status(reply) == 200
    return {"X-Exosite-CIK": body(reply).decode()}


def chunks(fleet: Fleet) -> list[tuple[object, ...]]:
    """Blobs in the file, and chunks of all of them."""
    return fleet.sql("SELECT count(DISTINCT blob), count(*) FROM chunks")
