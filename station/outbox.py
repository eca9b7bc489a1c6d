"""What closed cycles still owe the fleet.

A cycle that ended without PASS disables its serial number (M49).  If the
fleet was away for longer than the patience of the settings, the cycle is
closed all the same, so that the slot is free; what it owes is found in the
ledger and delivered as soon as the fleet answers again, in this run of the
station or a later one.
"""

from __future__ import annotations

import logging
import threading

from drivers.board import Identity
from station import evidence
from station.case import ask
from station.errors import StationError
from station.fleet.client import Client, Unanswered
from station.ledger import CycleRow, Ledger, Reader
from station.model import Step
from station.reconcile import Held, Move, Situation, decide

log = logging.getLogger(__name__)


class Outbox:
    """Disables what was left alive; one thread delivers, and slots make sure that it is not about their board."""

    def __init__(self, station: str, ledger: Ledger, reader: Reader, fleet: Client) -> None:
        """``station`` is the station's uid."""
        self._station, self._ledger, self._reader, self._fleet = station, ledger, reader, fleet
        self._turn = threading.Condition()
        self._serving: str | None = None
        """The serial number that is being asked and disabled."""
        self._refused: set[int] = set()
        """The cycles whose refusal is in the journal already."""

    def deliver(self) -> None:
        """Deliver everything that is owed; what fails now is tried again at the next call."""
        try:
            for row in self._reader.owed():
                self._settle(row)
        except StationError as fault:
            log.warning("not all that is owed to the fleet could be delivered: %s", fault.text)

    def make_way(self, serial: str) -> None:
        """Return once nothing is being delivered for this serial number.

        Its cycle is in the ledger by then, or is about to be and asks again
        before it changes anything, so that no disabling arrives late and
        kills a board that has passed.
        """
        with self._turn:
            self._turn.wait_for(lambda: self._serving != serial)

    def _settle(self, row: CycleRow) -> None:
        """Settle one debt, with its serial number to ourselves."""
        with self._turn:
            self._serving = row.serial
        try:
            self._disable(row)
        finally:
            with self._turn:
                self._serving = None
                self._turn.notify_all()

    def _disable(self, row: CycleRow) -> None:
        """Disable the client that this cycle has made, if it is still the one; anybody else's is left alone.

        A refusal concerns one number, and the others need not wait for it.
        """
        assert row.serial is not None and row.hardware_id is not None  # nothing is enabled before a board is identified
        try:
            # The product may have been changed since: the model is that of the cycle's own recipe.
            model = self._reader.model(row.recipe)
            found, rid, extra = ask(self._fleet, model, row.serial)
            # Asked last: a board that has passed meanwhile has the client of the cycle before (M48 keeps the RID).
            history = self._reader.history(row.serial, row.hardware_id, row.id)
            if history.open_in is not None:
                return  # it is being tested again: what is owed is known when that has ended
            identity = Identity(row.serial, row.hardware_id)
            whose = evidence.claim(
                extra,
                evidence.mark(self._station, identity),
                ours=rid is not None and rid in (history.rids if row.rid is None else {row.rid}),
                doubt=row.rid is None,
            )
            ours, hardware = evidence.standing(history), evidence.hardware(identity, history)
            move = decide(Situation(Step.DISABLE, Held.NONE, ours, hardware, found, whose))
            if move is Move.DISABLE:
                self._fleet.serials.disable(model, row.serial)
        except Unanswered:
            raise
        except StationError as fault:
            if row.id not in self._refused:
                log.warning("cycle %d: %s can't be disabled in the fleet: %s", row.id, row.serial, fault.text)
                self._refused.add(row.id)
            return
        self._ledger.disabled(row, {"found": found, "claim": whose, "move": move})
        log.info("cycle %d: %s: what it owed the fleet is settled: %s", row.id, row.serial, move)
