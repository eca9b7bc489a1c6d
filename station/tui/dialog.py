"""What the screens that lie over the line have in common: a frame with a title and sentences."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Footer, Static


class Dialog(ModalScreen[None]):
    """A frame over the line.  No key but its own does anything, and Enter is never one: scanners send it."""

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._heading = title
        self._text = text

    def compose(self) -> ComposeResult:
        """Put up the frame and the function keys."""
        with Vertical(classes="dialog") as frame:
            yield Static(self._text, markup=False)
        frame.border_title = self._heading
        yield Footer(show_command_palette=False)
