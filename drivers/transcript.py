"""What was said on one link: bounded, with times, and with the secrets left out when it is shown."""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from drivers.masking import Direction, Masking

LIMIT = 64 * 1024
"""Bytes kept in memory, the newest ones."""

_MERGE_S = 0.05
"""What arrives within this time is one passage: a slow board would make one of every byte."""
_LINE = 4096
"""The most bytes of a line to the board that are looked at to understand its answer."""
_OVERHEAD = 64
"""What a passage weighs besides its bytes."""


class Passage(NamedTuple):
    """Bytes that went one way: seconds since the link was opened, direction, the bytes."""

    seconds: float
    direction: Direction
    data: bytes


class Transcript:
    """The last of what was said.  Raw inside, masked outside; safe to use from several threads."""

    def __init__(self) -> None:
        self.opened = time.monotonic()
        """When it was begun, a reading of ``time.monotonic``."""
        self._passages: deque[tuple[float, Direction, bytearray]] = deque()
        self._weight = 0
        self._cut = False
        """Its beginning is not kept any more."""
        self._masking = Masking()
        self._lock = threading.Lock()

    def add(self, direction: Direction, data: bytes) -> None:
        """Note bytes that went over the link just now."""
        if not data:
            return
        seconds = time.monotonic() - self.opened
        with self._lock:
            last = self._passages[-1] if self._passages else None
            if last and last[1] == direction and seconds - last[0] < _MERGE_S and len(last[2]) < LIMIT // 16:
                last[2].extend(data)
                self._weight += len(data)
            else:
                self._passages.append((seconds, direction, bytearray(data)))
                self._weight += len(data) + _OVERHEAD
            while self._weight > LIMIT and len(self._passages) > 1:
                self._weight -= len(self._passages.popleft()[2]) + _OVERHEAD
                self._cut = True

    def hide(self, secret: str) -> None:
        """Mask this text from now on, also in what was noted before, in whatever form it was said."""
        with self._lock:
            self._masking.hide(secret)

    def hide_setting(self, name: str) -> None:
        """Mask whatever is the value of this setting, likewise."""
        with self._lock:
            self._masking.hide_setting(name)

    def know_log(self, patterns: Iterable[re.Pattern[str]]) -> None:
        """Lines of the board's log, from where one of these is found, may come in the middle of what is masked."""
        with self._lock:
            self._masking.know_log(patterns)

    def hides(self, name: str, value: str) -> bool:
        """Tell whether a setting is hidden: by its name, or for a hidden text in its value."""
        with self._lock:
            return self._masking.hides(name, value)

    def passages(self) -> list[Passage]:
        """Return what is kept, oldest first, masked; a secret spread over several passages is masked in all."""
        with self._lock:
            kept = [(seconds, direction, bytes(data)) for seconds, direction, data in self._passages]
            shown = self._masking.conversation([(direction, data) for _, direction, data in kept], cut=self._cut)
        return [Passage(seconds, direction, data) for (seconds, direction, _), data in zip(kept, shown, strict=True)]

    def mask(self, data: bytes) -> bytes:
        """Return ``data``, a line to the board or what came from it after the last one, with its secrets masked."""
        with self._lock:
            sent: bytes | bytearray = b""
            for _, way, said in reversed(self._passages):
                sent = said + sent if way == ">" else sent
                if len(sent) >= _LINE:
                    break
            return self._masking.conversation([(">", bytes(sent)), ("<", data)])[1]

    def mask_values(self, data: bytes) -> bytes:
        """Return ``data``, which the station says itself, without the texts that are hidden."""
        with self._lock:
            return self._masking.values(data)
