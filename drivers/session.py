"""A session with a board that speaks the ``line`` protocol: typed answers or errors, and a restart in it is noticed.

It begins with the board's HELLO.  A board that restarted since has forgotten
what was staged, and nothing is written to it again in silence: its own clock
tells, and is asked whenever a reply was waited for in vain or the board said READY.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from drivers.errors import BoardRefused, BoardRestarts, BoardStays, BoardUnreadable
from drivers.exchange import Exchange
from drivers.frame import LINE_LIMIT, Reply, unescape

VALUE_LIMIT = 2048
"""Bytes of the longest value."""

_VERSION = "1"
_SHORTEST = 96
"""Characters of a line that every board takes."""
_ANSWER_S = 0.2
"""Seconds within which a board that listens answers, so that one that boots is asked no less often."""
_STARTS = 3
"""A board that says READY so often in place of an answer gives none."""
_DRIFT = 0.05
"""A board's clock may be wrong by so much."""
_NUMBER = re.compile(r"0|[1-9][0-9]{0,9}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Hello:
    """What a board said to HELLO, and when that was (``time.monotonic``)."""

    limit: int
    """Characters of the longest line that it takes."""
    up: float
    """Seconds since its start."""
    sent: float
    heard: float

    def younger(self, before: Hello) -> bool:
        """Tell whether the board is up for less than it would be, had it gone on since ``before``."""
        return self.up < (before.up + self.sent - before.heard) * (1 - _DRIFT)

    def born_since(self, before: Hello) -> bool:
        """Tell whether it can have started after ``before``."""
        return self.up <= (self.heard - before.heard) * (1 + _DRIFT)


class Untold(Exception):
    """The board doesn't tell this one; ``word`` says why: ``unknown`` or ``secret``."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


class Session:
    """Requests, each answered or raised; times are in seconds."""

    def __init__(self, exchange: Exchange, reply_s: float, boot_s: float) -> None:
        """Use an exchange; a request may take ``reply_s``, a board ``boot_s`` from any state until it answers."""
        self._exchange = exchange
        self._reply_s = reply_s
        self._boot_s = boot_s
        self._known: Hello | None = None

    def begin(self) -> None:
        """Ask until the board answers, be it booting or in the middle of a line; what was known of it is forgotten.

        Raises what ``Exchange.ask`` raises after ``boot_s``, ``BoardRestarts``, ``BoardUnreadable``.
        """
        self._known = self._hello(self._boot_s)

    @property
    def known(self) -> Hello:
        """The last HELLO; the board is greeted now if it never was."""
        if self._known is None:
            self.begin()
        assert self._known
        return self._known

    def ask(
        self, *fields: str, within_s: float | None = None, patience_s: float | None = None, secret: bool = False
    ) -> Reply:
        """Ask; raises ``BoardRestarts`` if the board restarted since it was greeted, and what ``Exchange.ask`` does.

        ``within_s`` replaces ``reply_s``; the rest is as there.
        """
        assert self.known
        within_s = within_s or self._reply_s
        for _ in range(_STARTS):
            answer = self._exchange.ask(*fields, within_s=within_s, patience_s=patience_s, secret=secret)
            if answer is None or answer.missed:
                self._heed_restart(announced=answer is None)
            if answer:
                return answer.reply
        raise self._starts()

    def heed_restart(self) -> None:
        """Raise ``BoardRestarts`` if the board's own clock says that it has restarted since it was greeted."""
        self._heed_restart(announced=False)

    def restart(self) -> None:
        """Restart the board, and know by its own clock that it did; raises ``BoardStays``."""
        assert self.known
        if self._exchange.ready():
            self._heed_restart(announced=True)
        over = time.monotonic() + self._boot_s
        if answer := self._exchange.ask("RESTART", within_s=self._boot_s):
            self.granted(answer.reply, "does not restart")
            self._exchange.await_ready(_ANSWER_S)
        self.restarted(over - time.monotonic())

    def restarted(self, within_s: float | None = None) -> None:
        """Ask a board that was told to restart until its clock says that it did; ``within_s`` replaces ``boot_s``."""
        before, over = self.known, time.monotonic() + (self._boot_s if within_s is None else within_s)
        while not (now := self._hello(over - time.monotonic())).younger(before):
            if time.monotonic() >= over:
                raise BoardStays(f"the board says that it is up for {now.up:.3f} s", **self._exchange.evidence())
            self._exchange.await_ready(_ANSWER_S)
        self._known = now

    def get(self, name: str, *, secret: bool = False) -> bytes:
        """Return the bytes of a fact or a setting; raises ``Untold``."""
        value = b""
        while True:
            reply = self.ask("GET", name, str(len(value)), secret=secret)
            if reply.result == "ERR" and reply.word in ("unknown", "secret"):
                raise Untold(reply.word)
            length, chunk = (*self.granted(reply, f"does not tell {name}", 1), "")[:2]
            total = self._number(length)
            try:
                value += unescape(chunk)
            except ValueError:
                raise self.unreadable(f"a part of {name} is wrongly escaped") from None
            if len(value) == total <= VALUE_LIMIT:
                return value
            if not chunk or len(value) > total or total > VALUE_LIMIT:
                raise self.unreadable(f"{name} is of {total} bytes, and {len(value)} were told")

    def digest(self, *, secret: bool = False) -> tuple[int, str]:
        """Return how many settings the board holds, and the digest of them all."""
        count, held = self.granted(self.ask("DIGEST", secret=secret), "gives no digest", 2)[:2]
        if not _DIGEST.fullmatch(held):
            raise self.unreadable("the board's digest is none")
        return self._number(count), held

    def granted(self, reply: Reply, otherwise: str, count: int = 0) -> tuple[str, ...]:
        """Return what an ``OK`` says, at least ``count`` fields; those of later versions come after them.

        Raises ``BoardRefused`` for an ``ERR``: the board does ``otherwise``.
        """
        if reply.result == "ERR":
            raise BoardRefused(f"the board {otherwise}: {reply.word[:16]}", **self._exchange.evidence())
        if reply.result != "OK" or len(reply.fields) < count:
            raise self.unreadable(f"the board answers with neither ERR nor OK and {count} fields")
        return reply.fields

    def unreadable(self, text: str) -> BoardUnreadable:
        """Say that the board does not answer as the protocol has it."""
        return BoardUnreadable(text, **self._exchange.evidence())

    def _hello(self, within_s: float) -> Hello:
        over = time.monotonic() + within_s
        for _ in range(_STARTS):
            left = max(0.0, over - time.monotonic())
            if answer := self._exchange.ask("HELLO", within_s=left, patience_s=_ANSWER_S):
                break
        else:
            raise self._starts()
        version, limit, up = self.granted(answer.reply, "does not greet", 3)[:3]
        if version != _VERSION:
            raise self.unreadable(f"the board speaks version {version[:8]} of the protocol, not {_VERSION}")
        if self._number(limit) < _SHORTEST:
            raise self.unreadable(f"the board takes lines of {limit} characters, fewer than {_SHORTEST}")
        return Hello(min(int(limit), LINE_LIMIT), self._number(up) / 1000, answer.sent, answer.heard)

    def _heed_restart(self, *, announced: bool) -> None:
        """``announced``: the board said READY, so its clock has to prove the contrary."""
        before = self.known
        now = self._known = self._hello(self._reply_s)
        if now.born_since(before) if announced else now.younger(before):
            text = f"the board restarted by itself: it is up for {now.up:.3f} s"
            raise BoardRestarts(text, **self._exchange.evidence())

    def _starts(self) -> BoardRestarts:
        return BoardRestarts(f"the board said {_STARTS} times that it has started", **self._exchange.evidence())

    def _number(self, text: str) -> int:
        if not _NUMBER.fullmatch(text):
            raise self.unreadable(f"{text[:16]!r} is no number")
        return int(text)
