"""The line dialect restarts a board, and notices one that restarts by itself."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from line_script import LOST_S, NOISE, READY, met

from drivers.board import Identity
from drivers.errors import BoardRefused, BoardRestarts, BoardStays
from drivers.frame import digest
from drivers.line import Line

COMMIT = f"COMMIT 1 {digest({'a': 'x'})}"


def test_a_board_that_restarts_while_it_is_written_is_not_written_to_any_more() -> None:
    talk = met().asked("BEGIN", "OK").asked("PUT a 0 1 x", NOISE, READY).restarted()
    with talk.line() as (line, _), pytest.raises(BoardRestarts, match=r"up for 0\.000 s"):
        line.configure({"a": "x"})


def test_a_restart_that_was_not_announced_shows_once_a_reply_is_lost() -> None:
    talk = met().asked("BEGIN", "OK").asked("PUT a 0 1 x").again("OK", lf=True).restarted()
    with talk.line(patience_s=LOST_S) as (line, _), pytest.raises(BoardRestarts):
        line.configure({"a": "x"})


@pytest.mark.parametrize("asked", ["PUT a 0 1 x", COMMIT])
def test_a_restart_that_was_not_announced_shows_in_a_set_that_is_missing(asked: str) -> None:
    talk = met().asked("BEGIN", "OK")
    if asked == COMMIT:
        talk.asked("PUT a 0 1 x", "OK")
    talk.asked(asked, "ERR digest" if asked == COMMIT else "ERR order").restarted()
    with talk.line() as (line, _), pytest.raises(BoardRestarts):
        line.configure({"a": "x"})


@pytest.mark.parametrize("step", [lambda line: line.configure({"a": "x"}), Line.restart, lambda line: line.read({})])
def test_a_restart_between_two_steps_shows_before_anything_is_asked(step: Callable[[Line], object]) -> None:
    talk = met().asked("GET @serial 0", "OK 2 G1", READY).restarted()
    with talk.line(facts=[]) as (line, link):
        assert line.identify() == Identity("G1")
        while not any(b"READY" in passage.data for passage in link.transcript):
            link._receive(1.0)
        with pytest.raises(BoardRestarts):
            step(line)


def test_a_restart_soon_after_the_first_is_one_though_the_board_is_no_younger_than_it_was() -> None:
    talk = met(1).asked("BEGIN", READY)
    talk.asked("HELLO", lambda board: (time.sleep(0.1), board.say(talk.reply("OK 1 120 60"))))
    with talk.line() as (line, _), pytest.raises(BoardRestarts):
        line.configure({"a": "x"})


def test_a_board_that_is_ready_late_has_not_restarted() -> None:
    talk = met().asked("BEGIN", READY).still_up().asked("BEGIN", "OK").asked("PUT a 0 1 x", "OK").asked(COMMIT, "OK")
    with talk.line() as (line, _):
        line.configure({"a": "x"})


def test_a_restart_while_settings_are_read_is_one() -> None:
    talk = met().asked("DIGEST", f"OK 1 {digest({'a': 'x'})}").asked("GET a 0").again("OK 1 x", lf=True).restarted()
    with talk.line(patience_s=LOST_S) as (line, _), pytest.raises(BoardRestarts):
        line.read({"a": "x"})


def test_restarts_and_knows_it_by_the_boards_clock() -> None:
    with met().asked("RESTART", "OK", NOISE, READY).hello(0).line() as (line, _):
        assert line.restart()


def test_restarts_a_board_that_says_only_that_it_is_ready() -> None:
    with met().asked("RESTART", READY).hello(0).line() as (line, _):
        assert line.restart()


def test_restarts_a_board_that_announces_nothing_and_whose_reply_was_lost() -> None:
    talk = met().asked("RESTART").again("OK", lf=True).asked("HELLO").again("OK 1 120 3", lf=True)
    with talk.line(patience_s=LOST_S) as (line, _):
        assert line.restart()


def test_waits_until_a_board_that_is_still_up_restarts() -> None:
    with met().asked("RESTART", "OK").still_up().hello(3).line(patience_s=LOST_S) as (line, _):
        assert line.restart()


def test_a_board_that_does_not_restart_stays() -> None:
    talk = met().asked("RESTART", "OK").still_up()
    with talk.line(boot_s=0.2, patience_s=LOST_S) as (line, _), pytest.raises(BoardStays, match="5000"):
        line.restart()


def test_a_board_that_refuses_to_restart_refuses() -> None:
    with met().asked("RESTART", "ERR verb").line() as (line, _), pytest.raises(BoardRefused, match="verb"):
        line.restart()


def test_a_clock_that_runs_fast_or_slow_does_not_hide_a_restart() -> None:
    for fast in (0.96, 1.04):
        with met(60_000).asked("RESTART", "OK", READY).hello(round(100 * fast)).line() as (line, _):
            assert line.restart()
