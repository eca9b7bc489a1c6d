"""Broken lines: certainly not done is told apart from don't know, and nothing outlasts the deadline."""

from __future__ import annotations

import contextlib
import logging
import socket
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from client_under_test import TOKEN, Start
from scripted_fleet import LOOPBACK_PEM, Talk, answer, break_off, drip, hang_up, hear

from station.fleet.client import Client, Garbled, NotFound, Unanswered, Unreachable

KEY = "f00d" * 10
CHANGED = b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"


# ----------------------------------------------------------------- certainly not done


def test_no_connection_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}", "weaver", lambda: TOKEN) as client, pytest.raises(Unreachable) as caught:
        client.serials.delete("G1", "7")
    assert caught.value.asked == "DELETE /provision/manage/model/G1/7"
    assert "refused" in str(caught.value)


def test_no_such_host_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with (
        Client("https://fleet.invalid", "weaver", lambda: TOKEN) as client,
        pytest.raises(Unreachable, match="Name or"),
    ):
        client.serials.delete("G1", "7")


def test_a_host_that_can_be_no_name_is_unreachable() -> None:
    with Client(f"https://{'x' * 64}.example", "weaver", lambda: TOKEN) as client, pytest.raises(Unreachable):
        client.serials.delete("G1", "7")


@contextlib.contextmanager
def silent(port: int, *hosts: str) -> Iterator[None]:
    """Addresses where nobody takes a connection, and nobody refuses it."""
    with contextlib.ExitStack() as stack:
        for host in hosts:
            listener = stack.enter_context(socket.socket())
            listener.bind((host, port))
            listener.listen(0)
            for _ in range(3):
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex((host, port))
        yield


def name_of(monkeypatch: pytest.MonkeyPatch, port: int, *hosts: str) -> str:
    """The URL of a name that has these addresses."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port)) for host in hosts]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    return f"http://fleet.test:{port}"


def test_many_silent_addresses_have_the_time_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    hosts = [f"127.0.0.{n}" for n in range(2, 12)]
    url = name_of(monkeypatch, port, *hosts)
    with silent(port, *hosts), Client(url, "weaver", lambda: TOKEN, connect_s=0.5, allow_plain_http=True) as client:
        begun = time.monotonic()
        with pytest.raises(Unreachable, match="timed out"):
            client.serials.delete("G1", "7")
        assert 0.3 < time.monotonic() - begun < 2


def test_a_silent_address_leaves_the_next_its_turn(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    _, fleet = start([answer(CHANGED)])
    url = name_of(monkeypatch, fleet.port, "127.0.0.2", "127.0.0.1")
    with (
        silent(fleet.port, "127.0.0.2"),
        Client(url, "weaver", lambda: TOKEN, connect_s=1.0, allow_plain_http=True) as client,
    ):
        client.serials.delete("G1", "7")


def test_the_callers_own_trouble_is_no_cause() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}", "weaver", lambda: TOKEN) as client:
        try:
            raise OSError("a trouble of before")
        except OSError:
            with pytest.raises(Unreachable, match="refused"):
                client.serials.delete("G1", "7")


def test_tls_is_verified(start: Start) -> None:
    client, _ = start([], tls=True)
    with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
        client.serials.delete("G1", "7")


def test_tls_is_verified_for_the_name_that_was_asked_for(start: Start) -> None:
    _, fleet = start([], tls=True)
    url = f"https://localhost:{fleet.port}"
    with Client(url, "weaver", lambda: TOKEN, ca_file=LOOPBACK_PEM) as client, pytest.raises(Unreachable):
        client.serials.delete("G1", "7")


def test_tls_with_an_authority_of_ones_own(start: Start) -> None:
    client, fleet = start([answer(CHANGED), answer(CHANGED)], tls=True, ca_file=LOOPBACK_PEM)
    client.serials.delete("G1", "7")
    client.serials.delete("G1", "8")
    assert [request.split(b" ")[0] for request in fleet.heard] == [b"DELETE", b"DELETE"]


def test_a_missing_authority_is_named(tmp_path: Path) -> None:
    with (
        Client("https://127.0.0.1:1", "weaver", lambda: TOKEN, ca_file=tmp_path / "ca.pem") as client,
        pytest.raises(Unreachable, match=r"ca\.pem"),
    ):
        client.serials.delete("G1", "7")


def test_a_tls_handshake_that_never_comes_is_unreachable(start: Start) -> None:
    _, fleet = start([hear_nothing])
    url = fleet.url.replace("http", "https")
    with Client(url, "weaver", lambda: TOKEN, connect_s=0.2) as client, pytest.raises(Unreachable):
        client.serials.delete("G1", "7")


def hear_nothing(talk: Talk) -> None:
    while talk.sock.recv(65536):
        pass


# ----------------------------------------------------------------- don't know


@pytest.mark.parametrize(
    "half",
    [
        b"",
        b"HTTP/1.1 20",
        b"HTTP/1.1 205 Res",
        b"HTTP/1.1 205 Reset Content\r\n",
        b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n",
        b"HTTP/1.1 205 Reset Content\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 409 Conflict\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 205 Reset Content\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
        b"hello\r\n\r\n",
        b"HTTP/1.1 205 Reset Content\r\nno header\r\n\r\n",
    ],
)
def test_half_a_reply_is_no_answer_and_nothing_is_sent_again(start: Start, half: bytes) -> None:
    client, fleet = start([answer(half), hang_up])
    with pytest.raises(Unanswered) as caught:
        client.serials.delete("G1", "7")
    assert type(caught.value) is Unanswered
    assert len(fleet.heard) == 1


def test_a_reset_is_no_answer(start: Start) -> None:
    client, fleet = start([hear, break_off])
    with pytest.raises(Unanswered) as caught:
        client.serials.delete("G1", "7")
    assert not isinstance(caught.value, Unreachable)
    assert len(fleet.heard) == 1


@pytest.mark.timeout(30)
def test_silence_is_no_answer(start: Start) -> None:
    client, _ = start([hear], read_s=0.2, deadline_s=600)
    with pytest.raises(Unanswered, match="timed out") as caught:
        client.device.activate("G1", "7")
    assert not isinstance(caught.value, Unreachable)


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    ("head", "endless"),
    [
        (b"", b"HTTP/1.1 205 Reset Content and so on "),
        (b"HTTP/1.1 205 Reset Content\r\n", b"X-More: and more\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"0"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n0\r\n"),
        (b"HTTP/1.1 500 Oh\r\n\r\n", b"0"),
    ],
    ids=["status-line", "headers", "body", "chunks", "no-length"],
)
def test_a_dripping_server_can_not_stretch_the_deadline(start: Start, head: bytes, endless: bytes) -> None:
    # The drips never end and each comes long before read_s has passed: only the deadline can end this.
    client, fleet = start([answer(head), drip(endless)], deadline_s=0.6)
    with pytest.raises(Unanswered, match=r"deadline|timed out"):
        client.device.activate("G1", "7")
    assert fleet.left[0].wait(10)


def test_a_200_without_a_length_is_garbled(start: Start) -> None:
    client, _ = start([answer(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + KEY.encode()), hang_up])
    with pytest.raises(Garbled, match="length"):
        client.device.activate("G1", "7")


def test_a_body_is_bounded(start: Start) -> None:
    most = 4 << 20
    fits = b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n" % most + b"x" * most
    more = b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n" % (most + 2) + b"x" * (most + 2)
    client, _ = start([answer(fits)])
    with pytest.raises(NotFound):
        client.serials.delete("G1", "7")
    client, fleet = start([answer(more)])
    with pytest.raises(Garbled, match="longer") as caught:
        client.serials.delete("G1", "7")
    assert fleet.left[0].wait(10), "the rest must not become the next answer"
    assert caught.value.status == 404  # and kept until here, since its traceback would keep the connection


def test_what_was_received_is_in_no_traceback_and_no_log(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ok = b"HTTP/1.1 200 OK\r\n"
    for said in (
        KEY.encode() + b"\r\n\r\n",
        ok + KEY.encode() + b"\r\n\r\n",
        ok + b"Content-Length: 9\r\n\r\n" + KEY[:9].encode(),
    ):
        client, _ = start([answer(said), hang_up])
        with pytest.raises(Unanswered) as caught:
            client.device.activate("G1", "7")
        shown = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(client)
        assert KEY[:9] not in shown and TOKEN not in shown
        assert caught.value.__context__ is None
