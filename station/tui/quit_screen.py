"""F10: the one question before the station stops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from station.tui import phrases
from station.tui.dialog import Dialog
from station.tui.fit import visible


class QuitScreen(Dialog):
    """Names what happens; F10 again does it, Esc goes back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f10", "stop", phrases.KEY_STOP, key_display="F10"),
        Binding("escape", "dismiss", phrases.KEY_BACK, key_display="Esc"),
    ]

    def __init__(self, busy: Sequence[str], stop: Callable[[], None]) -> None:
        names = ", ".join(visible(slot) for slot in busy)
        happens = phrases.QUIT_BUSY.format(slots=names) if busy else phrases.QUIT_IDLE
        super().__init__(phrases.QUIT_TITLE, f"{happens}\n\n{phrases.QUIT_KEYS}")
        self._stop = stop

    def action_stop(self) -> None:
        """Close the question and stop the station."""
        self.dismiss()
        self._stop()
