"""This machine's clock, as a test sets it: what the station reads in place of the real one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from station import clock


class MovedClock:
    """Goes as the real one does, and is set by hand; the uptime goes on."""

    def __init__(self) -> None:
        self.state = "synced"
        """What the kernel says of it."""
        self.boot = clock.boot_id()
        self.slept_s = 0.0
        """Seconds that have passed besides the real ones."""
        self._moved_us = 0
        self._now_us, self._uptime_us, self._monotonic = clock.now_us, clock.uptime_us, clock.monotonic

    def move(self, seconds: float) -> None:
        """Set it: forward, or back."""
        self._moved_us += round(seconds * 1e6)

    def now_us(self) -> int:
        return self._now_us() + self._moved_us + round(self.slept_s * 1e6)

    def uptime_us(self) -> int:
        return self._uptime_us() + round(self.slept_s * 1e6)

    def monotonic(self) -> float:
        return self._monotonic() + self.slept_s


@contextmanager
def moved_clock() -> Iterator[MovedClock]:
    """Have the station read a clock that can be set."""
    made = MovedClock()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("now_us", "uptime_us", "monotonic"):
            patch.setattr(clock, name, getattr(made, name))
        patch.setattr(clock, "state", lambda: made.state)
        patch.setattr(clock, "boot_id", lambda: made.boot)
        yield made
