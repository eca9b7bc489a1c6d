"""The line by which a board holds on to its fixture: asserted while the board is there."""

from __future__ import annotations

import time
from collections.abc import Callable

from drivers.uart import ModemLine

LOOK_S = 0.1
"""Seconds between two looks at the line."""
LET_GO_S = 0.5
"""Seconds without the line that mean that the board has left: contacts bounce, and that takes less."""


class Grip:
    """Tells a board that has left from a contact that bounced."""

    def __init__(self, line: ModemLine) -> None:
        self.line = line
        self._looked = 0.0
        self._loose_since: float | None = None

    def lost(self, asserted: Callable[[ModemLine], bool]) -> bool:
        """Tell whether the board has let go; asks for the line now and then, however often this is called."""
        now = time.monotonic()
        if now - self._looked < LOOK_S:
            return False
        self._looked = now
        if asserted(self.line):
            self._loose_since = None
        elif self._loose_since is None:
            self._loose_since = now
        return self._loose_since is not None and now - self._loose_since >= LET_GO_S
