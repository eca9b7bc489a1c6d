"""Up while the bench stops; it ends with the program."""

from __future__ import annotations

from station.tui import phrases
from station.tui.dialog import Dialog


class StoppingScreen(Dialog):
    """Says that the station is stopping; there is no way back."""

    def __init__(self) -> None:
        super().__init__(phrases.STOPPING_TITLE, phrases.STOPPING_TEXT)
