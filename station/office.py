"""The back office of a station: in whose name, on which records, with which fleet its boards are worked on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from drivers.board import Board, Identity
from station.case import Case
from station.escrow import Escrow
from station.fleet.client import Client
from station.fleet_rules import Activation
from station.inquiry import know_vendor
from station.ledger import CycleRow, History, Ledger, Reader, calls
from station.ledger.history import history
from station.recipe import Recipe


@dataclass(frozen=True)
class Office:
    """What slots and outbox share."""

    station: str
    """The station's uid."""
    vendor: str
    owner: str
    """RID of the fleet client below which boards are enabled."""
    ledger: Ledger
    reader: Reader
    escrow: Escrow
    fleet: Client
    confirmed: set[str] = field(default_factory=set)
    """The models of which the fleet has said that it knows the vendor."""
    late_s: float = 0.0
    """Seconds in which a call to the fleet that got no answer may still take effect."""

    def case(
        self,
        row: CycleRow,
        recipe: Recipe,
        board: Board,
        history: Callable[[Identity], History] | None = None,
        **rest: Any,
    ) -> Case:
        """Make the case of one cycle; ``history`` replaces the ledger's, ``rest`` is the case's own."""
        return Case(
            number=row.id,
            recipe=recipe,
            station=self.station,
            vendor=self.vendor,
            owner=self.owner,
            board=board,
            fleet=self.fleet,
            escrow=self.escrow,
            calls=lambda call, found: self.ledger.calls(row, call, found),
            before_call=lambda: calls.before_call(self.reader, row.id),
            astray_s=lambda serial: calls.astray_s(self.reader, row.model, serial),
            revives_s=lambda serial: calls.astray_s(self.reader, row.model, serial, calls.REVIVING),
            confirm_vendor=lambda: self.confirm_vendor(recipe),
            late_s=self.late_s,
            history=history or (lambda identity: self.history(identity, row)),
            **rest,
        )

    def confirm_vendor(self, recipe: Recipe) -> None:
        """Make sure, once, that the fleet knows the vendor, where no call of this station would tell.

        A board that fetches its key itself names its vendor, perhaps when it is in the field.  Raises ``FleetError``,
        ``VendorUnknown``.
        """
        model = recipe.fleet.model
        if recipe.fleet.activate is not Activation.STATION and model not in self.confirmed:
            know_vendor(self.fleet, model, self.vendor)
            self.confirmed.add(model)

    def history(self, identity: Identity, row: CycleRow) -> History:
        """Return what the ledger holds of a board, apart from this cycle of its."""
        return history(self.reader, row.model, identity.serial, identity.hardware_id, row.id)
