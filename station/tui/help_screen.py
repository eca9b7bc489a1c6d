"""F1: the keys and the states, in words."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from station.tui import phrases
from station.tui.dialog import Dialog
from station.tui.looks import PHASES, VERDICTS


class HelpScreen(Dialog):
    """The table of looks, and the four keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1", "dismiss", phrases.KEY_BACK, key_display="Esc")]

    def __init__(self) -> None:
        states = [f"{look.symbol} {look.word:<9} {look.meaning}" for look in (*VERDICTS.values(), *PHASES.values())]
        keys = [f"{key:<11} {meaning}" for key, meaning in phrases.HELP_KEYS]
        super().__init__(phrases.HELP_TITLE, "\n".join([*states, "", *keys]))
