"""What speaks against the clock, as far as it can be known without asking anybody else.

Records are ordered by their chain, never by their times; but people read the
times, so each record says what the clock was worth when it was written.

A clock that has jumped or runs behind the ledger is doubted until somebody
vouches for it as it is now: the kernel, which calls a clock that was set
unsynced until its daemon has looked again (adjtimex(2)), or the fleet's
``Date``.  A jump back to where it was ends the doubt, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from threading import Lock
from typing import Any

from station import clock
from station.clock import Ahead, Reading

_LEAST_US = 1000
"""What is told in milliseconds is nothing below one."""


class Doubt(StrEnum):
    """One thing that speaks against the clock."""

    UNSYNCED = "unsynced"
    """Nothing keeps it right."""
    JUMPED = "jumped"
    """It was set while the station ran, or while the cycle of the record was open: forward by so much."""
    BEHIND = "behind"
    """It is behind what the ledger holds already: by so much."""
    FLEET_DIFFERS = "fleet-differs"
    """It is ahead of the fleet's clock: by so much, at least."""


Doubts = Mapping[Doubt, int | None]
"""What speaks against the clock, and by how many milliseconds, None where there is no measure."""


def recorded(doubts: Doubts) -> dict[str, Any]:
    """Write doubts down, for the body of an event."""
    return {"clock": list(doubts), "clock_ms": {doubt: by for doubt, by in doubts.items() if by is not None}}


def recalled(body: Mapping[str, Any]) -> Doubts | None:
    """Read what ``recorded`` wrote; None if an event says nothing of the clock."""
    if "clock" not in body:
        return None
    return {Doubt(word): body["clock_ms"].get(word) for word in body["clock"]}


def told(doubts: Doubts) -> str:
    """Say what speaks against the clock."""
    return ", ".join(_told(doubt, by or 0) for doubt, by in doubts.items())


def _told(doubt: Doubt, by_ms: int) -> str:
    seconds = f"{abs(by_ms) / 1000:.3f}".rstrip("0").rstrip(".")
    match doubt:
        case Doubt.UNSYNCED:
            return "nothing keeps it right"
        case Doubt.JUMPED:
            return f"set {'back' if by_ms < 0 else 'forward'} by {seconds} s"
        case Doubt.BEHIND:
            return f"{seconds} s behind what the ledger holds"
        case Doubt.FLEET_DIFFERS:
            return f"{seconds} s {'behind' if by_ms < 0 else 'ahead of'} the fleet's"


class Timekeeper:
    """Knows what the clock has been, and doubts what it is.  All calls are safe from any thread."""

    def __init__(self, tolerance_s: int = 5) -> None:
        """``tolerance_s``: by so much it may be set, or differ from the fleet's, before it is doubted."""
        self._tolerance_us = tolerance_s * 1_000_000
        self._ahead = clock.read().ahead
        """What it was ahead of the uptime when it was trusted last."""
        self._latest = 0
        """The latest time that the ledger holds."""
        self._fleet: Ahead | None = None
        self._guard = Lock()

    def wrote(self, at: int) -> None:
        """Take note of an event of the ledger at this time, UTC microseconds."""
        with self._guard:
            self._latest = max(self._latest, at)

    def compare(self, fleet: Ahead | None) -> None:
        """Take note of what the fleet said last, if it told.

        An answer that took long says little: it does not replace one that says the same more exactly.
        """
        with self._guard:
            before = self._fleet
            if fleet is None or (before and fleet.least <= before.least and before.most <= fleet.most):
                return
            self._fleet = fleet

    def judge(self, now: Reading, opened: int | None = None) -> Doubts:
        """Return what speaks against the clock now.

        ``opened`` is how far it was ahead of the uptime of this boot when the cycle of the record was opened.
        """
        with self._guard:
            jumped = max(now.ahead - self._ahead, now.ahead - (self._ahead if opened is None else opened), key=abs)
            behind = self._latest - now.at
            differs = self._differs(now)
        doubts: dict[Doubt, int | None] = {}
        if now.state == "unsynced":
            doubts[Doubt.UNSYNCED] = None
        if abs(jumped) > self._tolerance_us:
            doubts[Doubt.JUMPED] = _milliseconds(jumped)
        if behind >= _LEAST_US:
            doubts[Doubt.BEHIND] = _milliseconds(behind)
        if differs:
            doubts[Doubt.FLEET_DIFFERS] = _milliseconds(differs)
        return doubts

    def settle(self, now: Reading) -> None:
        """If somebody vouches for the clock as it is now, forget what it was before."""
        with self._guard:
            if now.state == "synced" or (self._fleet is not None and not self._differs(now)):
                self._ahead, self._latest = now.ahead, now.at

    def _differs(self, now: Reading) -> int:
        """How far we are ahead of the fleet at least, microseconds; 0 within the tolerance, or if nothing is known."""
        if self._fleet is None:
            return 0
        if (ahead := now.ahead - self._fleet.most) > self._tolerance_us:
            return ahead
        if (ahead := now.ahead - self._fleet.least) < -self._tolerance_us:
            return ahead
        return 0


def _milliseconds(us: int) -> int:
    return round(us / 1000)
