"""A real fleet to play on, and a socket that shares nothing with any client."""

from __future__ import annotations

import itertools
import json
import re
import socket
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import Any

from conformance_words import Answer, Ask, Step, filled, fits

from station.fleet.client import Client
from station.fleet.server import FleetServer, Options, init

WRONG = "0123456789" * 4

CREDENTIALS: Mapping[str, tuple[str, ...]] = {
    "token": ("X-Exosite-Token: $token",),
    "cik": ("X-Exosite-CIK: $vendor_cik",),
    "device": ("X-Exosite-CIK: $cik",),
    "device as token": ("X-Exosite-Token: $cik",),
    "cik as token": ("X-Exosite-Token: $vendor_cik",),
    "other": ("X-Exosite-Token: $other_token",),
    "other cik": ("X-Exosite-CIK: $other_cik",),
    "guest": ("X-Exosite-Token: $other_token", "X-Exosite-Vendor: $vendor"),
    "oneself": ("X-Exosite-Token: $token", "X-Exosite-Vendor: $vendor"),
    "wrong": (f"X-Exosite-Token: {WRONG}",),
    "wrong cik": (f"X-Exosite-CIK: {WRONG}",),
    "guest of nobody": ("X-Exosite-Token: $other_token", "X-Exosite-Vendor: nobody_at_all"),
    "their device": ("X-Exosite-CIK: $their_cik",),
    "token, wrong cik": ("X-Exosite-Token: $token", f"X-Exosite-CIK: {WRONG}"),
    "wrong, cik": (f"X-Exosite-Token: {WRONG}", "X-Exosite-CIK: $vendor_cik"),
    "empty": ("X-Exosite-CIK:", "X-Exosite-Token: "),
    "new token": ("X-Exosite-Token: $new",),
    "nobody": (),
}
"""Who may call, and the headers that say so (API document, section 1.2)."""

PHRASES = {
    200: "OK",
    204: "No Content",
    205: "Reset Content",
    206: "Partial Content",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: HTTPStatus(413).phrase,
    416: HTTPStatus(416).phrase,
}
"""Devices match these; of the last two they know nothing, and their names changed with the years."""

_HEAD = re.compile(
    rb"HTTP/1\.1 (?P<status>\d{3}) (?P<phrase>[^\r\n]+)\r\n"
    rb"Date: (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n"
    rb"Server: [!-~]{1,7}\r\n"
    rb"Connection: Keep-Alive\r\n"
    rb"(?:Content-Length: (?P<length>\d+)\r\n)?"
    rb"(?:Content-Type: (?P<type>[^\r\n]*)\r\n)?"
    rb"(?P<more>(?:[A-Za-z-]+: [^\r\n]*\r\n)*)\r\n"
)


class Wire:
    """One keep-alive connection, on which every reply must come whole out of a single ``recv``."""

    def __init__(self, url: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes) -> bytes:
        self.socket.sendall(data)
        return self.socket.recv(1 << 17)


class FarEnd:
    """A server on a loopback port, and a connection to it; each test plays a scene of its own."""

    def __init__(self, folder: Path, options: Options | None = None) -> None:
        self.database = folder / "fleet.db"
        init(self.database, "nobody")
        self.server = FleetServer(self.database, options=options)
        self.server.start()
        self.wire = Wire(self.server.url)
        self._numbers = itertools.count()

    def close(self) -> None:
        self.wire.socket.close()
        self.server.stop()

    def scene(self) -> Scene:
        """Return a scene with two vendors that nobody else knows, the first of them with a model ``g1``."""
        number = next(self._numbers)
        vendor, other = f"acme_{number}", f"globex_{number}"
        mine, theirs = init(self.database, vendor, ["g1"]), init(self.database, other)
        return Scene(
            self,
            {
                "vendor": vendor,
                "token": mine.token,
                "vendor_cik": mine.vendor_cik,
                "template": mine.template_rid,
                "owner": mine.owner_rid,
                "other": other,
                "other_token": theirs.token,
                "other_cik": theirs.vendor_cik,
                "other_template": theirs.template_rid,
                "other_owner": theirs.owner_rid,
                "none": WRONG,
            },
        )


class Scene:
    """Two vendors, what has been learnt of their things (``words``), and ways to ask."""

    def __init__(self, far_end: FarEnd, words: dict[str, str]) -> None:
        self.far_end, self.words = far_end, words

    def raw(self, ask: Ask) -> bytes:
        """Return the bytes of a request."""
        body = ask.body if isinstance(ask.body, bytes) else filled(ask.body, self.words).encode()
        lines = [f"{ask.method} {ask.path} HTTP/1.1", "Host: m2.exosite.com", *CREDENTIALS[ask.who]]
        lines += [f"Content-Type: {ask.type}"] if ask.type else []
        lines += [f"Range: {ask.range}"] if ask.range else []
        head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
        return filled(head, self.words).encode() + body

    def ask(self, ask: Ask) -> bytes:
        """Send a request, keep what it is to be remembered for, and return the whole reply."""
        reply = self.far_end.wire.send(self.raw(ask))
        if ask.keep and reply.startswith(b"HTTP/1.1 200 "):
            self.words[ask.keep] = reply.partition(b"\r\n\r\n")[2].decode()
        return reply

    def do(self, *steps: Step) -> None:
        """Take steps, each of which must succeed."""
        for step in steps:
            if not isinstance(step, Ask):
                step(self)
            elif (reply := self.ask(step))[:10] != b"HTTP/1.1 2":
                raise AssertionError(f"the stage can't be set: {step} gave {reply!r}")

    def expect(self, ask: Ask, answer: Answer) -> None:
        """Ask, and check the answer's head and body."""
        self.check(self.ask(ask), answer, f"{ask.method} {filled(ask.path, self.words)}")

    def check(self, reply: bytes, answer: Answer, asked: str) -> None:
        """Check a whole reply against the API document, sections 1.7 and 1.9, and against what a row says."""
        head = _HEAD.match(reply)
        assert head, f"{asked}: {reply!r}"
        status, found = int(head["status"]), reply[head.end() :]
        assert status == answer.status, f"{asked}: {reply!r}"
        assert head["phrase"].decode() == PHRASES[status]
        assert (head["length"] is None) if status == 204 else int(head["length"]) == len(found), f"{asked}: {reply!r}"
        assert (head["type"] or b"").decode() == answer.type, f"{asked}: {reply!r}"
        for name, text in (answer.headers or {}).items():
            assert f"\r\n{name}: {text}\r\n".encode() in reply, f"{asked}: {reply!r}"
        if status >= 400:
            assert found == f"HTTP/1.1 {status} {PHRASES[status]}\r\n".encode(), f"{asked}: {reply!r}"
        elif isinstance(answer.body, bytes):
            assert found == answer.body, asked
        else:
            shown = filled(answer.body, self.words)
            assert fits(answer.body, found.decode(), self.words), f"{asked}: {found!r} is not {shown!r}"

    def client(self, who: str = "token") -> Client:
        """Return a client with one of the credentials."""
        token, cik = {
            "token": ("$token", "$vendor_cik"),
            "cik": (None, "$vendor_cik"),
            "other": ("$other_token", "$other_cik"),
            "wrong": (WRONG, WRONG),
            "device": (None, "$cik"),
        }[who]
        return Client(
            self.far_end.server.url,
            self.words["vendor"],
            (lambda: filled(token, self.words)) if token else None,
            cik=lambda: filled(cik, self.words),
        )

    def rpc(self, who: str, procedure: str, *arguments: Any) -> dict[str, Any]:
        """Call one procedure of the neighbour that device platforms are managed with (API document, section 9)."""
        cik = filled(CREDENTIALS[who][0], self.words).split(": ")[1]
        calls = [{"id": 1, "procedure": procedure, "arguments": json.loads(filled(json.dumps(arguments), self.words))}]
        body = json.dumps({"auth": {"cik": cik}, "calls": calls})
        reply = self.far_end.wire.send(
            self.raw(Ask("POST", "/onep:v1/rpc/process", body, "application/json; charset=utf-8", "nobody"))
        )
        answers = json.loads(reply.partition(b"\r\n\r\n")[2])
        assert reply.startswith(b"HTTP/1.1 200 ") and isinstance(answers, list), reply
        answer: dict[str, Any] = answers[0]
        return answer

    def lapse(self, rid: str) -> None:
        """Let a day pass for the client of that word."""
        self._sql("UPDATE clients SET open_until = open_until - 86400000000 WHERE rid = ?", self.words[rid])

    def drop(self, rid: str) -> None:
        """Drop the client of that word behind the back of provisioning."""
        self._sql("DELETE FROM clients WHERE rid = ?", self.words[rid])

    def age(self, content: str) -> None:
        """Let the last change of a content entry, of which there is one of that name, be of 1970."""
        self._sql(
            "UPDATE contents SET updated = 5000000 WHERE name = ? AND model IN"
            " (SELECT models.id FROM models JOIN vendors ON vendors.id = models.vendor WHERE vendors.name = ?)",
            content,
            self.words["vendor"],
        )

    def describe(self, word: str, **description: object) -> None:
        """Change the description of the client of that word, as device platforms do it."""
        assert self.rpc("cik", "update", f"${word}", description)["status"] == "ok"

    def _sql(self, statement: str, *values: str) -> None:
        with closing(sqlite3.connect(self.far_end.database, timeout=10)) as db, db:
            assert db.execute(statement, values).rowcount == 1
