"""Home: every slot of the line, and how the line is doing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import Screen
from textual.widgets import Footer

from station.live import Floor
from station.model import LineView
from station.tui import phrases
from station.tui.arrange import Arrangement, arrange
from station.tui.banner import Banner
from station.tui.detail import ROWS as DETAIL_ROWS
from station.tui.detail import Detail
from station.tui.figures import Figures
from station.tui.header import Header
from station.tui.tile import Tile

TICK = 1 / 20
"""Seconds between two looks at the floor."""
_FRAME_ROWS = 3
"""Header, figures, footer."""


class LineScreen(Screen[None]):
    """The tiles.  It pulls the floor's views and hands each to the widget that shows it."""

    AUTO_FOCUS = "Tile"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "app.help", phrases.KEY_HELP, key_display="F1"),
        Binding("f5", "start", phrases.KEY_START, key_display="F5"),
        Binding("f10", "app.ask_to_quit", phrases.KEY_QUIT, key_display="F10"),
        Binding("left", "move(-1, 0)", show=False),
        Binding("right", "move(1, 0)", show=False),
        Binding("up", "move(0, -1)", show=False),
        Binding("down", "move(0, 1)", show=False),
    ]

    def __init__(self, floor: Floor, now: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        super().__init__()
        self._floor = floor
        line = floor.line()
        self._header = Header(line, now)
        self._figures = Figures(line.counters, _beside(line))
        self._banner = Banner(line.stopped)
        self._tiles = [Tile(view, monotonic) for view in floor.views()]
        self._detail = Detail()
        self._grid = arrange(len(self._tiles), 80, 24)

    def compose(self) -> ComposeResult:
        """Put up everything with what the floor says now, so that the first paint is true."""
        yield self._header
        yield self._figures
        yield self._banner
        yield Container(*self._tiles, id="tiles")
        yield self._detail
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Begin to look at the floor."""
        self.set_interval(TICK, self.pull)

    def on_resize(self, event: events.Resize) -> None:
        """Lay the tiles out anew."""
        self._lay_out(event.size.width, event.size.height)

    def pull(self) -> None:
        """Show what has changed; views are compared by identity."""
        for tile, view in zip(self._tiles, self._floor.views(), strict=True):
            tile.show(view)
        line = self._floor.line()
        self._header.show(line)
        self._figures.show(line.counters, _beside(line))
        if self._banner.show(line.stopped):
            self._lay_out(*self.size)
        focused = self._focused()
        self._detail.show(None if focused is None else focused.view)

    def action_start(self) -> None:
        """Tell the floor that the focused slot holds a new board; its tile says what keeps it from being begun."""
        tile = self._focused()
        if tile is not None and self._floor.start_cycle(tile.view.slot) is not None:
            self.app.bell()

    def action_move(self, right: int, down: int) -> None:
        """Move the focus to the neighbour, if there is one."""
        tile = self._focused()
        if tile is None:
            return
        at = self._tiles.index(tile)
        column = at % self._grid.columns + right
        to = at + right + down * self._grid.columns
        if 0 <= column < self._grid.columns and 0 <= to < len(self._tiles):
            self._tiles[to].focus()

    def _focused(self) -> Tile | None:
        return self.focused if isinstance(self.focused, Tile) else None

    def _lay_out(self, width: int, height: int) -> None:
        room = height - _FRAME_ROWS - self._banner.fit(height)
        self._grid = arrange(len(self._tiles), width, room)
        # While the line is stopped the banner has the sentence that matters, and needs the rows.
        self._detail.display = self._grid.terse and not self._banner.display
        if self._detail.display:
            self._grid = arrange(len(self._tiles), width, room - DETAIL_ROWS)
        self._apply(self._grid)

    def _apply(self, grid: Arrangement) -> None:
        styles = self.query_one("#tiles").styles
        styles.grid_size_columns, styles.grid_size_rows = grid.columns, grid.rows


def _beside(line: LineView) -> str:
    """Return what is shown beside the figures: what came of a scan, else what is wrong and stops nobody."""
    return f"> {line.scanned}" if line.scanned else f"! {line.warning}" if line.warning else ""
