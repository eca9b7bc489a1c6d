"""What ``station boards probe`` makes of boards of every language, and what it never sends."""

from __future__ import annotations

import os
import select
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from board_on_port import RECIPES, board_on_port, soon
from click.testing import CliRunner

from drivers.errors import PortUnusable
from drivers.form import Form, form_of, printable_part
from drivers.link import Link
from drivers.probe import Guess, Heard, probe
from drivers.uart import LinkOptions
from station.cli.boards.probe import command


def probed(port: str, *rates: int) -> tuple[Guess | None, list[Heard]]:
    heard: list[Heard] = []
    return probe(lambda options: Link.open(port, options), rates, heard.append, soon()), heard


@contextmanager
def answering(answer: Callable[[bytes], bytes]) -> Iterator[tuple[str, bytearray]]:
    """A far end on a pty that answers each piece that it hears; all of it is kept."""
    master, slave = os.openpty()
    tty.setraw(slave)
    heard, ended = bytearray(), threading.Event()

    def run() -> None:
        while not ended.is_set():
            if select.select([master], [], [], 0.02)[0]:
                data = os.read(master, 4096)
                heard.extend(data)
                os.write(master, answer(data))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield os.ttyname(slave), heard
    finally:
        ended.set()
        thread.join()
        os.close(master)
        os.close(slave)


# ------------------------------------------------------------------ languages


@pytest.mark.parametrize("dialect", ["at", "line", "shell"])
def test_simulated_boards_are_told_by_their_language(dialect: str, tmp_path: Path) -> None:
    with board_on_port(tmp_path, dialect=dialect) as board:
        guess, heard = probed(board.port, 115200)
    assert guess is not None and (guess.dialect, guess.baud, guess.form) == (dialect, 115200, Form(8, "none")), heard


REPL = {b"\x03": b"\r\n>>> ", b"\x01": b"raw REPL; CTRL-B to exit\r\n>", b"\x02": b"\r\nMicroPython v1.20\r\n>>> "}


def raw_repl(data: bytes) -> bytes:
    return REPL.get(data, b"")


@pytest.mark.parametrize(
    ("answer", "dialect", "prompt"),
    [
        (raw_repl, "micropython", ""),
        (lambda data: b"^C\r\n\x1b[1;32muart:~$ \x1b[m", "shell", "uart:~$ "),
        (lambda data: b"\r\ndebian login: ", "shell", ""),
        (lambda data: b"^C\r\nroot@board:~# ", "shell", "root@board:~# "),
        (lambda data: b"I (1234) wifi: connected\r\n", None, ""),
        # Nothing on Ctrl-C, as linenoise of the ESP-IDF console may have it.
        (lambda data: b"esp> #\r\nUnrecognized command\r\nesp> " if data == b"#\r" else b"", "shell", "esp> "),
        (lambda data: data.replace(b"\r", b"\r\r\n") + (b"OK\r\n" if data == b"AT\r" else b""), "at", ""),
        (lambda data: b"\rOK\r" if data == b"AT\r" else b"", "at", ""),
        (lambda data: data + b"0\r" if data == b"AT\r" else b"4\r" if data[-1:] == b"\r" else b"", "at", ""),
    ],
    ids=[
        "micropython",
        "zephyr",
        "login",
        "linux",
        "chatty",
        "esp-idf",
        "at with echo",
        "at with CR",
        "at with numbers",
    ],
)
def test_boards_are_told_by_what_they_answer(
    answer: Callable[[bytes], bytes], dialect: str | None, prompt: str
) -> None:
    with answering(answer) as (port, _):
        guess, heard = probed(port, 115200)
    assert guess is not None and (guess.dialect, guess.prompt) == (dialect, prompt), heard


def at_module(
    refusal: bytes = b"ERROR", *, ends_at: bytes = b"\r", echo: bool = False, before: bytes = b"", swallows: int = 0
) -> Callable[[bytes], bytes]:
    """A strict AT module: whatever is not exactly ``AT`` is refused, with all that stood in its line ``before``."""
    line = bytearray(before)

    def answer(data: bytes) -> bytes:
        nonlocal swallows
        said = bytearray()
        for byte in data:
            said += bytes([byte]) if echo else b""
            line.append(byte)
            if not line.endswith(ends_at):
                continue
            word = bytes(line).strip()
            line.clear()
            if word == b"AT" and swallows:
                swallows -= 1
            elif word == b"AT":
                said += b"\r\nOK\r\n"
            elif word and refusal:
                said += b"\r\n" + refusal + b"\r\n"
        return bytes(said)

    return answer


@pytest.mark.parametrize(
    ("refusal", "echo", "before"),
    [
        (b"ERROR", True, b""),
        (b"+CME ERROR: 100", False, b""),
        (b"AT_COMMAND_NOT_FOUND", False, b"\n?00 HELLO*06A7\n"),
        (b"", False, b"\n?00 HELLO*06A7\n"),
        (b"", True, b""),
    ],
    ids=["echo", "no echo", "probed before", "refuses silently", "echo alone"],
)
def test_a_module_that_ends_commands_at_cr_and_refuses_all_but_at_is_told(
    refusal: bytes, echo: bool, before: bytes
) -> None:
    with answering(at_module(refusal, echo=echo, before=before)) as (port, heard):
        guess, _ = probed(port, 115200)
    assert guess is not None and (guess.dialect, guess.newline) == ("at", ""), heard
    assert heard.count(b"#") <= 3 and heard.count(b"AT") <= 3


def test_a_module_that_waits_for_the_lf_is_told_with_its_newline() -> None:
    with answering(at_module(ends_at=b"\n", echo=True)) as (port, _):
        result = CliRunner().invoke(command, [port, "--baud", "115200"])
    assert result.exit_code == 0 and '[at]\n  newline = "\\r\\n"\n' in result.output, result.output


def test_a_recipe_does_not_fit_a_module_that_takes_another_newline() -> None:
    """ESP-AT takes nothing but CR LF, so that HELLO stays in its line."""
    recipes = [RECIPES / name for name in ("esp-at.toml", "rehearsal-at.toml")]
    words = [word for recipe in recipes for word in ("--recipe", str(recipe))]
    with answering(at_module(ends_at=b"\r\n")) as (port, _):
        result = CliRunner().invoke(command, [port, "--baud", "115200", *words])
    assert f"{recipes[0]}: fits\n" in result.output, result.output
    assert f"{recipes[1]}: does not fit: its newline is '\\r', the board's '\\r\\n'\n" in result.output


@pytest.mark.parametrize("echo", [True, False])
def test_a_module_that_swallows_its_first_at_is_told(echo: bool) -> None:
    """An autobauding one measures it."""
    with answering(at_module(b"", echo=echo, swallows=1)) as (port, heard):
        guess, _ = probed(port, 115200)
    assert guess is not None and guess.dialect == "at", heard


def test_a_module_that_is_locked_is_taken_for_one_by_its_error() -> None:
    with answering(lambda data: b"\r\nERROR\r\n" if b"\r" in data else b"") as (port, _):
        guess, _ = probed(port, 115200)
    assert guess is not None and guess.dialect == "at" and "ERROR" in guess.because


def test_a_wire_from_tx_to_rx_is_told() -> None:
    with answering(lambda data: data) as (port, _):
        guess, _ = probed(port, 115200)
    assert guess is not None and guess.dialect is None and "are RX and TX connected" in guess.because


def test_an_autoboot_is_remarked(tmp_path: Path) -> None:
    with answering(lambda data: b"U-Boot\r\nHit any key to stop autoboot:  2 \b\b\b 0\r\n=> ") as (port, _):
        guess, _ = probed(port, 115200)
    assert guess is not None and (guess.prompt, guess.interrupt) == ("=> ", "Hit any key to stop autoboot:")


# ------------------------------------------------------------------ what is never sent


def test_a_boot_loader_never_hears_the_end_of_a_line(tmp_path: Path) -> None:
    """U-Boot would repeat its last command."""
    with answering(lambda data: b"<INTERRUPT>\r\n=> ") as (port, heard):
        guess, _ = probed(port, 9600, 115200)
    assert guess is not None and set(heard) == {0x03}


def test_no_speed_hears_more_than_ctrl_c_before_all_have_heard_it() -> None:
    """A boot loader at 9600 baud makes something of what is sent at others, and is silent: no empty line, at least."""
    ports: list[str] = []

    def answer(data: bytes) -> bytes:
        with open(ports[0], "rb", buffering=0, opener=lambda path, flags: os.open(path, flags | os.O_NOCTTY)) as look:
            at_9600 = termios.tcgetattr(look)[5] == termios.B9600
        return b"<INTERRUPT>\r\n=> " if at_9600 else b""

    with answering(answer) as (port, heard):
        ports.append(port)
        guess, _ = probed(port, 115200, 57600, 9600)
    assert guess is not None and (guess.baud, guess.prompt) == (9600, "=> ") and set(heard) == {0x03}


def test_what_talks_garbage_hears_nothing_but_ctrl_c() -> None:
    with answering(lambda data: b"\xff\x00\xfe\x80" * 4) as (port, heard):
        guess, _ = probed(port, 9600, 115200)
    assert guess is None and set(heard) == {0x03}


def test_a_board_that_comes_late_is_asked_gently_from_the_beginning() -> None:
    """At first nobody is there; when the line ends are tried, somebody has come at another speed."""

    def answer(data: bytes) -> bytes:
        nonlocal late
        late = late or data != b"\x03"
        return (b"\x80\xff\xfe\x80" if data != b"\x03" else b"<INTERRUPT>\r\n=> ") if late else b""

    late = False
    with answering(answer) as (port, heard):
        guess, _ = probed(port, 115200)
    assert guess is not None and guess.prompt == "=> "
    assert bytes(heard) == b"\x03#\r" + b"\x03" * (len(heard) - 3)


@pytest.mark.parametrize("instant", [3, 6, 10])
def test_a_board_that_is_switched_on_at_any_moment_is_told(instant: int) -> None:
    """It prints while it starts, and answers nothing in that time."""
    said = 0

    def answer(data: bytes) -> bytes:
        nonlocal said
        said += 1
        if said < instant:
            return b""
        if said < instant + 7:
            return b"[    0.%d] device %d is ready\r\n" % (said, said)
        return b"^C\r\nroot@board:~# " if data == b"\x03" else b"root@board:~# "

    with answering(answer) as (port, _):
        guess, heard = probed(port, 115200, 57600)
    assert guess is not None and (guess.dialect, guess.prompt) == ("shell", "root@board:~# "), heard


def test_a_form_that_the_port_can_not_be_set_to_is_told() -> None:
    def open_link(options: LinkOptions) -> Link:
        if options.data_bits == 7:
            raise PortUnusable("no 7 bits here")
        return Link.open(port, options)

    with answering(lambda data: with_parity(b"login: who is there?\r\n", 0)) as (port, _):
        guess = probe(open_link, (9600,), lambda heard: None, soon())
    assert guess is not None and (guess.baud, guess.form, guess.dialect) == (9600, Form(7, "even"), None)
    assert "7 bits and even parity" in guess.because and "no 7 bits here" in guess.because


def test_it_ends_at_its_deadline_whatever_comes() -> None:
    with answering(lambda data: b"\xff" * 64) as (port, heard):
        guess = probe(lambda options: Link.open(port, options), (9600,), lambda heard: None, time.monotonic() - 1)
    assert guess is None and not heard


# ------------------------------------------------------------------ what is text


def with_parity(text: bytes, odd: int) -> bytes:
    return bytes(byte | (((byte.bit_count() + odd) & 1) << 7) for byte in text)


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (b"U-Boot 2023.01\r\n=> ", Form(8, "none")),
        ("Grüße\r\n".encode(), Form(8, "none")),
        (b"\x1b[0;32mI (31) boot\x1b[0m\r\n", Form(8, "none")),
        (with_parity(b"login: who is there?", 0), Form(7, "even")),
        (with_parity(b"login: who is there?", 1), Form(7, "odd")),
        (bytes(range(0x80, 0x100)), None),
        (b"\x00\x00\xff\xfe", None),
        (b"", None),
    ],
)
def test_text_is_told_from_garbage(data: bytes, form: Form | None) -> None:
    assert form_of(data) == form


def test_the_part_that_is_text_is_a_part() -> None:
    assert printable_part(b"ab\x00\x01") == 0.5 and printable_part(b"") == 0.0
    assert not Heard(9600, "Ctrl-C", b"abc").is_text  # so few may be chance
    assert LinkOptions.model_validate({"baud": 9600, **Form(7, "even")._asdict()}).parity == "even"


def test_a_few_characters_are_not_called_no_text() -> None:
    with answering(lambda data: b"^C" if data == b"\x03" else b"") as (port, _):
        result = CliRunner().invoke(command, [port, "--baud", "115200"])
    assert result.exit_code == 1 and "too few to tell who says them" in result.output
    assert "no text" not in result.output and "console PORT --baud 115200\n" in result.output


def test_text_without_an_answer_is_not_called_a_few_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is when the port goes away with every question."""

    def silenced(_open: object, rates: list[int], told: Callable[[Heard], None], _deadline: float) -> None:
        told(Heard(rates[0], "Ctrl-C", b"^C"))
        told(Heard(rates[1], "listening", b"U-Boot 2023.01\r\n\x80"))

    monkeypatch.setattr("drivers.probe.probe", silenced)
    result = CliRunner().invoke(command, ["/dev/null", "--baud", "9600", "--baud", "57600"])
    assert result.exit_code == 1 and "Text came, but nothing in answer" in result.output, result.output
    assert "few characters" not in result.output and "console PORT --baud 57600\n" in result.output
