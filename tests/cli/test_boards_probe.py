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
from board_on_port import board_on_port, soon
from click.testing import CliRunner

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
    ],
    ids=["micropython", "zephyr", "login", "linux", "chatty", "esp-idf", "at with echo", "at with CR"],
)
def test_boards_are_told_by_what_they_answer(
    answer: Callable[[bytes], bytes], dialect: str | None, prompt: str
) -> None:
    with answering(answer) as (port, _):
        guess, heard = probed(port, 115200)
    assert guess is not None and (guess.dialect, guess.prompt) == (dialect, prompt), heard


@pytest.mark.parametrize("echo", [True, False])
@pytest.mark.parametrize("hears_comments", [True, False])
def test_a_module_that_ends_commands_at_cr_and_refuses_all_but_at_is_told(echo: bool, hears_comments: bool) -> None:
    line = bytearray()

    def answer(data: bytes) -> bytes:
        said = bytearray()
        for byte in data:
            said += bytes([byte]) if echo else b""
            if byte == ord("\r"):
                refused = b"" if b"#" in line and not hears_comments else b"\r\nERROR\r\n"
                said += b"\r\nOK\r\n" if bytes(line) == b"AT" else refused
                line.clear()
            else:
                line.append(byte)
        return bytes(said)

    with answering(answer) as (port, heard):
        guess, _ = probed(port, 115200)
    assert guess is not None and guess.dialect == "at", heard
    assert heard.count(b"#") <= 4 and heard.count(b"AT") <= 3


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
    assert "no text" not in result.output
