"""The station's side of a wire, by system calls and nothing of ours."""

from __future__ import annotations

import os
import select
import time
from pathlib import Path

PATIENCE_S = 20.0
"""Far more than anything here needs, on the busiest machine."""


class Port:
    """The station's side of a wire, by system calls."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        self._pending = b""

    def send(self, data: bytes) -> None:
        while data:
            data = data[os.write(self.fd, data) :]

    def until(self, marker: bytes) -> bytes:
        """Everything up to the end of the marker."""
        ends = time.monotonic() + PATIENCE_S
        while marker not in self._pending:
            ready, _, _ = select.select([self.fd], [], [], max(0, ends - time.monotonic()))
            assert ready, f"no {marker!r} in {self._pending!r}"
            self._pending += os.read(self.fd, 4096)
        at = self._pending.index(marker) + len(marker)
        data, self._pending = self._pending[:at], self._pending[at:]
        return data

    def take(self, count: int) -> bytes:
        """Exactly so many bytes."""
        while len(self._pending) < count:
            ready, _, _ = select.select([self.fd], [], [], PATIENCE_S)
            assert ready, f"only {self._pending!r}"
            self._pending += os.read(self.fd, 4096)
        data, self._pending = self._pending[:count], self._pending[count:]
        return data

    def ask(self, line: bytes) -> bytes:
        """Send a line and return what comes between its echo and the prompt."""
        self.send(line + b"\r")
        assert self.until(b"\r\n") == line + b"\r\n"
        return self.until(b"=> ")[: -len(b"=> ")]

    def hung_up(self) -> bool:
        """Wait for a hang-up."""
        poll = select.poll()
        poll.register(self.fd, select.POLLHUP)
        return any(event & select.POLLHUP for _, event in poll.poll(PATIENCE_S * 1000))

    def close(self) -> None:
        os.close(self.fd)
