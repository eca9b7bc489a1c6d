"""Modules that misbehave, and modules that restart, byte for byte, on a real pty."""

from __future__ import annotations

import threading

import pytest
from at_script import AT, FIRMWARE, MODEM, READ, SERIAL, STORED, WHO, WRITE, Exchange, modem, quiet, says
from board_script import Board

from drivers.errors import (
    BoardFloods,
    BoardGarbled,
    BoardMisheard,
    BoardRefused,
    BoardRestarts,
    BoardSilent,
    BoardStays,
    Cancelled,
    PortLost,
)

BOOT = b"\xff\r\nRDY\r\n"


def test_a_misheard_command_is_sent_again_and_then_given_up() -> None:
    bad = (b'AT+KV="a","1"\r', b'AT+V="a","1"\r\r\nERROR\r\n')
    with modem([AT, bad, AT, WRITE, STORED], reply_s=100.0) as (at, _):
        at.configure({"a": "1"})
    with modem([AT, bad, AT, bad, AT, bad]) as (at, _), pytest.raises(BoardMisheard):
        at.configure({"a": "1"})


def test_a_command_may_have_been_misheard_where_no_echo_says_so() -> None:
    bad = (b'AT+KV="a","1"\r', b"\r\nERROR\r\n")
    with modem([quiet(AT), bad, quiet(AT), quiet(WRITE), quiet(STORED)]) as (at, _):
        at.configure({"a": "1"})
    with modem([quiet(AT), bad, quiet(AT), bad, quiet(AT), bad]) as (at, _), pytest.raises(BoardRefused):
        at.configure({"a": "1"})


def test_a_lost_end_of_line_is_noticed() -> None:
    lost = (b'AT+KV="a","1"\r', b'AT+KV="a","1"')
    stuck = (b"AT\r", b"AT\r\r\nERROR\r\n")
    with modem([AT, lost, stuck, AT, WRITE, STORED], reply_s=0.6) as (at, _):
        at.configure({"a": "1"})


def test_a_commit_whose_command_was_not_heard_is_sent_again() -> None:
    commit = {"send": "AT&W", "timeout_s": 0.6}
    with modem([AT, WRITE, (b"AT&W\r", b"A&W\r"), AT, WRITE, STORED], commit=commit) as (at, _):
        at.configure({"a": "1"})


def test_a_board_may_restart_while_it_is_asked_who_it_is() -> None:
    with modem([AT, (SERIAL[0], b"AT+C" + BOOT), AT, SERIAL, FIRMWARE]) as (at, _):
        assert at.identify() == WHO


def test_a_board_that_restarts_again_and_again_fails() -> None:
    with modem([AT, (SERIAL[0], BOOT)] * 3) as (at, _), pytest.raises(BoardRestarts, match="by itself"):
        at.identify()
    with modem([(b"AT\r", BOOT)] * 3 + [(b"AT\r", b"")], boot_s=0.8) as (at, _), pytest.raises(BoardRestarts):
        at.identify()


@pytest.mark.parametrize("script", [[(WRITE[0], BOOT)], [WRITE, (b"AT&W\r", BOOT)], [(WRITE[0], b""), (b"AT\r", BOOT)]])
def test_a_board_that_is_known_must_not_restart(script: list[Exchange]) -> None:
    with modem([AT, *script], reply_s=0.6) as (at, _), pytest.raises(BoardRestarts):
        at.configure({"a": "1"})


def test_a_restart_right_after_a_refusal_is_noticed() -> None:
    with modem([quiet(AT), (WRITE[0], b"\r\nERROR\r\n" + BOOT)]) as (at, _), pytest.raises(BoardRestarts):
        at.configure({"a": "1"})


def test_a_restart_between_two_steps_is_noticed() -> None:
    known, restarted = threading.Event(), threading.Event()

    def restart(board: Board) -> None:
        known.wait()
        board.say(BOOT)
        restarted.set()

    with modem([AT, SERIAL, FIRMWARE, (b"", restart)]) as (at, _):
        at.identify()
        known.set()
        restarted.wait()
        with pytest.raises(BoardRestarts):
            at.read({"a": ""})


def test_silence_is_the_boards_fault() -> None:
    with modem([(b"AT\r", b"")], boot_s=0.2) as (at, _), pytest.raises(BoardSilent):
        at.identify()


def test_a_board_that_falls_silent_fails() -> None:
    with modem([AT, (SERIAL[0], b""), (b"AT\r", b"")], reply_s=0.5, boot_s=0.5) as (at, _), pytest.raises(BoardSilent):
        at.identify()


def test_bytes_that_are_no_text_are_garbled() -> None:
    with modem([(b"AT\r", bytes(range(128, 200)))], boot_s=0.5) as (at, _), pytest.raises(BoardGarbled):
        at.identify()


def test_a_board_that_never_stops_talking_floods() -> None:
    def flood(board: Board) -> None:
        for _ in range(300):
            board.say(b"spam\r\n" * 50)

    with modem([AT, (SERIAL[0], flood)]) as (at, _), pytest.raises(BoardFloods):
        at.identify()
    with modem([(b"AT\r", flood)]) as (at, _), pytest.raises(BoardFloods):
        at.identify()


def test_a_board_that_has_talked_between_two_steps_does_not_flood() -> None:
    known, said = threading.Event(), threading.Event()

    def talk(board: Board) -> None:
        known.wait()
        for _ in range(10):
            board.say(b"$GPGGA,,,,,,0,,,,,,,,*66\r\n" * 10)
        said.set()

    with modem([AT, SERIAL, FIRMWARE, (b"", talk), READ]) as (at, _):
        at.identify()
        known.set()
        said.wait()
        assert at.read({"a": ""}) == {"a": "1"}


def test_a_hang_up_is_the_ports_fault() -> None:
    with modem([AT, (SERIAL[0], Board.hang_up)]) as (at, _), pytest.raises(PortLost):
        at.identify()


def test_cancelling_from_another_thread_ends_it() -> None:
    asked = threading.Event()
    with modem([AT, (SERIAL[0], lambda board: asked.set())]) as (at, link):
        stopper = threading.Thread(target=lambda: asked.wait() and link.cancel())
        stopper.start()
        with pytest.raises(Cancelled):
            at.identify()
        stopper.join()


# ------------------------------------------------------------------ restarts


def test_restarts_and_sets_up_anew() -> None:
    setup = ["ATE0"]
    off = (b"ATE0\r", b"ATE0\r\r\nOK\r\n")
    restart = (b"AT+CFUN=1,1\r", b"\r\nOK\r\n\xff\r\nRDY\r\n\r\n+CPIN: READY\r\n")
    with modem([AT, off, restart, AT, off, quiet(READ)], setup=setup) as (at, _):
        assert at.restart() is True
        assert at.read({"a": ""}) == {"a": "1"}


def test_a_board_that_only_says_so_does_not_restart() -> None:
    restart = MODEM["restart"] | {"timeout_s": 0.5}
    with modem([AT, says(b"AT+CFUN=1,1"), AT], restart=restart) as (at, _), pytest.raises(BoardStays):
        at.restart()


def test_a_board_that_refuses_to_restart_stays() -> None:
    with modem([AT, says(b"AT+CFUN=1,1", result=b"ERROR")]) as (at, _), pytest.raises(BoardStays, match="refuses"):
        at.restart()


def test_a_board_that_is_gone_after_its_restart_is_silent() -> None:
    restart = MODEM["restart"] | {"timeout_s": 0.3}
    with (
        modem([AT, says(b"AT+CFUN=1,1"), (b"AT\r", b"")], restart=restart, boot_s=0.6) as (at, _),
        pytest.raises(BoardSilent),
    ):
        at.restart()


def test_a_misheard_restart_is_told_again() -> None:
    bad = (b"AT+CFUN=1,1\r", b"AT+CFU=1,1\r\r\nERROR\r\n")
    with modem([AT, bad, AT, (b"AT+CFUN=1,1\r", BOOT), AT]) as (at, _):
        assert at.restart() is True


def test_an_autobauding_board_announces_its_start_once_it_has_been_greeted() -> None:
    restart = MODEM["restart"] | {"expect": "Call Ready"}
    script = [
        quiet(AT),
        says(b"AT+CFUN=1,1", echo=False),
        (b"AT\r", b""),
        (b"AT\r", b"AT\r\r\nOK\r\n\r\nCall Ready\r\n"),
    ]
    with modem([*script, AT], restart=restart, wake={"every_s": 0.5}) as (at, _):
        assert at.restart() is True


def test_without_a_way_to_restart_nothing_is_done() -> None:
    with modem([], restart=None) as (at, _):
        assert at.restart() is False
