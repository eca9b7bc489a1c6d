"""What nobody should send: the server answers it or closes, has changed nothing by it, and serves the next client."""

from __future__ import annotations

import json
import re
import resource
import socket
import time
from collections.abc import Iterator

import pytest
from fleet_wire import G1, MODELS, Fleet, Wire, body, status

from station.fleet.server import server

LINE = re.compile(rb"HTTP/1\.1 (\d{3}) [A-Z][A-Za-z ]+\r\n(?=Date: )")
"""The status line of an answer, not the one that an error's body repeats."""


@pytest.fixture(autouse=True)
def unharmed(fleet: Fleet) -> Iterator[None]:
    """Whatever is sent: nothing but A1 is listed by it, and the next client, new or not, is served."""
    yield
    with fleet.connect() as wire:
        assert wire.code("GET", G1) == 200
    assert {sn for (sn,) in fleet.sql("SELECT sn FROM serials")} <= {"A1"}


def answers(wire: Wire, data: bytes, *, ends: bool = True) -> list[int]:
    """Send, and with ``ends`` nothing more; return the codes of all that comes until the server closes."""
    received = b""
    try:
        wire.socket.sendall(data)
        if ends:
            wire.socket.shutdown(socket.SHUT_WR)
        while chunk := wire.socket.recv(1 << 16):
            received += chunk
    except (ConnectionResetError, BrokenPipeError):
        pass  # closed on us while we were sending
    return [int(code) for code in LINE.findall(received)]


def hostile(fleet: Fleet, data: bytes, *, ends: bool = True) -> list[int]:
    with fleet.connect() as wire:
        return answers(wire, data, ends=ends)


def head(fleet: Fleet, method: str = "POST", target: str = G1 + "/", version: str = "HTTP/1.1") -> bytes:
    return f"{method} {target} {version}\r\nX-Exosite-Token: {fleet.grant.token}\r\n".encode()


# ---------------------------------------------------------------- where a body ends


@pytest.mark.parametrize("cut", [1, 30, 100, -5, -1])
def test_a_request_that_breaks_off_does_nothing(fleet: Fleet, cut: int) -> None:
    request = fleet.wire.request("POST", G1 + "/", "sn=A2")
    assert hostile(fleet, request[:cut]) == []


@pytest.mark.parametrize(
    "length",
    ["Content-Length: 5\r\nContent-Length: 5", "Content-Length: 5\r\nContent-Length: 6", "Content-Length: 5, 5"]
    + [f"Content-Length: {text}" for text in ("-5", "+5", "0x5", "5.0", "1_0", "", "\u0665", "5 5")]
    + [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: chunked\r\nContent-Length: 0",
    ],
)
def test_an_unclear_length_is_refused_and_nothing_behind_it_read(fleet: Fleet, length: str) -> None:
    smuggled = fleet.wire.request("POST", G1 + "/", "sn=A2")
    for what in (b"sn=A3" + smuggled, b"5\r\nsn=A3\r\n0\r\n\r\n" + smuggled, b"0\r\n\r\n" + smuggled):
        assert hostile(fleet, head(fleet) + length.encode() + b"\r\n\r\n" + what, ends=False) == [400]


def test_http_1_0_has_no_chunks(fleet: Fleet) -> None:
    start = head(fleet, version="HTTP/1.0") + b"Connection: Keep-Alive\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert hostile(fleet, start + b"5\r\nsn=A2\r\n0\r\n\r\n", ends=False) == [400]


@pytest.mark.parametrize("encoding", ["gzip", "identity", "gzip, chunked", "chunked, gzip", "xchunked"])
def test_an_unknown_transfer_encoding_is_501(fleet: Fleet, encoding: str) -> None:
    start = head(fleet) + f"Transfer-Encoding: {encoding}\r\n\r\n".encode()
    assert hostile(fleet, start + b"5\r\nsn=A2\r\n0\r\n\r\n", ends=False) == [501]


def test_chunks_are_put_together(fleet: Fleet) -> None:
    start = head(fleet) + b"Transfer-Encoding: chunked\r\n\r\n"
    with fleet.connect() as wire:
        assert status(wire.send(start + b"1\r\ns\r\n2;x=y\r\nn=\r\n002\r\nA1\r\n0\r\nTrailer: t\r\n\r\n")) == 205
        assert wire.code("GET", f"{G1}/A1") == 204
        for chunk in (b"zz\r\nsn=A2\r\n", b"-5\r\nsn=A2\r\n", b"5sn=A2\r\n", b"5\r\nsn=A2 and more\r\n"):
            assert hostile(fleet, start + chunk + b"0\r\n\r\n") == [400], chunk


def test_chunks_are_counted(fleet: Fleet) -> None:
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    assert hostile(fleet, head(fleet) + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 11) == [413]


def test_a_body_over_the_limit_is_refused_before_it_is_sent(fleet: Fleet) -> None:
    for length in (10 * 1024 * 1024 + 1, 10**15):
        request = head(fleet) + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % length
        assert hostile(fleet, request) == [413]


# ---------------------------------------------------------------- heads


def test_a_head_without_end_is_refused(fleet: Fleet) -> None:
    assert hostile(fleet, head(fleet) + b"X: " + b"x" * 40_000, ends=False) == [413]
    assert hostile(fleet, b"GET /" + b"x" * 40_000, ends=False) == [413]
    assert hostile(fleet, b"GET / HTTP/1.1\r\n" + b"X: x\r\n" * 10_000, ends=False) == [413]


def test_a_thousand_headers_are_a_request(fleet: Fleet) -> None:
    lines = b"".join(b"X-%d: x\r\n" % n for n in range(1000))
    assert hostile(fleet, head(fleet, "GET", G1) + lines + b"\r\n") == [200]


@pytest.mark.parametrize(
    "line",
    [b"X: a\0b", b"X\0: a", b"X: a\rb", b"X: a\nb", b"X : a", b": a", b"no colon", b"X: \x7f"],
)
def test_a_broken_header_is_400(fleet: Fleet, line: bytes) -> None:
    assert hostile(fleet, head(fleet, "GET", G1) + line + b"\r\n\r\n", ends=False) == [400]


def test_a_credential_twice_is_none(fleet: Fleet) -> None:
    other = b"X-Exosite-Token: " + b"0" * 40 + b"\r\n\r\n"
    assert hostile(fleet, head(fleet, "GET", G1) + other) == [401]
    assert hostile(fleet, head(fleet, "GET", G1) + b" folded\r\n\r\n") == [401]
    token = f"X-Exosite-Token: {fleet.grant.token}\r\n\r\n".encode()
    assert hostile(fleet, head(fleet, "GET", G1) + token) == [401]
    assert hostile(fleet, b"GET " + G1.encode() + b" HTTP/1.1\r\n" + token.replace(b"-", b"_")) == [401]


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        (b"GET /timestamp", [200]),  # HTTP/0.9, which ends with its answer
        (b"GET /timestamp HTTP/1.0", [200]),
        (b"GET /timestamp HTTP/9.9", [200]),
        (b"PRI * HTTP/2.0", [404]),
        (b"OPTIONS * HTTP/1.1", [404]),
        (b"CONNECT m2.exosite.com:80 HTTP/1.1", [404]),
        (b"get /timestamp HTTP/1.1", [400]),
        (b"G\0T /timestamp HTTP/1.1", [400]),
        (b"GET  HTTP/1.1", [400]),
        (b"GET", [400]),
        (b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03", [400]),  # TLS to a port that has none
        (b"TRACE /timestamp HTTP/1.1", [405]),
        (b"X" * 5000 + b" /timestamp HTTP/1.1", [405]),
    ],
)
def test_strange_request_lines(fleet: Fleet, line: bytes, codes: list[int]) -> None:
    assert hostile(fleet, line + b"\r\n\r\n") == codes


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("http://m2.exosite.com" + G1, 200),
        ("HTTPS://user:secret@[::1]:99999" + G1 + "?", 200),
        ("http://m2.exosite.com", 404),
        ("http://m2.exosite.com?" + G1, 404),
        ("http://[x" + G1, 400),
        ("//m2.exosite.com" + G1, 404),
        ("/" + G1, 404),
        (G1 + "#fragment", 404),
        ("/provision/x/.." + G1.removeprefix("/provision"), 404),
        ("/provision/./manage/model/g1", 404),
        (MODELS + "%67%31", 200),
        (MODELS + "%2567%2531", 404),
        (MODELS + "%2e%2e", 404),
        (MODELS + "%00", 404),
        (MODELS + "%zz%", 404),
        (MODELS + "%c0%af", 400),
        (MODELS + "%ed%a0%80", 400),
        (MODELS + "\xe4", 400),
        (MODELS + "%25" * 5000, 404),
        ("/" * 20_000, 404),
        (G1 + "/?limit=%FF", 400),
        (G1 + "/?offset=%00", 400),
        (G1 + "/?" + "&" * 20_000, 200),
        (G1 + "/?" + "limit=9&" * 3000, 400),
        (G1 + "/?" + "".join(f"p{n}=&" for n in range(4000)), 200),
    ],
)
def test_strange_targets(fleet: Fleet, target: str, code: int) -> None:
    request = head(fleet, "GET", "T").replace(b" T ", b" " + target.encode("latin-1") + b" ")
    assert hostile(fleet, request + b"\r\n") == [code]


# ---------------------------------------------------------------- bodies


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ("&".join(f"p{n}=x" for n in range(10_000)), 400),
        ("&".join(f"p{n}=x" for n in range(10_000)) + "&sn=A1", 205),
        ("&".join(["sn=A2"] * 10_000), 400),
        ("sn=" + "%25" * 10_000, 413),
        ("sn=" + "A" * 1_000_000, 413),
        (b"sn=\0", 400),
        (b"sn=\xc3", 400),
        (b"\xff\xfes\0n\0=\0A\0", 400),
        ("=" * 10_000, 400),
        ("&" * 1_000_000, 413),
    ],
)
def test_strange_forms(fleet: Fleet, form: str | bytes, code: int) -> None:
    kind = {"X-Exosite-Token": fleet.grant.token, "Content-Type": "application/x-www-form-urlencoded"}
    with fleet.connect() as wire:
        assert wire.code("POST", G1 + "/", form, kind) == code
        assert wire.code("GET", G1) == 200


@pytest.mark.parametrize("kind", ["text/csv", "application/json"])
def test_deep_and_broken_lists(fleet: Fleet, kind: str) -> None:
    headers = {"X-Exosite-Token": fleet.grant.token, "Content-Type": kind}
    for data in (b'"', b"\0", b"\xff", b"[" * 100_000, b'{"ranges":' * 50_000, b'"' * 99_999, b"," * 100_000, b"\r"):
        for method in ("POST", "DELETE"):
            assert fleet.wire.code(method, G1 + "/", data, headers) in (205, 400, 413), (method, data[:20])
    assert json.loads(body(fleet.wire.ask("GET", G1 + "/?show=ranges")) or "[]") == []


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("bytes=0-" + "9" * 400, 206),
        ("bytes=" + "9" * 400 + "-", 416),
        ("bytes=-" + "9" * 400, 206),
        ("bytes=-0", 416),
        ("bytes=3-2", 200),
        ("bytes=" + ",".join(["0-0"] * 5000), 200),
        ("bytes=\u0660-\u0661", 200),
        ("bytes=0x0-0x1", 200),
        ("bytes=--1", 200),
        ("=" * 10_000, 200),
    ],
)
def test_absurd_ranges(fleet: Fleet, given: str, code: int) -> None:
    content = "/provision/manage/content/g1/"
    assert fleet.wire.code("POST", content, "id=c") == 205
    assert fleet.wire.code("POST", content + "c", "four") == 205
    request = head(fleet, "GET", content + "c?download=true") + b"Range: " + given.encode() + b"\r\n\r\n"
    assert hostile(fleet, request) == [code]


# ---------------------------------------------------------------- many and slow


def test_a_thousand_requests_in_one_go_are_answered_in_order(fleet: Fleet) -> None:
    pair = fleet.wire.request("GET", f"{G1}/A2") + fleet.wire.request("GET", G1)
    assert hostile(fleet, pair * 500) == [404, 200] * 500


def test_line_ends_without_end_are_no_request(fleet: Fleet) -> None:
    assert hostile(fleet, b"\r\n" * 100_000 + head(fleet, "GET", G1) + b"\r\n") == [200]


def test_nothing_behind_a_refusal_is_read(fleet: Fleet) -> None:
    assert hostile(fleet, b"nonsense\r\n\r\n" + fleet.wire.request("POST", G1 + "/", "sn=A2"), ends=False) == [400]


def test_who_does_not_read_holds_nobody_up(fleet: Fleet) -> None:
    fleet.add("A1", "x" * 1000)
    request = fleet.wire.request("GET", G1 + "/?limit=5")
    with fleet.connect() as deaf:
        deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.socket.sendall(request * 3000)
        began = time.monotonic()
        for _ in range(20):
            assert fleet.wire.code("GET", G1) == 200
        assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("descriptors", "connections"), [(64, 30), (1024, 480), (1 << 20, 1000), (resource.RLIM_INFINITY, 1000)]
)
def test_a_connection_may_need_two_descriptors(
    monkeypatch: pytest.MonkeyPatch, descriptors: int, connections: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (descriptors, descriptors))
    assert server._connections() == connections


def test_the_next_client_is_served_whoever_only_waits(fleet: Fleet) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4096  # both ends are in this process
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip("too few files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    idle: list[Wire] = []
    try:
        for n in range(1200):
            idle.append(fleet.connect())
            if n % 2:
                idle[-1].socket.sendall(b"POST /provision/act")
        with fleet.connect() as wire:
            assert wire.code("GET", G1) == 200
        # Those that came last are still welcome; the first were closed for them.
        assert idle[-2].code("GET", G1) == 200
        assert idle[0].socket.recv(1) == b""
    finally:
        for wire in idle:
            wire.socket.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
