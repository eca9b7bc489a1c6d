"""The line of the day's figures."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from station.model import Counters
from station.tui import phrases
from station.tui.fit import head


def percent(part: int, whole: int) -> str:
    """Return a share in per cent with one decimal, never rounded up: 100.0 means all of them."""
    if not whole:
        return "-"
    tenths = part * 1000 // whole
    return f"{tenths // 10}.{tenths % 10} %"


class Figures(Widget):
    """How many boards are done and passed today, the first-pass yield, and how many wait for the fleet, if any do.

    Beside them what is wrong and stops nobody.
    """

    ALLOW_SELECT = False

    def __init__(self, counters: Counters, beside: str) -> None:
        super().__init__()
        self._shown = (counters, beside)

    def show(self, counters: Counters, beside: str) -> None:
        """Repaint if anything changed."""
        if (counters, beside) != self._shown:
            self._shown = (counters, beside)
            self.refresh()

    def render(self) -> Content:
        """Draw the figures of the day whole; what is beside them takes what is left."""
        day, beside = self._shown
        fpy = percent(day.first_passed, day.first)
        pending = f"   {phrases.PENDING} {day.pending}" if day.pending else ""
        figures = f" {phrases.DONE} {day.done}   {phrases.PASSED} {day.passed}   {phrases.FPY} {fpy}{pending}"
        return Content(head(f"{figures}   {beside}", self.size.width) if beside else figures)
