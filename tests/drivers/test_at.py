"""Conversations of the at dialect, byte for byte, on a real pty."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from at_script import AT, FIRMWARE, MODEM, READ, SERIAL, STORED, WHO, WRITE, Exchange, modem, quiet, says
from board_script import Board

from drivers.board import Identity
from drivers.errors import (
    BoardRefused,
    BoardUnreadable,
    CommitFailed,
)


def test_identifies_a_module() -> None:
    with modem([AT, SERIAL, FIRMWARE]) as (at, _):
        assert at.identify() == WHO


def test_identifies_a_module_whose_every_byte_comes_alone() -> None:
    with modem([AT, SERIAL, FIRMWARE], slowly=True) as (at, _):
        assert at.identify() == WHO


def test_learns_that_a_module_does_not_echo() -> None:
    with modem([quiet(AT), quiet(SERIAL), quiet(FIRMWARE)]) as (at, _):
        assert at.identify() == WHO


@pytest.mark.parametrize("ending", [b"\r", b"\n", b"\r\n", b"\r\r\n"])
@pytest.mark.parametrize("echo", [True, False])
def test_takes_every_line_ending(ending: bytes, echo: bool) -> None:
    def uses(exchange: Exchange) -> Exchange:
        command, reply = exchange if echo else quiet(exchange)
        assert isinstance(reply, bytes)
        return command, reply.replace(b"\r\n", ending)

    with modem([uses(AT), uses(SERIAL), uses(FIRMWARE)]) as (at, _):
        assert at.identify() == WHO


def test_takes_information_without_an_ending_before_it() -> None:
    script = [
        AT,
        (b"AT+CGSN=1\r", b'AT+CGSN=1\r+CGSN: "490154203237518"\rOK\r'),
        (b"AT+CGMR\r", b"AT+CGMR\rR01A02\rOK\r"),
    ]
    with modem(script) as (at, _):
        assert at.identify() == WHO


def test_commands_end_as_the_recipe_says() -> None:
    script = [(b"AT\r\n", b"AT\r\n\r\nOK\r\n"), (b"AT+GMR\r\n", b"AT+GMR\r\r\nAT version:1\r\nG1-7\r\n\r\nOK\r\n")]
    identify = [{"send": "AT+GMR", "capture": r"^(?P<serial>G1-\d)$"}]
    with modem(script, newline="\r\n", identify=identify) as (at, _):
        assert at.identify() == Identity("G1-7")


def test_results_as_numbers_are_understood() -> None:
    script = [(b"AT\r", b"AT\r0\r"), (b"AT+CGSN=1\r", b'AT+CGSN=1\r+CGSN: "490154203237518"\r\n0\r')]
    with modem([*script, (b"AT+CGMR\r", b"AT+CGMR\r4\r")]) as (at, _), pytest.raises(BoardRefused) as caught:
        at.identify()
    assert caught.value.details == {"sent": "AT+CGMR", "received": "4"}


def test_setup_may_turn_words_and_silence_on() -> None:
    script = [
        (b"AT\r", b"AT\r0\r"),
        (b"ATV1\r", b"ATV1\r\r\nOK\r\n"),
        (b"ATE0\r", b"ATE0\r\r\nOK\r\n"),
        quiet(SERIAL),
        (b"AT+CGMR\r", b"\r\n0\r\n\r\nR01A02\r\n\r\nOK\r\n"),  # a 0 is information now
    ]
    with modem(script, setup=["ATV1", "ATE0"]) as (at, _):
        assert at.identify() == WHO


def test_setup_may_turn_words_off() -> None:
    script = [AT, (b"ATV0\r", b"ATV0\r0\r"), (b"AT+CGSN=1\r", b'AT+CGSN=1\r+CGSN: "490154203237518"\r\n0\r')]
    with modem([*script, (b"AT+CGMR\r", b"AT+CGMR\rR01A02\r\n0\r")], setup=["ATV0"]) as (at, _):
        assert at.identify() == WHO


def test_a_setup_command_that_is_refused_is_the_boards_fault() -> None:
    with (
        modem([AT, says(b"AT+CMEE=1", result=b"ERROR")], setup=["AT+CMEE=1"]) as (at, _),
        pytest.raises(BoardRefused, match=r"AT\+CMEE=1"),
    ):
        at.identify()


# ------------------------------------------------------------------ what nobody asked for

URC = b"\r\n+CREG: 1\r\n"


def moments(exchange: Exchange) -> list[bytes]:
    """The reply with an unsolicited line between any two of its lines, and around it."""
    command, reply = exchange
    assert isinstance(reply, bytes)
    cuts = {0, len(reply), *(i + 2 for i in range(len(reply)) if reply[i : i + 2] == b"\r\n")}
    if reply.startswith(command):
        cuts.add(len(command))
    return [reply[:cut] + URC + reply[cut:] for cut in sorted(cuts)]


@pytest.mark.parametrize("reply", moments(SERIAL))
@pytest.mark.parametrize("unsolicited", [[r"\+CREG: "], []])
def test_an_unsolicited_line_breaks_no_answer(reply: bytes, unsolicited: list[str]) -> None:
    with modem([AT, (SERIAL[0], reply), FIRMWARE], unsolicited=unsolicited) as (at, _):
        assert at.identify() == WHO


@pytest.mark.parametrize("reply", moments(quiet(SERIAL)))
def test_an_unsolicited_line_breaks_no_answer_without_an_echo(reply: bytes) -> None:
    with modem([quiet(AT), (SERIAL[0], reply), quiet(FIRMWARE)]) as (at, _):
        assert at.identify() == WHO


@pytest.mark.parametrize("cut", range(1, len(b"AT+CGSN=1")))
def test_an_unsolicited_line_may_come_in_the_middle_of_an_echo(cut: int) -> None:
    reply = SERIAL[1][:cut] + URC + SERIAL[1][cut:]  # type: ignore[index]
    with modem([AT, (SERIAL[0], reply), FIRMWARE]) as (at, _):
        assert at.identify() == WHO


@pytest.mark.parametrize("cut", range(1, len(b"AT+CGSN=1")))
def test_an_unsolicited_line_may_hang_on_to_half_an_echo(cut: int) -> None:
    reply = SERIAL[1][:cut] + b"+CREG: 1\r\n" + SERIAL[1][cut:]  # type: ignore[index]
    with modem([AT, (SERIAL[0], reply), FIRMWARE]) as (at, _):
        assert at.identify() == WHO


def test_unsolicited_lines_may_break_an_echo_more_than_once() -> None:
    reply = b"AT+C+CREG: 1\r\nGSRING\r\n\r\nRING\r\nN=1" + SERIAL[1].removeprefix(b"AT+CGSN=1")  # type: ignore[union-attr]
    with modem([AT, (SERIAL[0], reply), FIRMWARE]) as (at, _):
        assert at.identify() == WHO


def test_a_known_unsolicited_line_may_hang_on_to_a_whole_echo() -> None:
    reply = b"AT+CGSN=1+CREG: 1\r\n" + SERIAL[1].removeprefix(b"AT+CGSN=1")  # type: ignore[union-attr]
    with modem([AT, (SERIAL[0], reply), FIRMWARE], unsolicited=[r"^\+CREG: "]) as (at, _):
        assert at.identify() == WHO


def test_an_unsolicited_line_like_the_answer_is_told_from_it_by_its_pattern() -> None:
    identify = [{"send": "AT+CREG?", "capture": r"^\+CREG: (?P<serial>.*)$"}]
    script = [AT, (b"AT+CREG?\r", b"AT+CREG?\r\r\n+CREG: 5\r\n\r\n+CREG: 0,1\r\n\r\nOK\r\n")]
    with modem(script, identify=identify, unsolicited=[r"\+CREG: \d$"]) as (at, _):
        assert at.identify() == Identity("0,1")


def test_what_comes_between_two_commands_is_unsolicited() -> None:
    known, said = threading.Event(), threading.Event()

    def interrupt(board: Board) -> None:
        known.wait()
        board.say(b"\r\nOK\r\n\r\nRING\r\n")
        said.set()

    with modem([quiet(AT), quiet(SERIAL), quiet(FIRMWARE), (b"", interrupt), quiet(READ)]) as (at, _):
        at.identify()
        known.set()
        said.wait()
        assert at.read({"a": ""}) == {"a": "1"}


def test_what_looks_like_the_answer_before_its_echo_is_none() -> None:
    reply = b'\r\n+CGSN: "1"\r\n' + SERIAL[1]  # type: ignore[operator]
    with modem([AT, (SERIAL[0], reply), FIRMWARE]) as (at, _):
        assert at.identify() == WHO


def test_a_result_that_comes_without_the_echo_is_another_commands() -> None:
    with modem([AT, (SERIAL[0], b"\r\nOK\r\n"), (b"", Board.flushed), (b"", SERIAL[1]), FIRMWARE]) as (at, _):
        assert at.identify() == WHO


def test_an_answer_that_was_given_up_is_not_taken_for_the_next_one() -> None:
    late = (b"AT\r", b"AT\r" + SERIAL[1].removeprefix(b"AT+CGSN=1\r") + b"\r\nOK\r\n")  # type: ignore[union-attr]
    with modem([AT, (SERIAL[0], b"AT+CGSN=1\r"), late, SERIAL, FIRMWARE], reply_s=0.6) as (at, _):
        assert at.identify() == WHO


# ------------------------------------------------------------------ every byte boundary

CYCLE = [
    AT,
    SERIAL,
    FIRMWARE,
    WRITE,
    STORED,
    (b"AT+CFUN=1,1\r", b"AT+CFUN=1,1\r\r\nOK\r\n\xff\x00\r\nRDY\r\n"),
    AT,
    READ,
]


@pytest.mark.parametrize("index", range(len(CYCLE)))
def test_input_may_be_cut_anywhere(index: int) -> None:
    command, reply = CYCLE[index]
    assert isinstance(reply, bytes)
    for cut in range(1, len(reply)):

        def in_two(board: Board, reply: bytes = reply, cut: int = cut) -> None:
            board.say(reply[:cut])
            board.flushed()
            board.say(reply[cut:])

        with modem([*CYCLE[:index], (command, in_two), *CYCLE[index + 1 :]]) as (at, _):
            assert at.identify() == WHO
            at.configure({"a": "1"})
            assert at.restart() is True
            assert at.read({"a": ""}) == {"a": "1"}


# ------------------------------------------------------------------ finding the board


def test_a_lost_greeting_is_sent_again() -> None:
    with modem([(b"AT\r", b""), AT, SERIAL, FIRMWARE], wake={"every_s": 0.5}) as (at, _):
        assert at.identify() == WHO


def test_two_answers_to_two_greetings_are_not_taken_for_the_next_answer() -> None:
    ok = b"\r\nOK\r\n"
    script = [(b"AT\r", b""), (b"AT\r", ok), (b"", Board.flushed), (b"", ok), quiet(SERIAL), quiet(FIRMWARE)]
    with modem(script, wake={"every_s": 0.5}) as (at, _):
        assert at.identify() == WHO


def test_a_greeting_that_was_added_to_half_a_line_is_sent_again_at_once() -> None:
    with modem([(b"AT\r", b"AT\r\r\n+CME ERROR: 100\r\n"), AT, SERIAL, FIRMWARE]) as (at, _):
        assert at.identify() == WHO


def test_a_board_that_says_that_it_has_started_is_greeted_at_once() -> None:
    with modem([(b"AT\r", b"\xfc\x00\r\nRDY\r\n\r\n+CFUN: 1\r\n"), AT, SERIAL, FIRMWARE]) as (at, _):
        assert at.identify() == WHO


def test_present() -> None:
    with modem([AT]) as (at, _):
        assert at.present()
    with modem([(b"AT\r", b""), AT]) as (at, _):  # autobauding
        assert at.present()
    with modem([(b"AT\r", b""), (b"AT\r", b"")]) as (at, _):
        assert not at.present()


@pytest.mark.parametrize("cut", range(1, len(b"\r\nOK\r\n")))
def test_an_answer_to_the_probe_is_not_taken_for_a_later_one(cut: int) -> None:
    command, reply = quiet(AT)
    assert isinstance(reply, bytes)
    script = [
        (command, reply[:cut]),
        (b"", Board.flushed),
        (b"", reply[cut:]),
        quiet(AT),
        quiet(SERIAL),
        quiet(FIRMWARE),
    ]
    with modem(script) as (at, _):
        assert at.present()
        assert at.identify() == WHO


def test_a_board_that_talks_by_itself_is_present() -> None:
    said = threading.Event()

    def start(board: Board) -> None:
        board.say(b"RDY\r\n")
        said.set()

    with modem([(b"", start)]) as (at, _):
        said.wait()
        assert at.present()


# ------------------------------------------------------------------ writing and reading


def test_writes_then_commits_then_reads_back() -> None:
    script = [AT, WRITE, says(b'AT+KV="b",""'), STORED, READ, says(b'AT+KV="b"', b'+KV: "b","x "y" "')]
    with modem(script) as (at, _):
        at.configure({"a": "1", "b": ""})
        assert at.read({"a": "", "b": ""}) == {"a": "1", "b": 'x "y" '}


def test_many_long_answers_are_no_flood() -> None:
    names = [f"n{number}" for number in range(20)]
    value = b"v" * 4000
    script = [says(b'AT+KV="%b"' % name.encode(), b'+KV: "%b","%b"' % (name.encode(), value)) for name in names]
    with modem([AT, *script]) as (at, _):
        assert at.read(dict.fromkeys(names, "")) == dict.fromkeys(names, value.decode())


@pytest.mark.parametrize("result", [b"ERROR", b"+CME ERROR: 50", b"+CMS ERROR: 304", b"FAIL", b"NO CARRIER"])
def test_a_refused_setting_is_the_boards_fault(result: bytes) -> None:
    results = {"error": ["FAIL", "NO CARRIER"]}
    with (
        modem([AT, says(b'AT+KV="a","1"', result=result)], results=results) as (at, _),
        pytest.raises(BoardRefused, match="the setting a") as caught,
    ):
        at.configure({"a": "1", "b": "never sent"})
    assert caught.value.details == {"sent": 'AT+KV="a","1"', "received": result.decode()}


def test_another_word_for_ok() -> None:
    results = {"ok": ["SEND OK"]}
    with modem([AT, says(b'AT+KV="a","1"', result=b"SEND OK"), STORED], results=results) as (at, _):
        at.configure({"a": "1"})


def test_a_busy_board_is_asked_again() -> None:
    busy = says(b'AT+KV="a"', result=b"+CME ERROR: 14")
    results = {"busy": ["+CME ERROR: 14", "busy p..."]}
    script = [AT, busy, says(b'AT+KV="a"', result=b"busy p..."), READ]
    with modem(script, results=results, wake={"every_s": 0.4}) as (at, _):
        assert at.read({"a": ""}) == {"a": "1"}


def test_a_board_that_stays_busy_has_refused() -> None:
    command, busy = says(b'AT+KV="a"', result=b"+CME ERROR: 14")
    assert isinstance(busy, bytes)
    over = threading.Event()

    def stay(board: Board) -> None:
        board.say(busy)
        while not over.wait(0.01):
            if board.hears():
                assert board.hear(len(command)) == command
                board.say(busy)

    results = {"busy": ["+CME ERROR: 14"]}
    with modem([AT, (command, stay)], results=results, wake={"every_s": 0.4}, boot_s=0.6) as (at, _):
        with pytest.raises(BoardRefused):
            at.read({"a": ""})
        over.set()


def test_a_setting_that_is_not_there_is_read_as_empty_where_the_recipe_knows_how_that_looks() -> None:
    missing = says(b'AT+KV="a"', result=b"+CME ERROR: 22")
    with modem([AT, missing], read=MODEM["read"] | {"unset": "ERROR: 22$"}) as (at, _):
        assert at.read({"a": "1"}) == {"a": ""}
    with modem([AT, missing]) as (at, _), pytest.raises(BoardRefused):
        at.read({"a": "1"})


def test_an_answer_without_what_was_asked_for_is_unreadable() -> None:
    with modem([AT, says(b"AT+CGSN=1", b"what?")]) as (at, _), pytest.raises(BoardUnreadable) as caught:
        at.identify()
    assert caught.value.details == {"sent": "AT+CGSN=1", "received": r"what?\nOK"}


def test_a_setting_may_have_a_command_of_its_own() -> None:
    apn = {
        "write": 'AT+CGDCONT=1,"IP",{value}',
        "quote": "plain",
        "read": {"send": "AT+CGDCONT?", "capture": r'^\+CGDCONT: 1,"IP","(?P<value>[^"]*)"'},
    }
    script = [
        AT,
        says(b'AT+CGDCONT=1,"IP","iot.example"'),
        says(b"AT+CFG=1,2"),
        STORED,
        says(b"AT+CGDCONT?", b'+CGDCONT: 1,"IP","iot.example","0.0.0.0",0,0', b'+CGDCONT: 2,"IPV6","ims"'),
        says(b"AT+CFG?", b"+CFG: 1,2"),
    ]
    usual = {
        "write": "AT+{name}={value}",
        "quote": "raw",
        "read": {"send": "AT+{name}?", "capture": r"^\+{name}: (?P<value>.*)$"},
    }
    with modem(script, settings={"apn": apn}, **usual) as (at, _):
        at.configure({"apn": "iot.example", "CFG": "1,2"})
        assert at.read({"apn": "", "CFG": ""}) == {"apn": "iot.example", "CFG": "1,2"}


PROMPTED: dict[str, Any] = {
    "write": 'AT+SYSMFG=2,"app","{name}",7,{length}',
    "quote": None,
    "prompt": ">",
    "read": {"send": 'AT+SYSMFG=1,"app","{name}"', "capture": r'^\+SYSMFG:"app","{name}",7,\d+,(?P<value>.*)$'},
}


@pytest.mark.parametrize("slowly", [False, True])
@pytest.mark.parametrize("asks", [b"\r\nOK\r\n\r\n>", b"\r\n> ", b"\r\n>\r\n"])
def test_a_board_may_ask_for_the_value_itself(asks: bytes, slowly: bool) -> None:
    value = 'a "b", \\c ü'
    said = value.encode()
    script = [
        AT,
        (b'AT+SYSMFG=2,"app","a",7,12\r', b'AT+SYSMFG=2,"app","a",7,12\r' + asks),
        (said, b"\r\nOK\r\n"),
        STORED,
        says(b'AT+SYSMFG=1,"app","a"', b'+SYSMFG:"app","a",7,12,' + said),
    ]
    assert len(said) == 12
    with modem(script, slowly=slowly, **PROMPTED) as (at, _):
        at.configure({"a": value})
        assert at.read({"a": ""}) == {"a": value}


def test_a_board_that_asks_for_the_value_of_something_else_is_given_as_much_and_told_again() -> None:
    value, command = "v" * 330, b'AT+SYSMFG=2,"app","a",7,330\r'
    asks, ok = b"\r\nOK\r\n\r\n>", b"\r\nOK\r\n"
    script = [
        AT,
        (command, command.replace(b'"a"', b'"e"') + asks),
        (b" " * 330, ok),
        AT,
        (command, command + asks),
        (value.encode(), ok),
        STORED,
    ]
    with modem(script, **PROMPTED) as (at, _):
        at.configure({"a": value})


def test_a_board_may_refuse_before_it_asks_for_the_value() -> None:
    with (
        modem([AT, says(b'AT+SYSMFG=2,"app","a",7,1', result=b"ERROR")], **PROMPTED) as (at, _),
        pytest.raises(BoardRefused),
    ):
        at.configure({"a": "1"})


@pytest.mark.parametrize("answer", [b"\r\nERROR\r\n", b"\r\nOK\r\n\r\n+SAVED: 1\r\n", b""])
def test_a_commit_that_is_not_confirmed_fails(answer: bytes) -> None:
    commit = {"send": "AT&W", "expect": "+SAVED: 0", "timeout_s": 0.5}
    with (
        modem([AT, WRITE, (b"AT&W\r", b"AT&W\r" + answer)], commit=commit) as (at, _),
        pytest.raises(CommitFailed),
    ):
        at.configure({"a": "1"})


@pytest.mark.parametrize("answer", [b"\r\nOK\r\n\r\n+SAVED: 0\r\n", b"\r\n+SAVED: 0\r\n\r\nOK\r\n"])
def test_a_commit_may_be_confirmed_before_its_result_or_after(answer: bytes) -> None:
    commit = {"send": "AT&W", "expect": "+SAVED: 0", "timeout_s": 10.0}
    with modem([AT, WRITE, (b"AT&W\r", b"AT&W\r" + answer)], commit=commit) as (at, _):
        at.configure({"a": "1"})
