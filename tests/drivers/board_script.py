"""A board on a real pty that says exactly what a script says, and takes exactly the bytes that the script expects."""

from __future__ import annotations

import fcntl
import os
import select
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from unittest.mock import patch

from drivers.link import Link
from drivers.shell import Shell
from drivers.uart import LinkOptions

PATIENCE_S = 20.0
"""So long the far end waits for what must come; only a failing test takes it."""

UBOOT: dict[str, Any] = {
    "prompt": "=> ",
    "interrupt": {"on": "Hit any key", "send": " "},
    "wake": {"every_s": 20.0},
    "identify": [
        {"send": "printenv serial#", "capture": r"serial#=(?P<serial>\S+)"},
        {"send": "printenv ethaddr", "capture": r"ethaddr=(?P<hardware_id>\S+)"},
    ],
    "write": "setenv {name} {value}",
    "quote": "single",
    "commit": {"send": "saveenv", "expect": "OK", "timeout_s": 10.0},
    "read": {"send": "printenv {name}", "capture": "^{name}=(?P<value>.*)"},
    "error": "^## Error|^Unknown command",
    "restart": {"send": "reset", "expect": "DRAM:", "timeout_s": 10.0},
    "reply_s": 10.0,
    "boot_s": 10.0,
}
WOKEN = (b"\x03", b"<INTERRUPT>\r\n=> ")

Reply = bytes | Callable[["Board"], None]


class Board:
    """The far end of a pty: a master side, and the slave side's path in ``port``."""

    def __init__(self) -> None:
        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)

    def say(self, data: bytes) -> None:
        os.write(self.master, data)

    def flushed(self) -> None:
        """Wait until the near end has taken all that was said."""
        until = time.monotonic() + PATIENCE_S
        while fcntl.ioctl(self._slave, termios.FIONREAD, b"    ") != b"\0\0\0\0" and time.monotonic() < until:
            time.sleep(0.0001)

    def hear(self, count: int) -> bytes:
        """Return exactly ``count`` bytes, or what came before the end of patience."""
        got = b""
        while len(got) < count and select.select([self.master], [], [], PATIENCE_S)[0]:
            got += os.read(self.master, count - len(got))
        return got

    def hears(self) -> bool:
        """Tell whether something has been sent that was not heard yet."""
        return bool(select.select([self.master], [], [], 0)[0])

    def hang_up(self) -> None:
        """Go away: the near end's port is hung up, and its path vanishes."""
        master, self.master = self.master, -1  # one step, since two threads may come here
        if master >= 0:
            os.close(master)

    def close(self) -> None:
        self.hang_up()
        os.close(self._slave)

    def flush(self) -> None:
        """Throw away what the near end never read, so that no write waits for it."""
        with suppress(termios.error):  # hung up
            termios.tcflush(self._slave, termios.TCIFLUSH)


@contextmanager
def open_link(options: LinkOptions | None = None) -> Iterator[tuple[Board, Link]]:
    board = Board()
    try:
        with Link.open(board.port, options or LinkOptions()) as link:
            yield board, link
    finally:
        board.close()


@contextmanager
def expected_protocol(
    script: Sequence[tuple[bytes, Reply]],
    *,
    slowly: bool = False,
    secrets: Mapping[str, str] | None = None,
    table: Mapping[str, Any] = UBOOT,
    **changes: Any,
) -> Iterator[tuple[Shell, Link]]:
    """Give a shell whose board expects and answers ``script``; ``changes`` are changes to the recipe's ``table``."""
    changed = {key: value for key, value in {**table, **changes}.items() if value is not None}
    with scripted(script, slowly=slowly) as link:
        yield Shell(link, Shell.Options.model_validate(changed), secrets or {}), link


@contextmanager
def scripted(script: Sequence[tuple[bytes, Reply]], *, slowly: bool = False) -> Iterator[Link]:
    """Give a link whose board expects and answers ``script``, no byte more and no byte less.

    An exchange that expects nothing is said at once.  ``slowly`` makes every byte arrive alone.
    """
    complaints: list[str] = []
    with open_link() as (board, link), patch("drivers.wire.CHUNK", 1 if slowly else 4096):

        def play() -> None:
            for expected, reply in script:
                if (got := board.hear(len(expected))) != expected:
                    complaints.append(f"expected {expected!r}, got {got!r}")
                    return
                if callable(reply):
                    reply(board)
                else:
                    board.say(reply)

        far_end = threading.Thread(target=play)
        far_end.start()
        try:
            yield link
        finally:
            until = time.monotonic() + PATIENCE_S * 2
            while far_end.is_alive() and time.monotonic() < until:
                board.flush()
                far_end.join(0.01)
            if board.master >= 0 and select.select([board.master], [], [], 0)[0]:
                complaints.append(f"more than expected: {os.read(board.master, 4096)!r}")
    assert not complaints, complaints
