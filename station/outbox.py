"""What closed cycles still owe the fleet.

A cycle that ended without PASS disables its serial number (M49).  If the
fleet was away for longer than the patience of the settings, the cycle is
closed all the same, so that the slot is free; what it owes is found in the
ledger and delivered as soon as the fleet answers again, in this run of the
station or a later one.
"""

from __future__ import annotations

import logging

from station.errors import StationError
from station.fleet.client import Client, NotFound
from station.ledger import CycleRow, Ledger, Reader

log = logging.getLogger(__name__)


class Outbox:
    """Disables what was left alive; for one thread."""

    def __init__(self, model: str, ledger: Ledger, reader: Reader, fleet: Client) -> None:
        self._model, self._ledger, self._reader, self._fleet = model, ledger, reader, fleet

    def deliver(self) -> None:
        """Deliver everything that is owed; what fails now is tried again at the next call."""
        try:
            for row in self._reader.owed():
                self._disable(row)
        except StationError as fault:
            log.warning("not all that is owed to the fleet could be delivered: %s", fault.text)

    def _disable(self, row: CycleRow) -> None:
        """Disable the client that this cycle has enabled, if it is still the one; anybody else's is left alone."""
        found = "unknown"
        if row.serial is not None and row.rid is not None and not self._taken_up_again(row):
            try:
                info = self._fleet.serials.info(self._model, row.serial)
                found = str(info.status)
                if info.rid == row.rid and info.status in ("notactivated", "activated"):
                    self._fleet.serials.disable(self._model, row.serial)
            except NotFound:
                pass  # deleted meanwhile: no identity at all
        self._ledger.disabled(row, {"found": found})
        log.info("cycle %d: %s is disabled in the fleet, late", row.id, row.serial)

    def _taken_up_again(self, row: CycleRow) -> bool:
        """Tell whether a later cycle of ours has this serial number in hand."""
        assert row.serial is not None
        return self._reader.newest(row.serial) != row.id
