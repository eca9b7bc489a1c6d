"""The banner: there only while the line is stopped."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from station.tui import phrases
from station.tui.fit import wrapped
from station.tui.letters import spell

_REASON_ROWS = 2
_LARGE = 8
"""Rows with large letters: a blank, five of letters, the reason."""
_SMALL = 3
"""Rows without."""


class Banner(Widget):
    """Why the line is stopped and what to do, in large letters where the screen is tall enough."""

    ALLOW_SELECT = False

    def __init__(self, stopped: str) -> None:
        super().__init__()
        self._stopped = stopped
        self.display = bool(stopped)

    def show(self, stopped: str) -> bool:
        """Show, change or hide the banner; tell whether it came or went."""
        if stopped == self._stopped:
            return False
        self._stopped = stopped
        turned = self.display != bool(stopped)
        self.display = bool(stopped)
        self.refresh()
        return turned

    def fit(self, screen_height: int) -> int:
        """Take the rows that a screen of this height can spare, and return how many."""
        rows = (_LARGE if screen_height >= 24 else _SMALL) if self.display else 0
        self.styles.height = rows
        return rows

    def render(self) -> Content:
        """Draw the word and the reason."""
        width, height = self.size
        word = spell(phrases.LINE_STOPPED, width - 2, 5) if height >= _LARGE else []
        lines = ["", *word] if word else [f"! {phrases.LINE_STOPPED} !"]
        lines += wrapped(self._stopped, width - 2, _REASON_ROWS)
        return Content("\n".join(line.center(width) for line in lines))
