"""Which connection carries a request, and what is asked again."""

from __future__ import annotations

import gc
import socket
import subprocess
import sys
import threading
import time

import pytest
from client_under_test import TOKEN, Start
from scripted_fleet import ScriptedFleet, Talk, answer, break_off, hang_up, hear

from station.fleet.client import Busy, Client, Garbled, NotFound, Reply, Request, SerialStatus, Unanswered, Unreachable
from station.fleet.client import wire as wire_module

OWNER = "f00d" * 10
CHANGED = b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"
UNUSED = b"HTTP/1.1 204 No Content\r\n\r\n"
AWAY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


# ----------------------------------------------------------------- the connection


def test_one_connection_serves_many_requests(start: Start) -> None:
    client, fleet = start(
        [
            answer(CHANGED),
            answer(UNUSED),
            answer(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"),
            answer(CHANGED),
        ]
    )
    client.serials.delete("G1", "1")
    assert client.serials.info("G1", "2").status is SerialStatus.UNUSED
    with pytest.raises(NotFound):
        client.serials.info("G1", "3")
    client.serials.disable("G1", "4")
    assert len(fleet.heard) == 4


@pytest.mark.timeout(30)
def test_a_205_without_a_length_has_no_body_to_wait_for(start: Start) -> None:
    client, fleet = start([answer(b"HTTP/1.1 205 Reset Content\r\n\r\n")], [answer(CHANGED)])
    client.serials.disable("G1", "1")
    assert fleet.left[0].wait(10), "what may still come on it must not become the next answer"
    client.serials.disable("G1", "2")


def test_a_reply_in_single_bytes_is_read(start: Start) -> None:
    def bytewise(talk: Talk) -> None:
        talk.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        talk.hear()
        for byte in CHANGED:
            talk.say(bytes([byte]))

    client, _ = start([bytewise, answer(CHANGED)])
    client.serials.disable("G1", "1")
    client.serials.disable("G1", "2")


def test_a_connection_that_was_seen_to_close_is_replaced(start: Start) -> None:
    client, fleet = start([answer(CHANGED), hang_up], [answer(CHANGED)])
    client.serials.disable("G1", "1")
    assert fleet.played[0].wait(10)
    client.serials.disable("G1", "2")
    assert [len(talk.heard) for talk in fleet.talks] == [1, 1]


def test_a_connection_that_closes_under_a_change_is_no_answer(start: Start) -> None:
    client, fleet = start([answer(CHANGED), hear, break_off])
    client.serials.disable("G1", "1")
    with pytest.raises(Unanswered) as caught:
        client.serials.disable("G1", "2")
    assert not isinstance(caught.value, Unreachable)
    assert len(fleet.heard) == 2


def test_a_connection_that_closes_under_a_question_is_replaced(start: Start) -> None:
    client, fleet = start([answer(UNUSED), hear, break_off], [answer(UNUSED)])
    client.serials.info("G1", "1")
    assert client.serials.info("G1", "2").status is SerialStatus.UNUSED
    assert fleet.heard[1] == fleet.heard[2]


def test_a_connection_idle_for_long_is_not_used_again(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    client, fleet = start([answer(CHANGED), answer(CHANGED)], [answer(CHANGED)])
    client.serials.disable("G1", "1")
    client.serials.disable("G1", "2")
    monkeypatch.setattr(wire_module, "_IDLE_S", -1.0)
    client.serials.disable("G1", "3")
    assert [len(talk.heard) for talk in fleet.talks] == [2, 1]


def test_two_threads_have_two_connections_and_leave_none(start: Start) -> None:
    thread = threading.Thread(target=lambda: client.serials.info("G1", "2"))

    def meanwhile(talk: Talk) -> None:
        hear(talk)
        thread.start()
        assert fleet.played[1].wait(10), "the other thread waits for this one"
        talk.say(UNUSED)

    client, fleet = start([meanwhile, answer(UNUSED)], [answer(UNUSED)])
    client.serials.info("G1", "1")
    thread.join(10)
    gc.collect()
    assert fleet.left[1].wait(10)  # its thread is over, and so is it
    client.serials.info("G1", "3")
    assert [len(talk.heard) for talk in fleet.talks] == [2, 1]


def test_a_thread_does_not_use_what_another_left_idle(start: Start) -> None:
    client, fleet = start([answer(UNUSED)], [answer(UNUSED)])
    client.serials.info("G1", "1")
    thread = threading.Thread(target=client.serials.info, args=("G1", "2"))
    thread.start()
    thread.join(10)
    assert [len(talk.heard) for talk in fleet.talks] == [1, 1]


def test_close_closes_what_other_threads_keep(start: Start) -> None:
    client, fleet = start([answer(UNUSED)])
    asked, over = threading.Event(), threading.Event()

    def keep() -> None:
        client.serials.info("G1", "1")
        asked.set()
        over.wait(10)

    thread = threading.Thread(target=keep)
    thread.start()
    assert asked.wait(10)
    client.close()
    assert fleet.left[0].wait(10)
    over.set()
    thread.join(10)


def test_the_environment_sends_nothing_elsewhere(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    client, _ = start([answer(CHANGED)])
    client.serials.disable("G1", "1")


def test_no_cookie_comes_back(start: Start) -> None:
    client, fleet = start([answer(CHANGED.replace(b"Content-", b"Set-Cookie: a=b\r\nContent-")), answer(CHANGED)])
    client.serials.disable("G1", "1")
    client.serials.disable("G1", "1")
    assert fleet.heard[0] == fleet.heard[1]


# ----------------------------------------------------------------- what is asked again


def test_a_question_is_asked_three_times(start: Start) -> None:
    client, fleet = start([answer(AWAY), answer(AWAY), answer(UNUSED)])
    assert client.serials.info("G1", "7").status is SerialStatus.UNUSED
    assert len(set(fleet.heard)) == 1


def test_and_not_a_fourth_time(start: Start) -> None:
    client, fleet = start([answer(AWAY), answer(AWAY), answer(AWAY)])
    with pytest.raises(Unanswered):
        client.serials.info("G1", "7")
    assert len(fleet.heard) == 3


def test_a_wrong_answer_is_not_asked_for_again(start: Start) -> None:
    client, fleet = start([answer(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>")])
    with pytest.raises(Garbled):
        client.serials.info("G1", "7")
    assert len(fleet.heard) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.device.activate("G1", "7"),
        lambda c: c.serials.add("G1", "7"),
        lambda c: c.serials.enable("G1", "7", OWNER),
        lambda c: c.serials.regenerate("G1", "7"),
        lambda c: c.serials.disable("G1", "7"),
        lambda c: c.serials.delete("G1", "7"),
    ],
)
def test_a_change_is_never_sent_twice(start: Start, change: object) -> None:
    assert callable(change)
    client, fleet = start([answer(AWAY)])
    with pytest.raises(Unanswered):
        change(client)
    assert len(fleet.heard) == 1


def test_retry_after_is_waited_for(start: Start) -> None:
    instants: list[float] = []

    def note(talk: Talk) -> None:
        hear(talk)
        instants.append(time.monotonic())

    busy = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
    client, _ = start([note, lambda talk: talk.say(busy), note, lambda talk: talk.say(UNUSED)])
    client.serials.info("G1", "7")
    assert instants[1] - instants[0] >= 1.0


def test_retry_after_beyond_the_deadline_is_told_at_once(start: Start) -> None:
    busy = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n"
    client, fleet = start([answer(busy)])
    with pytest.raises(Busy) as caught:
        client.serials.info("G1", "7")
    assert caught.value.retry_after == 3600
    assert len(fleet.heard) == 1


# ----------------------------------------------------------------- the house


def test_everything_passes_one_point(start: Start) -> None:
    crossings: list[str] = []

    class Gated(Client):
        def send(self, request: Request) -> Reply:
            crossings.append(request.asked)
            return super().send(request)

    _, fleet = start([answer(UNUSED), answer(CHANGED)])
    with Gated(fleet.url, "weaver", lambda: TOKEN) as client:
        client.serials.info("G1", "7")
        client.serials.add("G1", "7")
    assert crossings == ["GET /provision/manage/model/G1/7", "POST /provision/manage/model/G1/"]


def test_importing_the_client_does_not_import_requests() -> None:
    code = "import sys, station.fleet.client; sys.exit('requests' in sys.modules or 'urllib3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_far_end_of_these_tests_notices_what_its_script_does_not_know() -> None:
    with pytest.raises(AssertionError, match="never came"), ScriptedFleet([]):
        pass


# ----------------------------------------------------------------- the station stops


def test_cutting_off_ends_what_is_going_on_and_lets_nothing_begin(start: Start) -> None:
    asked = threading.Event()

    def silent(talk: Talk) -> None:
        talk.hear()
        asked.set()
        talk.hear()

    client, fleet = start([silent])
    outcomes: list[Exception] = []

    def disable() -> None:
        try:
            client.serials.disable("G1", "1")
        except Unanswered as error:
            outcomes.append(error)

    thread = threading.Thread(target=disable)
    thread.start()
    assert asked.wait(10)
    client.cut_off()
    thread.join(5)  # its own deadline is 20 s
    assert not thread.is_alive()
    assert type(outcomes[0]) is Unanswered  # it was sent, so it may have taken effect
    with pytest.raises(Unreachable):
        client.serials.disable("G1", "2")
    assert len(fleet.heard) == 1
