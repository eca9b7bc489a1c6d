"""``station boards console`` on a real terminal, with a simulated board that comes and goes."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import stat
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from board_on_port import PATIENCE_S, RECIPES, board_on_port
from station_process import station

LEAVE = b"\x1d"
SECRET = "s3cret-pass-0123"
KEY = "0123456789abcdef0123456789abcdef01234567"


class Terminal:
    """A terminal in which the console runs."""

    def __init__(self, *words: str | Path) -> None:
        self.ours, self.its = pty.openpty()
        self.before = termios.tcgetattr(self.its)
        command = [sys.executable, "-m", "station", "boards", "console", *map(str, words)]
        self.process = subprocess.Popen(command, stdin=self.its, stdout=self.its, stderr=self.its)
        self.screen = b""

    def until(self, marker: bytes) -> bytes:
        """Return what is on the screen up to the marker, and forget it."""
        ends = time.monotonic() + PATIENCE_S
        while marker not in self.screen:
            ready, _, _ = select.select([self.ours], [], [], max(0.0, ends - time.monotonic()))
            assert ready, f"no {marker!r} in {self.screen!r}"
            self.screen += os.read(self.ours, 65536)
        at = self.screen.index(marker) + len(marker)
        shown, self.screen = self.screen[:at], self.screen[at:]
        return shown

    def type(self, keys: bytes) -> None:
        os.write(self.ours, keys)

    def ended(self) -> int:
        code = self.process.wait(PATIENCE_S)
        assert termios.tcgetattr(self.its) == self.before
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.ours)
        os.close(self.its)


@contextmanager
def console(*words: str | Path) -> Iterator[Terminal]:
    terminal = Terminal(*words)
    try:
        yield terminal
    finally:
        terminal.close()


def test_a_board_is_talked_to_and_all_of_it_written_down(tmp_path: Path) -> None:
    file = tmp_path / "transcript.txt"
    with board_on_port(tmp_path) as board, console(board.port, "--transcript", file) as terminal:
        terminal.until(b"at 115200: Ctrl-] leaves]\r\n")
        assert termios.tcgetattr(terminal.its) != terminal.before
        terminal.type(b"\x03")
        terminal.until(b"=> ")
        terminal.type(b"setenv colour red\r")
        terminal.until(b"=> ")
        terminal.type(b"printenv colour\rversion" + LEAVE + b"this is not sent")
        assert terminal.ended() == 0
        assert board.memory.ram["colour"] == "red"
    said = file.read_text()
    assert re.search(r"(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z > \\x03setenv colour red\\r$", said), said
    assert "< => setenv colour red\\r\\n" in said and "> version" in said and "not sent" not in said
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_secrets_of_the_recipe_are_masked(tmp_path: Path) -> None:
    file, pin = tmp_path / "transcript.txt", tmp_path / "pin"
    pin.touch(mode=0o600)
    pin.write_text(SECRET)
    with board_on_port(tmp_path) as board:
        words = ["--recipe", RECIPES / "rehearsal-shell.toml", "--secret", f"pin=@{pin}", "--transcript", file]
        with console(board.port, *words) as terminal:
            terminal.until(b"leaves]\r\n")
            terminal.type(b"\x03")
            terminal.until(b"=> ")
            for key in f"setenv pin {SECRET}\r".encode():  # a person types one key after the other
                terminal.type(bytes([key]))
            terminal.until(b"=> ")
            terminal.type(f"setenv fleet_key {KEY}\r".encode())
            terminal.until(b"=> ")
            terminal.type(b"printenv fleet_key\r" + LEAVE)
            assert terminal.ended() == 0
        assert (board.memory.ram["pin"], board.memory.ram["fleet_key"]) == (SECRET, KEY)
    said = file.read_text()
    assert SECRET[:8] not in said and KEY[:8] not in said  # the board's key is known by its setting's name alone
    assert "> \\x03setenv pin ***\\r\n" in said and "< => setenv pin ***\\r\\n\n" in said


def test_secrets_are_masked_without_a_recipe_too(tmp_path: Path) -> None:
    file, pin = tmp_path / "transcript.txt", tmp_path / "pin"
    pin.touch(mode=0o600)
    pin.write_text(SECRET)
    with (
        board_on_port(tmp_path) as board,
        console(board.port, "--secret", f"any=@{pin}", "--transcript", file) as terminal,
    ):
        terminal.until(b"leaves]\r\n")
        terminal.type(b"\x03")
        terminal.until(b"=> ")
        terminal.type(f"setenv pin {SECRET}\r".encode())
        terminal.until(b"=> ")
        terminal.type(LEAVE)
        assert terminal.ended() == 0
    said = file.read_text()
    assert SECRET[:8] not in said and "setenv pin ***" in said


def test_a_secret_that_is_an_argument_is_refused(tmp_path: Path) -> None:
    with console("/dev/x", "--secret", f"any={SECRET}") as terminal:
        assert terminal.ended() == 2
        assert SECRET.encode() not in terminal.until(b"others can read an argument")


def test_a_transcript_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "transcript.txt"
    file.touch()
    file.chmod(0o640)
    with console("/dev/x", "--transcript", file) as terminal:
        assert terminal.ended() == 2
        terminal.until(b"chmod 600")
    assert file.read_text() == ""


def test_a_transcript_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    with board_on_port(tmp_path) as board, console(board.port, "--transcript", "/dev/full") as terminal:
        assert terminal.ended() == 1
        terminal.until(b"the transcript can't be written: /dev/full: No space left on device")


def test_a_port_that_goes_away_and_comes_back_is_said_and_used_again(tmp_path: Path) -> None:
    file = tmp_path / "transcript.txt"
    with board_on_port(tmp_path) as board, console(board.port, "--transcript", file) as terminal:
        terminal.until(b"leaves]\r\n")
        board.remove()
        assert b"went away" in terminal.until(b"waiting for it to come back]\r\n")
        terminal.type(b"lost keys")
        board.insert()
        terminal.until(b"is back]\r\n")
        terminal.type(b"\x03")
        terminal.until(b"=> ")
        terminal.type(b"version\r")
        assert b"lost keys" not in terminal.until(b"U-Boot 2023.01")
        terminal.type(LEAVE)
        assert terminal.ended() == 0
    assert " went away: " in file.read_text() and " is back\n" in file.read_text()


def test_one_can_leave_while_the_port_is_away(tmp_path: Path) -> None:
    with board_on_port(tmp_path) as board, console(board.port) as terminal:
        terminal.until(b"leaves]\r\n")
        board.remove()
        terminal.until(b"come back]\r\n")
        terminal.type(LEAVE)
        assert terminal.ended() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_terminal_is_given_back_at_a_signal(number: signal.Signals, tmp_path: Path) -> None:
    with board_on_port(tmp_path) as board, console(board.port) as terminal:
        terminal.until(b"leaves]\r\n")
        terminal.process.send_signal(number)
        assert terminal.ended() == 0
        terminal.until(b"\x1b[0m\x1b[?25h")


def test_keys_that_end_programs_elsewhere_go_to_the_board(tmp_path: Path) -> None:
    with board_on_port(tmp_path) as board, console(board.port) as terminal:
        terminal.until(b"leaves]\r\n")
        terminal.type(b"\x03\x1a\x1c\x04\x03")
        terminal.until(b"<INTERRUPT>\r\n=> ")
        terminal.type(LEAVE)
        assert terminal.ended() == 0


def test_what_can_not_be_is_refused_and_the_terminal_left_alone(tmp_path: Path) -> None:
    with console("/dev/no-such-port") as terminal:
        assert terminal.ended() == 1
        terminal.until(b"[port-missing]")
    done = station("boards", "console", "/dev/no-such-port")
    assert done.returncode == 2 and "a console needs a terminal" in done.stderr


def test_a_speed_goes_before_the_recipes(tmp_path: Path) -> None:
    with board_on_port(tmp_path) as board:
        words = [board.port, "--baud", "9600", "--recipe", RECIPES / "rehearsal-shell.toml"]
        with console(*words) as terminal:
            terminal.until(b"Ctrl-]")
            there = os.open(board.port, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
            assert termios.tcgetattr(there)[5] == termios.B9600
            os.close(there)
            terminal.type(LEAVE)
            assert terminal.ended() == 0
