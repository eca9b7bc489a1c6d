"""What a screen may see and ask.  It pulls; the engine never calls it.

A screen compares ``views()`` with what it painted last, by identity, as often
as it likes.  It may miss things; a record may not, so the ledger is no user
of this.
"""

from __future__ import annotations

from typing import Protocol

from drivers.errors import Fault
from station.model import Delivery, Facts, LineView, SlotView
from station.operators import Operators
from station.orders import WorkOrders
from station.scans import Scans
from station.supervision import Supervision


class Floor(Protocol):
    """The slots of one station, as a screen, an operator's command or a rehearsal's robot sees them."""

    operators: Operators
    """Who works here."""
    orders: WorkOrders
    """What is made, and how much of it."""
    scans: Scans
    """What a scanner says."""
    supervision: Supervision
    """What only some may decide."""

    def views(self) -> tuple[SlotView, ...]:
        """Return every slot's view, in the order of the settings; never blocks."""
        ...

    def line(self) -> LineView:
        """Return the line's view; never blocks."""
        ...

    def start_cycle(self, slot: str) -> Fault | None:
        """Take the board in this slot as new, though its arrival could not be seen.

        What keeps the slot from it is returned, and nothing happens then: a
        board is being worked on, the line stands still, or the fixture's
        adapter is gone.  Raises ``KeyError`` for a slot that is not there.
        """
        ...

    def compare(self, days: int, after: int) -> Facts:
        """Ask the fleet for the boards that passed in the last days, behind cycle ``after``; hold what it denies.

        One short round; the answer tells where the next one goes on.  Raises ``FleetError``.
        """
        ...

    def reprint(self, serial: str) -> Facts:
        """Print the label of a board whose PASS stands once more; raises ``PrintUnwanted``, ``PrintFailed``."""
        ...

    def acknowledge(self, slot: str) -> Facts:
        """Record that somebody has seen a slot's verdict that is no PASS.

        Raises ``KeyError`` for a slot that is not there, ``NothingToAcknowledge``.
        """
        ...

    def deliver(self) -> Delivery:
        """Tell the fleet now of the boards that have left, as far as it answers; return what became of it."""
        ...
