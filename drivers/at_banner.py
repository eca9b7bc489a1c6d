"""How a module announces that it has just started."""

from __future__ import annotations

import re

from drivers.at_lines import Lines
from drivers.command import Restart
from drivers.console import Lost
from drivers.errors import BoardRestarts


class Banner:
    """The recipe's ``restart.expect``, looked for at the beginning of lines."""

    def __init__(self, restart: Restart | None, lines: Lines) -> None:
        self._lines = lines
        # A UART that comes to life may put some strange bytes before it.
        self._pattern = re.compile(rf"[^\w\"]*{re.escape(restart.expect)}") if restart else None

    def announces(self, line: str) -> bool:
        """Tell whether only a board that has just started says this."""
        return self._pattern is not None and self._pattern.match(line) is not None

    def heed(self, line: str) -> None:
        """Raise ``Lost`` if a board that must not restart any more says this."""
        if self.announces(line):
            said = self._lines.shown(line.encode())
            text = (
                f"the board restarts by itself: it said {said!r} (if it did not restart, that"
                " is part of an answer or unsolicited, and the recipe needs another restart.expect)"
            )
            raise Lost(BoardRestarts(text, **self._lines.evidence()))
