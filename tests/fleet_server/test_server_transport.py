"""The bytes on the wire (API document, sections 1.7, 1.9 and 1.11)."""

from __future__ import annotations

import socket

import pytest
from fleet_wire import G1, MODELS, Fleet, body, status, undated

HEAD = b"Date: D\r\nServer: station\r\nConnection: Keep-Alive\r\n"


def test_a_205_has_length_0_and_no_type(fleet: Fleet) -> None:
    reply = fleet.wire.ask("POST", G1 + "/", "sn=A1")
    assert undated(reply) == b"HTTP/1.1 205 Reset Content\r\n" + HEAD + b"Content-Length: 0\r\n\r\n"


def test_a_204_has_neither_and_keeps_its_connection(fleet: Fleet) -> None:
    fleet.add("A1")
    for _ in range(3):
        assert undated(fleet.wire.ask("GET", f"{G1}/A1")) == b"HTTP/1.1 204 No Content\r\n" + HEAD + b"\r\n"
        assert fleet.wire.code("GET", G1) == 200


def test_d1_fits_the_smallest_buffer(fleet: Fleet) -> None:
    fleet.add("A1")
    fleet.enable("A1")
    reply = fleet.wire.activate("A1")
    cik = body(reply)
    assert len(cik) == 40 and not set(cik) - set(b"0123456789abcdef")
    assert undated(reply) == (
        b"HTTP/1.1 200 OK\r\n" + HEAD + b"Content-Length: 40\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + cik
    )
    assert len(reply) <= 198


def test_the_rid_of_m46_is_csv_without_a_line_end(fleet: Fleet) -> None:
    fleet.add("A1")
    reply = fleet.wire.ask("POST", f"{G1}/A1", f"enable=true&owner={fleet.grant.owner_rid}")
    assert undated(reply) == (
        b"HTTP/1.1 200 OK\r\n"
        + HEAD
        + b"Content-Length: 40\r\nContent-Type: text/csv; charset=utf-8\r\n\r\n"
        + body(reply)
    )
    assert len(body(reply)) == 40


def test_an_error_repeats_its_status_line(fleet: Fleet) -> None:
    assert undated(fleet.wire.activate("A1")) == (
        b"HTTP/1.1 404 Not Found\r\n"
        + HEAD
        + b"Content-Length: 24\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHTTP/1.1 404 Not Found\r\n"
    )


def test_the_reason_is_in_a_header_of_its_own(fleet: Fleet) -> None:
    reply = fleet.wire.ask("GET", f"{G1}/A1")
    assert b"\r\nX-Error-Reason: the serial number is absent\r\n\r\nHTTP/1.1 404 Not Found\r\n" in reply


def test_a_wrong_verb_is_405(fleet: Fleet) -> None:
    reply = fleet.wire.ask("PUT", f"{G1}/A1")
    assert b"\r\nAllow: GET, POST, DELETE\r\n" in reply
    assert body(reply) == b"HTTP/1.1 405 Method Not Allowed\r\n"


def test_head_is_get_without_its_body(fleet: Fleet) -> None:
    got, head = fleet.wire.ask("GET", G1), fleet.wire.ask("HEAD", G1)
    assert undated(head) == undated(got).removesuffix(body(got))
    assert fleet.wire.code("GET", G1) == 200


def test_a_closing_client_is_told_so(fleet: Fleet) -> None:
    reply = fleet.wire.ask("GET", "/", headers={"connection": "Close "})
    assert undated(reply).startswith(b"HTTP/1.1 404 Not Found\r\nDate: D\r\nServer: station\r\nConnection: close\r\n")
    assert fleet.wire.socket.recv(1) == b""


@pytest.mark.parametrize(("header", "kept"), [(b"", False), (b"Connection: Keep-Alive\r\n", True)])
def test_http_1_0_stays_only_where_it_asks_to(fleet: Fleet, header: bytes, kept: bool) -> None:
    reply = fleet.wire.send(b"GET / HTTP/1.0\r\n" + header + b"\r\n")
    assert reply.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert (b"\r\nConnection: Keep-Alive\r\n" in reply) is kept
    if not kept:
        assert fleet.wire.socket.recv(1) == b""


def test_no_body_is_ever_split_from_its_head(fleet: Fleet) -> None:
    fleet.add("A1", "x" * 1000)
    fleet.enable("A1")
    request = fleet.wire.request("GET", f"{G1}/A1")
    first = undated(fleet.wire.send(request))
    assert len(body(first)) == len("notactivated,,") + 40 + 1000
    for _ in range(2000):
        assert undated(fleet.wire.send(request)) == first


def test_no_error_and_no_line_of_a_list_is_split_either(fleet: Fleet) -> None:
    for n in range(50):
        fleet.add(f"A{n}", "x" * 500)
    content = "/provision/manage/content/g1/"
    assert fleet.wire.code("POST", content, "id=fw") == 205
    assert fleet.wire.code("POST", content + "fw", b"x" * 4096) == 205
    asked = [
        fleet.wire.request("GET", f"{G1}/nope"),
        fleet.wire.request("GET", G1 + "/?limit=50"),
        fleet.wire.request("GET", content + "fw?download=true"),
        fleet.wire.request("POST", G1 + "/", "sn=A0"),
    ]
    first = [undated(fleet.wire.send(request)) for request in asked]
    assert [len(body(reply)) for reply in first] == [24, 50 * 507 - 10, 4096, 23]
    for _ in range(200):
        assert [undated(fleet.wire.send(request)) for request in asked] == first


def test_changes_and_looks_in_turn_on_one_connection(fleet: Fleet) -> None:
    for n in range(300):
        assert fleet.wire.code("POST", G1 + "/", f"sn=A{n}") == 205
        assert fleet.wire.code("GET", f"{G1}/A{n}") == 204


def test_a_request_byte_by_byte_with_line_ends_before_it(fleet: Fleet) -> None:
    fleet.wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in b"\r\n" + fleet.wire.request("POST", G1 + "/", "sn=A1") + b"\r\n":
        fleet.wire.socket.sendall(bytes([byte]))
    assert status(fleet.wire.socket.recv(999)) == 205
    assert fleet.see("A1") == "204"


def test_two_requests_in_one_segment_are_answered_in_order(fleet: Fleet) -> None:
    reply = fleet.wire.send(fleet.wire.request("POST", G1 + "/", "sn=A1") + fleet.wire.request("GET", f"{G1}/A1"))
    while reply.count(b"\r\n\r\n") < 2:
        reply += fleet.wire.socket.recv(999)
    assert reply.startswith(b"HTTP/1.1 205 ") and b"\r\n\r\nHTTP/1.1 204 " in reply


def test_expect_100_continue(fleet: Fleet) -> None:
    head, form = fleet.wire.request("POST", G1 + "/", "sn=A1").split(b"\r\n\r\n")
    assert fleet.wire.send(head + b"\r\nExpect: 100-continue\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert status(fleet.wire.send(form)) == 205


@pytest.mark.parametrize(
    ("request_", "line"),
    [
        (b"nonsense\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nX-Exosite-Token secret-thing\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", b"400 Bad Request"),
        (b"GET http://[x HTTP/1.1\r\n\r\n", b"400 Bad Request"),
        (b"POST / HTTP/1.1\r\nContent-Length: 10485761\r\n\r\n", b"413 Request Entity Too Large"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 40000 + b"\r\n\r\n", b"413 Request Entity Too Large"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", b"501 Not Implemented"),
    ],
)
def test_what_the_parser_refuses_is_worded_like_any_error(fleet: Fleet, request_: bytes, line: bytes) -> None:
    with fleet.connect() as wire:
        answer = b"HTTP/1.1 " + line + b"\r\n"
        assert undated(wire.send(request_)) == (
            answer + b"Date: D\r\nServer: station\r\nConnection: close\r\n"
            b"Content-Length: %d\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" % len(answer) + answer
        )
    assert fleet.wire.code("GET", G1) == 200


def test_what_nobody_foresaw_is_a_500_without_its_story(fleet: Fleet, caplog: pytest.LogCaptureFixture) -> None:
    fleet.sql("ALTER TABLE models RENAME TO gone")
    reply = fleet.wire.ask("GET", G1)
    assert reply.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert body(reply) == b"HTTP/1.1 500 Internal Server Error\r\n"
    assert "Exception while serving" in caplog.text
    assert fleet.grant.token not in caplog.text


def test_paths_are_split_before_they_are_decoded(fleet: Fleet) -> None:
    fleet.add("00:04:a3:01.x@y_%E2%82%AC")
    assert fleet.see("00:04:a3:01.x@y_%E2%82%AC") == "204"
    assert fleet.see("%30%30:04:a3:01.x%40y_%e2%82%ac") == "204"
    assert fleet.wire.code("GET", f"{MODELS}g1%2F00:04:a3:01.x@y_%E2%82%AC") == 404
    assert fleet.wire.code("DELETE", f"{G1}/x%2F..%2F00:04:a3:01.x@y_%E2%82%AC") == 404
    assert fleet.wire.code("GET", f"{G1}/%FF") == 400
    assert fleet.wire.code("GET", f"http://m2.exosite.com{G1}/00:04:a3:01.x@y_%E2%82%AC?") == 204


def test_a_trailing_slash_is_another_resource(fleet: Fleet) -> None:
    assert body(fleet.wire.ask("GET", G1)).startswith(b"rid=")
    assert body(fleet.wire.ask("GET", G1 + "/")) == b""
    assert fleet.wire.code("GET", G1 + "/A1/") == 404
    assert fleet.wire.code("PUT", MODELS + "/") == 404  # an empty name names nothing


def test_a_name_in_a_path_may_come_unencoded(fleet: Fleet) -> None:
    assert fleet.wire.code("POST", G1 + "/", "sn=caf%C3%A9") == 205
    raw = fleet.wire.request("GET", f"{G1}/caf%C3%A9").replace(b"%C3%A9", "é".encode())
    assert status(fleet.wire.send(raw)) == 204
    assert status(fleet.wire.send(raw.replace("é".encode(), b"\xff"))) == 400
    assert fleet.see("caf%C3%A9") == "204"
