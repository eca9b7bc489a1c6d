"""The terminal as Textual's driver sees it, made to survive its end.

When a terminal hangs up, writing to it fails.  The thread in which Textual
8.2 writes would die of that, its queue of 30 fill, and the event loop block
for ever: the station could not be left any more.
"""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING, cast

from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from textual.app import App


class Output:
    """The part of a text file that Textual's writer uses; once the terminal is gone, it takes everything and says so.

    It writes straight to the descriptor: bytes that Python had buffered
    would fail again while the interpreter ends, with exit code 120.
    """

    def __init__(self, fileno: int) -> None:
        self._fileno = fileno
        self.gone = False

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fileno

    def isatty(self) -> bool:
        """Tell whether it is a terminal."""
        return os.isatty(self._fileno)

    def write(self, text: str) -> int:
        """Write all of the text, or nothing if the terminal is gone."""
        left = memoryview(text.encode("utf-8", "replace"))
        while left and not self.gone:
            try:
                left = left[os.write(self._fileno, left) :]
            except OSError:
                self.gone = True
        return len(text)

    def flush(self) -> None:
        """Do nothing: nothing is buffered."""


class StationDriver(LinuxDriver):
    """Textual's Linux driver on an ``Output``."""

    def __init__(
        self, app: App[object], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._file = cast(TextIOWrapper, Output(sys.stderr.fileno()))
