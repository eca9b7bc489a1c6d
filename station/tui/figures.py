"""The line of the day's figures."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from station.model import Counters
from station.tui import phrases


def percent(part: int, whole: int) -> str:
    """Return a share in per cent with one decimal, never rounded up: 100.0 means all of them."""
    if not whole:
        return "-"
    tenths = part * 1000 // whole
    return f"{tenths // 10}.{tenths % 10} %"


class Figures(Widget):
    """How many boards are done and passed today, the first-pass yield, and how many wait for the fleet, if any do."""

    ALLOW_SELECT = False

    def __init__(self, counters: Counters) -> None:
        super().__init__()
        self._counters = counters

    def show(self, counters: Counters) -> None:
        """Repaint if the figures changed."""
        if counters != self._counters:
            self._counters = counters
            self.refresh()

    def render(self) -> Content:
        """Draw the figures of the day."""
        day = self._counters
        fpy = percent(day.first_passed, day.first)
        pending = f"   {phrases.PENDING} {day.pending}" if day.pending else ""
        return Content(f" {phrases.DONE} {day.done}   {phrases.PASSED} {day.passed}   {phrases.FPY} {fpy}{pending}")
