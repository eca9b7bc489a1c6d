"""What a board fetches (D2 to D4), ranges of blobs, and who may read what."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from fleet_content import CONTENT, DOWNLOAD, activated, chunks, create, fetch, noise, put, rest, upload
from fleet_wire import G1, MODELS, Fleet, Wire, body, status, undated

from station.fleet.server import init

CHUNK = 256 * 1024
GROUP = "/provision/manage/group/g1/"
HEAD = b"Date: D\r\nServer: station\r\nConnection: Keep-Alive\r\n"
LONG = 40 * CHUNK
"""More than the socket takes while nobody reads."""


def ask(fleet: Fleet, device: dict[str, str], query: str = "", path: str = DOWNLOAD) -> bytes:
    return fleet.wire.ask("GET", path + query, headers=device)


def group(fleet: Fleet, name: str, *members: str) -> None:
    assert fleet.wire.code("POST", GROUP, f"id={name}") == 205
    for member in members:
        assert fleet.wire.code("POST", f"{GROUP}{name}/", member) == 205


def resident_kib() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def token(fleet: Fleet) -> dict[str, str]:
    return {"X-Exosite-Token": fleet.grant.token}


# ---------------------------------------------------------------- D2 to D4


def test_d2_lists_what_the_board_may_read(fleet: Fleet) -> None:
    device = activated(fleet, "A1")
    assert b"HTTP/1.1 200 OK" in (reply := ask(fleet, device))
    assert b"\r\nContent-Length: 0\r\nContent-Type: text/csv; charset=utf-8\r\n\r\n" in reply
    for name in ("b", "hidden", "a"):
        create(fleet, name, "&protected=true" if name == "hidden" else "")
    assert body(ask(fleet, device)) == b"b\r\na\r\n"
    group(fleet, "beta", "type=sn&id=A1", "type=content&id=hidden")
    assert body(ask(fleet, device)) == b"b\r\nhidden\r\na\r\n"
    assert body(fleet.wire.ask("GET", CONTENT + "?sn=A1")) == b"b\r\nhidden\r\na\r\n"


def test_d3_gives_the_bytes_and_d4_four_fields(fleet: Fleet) -> None:
    device = activated(fleet, "A1")
    put(fleet, "fw", b"firmware", "text/plain; charset=utf-8")
    reply = ask(fleet, device, "&id=fw")
    assert undated(reply) == (
        b"HTTP/1.1 200 OK\r\n" + HEAD + b"Content-Length: 8\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Accept-Ranges: bytes\r\n\r\nfirmware"
    )
    info = body(ask(fleet, device, "&id=fw&info=true"))
    assert info == body(fleet.wire.ask("GET", CONTENT + "fw")).removesuffix(b",false")
    assert info == body(fleet.wire.ask("GET", CONTENT + "fw?sn=A1"))
    assert info.count(b",") == 3


def test_a_cik_in_the_token_header_is_taken_too(fleet: Fleet) -> None:
    device = {"X-Exosite-Token": activated(fleet, "A1")["X-Exosite-CIK"]}
    put(fleet, "fw", b"firmware")
    assert body(ask(fleet, device, "&id=fw")) == b"firmware"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("?vendor=acme&model=g1", 200),
        ("?vendor=acme&model=g1&id=fw", 200),
        ("?vendor=acme&model=g1&id=fw&info=true", 200),
        ("?vendor=acme&model=g1&id=fw&info=false", 200),
        ("?vendor=acme&model=nope", 403),
        ("?vendor=nobody&model=g1&id=fw", 403),
        ("?vendor=acme&model=nope&id=fw&info=true", 400),
        ("?vendor=acme&model=g2&id=fw&info=true", 403),
        ("?vendor=acme&model=g2", 403),
        ("?vendor=acme&model=g1&id=nope", 404),
        ("?vendor=acme&model=g1&id=nope&info=true", 404),
        ("?vendor=acme&model=g1&id=empty", 404),
        ("?vendor=acme&model=g1&id=empty&info=true", 200),
        ("?vendor=acme&model=g1&id=hidden", 403),
        ("?vendor=acme&model=g1&id=hidden&info=true", 403),
        ("?vendor=acme&model=g1&id=", 400),
        ("?vendor=acme&model=g1&info=true", 400),
        ("?vendor=acme&id=fw", 400),
        ("?model=g1", 400),
        ("", 400),
    ],
)
def test_what_a_board_is_answered(fleet: Fleet, query: str, code: int) -> None:
    assert fleet.wire.code("POST", MODELS, f"model=g2&rid={fleet.grant.template_rid}") == 205
    device = activated(fleet, "A1")
    put(fleet, "fw", b"firmware")
    create(fleet, "empty")
    create(fleet, "hidden", "&protected=true")
    assert status(ask(fleet, device, query, "/provision/download")) == code


def test_only_an_activated_board_of_the_model_reads(fleet: Fleet) -> None:
    put(fleet, "fw", b"firmware")
    device = activated(fleet, "A1")
    vendor = {"X-Exosite-CIK": fleet.grant.vendor_cik}
    for headers, code in [({}, 401), ({"X-Exosite-CIK": "0" * 40}, 401), (vendor, 403), (device, 200)]:
        assert status(ask(fleet, headers, "&id=fw")) == code
    assert status(ask(fleet, token(fleet), "&id=fw")) == 401
    assert fleet.wire.code("GET", CONTENT, headers=device) == 403
    assert fleet.wire.code("POST", G1 + "/A1", "disable=true") == 205
    assert status(ask(fleet, device, "&id=fw")) == 401


def test_a_board_that_lost_its_serial_number_lost_its_content(fleet: Fleet) -> None:
    put(fleet, "fw", b"firmware")
    device = activated(fleet, "A1")
    assert fleet.wire.code("DELETE", G1 + "/A1") == 205
    assert status(ask(fleet, device, "&id=fw")) == 401


def test_another_vendor_s_model_of_the_same_name_is_another_space(fleet: Fleet) -> None:
    put(fleet, "fw", b"firmware")
    device = activated(fleet, "A1")
    other = init(fleet.database, "other", ["g1"])
    assert status(ask(fleet, device, "?vendor=other&model=g1&id=fw", "/provision/download")) == 403
    assert fleet.wire.code("GET", CONTENT + "fw", headers={"X-Exosite-Token": other.token}) == 404


# ---------------------------------------------------------------- protection


def test_protected_content_is_read_through_a_group_only_and_while_it_lasts(fleet: Fleet) -> None:
    one, two = activated(fleet, "A1"), activated(fleet, "A2")
    create(fleet, "fw", "&protected=true")
    assert upload(fleet, "fw", b"secret") == 205
    group(fleet, "inner", "type=content&id=fw")
    group(fleet, "outer", "type=group&id=inner", f"type=sn&id=A1&expire={int(time.time()) + 1000}")
    assert body(ask(fleet, one, "&id=fw")) == b"secret"
    assert status(ask(fleet, two, "&id=fw")) == 403
    by_vendor = [f"{CONTENT}fw?sn={sn}{more}" for sn in ("A1", "A2") for more in ("", "&download=true")]
    assert [fleet.wire.code("GET", path) for path in by_vendor] == [200, 200, 403, 403]
    assert fleet.wire.code("POST", GROUP + "outer/", f"type=sn&id=A1&expire={int(time.time()) - 1}") == 205
    assert status(ask(fleet, one, "&id=fw")) == 403
    assert body(ask(fleet, one)) == body(fleet.wire.ask("GET", CONTENT + "?sn=A1")) == b""
    assert fetch(fleet, "fw") == b"secret"  # its vendor reads it always


def test_a_number_that_is_nowhere_is_answered_as_each_procedure_prints_it(fleet: Fleet) -> None:
    put(fleet, "fw", b"firmware")
    ranges = '{"ranges":[{"format":"base10","length":4,"first":0,"last":9}]}'
    token = {"X-Exosite-Token": fleet.grant.token, "Content-Type": "application/javascript"}
    assert fleet.wire.code("POST", G1 + "/", ranges, token) == 205
    for sn, codes in [("nope", [400, 400, 403]), ("0005", [200, 200, 200]), ("", [400, 400, 400])]:
        paths = [f"?sn={sn}", f"fw?sn={sn}", f"fw?download=true&sn={sn}"]
        assert [fleet.wire.code("GET", CONTENT + path) for path in paths] == codes


# ---------------------------------------------------------------- byte ranges


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=1024-2047", 1024, 2047),
        (f"bytes={CHUNK - 1}-{CHUNK}", CHUNK - 1, CHUNK),
        (f"bytes={CHUNK}-{2 * CHUNK - 1}", CHUNK, 2 * CHUNK - 1),
        (f"bytes={2 * CHUNK}-", 2 * CHUNK, 2 * CHUNK + 9),
        ("bytes=-10", 2 * CHUNK, 2 * CHUNK + 9),
        ("bytes=5-99999999", 5, 2 * CHUNK + 9),
        ("bytes=-99999999", 0, 2 * CHUNK + 9),
    ],
)
def test_a_part_is_206_and_says_of_what(fleet: Fleet, asked: str, first: int, last: int) -> None:
    data = noise(2 * CHUNK + 10)
    put(fleet, "fw", data)
    device = activated(fleet, "A1")
    for path, headers in ((DOWNLOAD + "&id=fw", device), (CONTENT + "fw?download=true", token(fleet))):
        reply = fleet.wire.ask("GET", path, headers={**headers, "Range": asked, "If-Range": '"x"'})
        assert undated(reply).startswith(
            b"HTTP/1.1 206 Partial Content\r\n" + HEAD + b"Content-Length: %d\r\nContent-Type: application/x-fw\r\n"
            b"Accept-Ranges: bytes\r\nContent-Range: bytes %d-%d/%d\r\n\r\n"
            % (last - first + 1, first, last, len(data))
        )
        assert rest(fleet.wire, reply) == data[first : last + 1]


@pytest.mark.parametrize("asked", ["bytes=0-1,3-4", "bytes=3-2", "lines=0-1", "bytes=x-"])
def test_a_range_that_is_not_understood_gets_the_whole(fleet: Fleet, asked: str) -> None:
    put(fleet, "fw", b"firmware")
    reply = fleet.wire.ask("GET", CONTENT + "fw?download=true", headers={**token(fleet), "Range": asked})
    assert reply.startswith(b"HTTP/1.1 200 OK\r\n") and b"Content-Range" not in reply
    assert body(reply) == b"firmware"


@pytest.mark.parametrize(("data", "asked"), [(b"firmware", "bytes=8-"), (b"firmware", "bytes=-0"), (b"", "bytes=0-")])
def test_a_range_beyond_the_end_is_416(fleet: Fleet, data: bytes, asked: str) -> None:
    put(fleet, "fw", data)
    reply = ask(fleet, {**activated(fleet, "A1"), "Range": asked}, "&id=fw")
    assert status(reply) == 416
    assert b"\r\nContent-Range: bytes */%d\r\n" % len(data) in reply
    assert body(reply).startswith(b"HTTP/1.1 416 ")


def test_head_is_get_without_its_body(fleet: Fleet) -> None:
    put(fleet, "fw", noise(2 * CHUNK))
    for asked in ({}, {"Range": "bytes=0-9"}, {"Range": "bytes=9999999-"}):
        headers = {**token(fleet), **asked}
        path = CONTENT + "fw?download=true"
        reply = fleet.wire.ask("GET", path, headers=headers)
        rest(fleet.wire, reply)
        head = fleet.wire.ask("HEAD", path, headers=headers)
        assert undated(head) == undated(reply).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    assert upload(fleet, "fw", b"") == 205
    assert chunks(fleet) == [(0, 0)]  # nobody holds the old one


def test_a_small_range_is_one_segment(fleet: Fleet) -> None:
    put(fleet, "fw", noise(CHUNK + 4096))
    for start in range(0, CHUNK + 4096, 16 * 1024):
        headers = {**token(fleet), "Range": f"bytes={start}-{start + 1023}"}
        reply = fleet.wire.ask("GET", CONTENT + "fw?download=true", headers=headers)
        assert len(body(reply)) == 1024


def test_the_head_of_a_long_blob_leaves_with_its_first_bytes(fleet: Fleet) -> None:
    put(fleet, "fw", noise(4 * CHUNK))
    reply = fleet.wire.ask("GET", CONTENT + "fw?download=true")
    assert len(body(reply)) > 1024
    assert rest(fleet.wire, reply) == noise(4 * CHUNK)


# ---------------------------------------------------------------- readers that are slow, or leave


def test_a_reader_keeps_the_bytes_it_began_with(fleet: Fleet) -> None:
    old, new = noise(LONG, b"old"), noise(3 * CHUNK, b"new")
    put(fleet, "fw", old)
    with fleet.connect() as slow:
        reply = slow.ask("GET", CONTENT + "fw?download=true")
        assert upload(fleet, "fw", new) == 205
        assert fetch(fleet, "fw") == new
        assert chunks(fleet) == [(2, 43)]
        assert rest(slow, reply) == old
        assert status(slow.ask("GET", CONTENT + "fw")) == 200  # the connection lives on
    assert upload(fleet, "fw", new) == 205
    assert chunks(fleet) == [(1, 3)]


def test_a_reader_that_leaves_holds_nothing(fleet: Fleet) -> None:
    put(fleet, "fw", noise(LONG))
    with fleet.connect() as slow:
        assert status(slow.ask("GET", CONTENT + "fw?download=true")) == 200
    for _ in range(100):  # the server learns of it when it next sends
        assert upload(fleet, "fw", b"new") == 205
        if chunks(fleet) == [(1, 1)]:
            return
    raise AssertionError("the blob of a reader that has left is never swept")


def test_readers_that_do_not_read_cost_no_thread_and_no_memory(fleet: Fleet) -> None:
    data = noise(LONG)
    put(fleet, "fw", data)
    fetch(fleet, "fw")
    before = resident_kib()
    slow = [fleet.connect() for _ in range(12)]  # more than there are threads
    replies = [wire.ask("GET", CONTENT + "fw?download=true") for wire in slow]
    assert fetch(fleet, "fw") == data
    assert fleet.wire.code("GET", G1) == 200
    assert resident_kib() - before < 12 * LONG // 1024 // 3
    for wire, reply in zip(slow, replies, strict=True):
        assert rest(wire, reply) == data
        wire.socket.close()


def test_a_blob_that_lost_a_chunk_is_cut_off_and_never_padded(fleet: Fleet, caplog: pytest.LogCaptureFixture) -> None:
    put(fleet, "fw", noise(LONG))
    with fleet.connect() as wire:
        reply = wire.ask("GET", CONTENT + "fw?download=true")
        fleet.sql("DELETE FROM chunks WHERE number = 39")
        with pytest.raises(AssertionError, match="the connection ended"):
            rest(wire, reply)
    assert "missing" in caplog.text
    assert fleet.wire.code("GET", G1) == 200


@pytest.mark.parametrize("line", [b"GET %s HTTP/1.0\r\n", b"GET %s HTTP/1.1\r\nConnection: close\r\n"])
def test_a_connection_that_ends_with_the_blob_ends_behind_all_of_it(fleet: Fleet, line: bytes) -> None:
    put(fleet, "fw", noise(LONG))
    token = f"X-Exosite-Token: {fleet.grant.token}\r\n\r\n".encode()
    with fleet.connect() as wire:
        reply = wire.send(line % f"{CONTENT}fw?download=true".encode() + token)
        assert b"\r\nConnection: close\r\n" in reply
        assert rest(wire, reply) == noise(LONG)
        assert wire.socket.recv(1) == b""


def test_two_downloads_in_one_segment_are_answered_in_order(fleet: Fleet) -> None:
    put(fleet, "fw", noise(3 * CHUNK))
    put(fleet, "text", b"hello", "text/plain")
    with Wire(fleet.server.url, fleet.grant.token) as wire:
        reply = wire.send(
            wire.request("GET", CONTENT + "fw?download=true") + wire.request("GET", CONTENT + "text?download=true")
        )
        while not reply.endswith(b"hello"):
            reply += wire.socket.recv(1 << 18)
    first, _, second = reply.partition(b"\r\n\r\n")[2].partition(b"HTTP/1.1 200 OK\r\n")
    assert first == noise(3 * CHUNK)
    assert b"Content-Type: text/plain\r\n" in second
