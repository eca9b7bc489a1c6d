"""The real program on a real terminal: how it is left, whatever happens."""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import ioctl
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PATIENCE = 60.0
"""Seconds after which a test gives up; nothing is measured by it."""
F10 = b"\x1b[21~"
LEAVE_ALTERNATE, SHOW_CURSOR = b"\x1b[?1049l", b"\x1b[?25h"


class Child:
    """A program on a pseudo-terminal, and a socket over which it tells what it did."""

    def __init__(self, scenario: str) -> None:
        self.master, self.slave = os.openpty()
        ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.socket, theirs = socket.socketpair()
        path = os.pathsep.join([str(HERE), str(HERE.parents[1])])
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "screen_child.py"), scenario, str(theirs.fileno())],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
            env={**os.environ, "TERM": "linux", "PYTHONPATH": path},
        )
        theirs.close()
        self.written = b""

    def read(self, until: bytes) -> None:
        """Read what the program writes on its terminal, until it has written this."""
        deadline = time.monotonic() + PATIENCE
        while until not in self.written:
            assert self._read_some(deadline - time.monotonic()), f"{until!r} never came"

    def told(self) -> str:
        """Return the next word over the socket."""
        self.socket.settimeout(PATIENCE)
        word = b""
        while not word.endswith(b"\n"):
            byte = self.socket.recv(1)
            assert byte, "the program ended without a word"
            word += byte
        return word.decode().strip()

    def end(self) -> int:
        """Read to the end of the program and return its exit code."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < deadline, "the program does not end"
            self._read_some(0.05)
        while self._read_some(0):
            pass
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.socket.close()
        for descriptor in (self.master, self.slave):
            if descriptor >= 0:
                os.close(descriptor)

    def hang_up(self) -> None:
        """Take the terminal away."""
        os.close(self.slave)
        os.close(self.master)
        self.slave = self.master = -1

    def _read_some(self, seconds: float) -> bool:
        if not select.select([self.master], [], [], max(0.0, seconds))[0]:
            return False
        self.written += os.read(self.master, 65536)
        return True


@contextmanager
def running(scenario: str) -> Iterator[Child]:
    child = Child(scenario)
    try:
        yield child
    finally:
        child.close()


def assert_clean(child: Child) -> None:
    """The terminal is as it was: screen, cursor, mouse, keys, line discipline."""
    out = child.written
    assert out.count(b"\x1b[?1049h") == 1
    assert out.rindex(LEAVE_ALTERNATE) > out.rindex(b"\x1b[?1049h")
    assert SHOW_CURSOR in out[out.rindex(LEAVE_ALTERNATE) :]
    for mode in (b"1000", b"1003", b"1004", b"1006", b"1015", b"2004"):
        assert out.rindex(b"\x1b[?" + mode + b"l") > out.rindex(b"\x1b[?" + mode + b"h"), mode
    assert out.rindex(b"\x1b[?7h") > out.rindex(b"\x1b[?7l"), "lines wrap again"
    assert termios.tcgetattr(child.slave) == child.before


def assert_stopped_before_left(child: Child) -> None:
    assert child.written.count(b"<bench stopped>") == 1
    assert child.written.index(b"<bench stopped>") < child.written.index(LEAVE_ALTERNATE)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_bench_and_then_leaves_a_clean_terminal(number):
    with running("plain") as child:
        child.read(b"slot-8")
        child.process.send_signal(number)
        assert child.end() == 0
        assert_stopped_before_left(child)
        assert_clean(child)
        assert child.written.endswith(b"l") or child.written.endswith(SHOW_CURSOR), "nothing is printed afterwards"


def test_the_quit_key_does_the_same():
    with running("plain") as child:
        child.read(b"slot-8")
        os.write(child.master, F10)
        child.read(b"Stop the station?")
        assert b"<bench stopped>" not in child.written
        os.write(child.master, F10)
        assert child.end() == 0
        assert_stopped_before_left(child)
        assert_clean(child)


def test_more_signals_do_no_harm_and_the_screen_says_that_it_is_stopping():
    with running("slow") as child:
        child.read(b"slot-8")
        child.process.send_signal(signal.SIGTERM)
        assert child.told() == "stopping"
        child.read(b"The station is stopping")
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            child.process.send_signal(number)
        assert LEAVE_ALTERNATE not in child.written
        child.socket.send(b"!")
        assert child.told() == "stopped"
        child.process.send_signal(signal.SIGTERM)
        assert child.end() == 0
        assert_stopped_before_left(child)
        assert_clean(child)


def test_a_bench_that_fails_to_stop_is_told_on_a_clean_terminal():
    with running("raises") as child:
        child.read(b"slot-8")
        child.process.send_signal(signal.SIGTERM)
        assert child.end() == 1
        assert_clean(child)
        left = child.written.index(LEAVE_ALTERNATE)
        assert child.written.index(b"the bench would not stop") > left


def test_a_screen_that_breaks_stops_the_bench_too():
    with running("broken") as child:
        assert child.end() == 1
        assert child.told() == "stopped"
        assert_clean(child)
        assert b"the floor is broken" in child.written


def test_a_terminal_that_goes_away_stops_the_bench_and_ends_the_program():
    with running("hangup") as child:
        child.read(b"slot-8")
        child.hang_up()
        assert child.told() == "stopped"
        assert child.process.wait(PATIENCE) == 0


def test_a_terminal_that_takes_nothing_does_not_keep_the_bench_from_stopping():
    with running("stuck") as child:
        assert child.told() == "stuck"
        child.process.send_signal(signal.SIGTERM)
        assert child.told() == "stopped"
        assert child.end() == 0
        assert_clean(child)
