"""A board of the line protocol that says exactly what a script says, and takes exactly the bytes that it expects."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from board_script import PATIENCE_S, Board, Reply, open_link

from drivers.errors import PortLost
from drivers.line import Line
from drivers.link import Link

LOST_S = 0.4
"""The patience of a test in which a reply gets lost; elsewhere none would be asked for twice."""
READY = b"!-- READY*6B74\n"
BAD = b"!-- BAD*07E2\n"
NOISE = b"\0\xfc I (312) wifi: connected!\r\nW (313) heap? low\n"


def crc(text: bytes) -> str:
    """The checksum as the page says it, bit by bit."""
    register = 0xFFFF
    for byte in text:
        for bit in range(7, -1, -1):
            high = register >> 15 ^ byte >> bit & 1
            register = (register << 1 & 0xFFFF) ^ (0x1021 if high else 0)
    return f"{register:04X}"


def framed(text: str) -> bytes:
    return f"{text}*{crc(text.encode('latin-1'))}".encode("latin-1")


class Talk:
    """A conversation to be had, in the order in which it is written down here."""

    def __init__(self) -> None:
        self._script: list[tuple[bytes, Reply]] = []
        self._number = -1
        self._line = b""

    def asked(self, fields: str, *replies: str | Reply, lf: bool = False) -> Talk:
        """Expect the next request; a reply that is text gets its frame, one in bytes is said as it is."""
        self._number += 1
        self._line = framed(f"?{self._number % 256:02X} {fields}") + b"\n"
        return self._expects(lf, replies)

    def again(self, *replies: str | Reply, lf: bool = False) -> Talk:
        """Expect the same line once more; ``lf``: after an LF, since there was no reply."""
        return self._expects(lf, replies)

    def hello(self, up_ms: int = 5000, limit: int = 120, *, lf: bool = False) -> Talk:
        """Expect HELLO; ``up_ms`` is small if the board restarted."""
        return self.asked("HELLO", f"OK 1 {limit} {up_ms}", lf=lf)

    def still_up(self) -> Talk:
        return self.hello(5_000_000)

    def restarted(self) -> Talk:
        return self.hello(0)

    def unasked(self, data: bytes) -> Talk:
        """Say something right away."""
        self._script.append((b"", data))
        return self

    def reply(self, text: str) -> bytes:
        """The reply to the last request, with its LF."""
        return framed(f"!{self._number % 256:02X} {text}") + b"\n"

    def _expects(self, lf: bool, replies: tuple[str | Reply, ...]) -> Talk:
        said = [self.reply(reply) if isinstance(reply, str) else reply for reply in replies]
        self._script.append((b"\n" * lf + self._line, b""))
        self._script += [(b"", reply) for reply in said]
        return self

    @contextmanager
    def line(self, *, slowly: bool = False, **options: Any) -> Iterator[tuple[Line, Link]]:
        """Give a board whose far end has this conversation, no byte more and no byte less."""
        complaints: list[str] = []
        unhurried = {"patience_s": 30.0, "reply_s": 30.0, "commit_s": 120.0, "boot_s": 30.0}
        with (
            open_link() as (board, link),
            patch("drivers.wire.CHUNK", 1 if slowly else 4096),
            patch("drivers.session._ANSWER_S", options.get("patience_s", 30.0)),
        ):
            far_end = threading.Thread(target=self._play, args=(board, complaints))
            far_end.start()
            try:
                yield Line(link, Line.Options.model_validate(unhurried | options), {}), link
            except PortLost:
                if not complaints:
                    raise
            finally:
                until = time.monotonic() + PATIENCE_S * 2
                while far_end.is_alive() and time.monotonic() < until:
                    board.flush()
                    far_end.join(0.01)
                if board.master >= 0 and select.select([board.master], [], [], 0)[0]:
                    complaints.append(f"more than expected: {os.read(board.master, 4096)!r}")
        assert not complaints, complaints

    def _play(self, board: Board, complaints: list[str]) -> None:
        for expected, reply in self._script:
            if (got := board.hear(len(expected))) != expected:
                complaints.append(f"expected {expected!r}, got {got!r}")
                board.hang_up()  # so that nobody waits for what will not come
                return
            if callable(reply):
                reply(board)
            else:
                board.say(reply)


@contextmanager
def served(tells: Callable[[str], str | None], **options: Any) -> Iterator[tuple[Line, list[str]]]:
    """Give a board that answers as ``tells`` says, however often it is asked, and the lines that it is sent."""
    sent: list[str] = []
    over = threading.Event()
    with open_link() as (board, link):

        def serve() -> None:
            buffer = b""
            while not over.is_set():
                if not select.select([board.master], [], [], 0.05)[0]:
                    continue
                *lines, buffer = (buffer + os.read(board.master, 4096)).split(b"\n")
                for line in filter(None, lines):
                    sent.append(line.decode("ascii"))
                    if (told := tells(sent[-1][4:-5])) is not None:
                        board.say(framed(f"!{sent[-1][1:3]} {told}") + b"\n")

        far_end = threading.Thread(target=serve)
        far_end.start()
        try:
            yield Line(link, Line.Options.model_validate(options), {}), sent
        finally:
            over.set()
            far_end.join()


def met(up_ms: int = 5000, limit: int = 120) -> Talk:
    """A conversation that has begun."""
    return Talk().hello(up_ms, limit, lf=True)
