"""A port that its board takes along when it restarts, as boards with USB of their own do, and brings back.

The system sets a port that has just come up; until then it belongs to nobody
whom a station could be, or to a program that looks what it is.  So it is
tried until it can be opened.
"""

from __future__ import annotations

import threading
import time

from drivers.errors import BoardGone, Cancelled, PortError, PortMissing
from drivers.opening import opened, port_present
from drivers.uart import LinkOptions
from drivers.wire import Wire

_LOOK_S = 0.05
"""Seconds between two looks at a port that is not there,"""
_TRY_S = 0.2
"""and between two attempts to open one that can't be opened yet, which costs more."""


class PortReturned(Exception):
    """The board took its port along and is back: it has restarted, and whatever was said before counts no more."""


class Restart:
    """One restart of a board; it may take its port along more than once, as one with a boot loader does."""

    def __init__(self, port: str, options: LinkOptions) -> None:
        self._port = port
        self._options = options
        self._until: float | None = None
        """When the port has to be back for good."""

    @property
    def may_leave(self) -> bool:
        """Whether the recipe says that the port comes back."""
        return self._options.returns_s is not None

    def returned(self, cancelled: threading.Event) -> Wire:
        """Wait until the port is back, and open it as it was opened before; the old one has to be closed.

        Raises ``BoardGone`` if it isn't back in time, or still comes and goes; what kept it from being opened, if it
        is back; and ``Cancelled``.
        """
        if self._until is None:
            self._until = time.monotonic() + (self._options.returns_s or 0)
        fault: PortError = PortMissing(f"{self._port} is not there", port=self._port)
        while (left := self._until - time.monotonic()) > 0:
            if cancelled.is_set():
                raise Cancelled("the station is stopping", port=self._port)
            try:
                if port_present(self._port):
                    return opened(self._port, self._options)
                fault = PortMissing(f"{self._port} is not there", port=self._port)
            except PortError as unusable:
                fault = unusable
            cancelled.wait(min(left, _LOOK_S if isinstance(fault, PortMissing) else _TRY_S))
        if not isinstance(fault, PortMissing):
            raise fault
        text = (
            f"the board restarted and took {self._port} along: not back for good within {self._options.returns_s:g} s"
        )
        raise BoardGone(text, port=self._port)
