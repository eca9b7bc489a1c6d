"""A turn of the loop: what is answered together is on the disk together, or nobody hears of it."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fleet_wire import G1, Wire, body, status

from station.fleet.server import Grant, init

_SERVE = """
import sys
from pathlib import Path
from station.fleet.server import FleetServer

server = FleetServer(Path(sys.argv[1]))
print(server.url, flush=True)
server.serve_forever()
"""


class Process:
    """A server in a process of its own, whose files can be kept from growing."""

    def __init__(self, database: Path, grant: Grant) -> None:
        self.database, self.grant = database, grant
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, str(database)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()

    def connect(self) -> Wire:
        return Wire(self.url, self.grant.token)

    def limit(self, size: int) -> None:
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def end(self) -> str:
        """End it, and return what it said about trouble."""
        self._process.terminate()
        _, said = self._process.communicate(timeout=20)
        return said


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    database = tmp_path / "fleet.db"
    process = Process(database, init(database, "acme", ["g1"]))
    yield process
    process.end()


def test_what_the_disk_did_not_take_is_not_answered(process: Process) -> None:
    with process.connect() as wire:
        assert wire.code("POST", G1 + "/", "sn=BEFORE") == 205
    process.limit(Path(f"{process.database}-wal").stat().st_size)
    with ExitStack() as held:
        wires = [held.enter_context(process.connect()) for _ in range(4)]
        for number, wire in enumerate(wires):
            wire.socket.sendall(wire.request("POST", G1 + "/", f"sn=LOST{number}"))
        assert [wire.socket.recv(999) for wire in wires] == [b""] * 4
    process.limit(resource.RLIM_INFINITY)
    with process.connect() as wire:
        assert wire.code("POST", G1 + "/", "sn=AFTER") == 205
        assert body(wire.ask("GET", G1 + "/?limit=9")) == b"BEFORE,,\r\nAFTER,,\r\n"
    assert "a commit failed" in process.end()


def test_pipelined_requests_are_answered_in_their_order(process: Process) -> None:
    with process.connect() as wire:
        requests = [wire.request("POST", G1 + "/", f"sn=A{n}") for n in range(20)]
        requests.append(wire.request("GET", G1 + "/?limit=20"))
        wire.socket.sendall(b"".join(requests))
        heard = b""
        while not heard.endswith(b"A19,,\r\n"):
            heard += wire.socket.recv(1 << 16)
        assert heard.count(b"HTTP/1.1 205 ") == 20
        assert body(heard[heard.index(b"HTTP/1.1 200") :]).split() == [f"A{n},,".encode() for n in range(20)]


def test_a_reader_in_the_same_turn_sees_what_was_written_before_it(process: Process) -> None:
    """Eight connections at once, each a change and a look: whoever looks after a 205 sees the change."""
    with ExitStack() as held:
        wires = [held.enter_context(process.connect()) for _ in range(8)]
        for turn in range(20):
            for number, wire in enumerate(wires):
                add, look = (
                    wire.request("POST", G1 + "/", f"sn=S{turn}-{number}"),
                    wire.request("GET", f"{G1}/S{turn}-{number}"),
                )
                wire.socket.sendall(add + look)
            for wire in wires:
                heard = b""
                while heard.count(b"HTTP/1.1 ") < 2:
                    heard += wire.socket.recv(1 << 16)
                assert status(heard) == 205 and b"HTTP/1.1 204 No Content" in heard
