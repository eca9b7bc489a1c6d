"""Shifts: which one it is at an instant.  A day of figures is a shift; without any, it is the calendar's day.

A shift begins at a time of the wall clock of this machine's zone and lasts
until the next one begins, whether midnight or a change of daylight saving
time lies between.  It is called by the date on which it began, and its name.
Where the clock jumps over a beginning, the shift begins with the jump; where a
beginning comes twice, the first one counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import NamedTuple

_DAYS_BACK = 2
"""A shift that began so many days ago may still go on: where there is but one, and its beginning is yet to come."""


class Shift(NamedTuple):
    """One shift."""

    label: str
    """``2026-11-27 late``; only the date where shifts have no names."""
    began: int
    """UTC microseconds."""


class Shifts:
    """The shifts of a station, by name and beginning; none: the calendar's days."""

    def __init__(self, begins: Sequence[tuple[str, time]] = ()) -> None:
        self._begins = tuple(begins) or (("", time()),)

    def at(self, now_us: int) -> Shift:
        """Return the shift that goes on at an instant, UTC microseconds."""
        today = datetime.fromtimestamp(now_us / 1e6).date()
        candidates = []
        for back in range(_DAYS_BACK):
            date = today - timedelta(days=back)
            for name, begin in self._begins:
                began = round(datetime.combine(date, begin).timestamp() * 1e6)  # the system knows the zone
                if began <= now_us:
                    candidates.append(Shift(f"{date.isoformat()} {name}".strip(), began))
        return max(candidates, key=lambda shift: shift.began)
