"""Conversations of the shell dialect, byte for byte, on a real pty."""

from __future__ import annotations

import subprocess
import threading
from typing import Any

import pytest
from board_script import UBOOT, WOKEN, Board, expected_protocol
from pydantic import ValidationError

from drivers.board import Identity, NoBoard
from drivers.errors import (
    BoardFloods,
    BoardGarbled,
    BoardMisheard,
    BoardRefused,
    BoardRestarts,
    BoardSilent,
    BoardStays,
    BoardUnreadable,
    Cancelled,
    CommitFailed,
    DriverError,
    PortLost,
    ValueUnwritable,
)
from drivers.shell import Shell
from drivers.sim.speed import resampled
from drivers.text import fill, garbled

SERIAL = (b"printenv serial#\r", b"printenv serial#\r\nserial#=G1-7\r\n=> ")
MAC = (b"printenv ethaddr\r", b"printenv ethaddr\r\nethaddr=52:54:00:12:34:56\r\n=> ")
WHO = Identity("G1-7", "52:54:00:12:34:56")
SAVED = (b"saveenv\r", b"saveenv\r\nSaving Environment to Flash... OK\r\n=> ")
BOOT = b"\r\n\r\nU-Boot 2023.01\r\n\r\nDRAM:  128 MiB\r\nHit any key to stop autoboot:  2 \x08\x08\x08 0"


def test_identifies_a_board_that_is_at_its_prompt() -> None:
    with expected_protocol([WOKEN, SERIAL, MAC]) as (shell, _):
        assert shell.identify() == WHO


def test_identifies_a_board_whose_every_byte_comes_alone() -> None:
    with expected_protocol([WOKEN, SERIAL, MAC], slowly=True) as (shell, _):
        assert shell.identify() == WHO


@pytest.mark.parametrize("ending", [b"\r", b"\n", b"\r\n", b"\r\r\n"])
@pytest.mark.parametrize("newline", ["\r", "\n", "\r\n"])
def test_takes_every_line_ending(newline: str, ending: bytes) -> None:
    def uses(exchange: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
        return exchange[0].replace(b"\r", newline.encode()), exchange[1].replace(b"\r\n", ending)

    with expected_protocol([uses(WOKEN), uses(SERIAL), uses(MAC)], newline=newline) as (shell, _):
        assert shell.identify() == WHO


def test_learns_that_a_board_does_not_echo() -> None:
    script = [WOKEN, (SERIAL[0], b"serial#=G1-7\r\n=> "), (MAC[0], b"ethaddr=52:54:00:12:34:56\r\n=> ")]
    with expected_protocol(script) as (shell, _):
        assert shell.identify() == WHO


def test_a_prompt_that_was_late_is_no_answer() -> None:
    script = [WOKEN, (SERIAL[0], b"<INTERRUPT>\r\n=> "), (b"", SERIAL[1]), MAC]
    with expected_protocol(script) as (shell, _):
        assert shell.identify() == WHO


def test_interrupts_an_autoboot_and_ignores_the_noise_before() -> None:
    script = [(b"\x03", b"\0\xff\xfe noise => \r\n" + BOOT), (b" ", b"\r\n=> "), SERIAL, MAC]
    with expected_protocol(script, slowly=True) as (shell, _):
        assert shell.identify() == WHO


def test_a_key_that_came_too_late_for_the_autoboot_does_no_harm() -> None:
    script = [(b"\x03", BOOT), (b" ", b"\r\n=>  "), SERIAL, MAC]
    with expected_protocol(script) as (shell, _):
        assert shell.identify() == WHO


def test_wakes_again_while_no_prompt_comes() -> None:
    with expected_protocol([(b"\x03", b""), (b"\x03", b""), WOKEN, SERIAL, MAC], wake={"every_s": 0.05}) as (shell, _):
        assert shell.identify() == WHO


def test_reads_through_colours_and_a_prompt_with_special_characters() -> None:
    prompt = b"\x1b[1;32muart:~$ \x1b[m"
    script = [
        (b"\x03", b"\r\n" + prompt),
        (b"hwinfo devid\r", b"hwinfo devid\r\n\x1b[0mLength: 8\r\nID: 0x\x1b[1mcafe\x1b[0m\r\n" + prompt),
    ]
    identify = [{"send": "hwinfo devid", "capture": "ID: (?P<serial>.*)$"}]
    with expected_protocol(script, prompt="uart:~$ ", identify=identify) as (shell, _):
        assert shell.identify() == Identity("0xcafe")


def test_a_prompt_may_be_a_pattern() -> None:
    script = [(b"\x03", b"^C\r\nbox-1:/etc# "), (b"id\r", b"id\r\nG1-7\r\nbox-2:/# ")]
    changes = {
        "prompt": None,
        "prompt_pattern": r"box-\d:\S*# ",
        "identify": [{"send": "id", "capture": "(?P<serial>G.*)"}],
    }
    with expected_protocol(script, **changes) as (shell, _):
        assert shell.identify() == Identity("G1-7")


def test_writes_then_commits_then_reads_back() -> None:
    script = [
        WOKEN,
        (b"setenv a 'two words'\r", b"setenv a 'two words'\r\n=> "),
        (b"setenv b '{name} ${x};'\r", b"setenv b '{name} ${x};'\r\n=> "),
        SAVED,
        (b"printenv a\r", b"printenv a\r\na=two words\r\n=> "),
        (b"printenv b\r", b"printenv b\r\nb={name} ${x};\r\n=> "),
    ]
    with expected_protocol(script) as (shell, _):
        shell.configure({"a": "two words", "b": "{name} ${x};"})
        assert shell.read({"a": "", "b": ""}) == {"a": "two words", "b": "{name} ${x};"}


@pytest.mark.parametrize("slowly", [False, True])
def test_a_value_that_holds_the_prompt_does_not_cut_the_answer(slowly: bool) -> None:
    script = [
        WOKEN,
        (b"setenv a 'x => '\r", b"setenv a 'x \r\n=> '\r\n=> "),  # wrapped by the console just before it
        SAVED,
        (b"printenv a\r", b"printenv a\r\na=x => \r\n=> "),
    ]
    with expected_protocol(script, slowly=slowly) as (shell, _):
        shell.configure({"a": "x => "})
        assert shell.read({"a": ""}) == {"a": "x => "}


def test_a_board_may_tell_no_more_of_a_value_than_its_digest() -> None:
    read = {"send": "sum {name}", "capture": "^(?P<md5>[0-9a-f]{32}) (?P<length>[0-9]+)$"}
    right = b"5f4dcc3b5aa765d61d8327deb882cf99 8"
    script = [WOKEN, *((b"sum a\r", b"sum a\r\n" + told + b"\r\n=> ") for told in (right, right[:-1] + b"9"))]
    with expected_protocol(script, read=read) as (shell, _):
        assert shell.read({"a": "password"}) == {"a": "password"}
        assert shell.read({"a": "password"}) == {"a": "length:9"}


@pytest.mark.parametrize("value", ["US$ 5 only", "# 1 best", "x # # $ 1", "$ # "])
@pytest.mark.parametrize("capture", ["^{name}=(?P<value>.*)", "^(?P<value>.*)"])
@pytest.mark.parametrize("echo", [True, False])
def test_a_value_that_looks_like_a_prompt_for_a_moment_is_read_to_its_end(value: str, capture: str, echo: bool) -> None:
    prompt = r"\S* ?[#$] "
    shown = value if capture.startswith("^(") else f"a={value}"
    script = [
        (b"\x03", b"^C\r\nbox:/# "),
        (b"get a\r", (b"get a\r\n" if echo else b"") + shown.encode() + b"\r\nbox:/# "),
    ]
    read = {"send": "get {name}", "capture": capture}
    with expected_protocol(script, slowly=True, prompt=None, prompt_pattern=prompt, read=read) as (shell, _):
        assert shell.read({"a": value}) == {"a": value}


def test_a_serial_number_or_a_commit_that_looks_like_a_prompt_for_a_moment_is_read_to_its_end() -> None:
    changes = {
        "prompt": None,
        "prompt_pattern": r"\S* ?[#$] ",
        "identify": [{"send": "id", "capture": "(?P<serial>.*)"}],
        "commit": {"send": "save", "expect": "saved"},
    }
    script = [
        (b"\x03", b"^C\r\nbox:/# "),
        (b"id\r", b"id\r\nNo# 7\r\nbox:/# "),
        (b"save\r", b"save\r\n# saved\r\nbox:/# "),
    ]
    with expected_protocol(script, slowly=True, **changes) as (shell, _):
        assert shell.identify() == Identity("No# 7")
        shell.configure({})


@pytest.mark.parametrize("wrap", [b"\r\n", b" \r", b"\x08\x08 \r\n", b"\x1b[80C\r\n\x1b[K"])
def test_takes_a_wrapped_echo_for_an_echo(wrap: bytes) -> None:
    line = b"setenv a '" + b"v" * 100 + b"'"
    script = [WOKEN, SERIAL, MAC, (line + b"\r", line[:80] + wrap + line[80:] + b"\r\n=> "), SAVED]
    with expected_protocol(script) as (shell, _):
        shell.identify()  # here it is learnt that the board echoes
        shell.configure({"a": "v" * 100})


def test_an_echo_without_one_of_its_blanks_is_no_echo() -> None:
    lost = (b"setenv a 'x y'\r", b"setenv a 'xy'\r\n=> ")
    good = (b"setenv a 'x y'\r", b"setenv a 'x y'\r\n=> ")
    with expected_protocol([WOKEN, SERIAL, MAC, lost, WOKEN, good, SAVED]) as (shell, _):
        shell.identify()
        shell.configure({"a": "x y"})


def test_an_answer_that_begins_like_its_question_is_no_echo() -> None:
    identify = [{"send": "uid", "capture": "^uid=(?P<serial>.*)"}]
    with expected_protocol([WOKEN, (b"uid\r", b"uid=7\r\n=> ")], identify=identify) as (shell, _):
        assert shell.identify() == Identity("7")


def test_only_the_placeholders_are_filled_in_and_only_once() -> None:
    assert fill("{name} {other} ${name} {value}", name="{value}", value="{name}") == "{value} {other} ${name} {name}"


def test_an_answer_that_looks_like_the_name_of_the_setting_is_not_another_setting() -> None:
    script = [WOKEN, (b"printenv a.b\r", b"printenv a.b\r\naxb=1\r\na.b=2\r\n=> ")]
    with expected_protocol(script) as (shell, _):
        assert shell.read({"a.b": ""}) == {"a.b": "2"}


def test_a_value_may_look_like_an_error() -> None:
    script = [WOKEN, (b"printenv a\r", b"printenv a\r\na=Unknown command\r\n=> ")]
    with expected_protocol(script, error="Unknown command") as (shell, _):
        assert shell.read({"a": ""}) == {"a": "Unknown command"}


# ------------------------------------------------------------------ boards that misbehave


def test_a_refused_setting_is_the_boards_fault() -> None:
    refused = b"setenv ethaddr 'x'\r\n## Error inserting \"ethaddr\" variable, errno=1\r\n=> "
    with expected_protocol([WOKEN, (b"setenv ethaddr 'x'\r", refused)]) as (shell, _):
        with pytest.raises(BoardRefused, match="ethaddr") as caught:
            shell.configure({"ethaddr": "x", "b": "never sent"})
        assert caught.value.details["sent"] == "setenv ethaddr 'x'"
        assert "errno=1" in str(caught.value.details["received"])


def test_a_setting_that_the_board_says_it_does_not_have_is_read_as_empty() -> None:
    read = UBOOT["read"] | {"unset": '"{name}" not defined'}
    script = [
        WOKEN,
        (b"printenv a.b\r", b'printenv a.b\r\n## Error: "a.b" not defined\r\n=> '),
        (b"printenv c\r", b'printenv c\r\nc=## Error: "c" not defined\r\n=> '),
        (b"printenv axb\r", b'printenv axb\r\n## Error: "a.b" not defined\r\n=> '),
    ]
    with expected_protocol(script, read=read) as (shell, _):
        assert shell.read({"a.b": "1", "c": ""}) == {"a.b": "", "c": '## Error: "c" not defined'}
        with pytest.raises(BoardRefused):
            shell.read({"axb": ""})


def test_a_setting_that_is_not_there_is_refused() -> None:
    missing = b'printenv a\r\n## Error: "a" not defined\r\n=> '
    with expected_protocol([WOKEN, (b"printenv a\r", missing)]) as (shell, _), pytest.raises(BoardRefused):
        shell.read({"a": ""})


def test_an_answer_without_the_capture_is_unreadable() -> None:
    with expected_protocol([WOKEN, (SERIAL[0], b"printenv serial#\r\nwhat?\r\n=> ")]) as (shell, _):
        with pytest.raises(BoardUnreadable) as caught:
            shell.identify()
        assert caught.value.details == {"sent": "printenv serial#", "received": "what?"}


@pytest.mark.parametrize(
    "answer", [b"saveenv\r\nFailed (1)\r\n=> ", b"saveenv\r\n## Error OK\r\n=> ", b"saveenv\r\nErasing"]
)
def test_a_commit_that_is_not_confirmed_fails(answer: bytes) -> None:
    commit = UBOOT["commit"] | {"timeout_s": 0.2}
    script = [WOKEN, (b"setenv a '1'\r", b"setenv a '1'\r\n=> "), (b"saveenv\r", answer)]
    with expected_protocol(script, commit=commit) as (shell, _), pytest.raises(CommitFailed):
        shell.configure({"a": "1"})


@pytest.mark.parametrize("operation", ["write", "read"])
def test_a_board_that_restarts_once_it_is_known_is_told_nothing_more(operation: str) -> None:
    written, read = (b"setenv a '1'\r", b"setenv " + BOOT), (b"printenv a\r", BOOT)
    with expected_protocol([WOKEN, SERIAL, MAC, written if operation == "write" else read]) as (shell, _):
        shell.identify()
        with pytest.raises(BoardRestarts):
            shell.configure({"a": "1", "b": "2"}) if operation == "write" else shell.read({"a": ""})


def test_a_board_that_restarts_while_it_is_woken_is_told_nothing_more() -> None:
    script = [WOKEN, SERIAL, MAC, (b"setenv a '1'\r", b""), (b"\x03", BOOT)]
    with expected_protocol(script, reply_s=0.2) as (shell, _):
        shell.identify()
        with pytest.raises(BoardRestarts):
            shell.configure({"a": "1"})


def test_a_board_that_restarts_between_two_operations_is_noticed() -> None:
    known, restarted = threading.Event(), threading.Event()

    def restart(board: Board) -> None:
        known.wait()
        board.say(BOOT)
        restarted.set()

    with expected_protocol([WOKEN, SERIAL, MAC, (b"", restart)]) as (shell, _):
        assert shell.identify() == WHO
        known.set()
        restarted.wait()
        with pytest.raises(BoardRestarts):
            shell.read({"a": ""})


ZEPHYR: dict[str, Any] = {
    "prompt": "> ",
    "interrupt": None,
    "identify": [{"send": "id", "capture": "(?P<serial>.+)"}],
    "restart": {"send": "reboot", "expect": "Booting Zephyr OS"},
}
AWAKE = (b"\x03", b"\r\n> ")
BOOTED = b"*** Booting Zephyr OS ***\r\n\r\n> "


@pytest.mark.parametrize("slowly", [False, True])
@pytest.mark.parametrize("echo", [b"id\r\n", b""])
def test_a_restart_is_no_answer_even_if_its_prompt_came_at_once(echo: bytes, slowly: bool) -> None:
    script = [AWAKE, (b"id\r", echo + BOOTED), AWAKE, (b"id\r", b"id\r\nG1-7\r\n> ")]
    with expected_protocol(script, slowly=slowly, **ZEPHYR) as (shell, _):
        assert shell.identify() == Identity("G1-7")


def test_a_recipe_whose_sign_of_a_restart_is_part_of_an_answer_learns_so() -> None:
    version = [(b"id\r", b"id\r\nBooting Zephyr OS v3.7.0\r\n> "), AWAKE]
    with expected_protocol([AWAKE] + version * 2 + version[:1], **ZEPHYR) as (shell, _):
        with pytest.raises(BoardRestarts, match=r"part of an answer.* another restart\.expect") as caught:
            shell.identify()
        assert "v3.7.0" in str(caught.value.details["received"])


@pytest.mark.parametrize("slowly", [False, True])
def test_a_sign_of_a_restart_in_an_echo_is_part_of_the_value(slowly: bool) -> None:
    script = [
        WOKEN,
        (b"setenv a 'x DRAM:'\r", b"setenv a 'x \r\nDRAM:'\r\n=> "),  # wrapped by the console just before it
        SAVED,
    ]
    with expected_protocol(script, slowly=slowly) as (shell, _):
        shell.configure({"a": "x DRAM:"})


BARE = {"send": "get {name}", "capture": "^(?!no)(?P<value>.*)"}


@pytest.mark.parametrize("value", ["DRAM:", "*** DRAM: 1", "[ 0.1] Hit any key"])
def test_a_value_that_would_be_read_back_as_a_restart_is_refused(value: str) -> None:
    with expected_protocol([], read=BARE) as (shell, _), pytest.raises(ValueUnwritable, match=r"setting a .* restart"):
        shell.check({"a": value})


def test_a_value_that_only_holds_a_sign_of_a_restart_is_good() -> None:
    for capture in ("^{name}=(?P<value>.*)", r"(?P<value>\S+)$", "^(?:a: )?(?P<value>.*)", '^"?(?P<value>[^"]*)'):
        with expected_protocol([], read=BARE | {"capture": capture}) as (shell, _):
            shell.check({"a": "DRAM:"})
    with expected_protocol([], read=BARE) as (shell, _):
        shell.check({"a": "a DRAM: or Hit any key"})


def test_a_board_that_restarts_again_and_again_fails() -> None:
    script = [WOKEN, (SERIAL[0], BOOT), (b" ", b"\r\n=> "), (SERIAL[0], BOOT), (b" ", b"\r\n=> "), (SERIAL[0], BOOT)]
    with expected_protocol(script) as (shell, _), pytest.raises(BoardRestarts, match="restarts by itself"):
        shell.identify()


def test_a_board_that_never_gets_beyond_its_autoboot_restarts() -> None:
    script = [(b"\x03", BOOT), (b" ", BOOT), (b" ", BOOT), (b" ", b"")]
    with expected_protocol(script, boot_s=0.5) as (shell, _), pytest.raises(BoardRestarts):
        shell.identify()


def test_a_lost_answer_is_asked_for_again() -> None:
    script = [WOKEN, (SERIAL[0], b"printenv se"), WOKEN, SERIAL, MAC]
    with expected_protocol(script, reply_s=0.2) as (shell, _):
        assert shell.identify() == WHO


def test_a_garbled_echo_is_sent_again_and_then_given_up() -> None:
    good, bad = (b"setenv a 'abc'\r", b"setenv a 'abc'\r\n=> "), (b"setenv b 'def'\r", b"setenv b 'dxf'\r\n=> ")
    with (
        expected_protocol([WOKEN] + [good, bad, WOKEN] * 2 + [good, bad]) as (shell, _),
        pytest.raises(BoardMisheard),
    ):
        shell.configure({"a": "abc", "b": "def"})


def test_a_question_that_was_perhaps_misheard_is_asked_again() -> None:
    misheard = (SERIAL[0], b"prntenv serial#\r\nUnknown command 'prntenv' - try 'help'\r\n=> ")
    with expected_protocol([WOKEN, misheard, WOKEN, SERIAL, MAC]) as (shell, _):
        assert shell.identify() == WHO


def test_a_board_that_does_not_echo_may_refuse_thrice() -> None:
    refusal = (SERIAL[0], b"Unknown command 'printenv' - try 'help'\r\n=> ")
    with expected_protocol([WOKEN, refusal] * 3) as (shell, _), pytest.raises(BoardRefused):
        shell.identify()


def test_a_commit_whose_newline_was_lost_is_told_again() -> None:
    told = (b"setenv a '1'\r", b"setenv a '1'\r\n=> ")
    commit = UBOOT["commit"] | {"timeout_s": 0.2}
    with expected_protocol([WOKEN, told, (SAVED[0], b"saveenv"), WOKEN, told, SAVED], commit=commit) as (shell, _):
        shell.configure({"a": "1"})


def test_a_beep_in_the_echo_means_that_the_line_was_cut() -> None:
    script = [WOKEN, (b"setenv a 'abcdef'\r", b"setenv a 'ab\x07\x07\x07\x07\x07\r\n=> ")]
    with expected_protocol(script) as (shell, _), pytest.raises(BoardRefused, match="too long"):
        shell.configure({"a": "abcdef"})


def test_silence_is_the_boards_fault() -> None:
    with expected_protocol([(b"\x03", b"")], boot_s=0.1) as (shell, _), pytest.raises(BoardSilent):
        shell.identify()


def test_a_board_that_falls_silent_fails() -> None:
    script = [WOKEN, (SERIAL[0], b""), (b"\x03", b"")]
    with expected_protocol(script, reply_s=0.1, boot_s=0.1) as (shell, _), pytest.raises(BoardSilent):
        shell.identify()


SPEEDS = (9600, 19200, 38400, 57600, 115200, 230400)


@pytest.mark.parametrize(("theirs", "ours"), [(a, b) for a in SPEEDS for b in SPEEDS if a != b])
def test_another_speed_makes_no_text(theirs: int, ours: int) -> None:
    assert garbled(resampled((BOOT + SERIAL[1]) * 3, theirs, ours))


def test_what_is_no_text_is_garbled() -> None:
    said = resampled(BOOT, 9600, 115200)
    with expected_protocol([(b"\x03", said)], boot_s=0.1) as (shell, _), pytest.raises(BoardGarbled):
        shell.identify()


@pytest.mark.parametrize("said", [b"", b"\xfc\0", b"\0\xff\xfe" + BOOT, "Grüße\r\n".encode() * 9, b"\a\x1b[0m\t\b" * 9])
def test_what_a_board_may_well_say_is_not_garbled(said: bytes) -> None:
    assert not garbled(said)


def flood(board: Board) -> None:
    for _ in range(300):
        board.say(b"spam\r\n" * 50)


def test_a_board_that_never_stops_talking_floods() -> None:
    with expected_protocol([WOKEN, (SERIAL[0], flood)]) as (shell, _), pytest.raises(BoardFloods):
        shell.identify()


def test_noise_without_end_instead_of_a_prompt_floods() -> None:
    with expected_protocol([(b"\x03", flood)], boot_s=1.0) as (shell, _), pytest.raises(BoardFloods):
        shell.identify()


def test_a_hang_up_is_the_ports_fault() -> None:
    with expected_protocol([WOKEN, (SERIAL[0], Board.hang_up)]) as (shell, _), pytest.raises(PortLost):
        shell.identify()


def test_cancelling_from_another_thread_ends_it() -> None:
    asked = threading.Event()
    with expected_protocol([WOKEN, (SERIAL[0], lambda board: asked.set())]) as (shell, link):
        stopper = threading.Thread(target=lambda: asked.wait() and link.cancel())
        stopper.start()
        with pytest.raises(Cancelled):
            shell.identify()
        stopper.join()


# ------------------------------------------------------------------ restart and presence


def test_restarts_and_waits_for_the_prompt() -> None:
    script = [WOKEN, (b"reset\r", b"reset\r\nresetting ...\r\n" + BOOT), (b" ", b"\r\n=> "), SERIAL, MAC]
    with expected_protocol(script) as (shell, _):
        assert shell.restart() is True
        assert shell._persist(shell._identify) == WHO


BY_HAND = {"by_hand": True, "expect": "DRAM:", "timeout_s": 20.0}


def test_an_operator_restarts_a_board_that_nothing_else_can(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent for it, and the banner is waited for."""
    waits = threading.Event()

    def switched_off_and_on(board: Board) -> None:
        waits.wait()
        board.say(BOOT)

    script = [WOKEN, SERIAL, MAC, (b"", switched_off_and_on), (b" ", b"\r\n=> "), SERIAL, MAC]
    with expected_protocol(script, restart=BY_HAND) as (shell, _):
        assert shell.identify() == WHO
        listen = shell._console._listen

        def listening(deadline: float) -> bool:
            waits.set()
            return listen(deadline)

        monkeypatch.setattr(shell._console, "_listen", listening)
        assert shell.restart() is True
        assert shell._persist(shell._identify) == WHO


def test_an_operator_who_does_nothing_has_not_restarted_the_board() -> None:
    with expected_protocol([WOKEN, SERIAL, MAC], restart=BY_HAND | {"timeout_s": 0.2}) as (shell, _):
        assert shell.identify() == WHO
        with pytest.raises(BoardSilent):
            shell.restart()


def test_a_board_that_only_says_so_does_not_restart() -> None:
    restart = UBOOT["restart"] | {"timeout_s": 0.2}
    script = [WOKEN, (b"reset\r", b"reset\r\nresetting ...\r\n=> ")]
    with expected_protocol(script, restart=restart) as (shell, _), pytest.raises(BoardStays):
        shell.restart()


def test_a_board_that_says_nothing_once_it_is_told_to_restart_is_silent() -> None:
    restart = UBOOT["restart"] | {"timeout_s": 0.2}
    script = [WOKEN, (b"reset\r", b"reset\r\n")]
    with expected_protocol(script, restart=restart) as (shell, _), pytest.raises(BoardSilent, match="told to restart"):
        shell.restart()


def test_a_restart_that_was_misheard_is_told_again() -> None:
    restart = UBOOT["restart"] | {"timeout_s": 0.2}
    misheard = (b"reset\r", b"reet\r\nUnknown command 'reet' - try 'help'\r\n=> ")
    told = [(b"reset\r", b"reset\r\n" + BOOT), (b" ", b"\r\n=> ")]
    with expected_protocol([WOKEN, SERIAL, MAC, misheard, WOKEN, *told], restart=restart) as (shell, _):
        shell.identify()
        assert shell.restart()


def test_without_a_way_to_restart_nothing_is_done() -> None:
    with expected_protocol([], restart=None) as (shell, _):
        assert shell.restart() is False


def test_a_board_that_answers_is_present() -> None:
    with expected_protocol([WOKEN]) as (shell, _):
        assert shell.present()


def test_a_board_that_talks_is_present_and_its_words_are_kept() -> None:
    said = threading.Event()

    def boot(board: Board) -> None:
        board.say(BOOT)
        said.set()

    with expected_protocol([(b"", boot), (b" ", b"\r\n=> "), SERIAL, MAC]) as (shell, _):
        said.wait()
        assert shell.present()
        assert shell.identify() == WHO


def test_an_empty_fixture_is_not_present() -> None:
    with expected_protocol([(b"\x03", b"")]) as (shell, _):
        assert not shell.present()


# ------------------------------------------------------------------ what can't be written, and what may not be shown


@pytest.mark.parametrize(
    ("quote", "value"),
    [
        ("single", "a\nb"),
        ("double", "bell\x07"),
        ("single", "c1\x9b"),
        ("none", "two words"),
        ("none", "it's"),
        ("none", ""),
        ("none", "a;b"),
        ("single", "x" * 40),
    ],
)
def test_what_the_board_can_not_be_told_is_refused_before_anything_is_sent(quote: str, value: str) -> None:
    with expected_protocol([], quote=quote, line_limit=53) as (shell, _), pytest.raises(ValueUnwritable) as caught:
        shell.configure({"good": "1", "bad": value})
    assert not value or value not in str(caught.value)


def test_a_line_may_be_as_long_as_the_limit() -> None:
    line = b"setenv a '" + b"x" * 41 + b"'\r"
    with expected_protocol([WOKEN, (line, line + b"\n=> "), SAVED], line_limit=len(line)) as (shell, _):
        shell.configure({"a": "x" * 41})


@pytest.mark.parametrize("name", ["", "a b", "a;reset", "a\r", "$a"])
def test_a_name_that_would_be_a_command_is_refused(name: str) -> None:
    with expected_protocol([]) as (shell, _):
        with pytest.raises(ValueUnwritable):
            shell.configure({name: "1"})
        with pytest.raises(ValueUnwritable):
            shell._read(name, "")


AWKWARD = ["", " a  b ", "it's", '"q"', "$HOME `id` $(id)", "a\\b\\", "a;b|c&d", "*?~#!", "ü€", "'" * 3, "{name}"]


@pytest.mark.parametrize("quote", ["single", "double"])
def test_a_real_shell_reads_the_quotes_as_they_were_meant(quote: str) -> None:
    with expected_protocol([], quote=quote, write="{name} %s {value}") as (shell, _):
        for value in AWKWARD:
            (line,) = shell._lines.of({"printf": value})["printf"]
            assert subprocess.run(["sh", "-c", line], capture_output=True, check=True).stdout.decode() == value


def test_uboot_wants_backslashes_doubled() -> None:
    with expected_protocol(
        [WOKEN, (rb"setenv a 'x\\y'\''z'" + b"\r", rb"setenv a 'x\\y'\''z'" + b"\r\n=> "), SAVED], quote="uboot"
    ) as (shell, _):
        shell.configure({"a": r"x\y'z"})


@pytest.mark.parametrize(
    ("quote", "value", "quoted"),
    [
        ("escape", r"$x `y` 'z'", rb""" "$x `y` 'z'" """),
        ("escape", 'a"b\\c', rb""" "a\"b\\c" """),
        ("escape", "", b' "" '),
        ("zephyr", r"$x `y` 'z'", rb""" "$x `y` 'z'" """),
        ("zephyr", 'a"b\\c\\', rb""" "a\"b\x5cc\x5c" """),
        ("zephyr", r"\x41", rb""" "\x5cx41" """),
        ("zephyr", "Tür 2, 5 €", rb""" "T\xc3\xbcr 2, 5 \xe2\x82\xac" """),
    ],
)
def test_boards_that_are_no_posix_shell_have_their_own_quotes(quote: str, value: str, quoted: bytes) -> None:
    line = b"setenv a " + quoted.strip()
    with expected_protocol([WOKEN, (line + b"\r", line + b"\r\n=> "), SAVED], quote=quote) as (shell, _):
        shell.configure({"a": value})


def test_a_check_refuses_what_configure_would_and_says_nothing_to_the_board() -> None:
    with expected_protocol([], quote="none") as (shell, _):
        shell.check({"good": "1"})
        with pytest.raises(ValueUnwritable, match="bad"):
            shell.check({"good": "1", "bad": "two words"})
    NoBoard().check({"bad": "\0"})


KEY = "0123456789abcdef0123456789abcdef01234567"
TOLD = b"setenv key '" + KEY.encode() + b"'"
WRAPPED = TOLD[:30] + b"\r\n" + TOLD[30:40] + b" \r" + TOLD[40:]


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (WRAPPED + b"\r\n## Error " + KEY.encode() + b"\r\n=> ", BoardRefused),
        (TOLD[:36] + b"\x07" * 17 + b"\r\n=> ", BoardRefused),
        (WRAPPED + BOOT, BoardSilent),
        (TOLD[:36], BoardSilent),
    ],
)
def test_a_secret_is_in_no_error_and_no_transcript(answer: bytes, fault: type[DriverError]) -> None:
    script = [WOKEN, (TOLD + b"\r", answer)] + [(b"\x03", b"")] * (fault is BoardSilent)
    with expected_protocol(script, slowly=True, interrupt=None, reply_s=0.3, boot_s=0.3) as (shell, link):
        link.hide(KEY)
        with pytest.raises(fault) as caught:
            shell.configure({"key": KEY})
        shown = repr(caught.value) + repr(caught.value.details) + repr(link.transcript)
        assert "***" in shown
        assert not any(KEY[i : i + 8] in shown for i in range(len(KEY) - 7))


def test_every_fault_has_bounded_details() -> None:
    with expected_protocol([WOKEN, (SERIAL[0], SERIAL[0] + b"\n" + b"\x00\xff" * 5000 + b"\r\n=> ")]) as (shell, _):
        with pytest.raises(DriverError) as caught:
            shell.identify()
        assert all(len(str(detail)) <= 200 and str(detail).isprintable() for detail in caught.value.details.values())


# ------------------------------------------------------------------ the recipe's table


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"prompt": None}, "either prompt"),
        ({"prompt_pattern": "x"}, "either prompt"),
        ({"prompt": None, "prompt_pattern": "x*"}, "empty text"),
        ({"prompt": None, "prompt_pattern": "("}, "regular expression"),
        ({"error": "("}, "regular expression"),
        ({"identify": []}, "at least 1"),
        ({"identify": [{"send": "id", "capture": "(?P<hardware_id>.)"}]}, "no serial"),
        ({"identify": [{"send": "id", "capture": "(?P<serial>.)"}] * 2}, "twice: serial"),
        ({"identify": [{"send": "id", "capture": "(?P<seriel>.)"}]}, "named groups"),
        ({"identify": [{"send": "id {name}", "capture": "(?P<serial>.)"}]}, "nothing fills {name}"),
        ({"write": "setenv {name}"}, "needs {value}"),
        ({"write": "setenv {name} {value} {cik}"}, "nothing fills {cik}"),
        ({"read": {"send": "printenv", "capture": "(?P<value>.)"}}, "needs {name}"),
        ({"read": {"send": "printenv {name}", "capture": "{name}=(.)"}}, "P<value>"),
        ({"read": {"send": "printenv {name}", "capture": "("}}, "no regular expression"),
        ({"read": UBOOT["read"] | {"unset": "("}}, "no regular expression"),
        ({"restart": {"send": "reset", "expect": "res"}}, "echo"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_a_wrong_table_is_refused_when_it_is_loaded(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint.replace("(", r"\(")):
        Shell.Options.model_validate({k: v for k, v in (UBOOT | change).items() if v is not None})


def test_a_variable_of_the_boards_own_shell_is_no_placeholder() -> None:
    changed = UBOOT | {"write": "setenv {name} ${prefix}{value}"}
    assert Shell.Options.model_validate(changed).write == "setenv {name} ${prefix}{value}"


def test_every_key_is_explained() -> None:
    schema = Shell.Options.model_json_schema()
    tables = [schema, *schema["$defs"].values()]
    keys = [(table["title"], key, field) for table in tables for key, field in table["properties"].items()]
    assert keys and all(field.get("description") for _, _, field in keys), keys
