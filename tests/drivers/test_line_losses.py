"""The line dialect, where lines are lost or hit on their way, or nobody answers."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from unittest.mock import patch

import pytest
from board_script import open_link
from line_script import BAD, LOST_S, Talk, met

from drivers.board import Identity
from drivers.errors import BoardFloods, BoardGarbled, BoardMisheard, BoardSilent
from drivers.line import Line
from drivers.link import Link


def test_a_lost_reply_is_asked_for_again_after_an_lf() -> None:
    talk = met().asked("GET @serial 0").again("OK 2 G1", lf=True).still_up()
    with talk.line(facts=[], patience_s=LOST_S) as (line, _):
        assert line.identify() == Identity("G1")


def test_a_late_reply_is_one_and_its_repetition_is_ignored() -> None:
    talk = met().asked("GET @serial 0")
    late = talk.reply("OK 2 G1")
    talk.again(late, late, lf=True).hello(5_000_000).asked("GET @revision 0", late, "OK 1 C")
    with talk.line(facts=["revision"], patience_s=LOST_S) as (line, _):
        assert line.identify() == Identity("G1", hardware_revision="C")


@pytest.mark.parametrize(
    "hit", [b"!01 OK 2 G2*0000\n", b"!01 OK 2 [log]\nG1*5A5A\n", b"!01 OK 2 \xff1*1234\r\n"], ids=["crc", "log", "byte"]
)
def test_a_reply_that_was_hit_is_asked_for_again_at_once(hit: bytes) -> None:
    with met().asked("GET @serial 0", hit).again("OK 2 G1").line(facts=[]) as (line, _):
        assert line.identify() == Identity("G1")


def test_a_request_that_was_hit_is_said_again_at_once() -> None:
    with met().asked("GET @serial 0", BAD).again("OK 2 G1").line(facts=[]) as (line, _):
        assert line.identify() == Identity("G1")


def test_a_bad_for_what_stood_in_the_boards_buffer_is_none_for_the_request() -> None:
    talk = Talk().asked("HELLO", BAD, "OK 1 120 5000", lf=True).asked("GET @serial 0", "OK 2 G1")
    with talk.line(facts=[]) as (line, _):
        assert line.identify() == Identity("G1")


def test_a_board_that_never_hears_right_is_misheard() -> None:
    talk = Talk().asked("HELLO", BAD, BAD, lf=True)
    for _ in range(20):
        talk.again(BAD)
    with talk.line() as (line, _), pytest.raises(BoardMisheard, match="21 times") as raised:
        line.identify()
    assert "HELLO" in str(raised.value.details["sent"]) and "BAD" in str(raised.value.details["received"])


def test_a_board_that_never_speaks_right_is_misheard() -> None:
    talk = Talk().asked("HELLO", b"!00 OK 1 120*0000\n", lf=True)
    for _ in range(20):
        talk.again(b"!00 OK 1 120*0000\n")
    with talk.line() as (line, _), pytest.raises(BoardMisheard):
        line.identify()


def raised_while(line: Line, say: Callable[[], None]) -> BaseException:
    """Return what identify raises while the board says something again and again."""
    over = threading.Event()

    def talk() -> None:
        while not over.wait(0.001):
            say()

    far_end = threading.Thread(target=talk)
    far_end.start()
    try:
        with pytest.raises(Exception) as raised:
            line.identify()
    finally:
        over.set()
        far_end.join()
    return raised.value


def mute(link: Link) -> Line:
    return Line(link, Line.Options(boot_s=0.6), {})


def test_nobody_is_silent_and_text_alone_is_no_answer() -> None:
    with open_link() as (board, link):
        with pytest.raises(BoardSilent):
            mute(link).identify()
        board.say(b"login: \r\n")
        with pytest.raises(BoardSilent):
            mute(link).identify()


def test_what_is_no_text_is_garbled() -> None:
    talk = Talk().asked("HELLO", bytes(range(128, 256)), lf=True)
    with talk.line(boot_s=0.2, patience_s=0.2) as (line, _), pytest.raises(BoardGarbled):
        line.identify()


def test_a_board_that_never_stops_floods() -> None:
    with open_link() as (board, link):
        os.set_blocking(board.master, False)

        def flood() -> None:
            with suppress(BlockingIOError):
                board.say(b"E (1234) task_wdt: triggered\r\n" * 50)

        assert isinstance(raised_while(Line(link, Line.Options(), {}), flood), BoardFloods)


def test_a_board_that_never_stops_floods_on_a_slow_wire_too() -> None:
    with open_link() as (board, link), patch("drivers.exchange._PAUSE_S", 0.9):
        raised = raised_while(Line(link, Line.Options(boot_s=1.0), {}), lambda: board.say(b"."))
    assert isinstance(raised, BoardFloods)
