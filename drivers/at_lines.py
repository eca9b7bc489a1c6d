"""The lines that a module says, whatever ends them, and the bytes that it is sent."""

from __future__ import annotations

import re
import time
from collections import deque

from drivers.errors import BoardFloods
from drivers.link import Link
from drivers.terminal import unswallowed
from drivers.text import garbled, plain, printable

LIMIT = 64 * 1024
"""Bytes that a board may send before what is waited for comes."""

_ENDS = re.compile(rb"[\r\n]+")
_TAIL = 512
"""Bytes of what came last that are kept for an error's details."""


class Lines:
    """One link, as lines of text.

    A line ends at CR or at LF, whichever comes, so no setting of S3 and S4
    matters; empty ones are no lines.
    """

    def __init__(self, link: Link, reply_s: float) -> None:
        self._link = link
        self._reply_s = reply_s
        self._whole: deque[str] = deque()
        self._begun = bytearray()
        """The beginning of a line whose end has not come."""
        self._count = 0
        """Bytes that came since the last ``restart_count``."""
        self._tail = b""
        self._sent = b""

    def send(self, text: str) -> float:
        """Send text as it is; return the seconds that it takes on the wire."""
        self._sent = text.encode()
        takes_s = self._link.wire_s(len(self._sent))
        self._link.write(self._sent, time.monotonic() + self._reply_s + takes_s)
        return takes_s

    def hear(self, deadline: float, prompt: str = "") -> str | None:
        """Return the next line, or one without an end that begins with ``prompt``; None at the deadline.

        Raises ``BoardFloods`` if very much has come, and nothing that was waited for was in it.
        """
        while not self._whole:
            if prompt and (begun := plain(self._begun).lstrip()).startswith(prompt):
                self._begun.clear()
                return begun
            data = self._link.read(deadline)
            if not data:
                return None
            self._count += len(data)
            self._keep(data)
            if self._count > LIMIT:
                raise BoardFloods("the board never stops talking", **self.evidence())
        return self._whole.popleft()

    def waiting(self) -> list[str]:
        """Return the lines that are there by now."""
        self._keep(self._link.drain())
        lines = list(self._whole)
        self._whole.clear()
        return lines

    def forget(self) -> None:
        """Drop all that is there by now."""
        self._link.drain()
        self._whole.clear()
        self._begun.clear()
        self.begin()

    def begin(self) -> None:
        """Count, and keep for ``evidence``, what comes from now on."""
        self._count, self._tail = 0, b""

    @property
    def stirred(self) -> bool:
        """Whether anything came since ``begin``."""
        return self._count > 0

    @property
    def garbled(self) -> bool:
        """Whether what came last is no text."""
        return garbled(self._tail)

    def busy(self, elapsed_s: float) -> bool:
        """Tell whether the board has been sending for more than half of the time since ``begin``."""
        return self._link.wire_s(self._count) > elapsed_s / 2

    def evidence(self) -> dict[str, str]:
        """What was sent last and the end of what came, for an error's details; printable, without secrets."""
        return {"sent": self.shown(self._sent.strip()), "received": self.shown(self._tail)}

    def shown(self, data: bytes) -> str:
        """Return bytes as they may be shown: printable, the end of them, without secrets."""
        return printable(self._link.masked(data))

    def _keep(self, data: bytes) -> None:
        self._tail = (self._tail + data)[-_TAIL:]
        first, *others = _ENDS.split(data)
        self._begun += first
        for other in others:
            if line := unswallowed(self._begun, None):
                self._whole.append(line)
            self._begun = bytearray(other)
        del self._begun[:-LIMIT]
