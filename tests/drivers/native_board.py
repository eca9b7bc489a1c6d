"""A board with USB of its own: its port is away while it restarts, and comes back under another number."""

from __future__ import annotations

import fcntl
import os
import threading
import time
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from board_script import PATIENCE_S, Board, Reply

from drivers.link import Link
from drivers.uart import LinkOptions, Pulse

RESET = (Pulse(rts=True, hold_s=0.05), Pulse(rts=False))


class NativeBoard(Board):
    """The far end behind a path that stays: a link, as udev makes them, to whatever number the port has now."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.link: Link | None = None
        self.said = 0
        self._former: list[int] = []
        self._path = path
        self._name()

    def say(self, data: bytes) -> None:
        super().say(data)
        self.said += len(data)

    def await_heard(self) -> None:
        """Wait until the near end has read all that was said: what it has not is lost with the port."""
        until = time.monotonic() + PATIENCE_S
        while self.link and time.monotonic() < until:
            if sum(len(passage.data) for passage in self.link.transcript if passage.direction == "<") == self.said:
                break
            time.sleep(0.001)

    def leave(self) -> None:
        """Take the port along; its number stays taken, so that it is another one the next time."""
        self._path.unlink()
        self.hang_up()

    def come_back(self, *, seized: bool = False) -> None:
        """Bring the port back; ``seized``: somebody is faster than the station, and keeps it."""
        self._former.append(self._slave)
        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        if seized:
            fcntl.flock(self._slave, fcntl.LOCK_EX)
        self._name()

    def restart(self) -> None:
        self.leave()
        self.come_back()

    def close(self) -> None:
        super().close()
        for slave in self._former:
            os.close(slave)

    def _name(self) -> None:
        self.numbered = self.port
        self._path.symlink_to(self.port)


def restarts(board: Board) -> None:
    """Be a reply of a script: restart, once all that was said before has been heard."""
    assert isinstance(board, NativeBoard)
    board.await_heard()
    board.restart()


@contextmanager
def native(
    folder: Path, script: Sequence[tuple[bytes, Reply]] = (), options: LinkOptions | None = None
) -> Iterator[tuple[NativeBoard, Link]]:
    """Give a link to such a board, which expects and answers ``script``."""
    board, complaints = NativeBoard(folder / "by-path"), []

    def play() -> None:
        for expected, reply in script:
            if (got := board.hear(len(expected))) != expected:
                complaints.append(f"expected {expected!r}, got {got!r}")
                board.hang_up()
                return
            if callable(reply):
                reply(board)
            else:
                board.say(reply)

    far_end = threading.Thread(target=play)
    try:
        with Link.open(str(folder / "by-path"), options or LinkOptions(returns_s=PATIENCE_S)) as link:
            board.link = link
            far_end.start()
            yield board, link
    finally:
        if far_end.ident:
            far_end.join()
        board.close()
    assert not complaints, complaints
