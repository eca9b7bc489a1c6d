"""The clock, watched over: what speaks against it is noted when it changes, and stops the line if the settings say so.

Looking is somebody else's turn: whoever watches the fleet looks at the clock
as well, every few seconds, so that a jump is noticed also where nothing else
happens.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection

from station import clock
from station.clock import Ahead
from station.errors import ClockWrong
from station.line import Line
from station.timekeeper import Doubt, Doubts, Timekeeper, told

log = logging.getLogger(__name__)


class Vigil:
    """Looks at the clock of one station."""

    def __init__(
        self, timekeeper: Timekeeper, fleet_time: Callable[[], Ahead | None], line: Line, stops: Collection[Doubt]
    ) -> None:
        """``fleet_time`` says how far the fleet's clock was ahead of our uptime; ``stops``, what stops the line."""
        self._timekeeper, self._fleet_time, self._line = timekeeper, fleet_time, line
        self._stops = frozenset(stops)
        self._before: Doubts = timekeeper.judge(clock.read())
        """What was noted last; what the clock was worth to begin with is in the record of the start."""

    def look(self) -> None:
        """Look once."""
        self._timekeeper.compare(self._fleet_time())
        now = clock.read()
        doubts = self._timekeeper.judge(now)
        if self._stops & doubts.keys():
            self._line.halt(ClockWrong(f"the clock: {told(doubts)}"))  # first, so that nobody begins a board in between
        else:
            self._line.heal(ClockWrong.code)
        if doubts.keys() != self._before.keys():
            log.warning("the clock: %s", told(doubts) or "nothing speaks against it any more")
            self._line.note("clock", {})  # the ledger says itself what its clock is worth
        self._before = doubts
        self._timekeeper.settle(now)
