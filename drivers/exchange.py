"""One request at a time on one link, repeated until its reply comes: the ``line`` protocol's conversation.

A request is idempotent, so whatever is lost or hit on its way is said again.
What a reply means, and whether the board restarted meanwhile, is for
``drivers.line`` to judge.  Nothing here waits while a board answers as it should.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from drivers.errors import BoardError, BoardFloods, BoardGarbled, BoardMisheard, BoardSilent
from drivers.frame import LINE_LIMIT, UNASKED, Lines, Reply, reply, request
from drivers.link import Link
from drivers.text import garbled, printable

REPEATS = 20
"""So often a request is said again because one side did not understand the other."""

_LIMIT = 64 * 1024
"""A board that says so many bytes and gives no reply never stops talking;"""
_PAUSE_S = 0.1
"""nor does one that never is quiet for so long, on a wire that is too slow for so many."""
_EVIDENCE = 4096
"""Bytes that are kept of what a board says before it replies."""
_BUSY_S = 0.1
"""Seconds until a board that is busy is asked again."""
_READY = Reply(UNASKED, "READY")
_BAD = Reply(UNASKED, "BAD")
_HIT = Reply(UNASKED, "")
"""Stands for a reply that is none any more: something hit it on its way."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, and how it came.  Times are readings of ``time.monotonic``."""

    reply: Reply
    sent: float
    """When its request was sent, the last time that it was."""
    heard: float
    """When the reply was there."""
    missed: bool
    """An earlier one was waited for in vain: the board may have restarted meanwhile."""


class Exchange:
    """The station's side of one conversation."""

    def __init__(self, link: Link, patience_s: float) -> None:
        """Use a link; a reply is waited for ``patience_s`` before its request is said again."""
        self._link = link
        self._patience_s = patience_s
        self._number = -1
        self._sequence = UNASKED
        self._line = b""
        self._secret = False
        self._between = False
        """The board has just ended a line, so its buffer is empty."""
        self._lines = Lines()
        self._said: deque[bytes] = deque()
        """Lines from the board that were not looked at yet."""
        self._began = self._last = 0.0
        """When the request was said first, and when the board said anything since."""
        self._pause_s = 0.0
        """The longest time in between in which it said nothing."""
        self._arrived = 0
        """Bytes that came meanwhile, and the end of them."""
        self._heard = bytearray()

    def stirs(self, timeout_s: float) -> bool:
        """Tell whether anything comes from the board, by itself or asked, within ``timeout_s``; an echo is nothing."""
        if self._link.drain():
            return True
        self._begin(("HELLO",), secret=False)
        deadline = self._send() + timeout_s
        heard = b""
        while data := self._link.read(deadline):
            heard += data
            if not self._line.startswith(heard.translate(None, b"\r").lstrip(b"\n")):
                return True
        return False

    def ready(self) -> bool:
        """Tell whether the board has said meanwhile that it has started."""
        return self._announced(self._link.drain())

    def await_ready(self, timeout_s: float) -> bool:
        """Wait until it says so; tell whether it did."""
        deadline = time.monotonic() + timeout_s
        data = b""
        while not self._announced(data):
            if not (data := self._link.read(deadline)):
                return False
        return True

    def ask(
        self, *fields: str, within_s: float, patience_s: float | None = None, secret: bool = False
    ) -> Answer | None:
        """Say a request until its reply comes, for ``within_s`` at most; None if the board says READY instead.

        It has started then, and knows nothing of what it was asked.  A board
        that is busy is asked again; at the end that is its answer.
        ``secret``: the last field of its reply is nobody's business.
        Raises ``BoardSilent``, ``BoardGarbled``, ``BoardMisheard`` or ``BoardFloods``.
        """
        if self.ready():
            return None
        self._begin(fields, secret)
        over = self._began + within_s
        patience_s = (patience_s or self._patience_s) + self._link.wire_s(len(self._line) + LINE_LIMIT)
        missed, misheard = False, 0
        while True:
            flushed = not self._between
            sent = self._send()
            due = min(sent + patience_s, max(over, sent + self._patience_s))
            said = self._next(due)
            if said == _BAD and flushed:  # for what the LF before the line has ended
                said = self._next(due)
            self._between = said is not None
            if said is None:
                missed = True
            elif said == _READY:
                return None
            elif said in (_BAD, _HIT):
                misheard += 1
            elif said.word != "busy" or time.monotonic() + _BUSY_S >= over:
                return Answer(said, sent, time.monotonic(), missed)
            elif self._next(time.monotonic() + _BUSY_S) == _READY:
                return None
            if time.monotonic() >= over or misheard > REPEATS:
                raise self._fault(misheard)

    def evidence(self) -> dict[str, str]:
        """What was sent last and the end of what came, for an error's details; printable, without secrets."""
        return {
            "sent": printable(self._link.masked(self._line)),
            "received": printable(self._link.masked(bytes(self._heard))),
        }

    def _begin(self, fields: tuple[str, ...], secret: bool) -> None:
        """Make the line of a request, under the next sequence."""
        self._number = (self._number + 1) % 256
        self._sequence = f"{self._number:02X}"
        line = request(self._number, *fields)
        self._line = line.encode("ascii") + b"\n"
        self._secret = secret
        self._began = self._last = time.monotonic()
        self._pause_s, self._arrived = 0.0, 0
        self._heard.clear()

    def _send(self) -> float:
        """Send the line, after an LF unless the board's buffer is empty; return when that was."""
        data = self._line if self._between else b"\n" + self._line
        self._link.write(data, time.monotonic() + self._patience_s + self._link.wire_s(len(data)))
        self._between = False
        return time.monotonic()

    def _next(self, deadline: float) -> Reply | None:
        """Return the board's reply, hit or not, or its READY or BAD, whichever comes first; None at the deadline."""
        while True:
            while self._said:
                line = self._said.popleft()
                if self._secret:  # checksum included: the end of a value could be found from that
                    self._link.hide(line.rpartition(b" ")[2].decode("ascii", "ignore"))
                said = reply(line)
                if said is None and f"!{self._sequence} ".encode() in line:
                    return _HIT
                if said and (said.sequence == self._sequence or said in (_READY, _BAD)):
                    return said
            data = self._link.read(deadline)
            if not data:
                return None
            self._note(data)

    def _note(self, data: bytes) -> None:
        self._said += self._lines.feed(data)
        now = time.monotonic()
        self._pause_s, self._last = max(self._pause_s, now - self._last), now
        self._arrived += len(data)
        self._heard += data
        del self._heard[:-_EVIDENCE]
        if self._arrived > _LIMIT:
            raise self._fault(0)

    def _announced(self, data: bytes) -> bool:
        """Tell whether the board says READY in what came while nothing was asked of it."""
        self._said += self._lines.feed(data)
        said = {reply(line) for line in self._said}
        self._said.clear()
        return _READY in said

    def _fault(self, misheard: int) -> BoardError:
        """Say what it means that no reply came."""
        evidence = self.evidence()
        if garbled(self._heard):
            return BoardGarbled("what the board sends is no text: is baud right?", **evidence)
        if misheard:
            return BoardMisheard(f"{misheard} times a line arrived otherwise than it was sent", **evidence)
        now = time.monotonic()
        if self._arrived > _LIMIT or max(self._pause_s, now - self._last) < _PAUSE_S:
            return BoardFloods("the board never stops talking", **evidence)
        return BoardSilent(f"no reply within {now - self._began:.1f} s", **evidence)
