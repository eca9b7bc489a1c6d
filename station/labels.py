"""The slots that wait for their board's label, and what was scanned for them."""

from __future__ import annotations

import threading
from collections.abc import Callable

_LOOK_S = 0.2
"""Seconds between two looks at whether the board is still there."""


class Labels:
    """Hands labels from whoever scans to the slots; safe to use from several threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._scanned: dict[str, str | None] = {}
        """Slot -> the serial number that was scanned for it; None while it waits."""

    def wait(self, slot: str, rest: Callable[[float], None]) -> str:
        """Return the serial number that is scanned for a slot; ``rest`` lets time pass, and raises what ends it."""
        with self._changed:
            self._scanned[slot] = None
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._scanned[slot] is not None, _LOOK_S)
                    if (serial := self._scanned[slot]) is not None:
                        return serial
                rest(0.0)
        finally:
            with self._changed:
                del self._scanned[slot]

    def waits(self, slot: str) -> bool:
        """Tell whether a slot waits for a label."""
        with self._changed:
            return slot in self._scanned and self._scanned[slot] is None

    def offer(self, slot: str, serial: str) -> bool:
        """Give a slot what was scanned for it; False if it waits for nothing."""
        with self._changed:
            if slot not in self._scanned or self._scanned[slot] is not None:
                return False
            self._scanned[slot] = serial
            self._changed.notify_all()
            return True
