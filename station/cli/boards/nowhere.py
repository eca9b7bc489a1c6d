"""A near end whose wire leads nowhere, so that a dry run can't send by mistake."""

from __future__ import annotations

import errno

from drivers import dialect
from drivers.board import Board
from drivers.link import Link
from drivers.uart import ModemLine
from station.recipe import Recipe


def near_end(port: str, recipe: Recipe) -> tuple[Link, Board]:
    """Return the near end of a recipe's board, to be asked what needs no board."""
    link = Link(port, Nowhere(), recipe.link)
    # It will never log in, so nobody needs to have its secrets at hand.
    return link, dialect(recipe.dialect)(link, recipe.options, dict.fromkeys(recipe.secrets, ""))


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
