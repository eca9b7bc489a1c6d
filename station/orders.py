"""Work orders: what is being made, how much of it is planned, and how much is done.

A work order is so many boards of one model; its boards are its lot.  It is
taken by a scan, a command or the settings, and boards count for it from then
on.  It can be closed, and the lot leave, once none of its boards is on hold.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import TypeVar

from drivers.errors import Blame
from station import clock
from station.errors import StationError
from station.ledger import Ledger, Reader
from station.ledger.decisions import Progress, WorkOrder, keep_order, order, orders, progress
from station.model import Facts
from station.operators import Act, Operators
from station.settings import WorkOrderSettings

log = logging.getLogger(__name__)

T = TypeVar("T")

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,31}")
"""What a work order is called."""
_MOST = 10_000_000
"""Boards of one work order."""


class OrderUnfit(StationError):
    """What is said of a work order can't be so; the text says why."""

    code = "work-order-unfit"
    blame = Blame.PEOPLE


class OrderForeign(StationError):
    """The work order is another product's."""

    code = "work-order-foreign"
    blame = Blame.PEOPLE


class OrderMissing(StationError):
    """No work order was taken, and there has to be one."""

    code = "work-order-missing"
    blame = Blame.PEOPLE


class OrderFull(StationError):
    """As many boards as were planned are done, or being made."""

    code = "work-order-full"
    blame = Blame.PEOPLE


class OrderClosed(StationError):
    """The work order was closed before."""

    code = "work-order-closed"
    blame = Blame.PEOPLE


class OrderOpen(StationError):
    """The work order can't be closed yet; the text says what keeps it open."""

    code = "work-order-open"
    blame = Blame.PEOPLE


class WorkOrders:
    """The work orders of one station; safe to use from several threads."""

    def __init__(
        self, settings: WorkOrderSettings, operators: Operators, ledger: Ledger, reader: Reader, model: str
    ) -> None:
        """``model`` is that of the recipe."""
        self._settings, self._operators, self._ledger, self._reader = settings, operators, ledger, reader
        self._model, self._needed = model, settings.needed
        self._guard = threading.RLock()
        self._current = next((one for one in orders(reader) if one.closed_at is None and one.model == model), None)

    def look(self) -> None:
        """Take the work order of the settings, unless another one is being made, or it was closed; at the start."""
        number, planned = self._settings.id, self._settings.planned
        if number is None or self._current is not None:
            return
        try:
            self.take(number, "" if planned is None else str(planned))
        except (OrderForeign, OrderClosed) as fault:
            log.warning("the settings' work order is not taken: %s", fault.text)

    @property
    def current(self) -> WorkOrder | None:
        """The work order that boards count for from now on; None without one."""
        return self._current

    @property
    def obstacle(self) -> str | None:
        """The code of what keeps a board from being begun; None if nothing does."""
        now = self._current
        if now is None:
            return OrderMissing.code if self._needed else None
        return OrderFull.code if self._is_full(now) else None

    def _is_full(self, now: WorkOrder) -> bool:
        if now.planned is None:
            return False
        done = progress(self._reader, now.id)
        return done.passed + done.pending + done.running >= now.planned

    def begin(self, open_cycle: Callable[[str | None], T]) -> T | None:
        """Open a cycle for the current work order; None if it has become full since.  No two slots are here at once."""
        with self._guard:
            if self.obstacle is not None:
                return None
            return open_cycle(self._current.id if self._current else None)

    # ------------------------------------------------------------- told by people

    def take(self, number: str, planned: str = "") -> Facts:
        """Make this work order from now on; a new one is opened.  ``planned`` is how many boards, if it is said.

        Raises ``OrderUnfit``, ``OrderForeign``, ``OrderClosed``: then nothing has changed.
        """
        boards = _number(planned)
        if not ID.fullmatch(number):
            raise OrderUnfit(f"work order {number[:64]!r}: expected 1 to 32 letters, digits, dots, dashes, slashes")
        with self._guard:
            known, now = order(self._reader, number), clock.now_us()
            if known is not None and known.model != self._model:
                raise OrderForeign(f"work order {number} is for {known.model}; {self._model} is made here")
            if known is not None and known.closed_at is not None:
                raise OrderClosed(f"work order {number} was closed {clock.iso(known.closed_at)}")
            if known is not None and known == self._current and boards in (None, known.planned):
                return self._told(known)
            taken = replace(known, taken_at=now) if known else WorkOrder(number, self._model, None, now, now, None)
            taken = replace(taken, planned=taken.planned if boards is None else boards)
            old = {"planned": known.planned if known else None, "before": self._current and self._current.id}
            new = {"planned": taken.planned, "model": self._model}
            keep_order(self._ledger, "work-order", self._operators.actor, taken, {"old": old, "new": new})
            self._current = taken
            log.info("work order %s: %s boards planned", number, taken.planned if taken.planned is not None else "any")
            self._operators.touch()
            return self._told(taken)

    def close(self, number: str = "", by: str = "", pin: str = "") -> Facts:
        """Close a work order, the current one if none is named: its lot may leave.

        Raises ``OrderMissing``, ``OrderClosed``, ``OrderOpen``, and where there are roles what ``Operators.approve``
        does.
        """
        with self._guard:
            named = number or (self._current.id if self._current else "")
            known = order(self._reader, named)
            if known is None:
                raise OrderMissing(f"there is no work order {named[:32]!r}" if named else "no work order is being made")
            if known.closed_at is not None:
                raise OrderClosed(f"work order {named} was closed {clock.iso(known.closed_at)}")
            done = progress(self._reader, known.id)
            if done.held or done.pending or done.running:
                text = f"{done.held} of its boards on hold, {done.running} being worked on"
                raise OrderOpen(f"work order {named} can't be closed: {text}")
            decides = self._operators.decides
            actor = self._operators.approve(Act.CLOSE_ORDER, by, pin).id if decides else self._operators.actor
            closed = replace(known, closed_at=clock.now_us())
            facts = {"planned": known.planned, "passed": done.passed}
            keep_order(self._ledger, "work-order-close", actor, closed, facts)
            if self._current is not None and self._current.id == closed.id:
                self._current = None
            log.info("work order %s closed by %s: %d boards", named, actor, done.passed)
            return self._told(closed)

    def all(self) -> list[Facts]:
        """Return every work order and how far it is, the one that was taken last first."""
        return [self._told(one) for one in orders(self._reader)]

    def _told(self, one: WorkOrder) -> Facts:
        now = self._current is not None and self._current.id == one.id
        return {**asdict(one), **asdict(self.progress(one)), "current": now}

    def progress(self, one: WorkOrder) -> Progress:
        """Return how far a work order is."""
        return progress(self._reader, one.id)


def _number(planned: str) -> int | None:
    if not planned:
        return None
    if not re.fullmatch(r"[0-9]{1,8}", planned) or not 0 < int(planned) <= _MOST:
        raise OrderUnfit(f"{planned[:32]!r} boards: expected a number from 1 to {_MOST}")
    return int(planned)
