"""The line dialect asks a board who it is, byte for byte, on a real pty."""

from __future__ import annotations

import threading

import pytest
from board_script import open_link
from line_script import NOISE, READY, Talk, framed, met

from drivers.board import Identity
from drivers.errors import BoardRefused, BoardRestarts
from drivers.line import Line

WHO = Identity("G1-00001234", "02:00:00:00:00:01", "1.0 beta", "C")


def known(talk: Talk) -> Talk:
    """Go on with the questions of ``WHO``."""
    talk.asked("GET @serial 0", "OK 11 G1-00001234").asked("GET @hardware 0", "OK 17 02:00:00:00:00:01")
    return talk.asked("GET @firmware 0", "OK 8 1.0%20beta").asked("GET @revision 0", "OK 1 C")


@pytest.mark.parametrize("slowly", [False, True])
def test_identifies_a_board(slowly: bool) -> None:
    with known(met()).line(slowly=slowly) as (line, _):
        assert line.identify() == WHO


def test_asks_only_for_the_facts_of_the_recipe_and_does_without_those_it_gets_not() -> None:
    talk = met().asked("GET @serial 0", "OK 2 G1").asked("GET @firmware 0", "ERR unknown no such fact")
    with talk.line(facts=["firmware"]) as (line, _):
        assert line.identify() == Identity("G1")


def test_a_board_without_a_serial_number_is_refused() -> None:
    with met().asked("GET @serial 0", "ERR unknown").line() as (line, _), pytest.raises(BoardRefused, match="serial"):
        line.identify()


def test_reads_a_fact_in_parts_and_odd_bytes_as_what_they_are() -> None:
    talk = met().asked("GET @serial 0", "OK 5 G%C3").asked("GET @serial 2", "OK 5 %bc%ff")
    talk.asked("GET @serial 4", "OK 5 1")
    with talk.line(facts=[]) as (line, _):
        assert line.identify() == Identity("Gü\\xff1")


def test_noise_around_and_on_the_lines_is_no_matter() -> None:
    talk = Talk().unasked(NOISE + b"no end of line ")
    talk.asked("HELLO", NOISE, framed("!F0 OK 1 120 1") + b"\r\n", NOISE[:20], "OK 1 120 8421 more later", lf=True)
    talk.asked("GET @serial 0", b"\r\n\r\nI (1) ", "OK 11 G1-00001234", NOISE)
    with talk.line(facts=[]) as (line, _):
        assert line.identify() == Identity(WHO.serial)


def test_replies_to_other_requests_are_ignored() -> None:
    talk = met()
    talk.asked("GET @serial 0", framed("!00 OK 9 wrong-one") + b"\n" + framed("!-- OK 9 wrong-one") + b"\n", "OK 2 G1")
    with talk.line(facts=[]) as (line, _):
        assert line.identify() == Identity("G1")


def test_an_echo_is_no_reply() -> None:
    echo = framed("?01 GET @serial 0") + b"\r\n"
    with met().asked("GET @serial 0", echo, "OK 2 G1").line(facts=[]) as (line, _):
        assert line.identify() == Identity("G1")


def test_a_board_that_starts_is_asked_again_once_it_is_ready() -> None:
    talk = Talk().asked("HELLO", b"booting\r\n", READY, lf=True)
    talk.hello(10).asked("GET @serial 0", "OK 2 G1")
    with talk.line(facts=[]) as (line, _):
        assert line.identify() == Identity("G1")


def test_a_board_that_restarts_while_it_is_asked_is_asked_anew() -> None:
    talk = met().asked("GET @serial 0", READY).restarted()
    talk.hello(2).asked("GET @serial 0", "OK 2 G1")
    with talk.line(facts=[]) as (line, _):
        assert line.identify() == Identity("G1")


def test_a_board_that_starts_for_ever_restarts() -> None:
    talk = Talk().asked("HELLO", READY, lf=True).asked("HELLO", READY).asked("HELLO", READY)
    for _ in range(2):
        talk.asked("HELLO", READY).asked("HELLO", READY).asked("HELLO", READY)
    with talk.line() as (line, _), pytest.raises(BoardRestarts, match="3 times"):
        line.identify()


def test_an_empty_slot_has_nobody_and_its_own_echo_is_nobody() -> None:
    with open_link() as (board, link):
        line = Line(link, Line.Options(), {})
        assert not line.present()
        asked = len(b"\n?00 HELLO*06A7\n")
        board.hear(asked)
        echo = threading.Thread(target=lambda: board.say(board.hear(asked).replace(b"\n", b"\r\n")))
        echo.start()
        assert not line.present()
        echo.join()


@pytest.mark.parametrize("said", [b"!00 OK 1 120 5*0000\n", b"\xff\xfe", b"boot\r\n", b"?00 HELLO*06A7\r\n!00 OK"])
def test_whoever_says_anything_is_present(said: bytes) -> None:
    with Talk().asked("HELLO", said, lf=True).line() as (line, _):
        assert line.present()


def test_whoever_was_talking_is_present_and_asked_nothing() -> None:
    with open_link() as (board, link):
        board.say(b"I: boot\r\n")
        assert Line(link, Line.Options(), {}).present()
