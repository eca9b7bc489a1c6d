"""The echo of one command line: whole, or cut by whatever the module said in the middle of it.  Pure."""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile


class Echo:
    """What tells that a board has heard a command as it was sent.

    A module that says something by itself while it echoes breaks the echo: into two lines, or, where it doesn't end
    the line first, with what it says at the end of the first: ``AT+CGWIFI DISCONNECT`` and ``SN=1``.
    """

    def __init__(self, command: str, unsolicited: Callable[[str], bool]) -> None:
        self._command = command
        self._unsolicited = unsolicited
        self._reach = 0
        """Characters of the command that have come, at most: what was said in between may begin like the rest."""

    def ends(self, line: str) -> bool:
        """Take a line; tell whether the echo is complete with it."""
        command = self._command
        length = len(command)
        if line.startswith(command) and (line == command or self._unsolicited(line[length:])):
            return True
        if 0 < length - len(line) <= self._reach and command.endswith(line):
            return True
        self._reach = max(start + self._common(line, start) for start in range(self._reach + 1))
        return False

    def _common(self, line: str, start: int) -> int:
        """Return how many characters of ``line`` are the command's from ``start`` on."""
        if not self._command.startswith(line[:1], start):
            return 0
        pairs = zip(line, self._command[start:], strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
