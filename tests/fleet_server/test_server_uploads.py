"""Uploads: what is kept, how much is too much, and what dies in the middle (M10)."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sqlite3
import time
from pathlib import Path

import pytest
from fleet_content import CONTENT, activated, chunks, create, fetch, noise, put, rest, serving, upload
from fleet_wire import G1, MODELS, Fleet, Wire, body, status, undated
from test_server_durability import child

from station.fleet.server import FleetServer, Options, init

CHUNK = 256 * 1024
FORM = "application/x-www-form-urlencoded"


def stored(database: Path) -> int:
    """Chunks in the file, beside the server."""
    with contextlib.closing(sqlite3.connect(database, timeout=10)) as connection:
        found: int = connection.execute("SELECT count(*) FROM chunks").fetchone()[0]
    return found


# ---------------------------------------------------------------- upload


@pytest.mark.parametrize(
    "size", [0, 1, 8191, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 17], ids=lambda size: f"{size} bytes"
)
def test_what_is_uploaded_comes_back(fleet: Fleet, size: int) -> None:
    data = noise(size)
    before = int(time.time())
    put(fleet, "fw", data)
    kind, length, updated, rest_ = body(fleet.wire.ask("GET", CONTENT + "fw")).split(b",", 3)
    assert (kind, int(length), rest_) == (b"application/x-fw", size, b",false")
    assert before <= int(updated) <= time.time()
    reply = fleet.wire.ask("GET", CONTENT + "fw?download=true")
    head = reply.partition(b"\r\n\r\n")[0] + b"\r\n"
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nContent-Length: %d\r\nContent-Type: application/x-fw\r\nAccept-Ranges: bytes\r\n" % size in head
    assert rest(fleet.wire, reply) == data
    assert chunks(fleet) == [(1 if size else 0, -(-size // CHUNK))]


def test_an_upload_is_never_taken_for_a_form(fleet: Fleet) -> None:
    data = b"delete=true&id=fw&%zz\xff\x00"
    put(fleet, "fw", data, FORM)
    assert fetch(fleet, "fw") == data
    assert body(fleet.wire.ask("GET", CONTENT + "fw")).startswith(FORM.encode() + b",")


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        (["text/plain; charset=utf-8"], "text/plain; charset=utf-8"),
        (['text/x; a="1, 2"; b=3'], 'text/x; a="1, 2"; b=3'),
        (["false"], "false"),
        (["image/png", FORM], "image/png"),
        ([FORM + "; charset=utf-8", "image/png"], "image/png"),
        ([FORM.upper(), "text/csv; charset=utf-8"], "text/csv; charset=utf-8"),
        ([FORM, FORM], FORM),
        (['text/x; a="1, 2', FORM], 'text/x; a="1'),
        ([], "application/octet-stream"),
        ([""], "application/octet-stream"),
        (["", "image/png"], "image/png"),
    ],
)
def test_the_content_type_is_kept_as_it_came(fleet: Fleet, lines: list[str], kept: str) -> None:
    create(fleet, "fw")
    request = fleet.wire.request("POST", CONTENT + "fw", b"x")
    types = "".join(f"Content-Type: {line}\r\n" for line in lines).encode()
    assert status(fleet.wire.send(request.replace(b"Content-Length", types + b"Content-Length"))) == 205
    reply = fleet.wire.ask("GET", CONTENT + "fw?download=true")
    assert f"\r\nContent-Type: {kept}\r\n".encode() in reply
    info = body(fleet.wire.ask("GET", CONTENT + "fw")).decode()
    assert info.startswith('"' + kept.replace('"', '""') + '",1,' if "," in kept or '"' in kept else kept + ",1,")


def test_an_endless_content_type_is_413(fleet: Fleet) -> None:
    create(fleet, "fw")
    assert upload(fleet, "fw", b"x", 'text/x; a="' + "\\" * 2000) == 413
    assert fleet.wire.code("GET", CONTENT + "fw?download=true") == 404


def test_an_upload_replaces_and_leaves_nothing_behind(fleet: Fleet) -> None:
    put(fleet, "fw", noise(3 * CHUNK))
    put(fleet, "other", noise(CHUNK, b"other"))
    assert upload(fleet, "fw", b"new", "text/plain") == 205
    assert body(fleet.wire.ask("GET", CONTENT + "fw")).startswith(b"text/plain,3,")
    assert fetch(fleet, "fw") == b"new"
    assert fetch(fleet, "other") == noise(CHUNK, b"other")
    assert chunks(fleet) == [(2, 2)]


def test_expect_100_continue(fleet: Fleet) -> None:
    create(fleet, "fw")
    head, data = fleet.wire.request("POST", CONTENT + "fw", b"data").split(b"\r\n\r\n")
    assert fleet.wire.send(head + b"\r\nExpect: 100-continue\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert status(fleet.wire.send(data)) == 205
    assert fetch(fleet, "fw") == b"data"


def test_a_chunked_upload_is_taken_too(fleet: Fleet) -> None:
    create(fleet, "fw")
    head = fleet.wire.request("POST", CONTENT + "fw").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    assert status(fleet.wire.send(head + b"4\r\ndata\r\n3\r\n, 2\r\n0\r\n\r\n")) == 205
    assert fetch(fleet, "fw") == b"data, 2"


# ---------------------------------------------------------------- limits


def test_content_has_a_limit_of_its_own(tmp_path: Path) -> None:
    with serving(tmp_path / "fleet.db", Options(content_bytes=1000)) as fleet:
        put(fleet, "fw", noise(1000))
        assert fleet.wire.code("POST", G1 + "/", "sn=A1&ignored=" + "x" * 2000) == 205
        with fleet.connect() as wire:
            reply = wire.ask("POST", CONTENT + "fw", noise(1001))
            assert undated(reply) == (
                b"HTTP/1.1 413 Request Entity Too Large\r\nDate: D\r\nServer: station\r\nConnection: close\r\n"
                b"Content-Length: 39\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
                b"HTTP/1.1 413 Request Entity Too Large\r\n"
            )
            assert wire.socket.recv(1) == b""
        assert fetch(fleet, "fw") == noise(1000)


def test_content_may_be_longer_than_any_other_body(fleet: Fleet) -> None:
    size = 10 * 1024 * 1024 + 1
    put(fleet, "fw", noise(size))
    assert fetch(fleet, "fw") == noise(size)
    for method, path in (("POST", CONTENT), ("DELETE", CONTENT + "fw"), ("POST", MODELS)):
        with fleet.connect() as wire:
            assert status(wire.send(wire.request(method, path, b"x" * size)[:5000])) == 413, path


def test_too_large_is_said_before_the_body_is_read(tmp_path: Path) -> None:
    with serving(tmp_path / "fleet.db", Options(content_bytes=1000)) as fleet:
        for expects in (b"", b"Expect: 100-continue\r\n"):
            with fleet.connect() as wire:
                head = wire.request("POST", CONTENT + "fw").replace(b"Length: 0\r\n", b"Length: 1001\r\n" + expects)
                assert status(wire.send(head)) == 413


def test_whoever_is_still_sending_what_is_too_large_gets_the_answer(tmp_path: Path) -> None:
    with serving(tmp_path / "fleet.db", Options(content_bytes=1000)) as fleet, fleet.connect() as wire:
        wire.socket.sendall(wire.request("POST", CONTENT + "fw", bytes(30 * 1024 * 1024)))
        reply = b""
        while data := wire.socket.recv(999):
            reply += data
        assert status(reply) == 413
        assert fleet.wire.code("GET", G1) == 200


def test_an_expectation_without_a_body_is_answered_at_once(fleet: Fleet) -> None:
    for method in ("GET", "POST"):
        headers = {"X-Exosite-Token": fleet.grant.token, "Expect": "100-continue"}
        assert fleet.wire.code(method, CONTENT + "fw", b"", headers) == 404


# ---------------------------------------------------------------- what dies in the middle


def test_an_upload_that_is_killed_leaves_the_old_blob_and_is_swept(tmp_path: Path) -> None:
    database = tmp_path / "fleet.db"
    grant = init(database, "acme")
    old, new = noise(CHUNK, b"old"), noise(40 * CHUNK, b"new")
    with child(database) as process:
        assert process.stdout is not None
        with Wire(process.stdout.readline().strip(), grant.token) as wire:
            assert wire.code("POST", MODELS, f"model=g1&rid={grant.template_rid}") == 205
            assert wire.code("POST", CONTENT, "id=fw") == 205
            assert wire.code("POST", CONTENT + "fw", old) == 205
            wire.socket.sendall(wire.request("POST", CONTENT + "fw", new))
            while stored(database) < 5:  # it is writing; the entry names none of it yet
                pass
            os.kill(process.pid, signal.SIGKILL)
    assert stored(database) > 1
    server = FleetServer(database)
    assert stored(database) == 1
    server.start()
    with Wire(server.url, grant.token) as wire:
        assert rest(wire, wire.ask("GET", CONTENT + "fw?download=true")) == old
    server.stop()


def test_a_client_that_leaves_in_the_middle_changes_nothing(fleet: Fleet) -> None:
    put(fleet, "fw", b"old")
    with fleet.connect() as wire:
        request = wire.request("POST", CONTENT + "fw", noise(3 * CHUNK))
        wire.socket.sendall(request[:-1])
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.socket.recv(999) == b""
    assert fetch(fleet, "fw") == b"old"
    assert chunks(fleet) == [(1, 1)]


def test_of_two_uploads_at_once_one_is_whole(fleet: Fleet) -> None:
    put(fleet, "fw", b"")
    blobs = [noise(8 * CHUNK, bytes([n])) for n in range(4)]
    wires = [fleet.connect() for _ in blobs]
    for wire, data in zip(wires, blobs, strict=True):
        wire.socket.sendall(wire.request("POST", CONTENT + "fw", data))
    for wire in wires:
        assert status(wire.socket.recv(999)) == 205
        wire.socket.close()
    assert fetch(fleet, "fw") in blobs
    assert upload(fleet, "fw", b"") == 205
    assert chunks(fleet) == [(0, 0)]


def test_content_that_is_deleted_while_it_is_uploaded_stays_deleted(fleet: Fleet) -> None:
    create(fleet, "fw")
    with fleet.connect() as wire:
        wire.socket.sendall(wire.request("POST", CONTENT + "fw", noise(40 * CHUNK)))
        while chunks(fleet) == [(0, 0)]:
            pass
        assert fleet.wire.code("DELETE", CONTENT + "fw") == 205
        assert status(wire.socket.recv(999)) == 404
    assert fleet.wire.code("GET", CONTENT + "fw") == 404
    assert chunks(fleet) == [(0, 0)]
    assert activated(fleet, "A1")  # and the server goes on
