"""What was said on one link: bounded, with times, and with the secrets left out when it is shown."""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Literal, NamedTuple

Direction = Literal[">", "<"]
"""``>`` to the board, ``<`` from it."""

LIMIT = 64 * 1024
"""Bytes kept in memory, the newest ones."""

MASK = b"***"

_MERGE_S = 0.05
"""What arrives within this time is one passage: a slow board would make one of every byte."""
_OVERHEAD = 64
"""What a passage weighs besides its bytes."""
_RUN = 8
"""So many characters of a secret in a row are masked, so that a cut or damaged one doesn't show either."""
_WRAP = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]| ?\r|[\n\b\0]")
"""What a terminal puts into a long line: it doesn't end a secret."""


class Passage(NamedTuple):
    """Bytes that went one way: seconds since the link was opened, direction, the bytes."""

    seconds: float
    direction: Direction
    data: bytes


class Transcript:
    """The last of what was said.  Raw inside, masked outside; safe to use from several threads."""

    def __init__(self) -> None:
        self._opened = time.monotonic()
        self._passages: deque[tuple[float, Direction, bytearray]] = deque()
        self._weight = 0
        self._runs: set[bytes] = set()
        self._lock = threading.Lock()

    def add(self, direction: Direction, data: bytes) -> None:
        """Note bytes that went over the link just now."""
        if not data:
            return
        seconds = time.monotonic() - self._opened
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

    def hide(self, secret: str) -> None:
        """Mask this text from now on, also in what was noted before."""
        raw = secret.encode()
        if not raw:
            return
        length = min(_RUN, len(raw))
        with self._lock:
            self._runs.update(raw[i : i + length] for i in range(len(raw) - length + 1))

    def passages(self) -> list[Passage]:
        """Return what is kept, oldest first, masked; a secret spread over several passages is masked in all."""
        with self._lock:
            kept = [(seconds, direction, bytes(data)) for seconds, direction, data in self._passages]
        masked: dict[Direction, Iterator[bytes]] = {
            way: iter(self._mask([data for _, direction, data in kept if direction == way])) for way in (">", "<")
        }
        return [Passage(seconds, direction, next(masked[direction])) for seconds, direction, _ in kept]

    def mask(self, data: bytes) -> bytes:
        """Return ``data`` with the secrets in it masked."""
        return self._mask([data])[0]

    def _mask(self, pieces: list[bytes]) -> list[bytes]:
        stream = b"".join(pieces)
        secret = self._secret(stream)
        if not any(secret):
            return pieces
        shown, start = [], 0
        for piece in pieces:
            out = bytearray()
            for i in range(start, start + len(piece)):
                if not secret[i]:
                    out.append(stream[i])
                elif i == 0 or not secret[i - 1]:
                    out += MASK
            shown.append(bytes(out))
            start += len(piece)
        return shown

    def _secret(self, stream: bytes) -> bytearray:
        """Return one flag a byte: 1 where a secret is."""
        flags = bytearray(len(stream))
        with self._lock:
            runs = set(self._runs)
        if not runs:
            return flags
        where: list[int] = []
        start = 0
        for wrap in _WRAP.finditer(stream):
            where.extend(range(start, wrap.start()))
            start = wrap.end()
        where.extend(range(start, len(stream)))
        text = bytes(stream[i] for i in where)
        for length in {len(run) for run in runs}:
            for i in range(len(text) - length + 1):
                if text[i : i + length] in runs:
                    first, last = where[i], where[i + length - 1]
                    flags[first : last + 1] = b"\1" * (last + 1 - first)
        return flags
