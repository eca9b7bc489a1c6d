"""A client of bytes: it shares nothing with the client under ``station`` and parses as little as it can."""

from __future__ import annotations

import re
import socket
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from station.fleet.server import FleetServer, Grant

MODELS = "/provision/manage/model/"
G1 = MODELS + "g1"

_DATE = re.compile(rb"Date: (Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n")


class Wire:
    """One keep-alive connection; every reply must come whole out of a single ``recv``."""

    def __init__(self, url: str, token: str = "") -> None:
        host, port = url.removeprefix("http://").split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=20)
        self.token = token

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> bytes:
        self.socket.sendall(data)
        return self.socket.recv(1 << 17)

    def ask(self, method: str, path: str, form: str | bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
        """Send one request with the vendor token, unless ``headers`` are given; return the raw reply."""
        return self.send(self.request(method, path, form, headers))

    def request(
        self, method: str, path: str, form: str | bytes = b"", headers: Mapping[str, str] | None = None
    ) -> bytes:
        body = form.encode() if isinstance(form, str) else form
        lines = [f"{method} {path} HTTP/1.1", "Host: m2.exosite.com"]
        lines += [f"{k}: {v}" for k, v in ({"X-Exosite-Token": self.token} if headers is None else headers).items()]
        lines += [f"Content-Length: {len(body)}", "", ""]
        return "\r\n".join(lines).encode() + body

    def code(self, method: str, path: str, form: str | bytes = b"", headers: Mapping[str, str] | None = None) -> int:
        return status(self.ask(method, path, form, headers))

    def activate(self, sn: str, model: str = "g1", vendor: str = "acme") -> bytes:
        return self.ask("POST", "/provision/activate", f"vendor={vendor}&model={model}&sn={sn}", {})


def status(reply: bytes) -> int:
    assert reply.startswith(b"HTTP/1.1 "), reply
    return int(reply[9:12])


def body(reply: bytes) -> bytes:
    return reply.partition(b"\r\n\r\n")[2]


def undated(reply: bytes) -> bytes:
    """The reply with its (well-formed, only) Date replaced, to be compared whole."""
    assert len(_DATE.findall(reply)) == 1, reply
    return _DATE.sub(b"Date: D\r\n", reply)


class Fleet:
    """A running server with a vendor ``acme`` that has a model ``g1``, and one connection to it."""

    def __init__(self, server: FleetServer, database: Path, grant: Grant) -> None:
        self.server, self.database, self.grant = server, database, grant
        self.wire = self.connect()
        created = self.wire.ask("POST", MODELS, f"model=g1&rid={grant.template_rid}")
        assert status(created) == 205

    def connect(self) -> Wire:
        return Wire(self.server.url, self.grant.token)

    def sql(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Run one statement on the database file, beside the server."""
        connection = sqlite3.connect(self.database, timeout=10)
        try:
            with connection:
                return connection.execute(statement, values).fetchall()
        finally:
            connection.close()

    def add(self, sn: str, extra: str = "") -> None:
        assert self.wire.code("POST", G1 + "/", f"sn={sn}&extra={extra}") == 205

    def enable(self, sn: str) -> str:
        reply = self.wire.ask("POST", f"{G1}/{sn}", f"enable=true&owner={self.grant.owner_rid}")
        assert status(reply) == 200
        return body(reply).decode()

    def lapse(self, rid: str) -> None:
        """Let a day pass for one client."""
        self.sql("UPDATE clients SET open_until = open_until - 86400000000 WHERE rid = ?", rid)

    def drop(self, rid: str) -> None:
        """Drop a client behind the back of provisioning."""
        self.sql("DELETE FROM clients WHERE rid = ?", rid)

    def see(self, sn: str) -> str:
        """What M43 shows of a serial number: its code, or the first field of its record."""
        reply = self.wire.ask("GET", f"{G1}/{sn}")
        return body(reply).decode().split(",")[0] if status(reply) == 200 else str(status(reply))
