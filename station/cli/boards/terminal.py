"""Our own terminal in raw mode: every key goes out as it is, every byte of the board is shown as it is."""

from __future__ import annotations

import os
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_AS_BEFORE = b"\x1b[0m\x1b[?25h\x1b[?7h\x1b[?2004l\x1b[?1l\x1b>"
"""What a board may have changed: colours, a hidden cursor, no wrapping, bracketed paste, other cursor keys."""


@contextmanager
def raw() -> Iterator[None]:
    """Take the terminal over, and give it back as it was, however the block ends."""
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    tty.setraw(keyboard)
    try:
        yield
    finally:
        with suppress(OSError):
            show(_AS_BEFORE)
        with suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


def keys() -> bytes:
    """Return what was typed, or came by a paste; nothing once the terminal is gone.  Waits for the first key."""
    try:
        return os.read(sys.stdin.fileno(), 4096)
    except OSError:
        return b""


def show(data: bytes) -> None:
    """Put bytes on the screen, all of them."""
    while data:
        data = data[os.write(sys.stdout.fileno(), data) :]


def say(text: str) -> None:
    """Say something of our own, on a line of its own."""
    show(f"\r\n[{text}]\r\n".encode())
