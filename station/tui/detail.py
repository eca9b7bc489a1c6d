"""The focused slot in words, where the tiles are too small for sentences."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from station.model import SlotView
from station.tui.fit import visible, wrapped
from station.tui.looks import look_of
from station.tui.tile import board, position

ROWS = 3
"""One of facts, two of sentences."""


class Detail(Widget):
    """Serial number, step and advice of one slot."""

    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__()
        self._view: SlotView | None = None

    def show(self, view: SlotView | None) -> None:
        """Repaint if this is another view than before; None shows nothing."""
        if view is not self._view:
            self._view = view
            self.refresh()

    def render(self) -> Content:
        """Draw the facts on one line and the sentence below."""
        view, width = self._view, self.size.width
        if view is None:
            return Content("")
        look = look_of(view)
        facts = [f"▶{visible(view.slot)}", f"{look.symbol} {look.word}", position(view)]
        line = "  ".join(fact for fact in facts if fact)
        line += f"  {board(view, max(0, width - len(line) - 3))}"
        sentence = wrapped(view.said or look.meaning, width - 2, ROWS - 1)
        return Content("\n".join([line[:width], *(f" {part}" for part in sentence)]))
