"""A wire that leads nowhere, so that a dry run can't send by mistake."""

from __future__ import annotations

import errno

from drivers.uart import ModemLine


class Nowhere:
    """A ``drivers.wire.Wire`` on which nothing arrives and nothing may be sent."""

    def receive(self, timeout_s: float) -> bytes:
        """Return nothing, at once."""
        return b""

    def send(self, data: bytes, timeout_s: float) -> tuple[int, bytes]:
        """Refuse."""
        raise OSError(errno.EPERM, "a dry run sends nothing")

    def drive(self, dtr: bool | None, rts: bool | None) -> None:
        """Refuse."""
        raise OSError(errno.EPERM, "a dry run moves no line")

    def sense(self, line: ModemLine) -> bool:
        """Say no."""
        return False

    def fileno(self) -> int | None:
        """Return None."""
        return None

    def wake(self) -> None:
        """Do nothing: nobody waits."""

    def close(self) -> None:
        """Do nothing."""
