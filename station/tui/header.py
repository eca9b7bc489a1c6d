"""The top line: station, recipe, fleet, clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from textual.content import Content
from textual.widget import Widget

from station.model import FleetState, LineView
from station.tui import phrases
from station.tui.fit import head

_RULE = " │ "


class Header(Widget):
    """What station this is, what it makes, whether the fleet answers, and the local time."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"header--trouble"}

    def __init__(self, line: LineView, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now
        self._line = line
        self._time = self._read_clock()

    def show(self, line: LineView) -> None:
        """Repaint if this is another view than before, or if the second has changed."""
        time = self._read_clock()
        if line is not self._line or time != self._time:
            self._line, self._time = line, time
            self.refresh()

    def render(self) -> Content:
        """Draw the fleet and the clock whole; the names take what is left."""
        fleet = Content(f" {self._fleet()} ")
        if self._line.fleet in (FleetState.AWAY, FleetState.REFUSED):
            fleet = fleet.stylize(self.get_visual_style("header--trouble"))
        right = Content.assemble(fleet, f"│ {self._time} ")
        room = self.size.width - len(right) - 2
        names = filter(None, (self._line.station, self._line.recipe, self._line.work_order))
        left = " " + head(_RULE.join(names), room)
        return Content.assemble(left.ljust(room + 2), right)

    def _read_clock(self) -> str:
        return self._now().strftime("%H:%M:%S")

    def _fleet(self) -> str:
        word = phrases.FLEET[self._line.fleet]
        latency = self._line.fleet_ms
        return f"{word} {latency} ms" if self._line.fleet is FleetState.OK and latency is not None else word
