"""What the fleet is still to be told of boards that have left.

Two things: the fleet's steps of boards that were released (PENDING; the
recipe's ``fleet.deferred``), and the disabling of numbers whose cycle closed
without PASS while the fleet was away.  Both are found in the ledger, and are
delivered as soon as the fleet answers, in this run of the station or a later
one: what was begun and not answered is looked at first, so each arrives once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from drivers.board import Identity, NoBoard
from station import clock, evidence
from station import recipe as recipes
from station.case import LateCall
from station.cycle import LINE_WIDE, Cycle, Undelivered
from station.errors import DatabaseError, StationError
from station.fleet.client import Unanswered, Unreachable
from station.inquiry import ModelUnknown, ask_for_good
from station.ledger import CycleRow, calls
from station.ledger.history import history as history_of
from station.model import Closing, Delivery, Outcome, Step
from station.office import Office
from station.reconcile import decide
from station.situation import Held, Move, Ours, Situation

log = logging.getLogger(__name__)

_ROUND_S = 3.0
"""Seconds after which a round ends between two debts, since whoever has asked for it waits for its end."""


_FIRST_PAUSE_S = 5.0
_LONGEST_PAUSE_S = 3600.0
"""Seconds until one number that the fleet refuses is tried again by itself: each try is in the records."""


class Outbox:
    """Delivers, one round at a time; slots make sure that it is not about their board at this moment."""

    def __init__(self, office: Office, refused: Callable[[StationError], None]) -> None:
        """``refused`` is told when the fleet refuses the station as a whole."""
        self._office, self._refused = office, refused
        self._round = threading.Lock()
        self._turn = threading.Condition()
        self._serving: str | None = None
        """The serial number that the fleet is being told of."""
        self._served = 0
        """The cycle whose debt was tried last."""
        self._hopeless: dict[int, tuple[float, float]] = {}
        """The cycles that can't be delivered now, as the journal has said: when each is tried again (monotonic), and
        how many seconds later once more."""
        self._untouched: set[int] = set()
        """The cycles whose step was begun in an earlier round, and has certainly changed nothing in the fleet."""

    def deliver(
        self, told: Callable[[CycleRow, Closing], None] = lambda row, ending: None, *, due: bool = False
    ) -> Delivery:
        """Deliver everything; what fails now is tried again at the next call.  ``told`` hears of each cycle closed.

        ``due``: what concerns one number alone, and can't be delivered, is tried again later and later.
        """
        with self._round:
            delivered, why = 0, ""
            over = clock.monotonic() + _ROUND_S
            try:
                for number, row, act in self._in_turn(told):
                    if due and number in self._hopeless and clock.monotonic() < self._hopeless[number][0]:
                        continue
                    self._served = number
                    missed = self._serve(row, act)
                    delivered += not missed
                    why = why or missed
                    if clock.monotonic() >= over:
                        break
            except (StationError, Undelivered) as fault:
                why = fault.fault.text if isinstance(fault, Undelivered) else fault.text
                log.warning("not all that is owed to the fleet could be delivered: %s", why)
            return Delivery(delivered, self.left(), why)

    def left(self) -> int:
        """Return how many cycles the fleet is still to be told of."""
        reader = self._office.reader
        return len(reader.pending()) + len(reader.owed())

    def _in_turn(
        self, told: Callable[[CycleRow, Closing], None]
    ) -> list[tuple[int, CycleRow, Callable[[CycleRow], str]]]:
        """Return every debt, from the one behind that with which the last round ended.

        One that always ends a round at itself, or many that take all of its time, keep no other waiting for ever.
        """
        debts = [(row.id, row, act) for row, act in self._owed(told)]
        turn = next((at for at, (number, *_) in enumerate(debts) if number > self._served), 0)
        return debts[turn:] + debts[:turn]

    def _owed(self, told: Callable[[CycleRow, Closing], None]) -> Iterator[tuple[CycleRow, Callable[[CycleRow], str]]]:
        """Yield every debt, and how it is settled, in the order of their cycles."""
        reader = self._office.reader
        debts: list[tuple[CycleRow, Callable[[CycleRow], str]]] = [(row, self._disable) for row in reader.owed()]
        debts += [(row, lambda row: self._tell(row, told)) for row in reader.pending()]
        yield from sorted(debts, key=lambda debt: debt[0].id)

    def make_way(self, serial: str) -> None:
        """Return once nothing is being delivered for this serial number.

        Its cycle is in the ledger by then, or is about to be and asks again
        before it changes anything, so that no disabling arrives late and
        kills a board that has passed.
        """
        with self._turn:
            self._turn.wait_for(lambda: self._serving != serial)

    def _serve(self, row: CycleRow, act: Callable[[CycleRow], str]) -> str:
        """Settle one debt, with its serial number to ourselves; return in words why the fleet was not told of it."""
        with self._alone(row.serial):
            try:
                return act(row)
            except (Unanswered, DatabaseError) as away:
                if isinstance(away, Unanswered) and not isinstance(away, Unreachable):
                    self._put_off(row)  # it may have been asked for, and that is in the records
                raise
            except Undelivered as undelivered:
                if not isinstance(undelivered.fault, (ModelUnknown, LateCall)):
                    raise
                fault: StationError = undelivered.fault
            except StationError as refusal:
                fault = refusal
        # It concerns this number, or a product that is no longer made: the others need not wait for it.
        if row.id not in self._hopeless:
            log.warning("cycle %d: %s: the fleet can't be told: %s", row.id, row.serial, fault.text)
        if isinstance(fault, LateCall):  # that is over at a known time
            self._hopeless[row.id] = 0.0, _FIRST_PAUSE_S
        else:
            self._put_off(row)
        return f"{row.serial}: {fault.text}"

    def _put_off(self, row: CycleRow) -> None:
        """Try this one again later than the last time."""
        _, pause = self._hopeless.get(row.id, (0.0, _FIRST_PAUSE_S))
        self._hopeless[row.id] = clock.monotonic() + pause, min(2 * pause, _LONGEST_PAUSE_S)

    @contextmanager
    def _alone(self, serial: str | None) -> Iterator[None]:
        with self._turn:
            self._serving = serial
        try:
            yield
        finally:
            with self._turn:
                self._serving = None
                self._turn.notify_all()

    # ------------------------------------------------------------- boards that were released

    def _tell(self, row: CycleRow, told: Callable[[CycleRow, Closing], None]) -> str:
        """Take the fleet's steps of one released cycle; return in words why it did not pass."""
        office, reader = self._office, self._office.reader
        recipe = recipes.stored(row.recipe, reader.recipe(row.recipe))  # the product may have been changed since
        case = office.case(row, recipe, NoBoard(), released=True, rest=_not_yet)
        cycle = Cycle(row, case, office.ledger, self._not_now, lambda row, step, code: None)
        untouched = row.id in self._untouched
        self._untouched.discard(row.id)  # it holds for this try: whatever ends that, the next one looks
        try:
            ending = cycle.deliver(reader.past(row), untouched=untouched)
        except Undelivered:
            if cycle.untouched:
                self._untouched.add(row.id)
            raise
        log.info("cycle %d: %s: the fleet has been told: %s", row.id, row.serial, ending.code or ending.outcome)
        told(cycle.row, ending)
        return "" if ending.outcome is Outcome.PASS else f"{row.serial}: {ending.text or ending.code}"

    def _not_now(self, fault: StationError, waited: float) -> None:
        """Wait for nothing: the next round comes by itself."""
        if isinstance(fault, LINE_WIDE) and not isinstance(fault, ModelUnknown):
            self._refused(fault)  # whether the line's own product is unknown, the watch will tell
        raise Undelivered(fault)

    # ------------------------------------------------------------- numbers that are to be disabled

    def _disable(self, row: CycleRow) -> str:
        """Disable the client that this cycle has made, if it is still the one; anybody else's is left alone."""
        try:
            return self._disable_ours(row)
        except LINE_WIDE as fault:
            self._not_now(fault, 0)
        return ""

    def _disable_ours(self, row: CycleRow) -> str:
        assert row.serial is not None and row.hardware_id is not None  # nothing is enabled before a board is identified
        office, reader = self._office, self._office.reader
        since = calls.astray_s(reader, row.model, row.serial, calls.REVIVING)
        late = [since] if since is not None else []
        late += [calls.closed_s(reader, row.id)] if row.rid is None else []  # its enabling never got an answer
        may_revive = min(late, default=office.late_s) < office.late_s
        found, rid, extra = ask_for_good(office.fleet, row.model, row.serial)
        # Asked last: a board that has passed meanwhile has the client of the cycle before (M48 keeps the RID).
        history = history_of(reader, row.model, row.serial, row.hardware_id, row.id)
        ours = evidence.standing(history)
        if ours is Ours.ELSEWHERE:
            return f"{row.serial}: it is being tested again"  # what is owed is known when that has ended
        identity = Identity(row.serial, row.hardware_id)
        whose = evidence.claim(
            extra,
            evidence.mark(office.station, identity),
            ours=rid is not None and rid in (history.rids if row.rid is None else {row.rid}),
            doubt=row.rid is None,
            lost=history.lost,
        )
        hardware = evidence.hardware(identity, history)
        move = decide(Situation(Step.DISABLE, Held.NONE, ours, hardware, found, whose))
        if move is Move.DISABLE:
            office.ledger.calls(row, "disable", found)
            office.fleet.serials.disable(row.model, row.serial)
        if may_revive:
            _not_yet(0, None)  # it is looked at again
        office.ledger.disabled(row, {"found": found, "claim": whose, "move": move})
        log.info("cycle %d: %s: what it owed the fleet is settled: %s", row.id, row.serial, move)
        return ""


def _not_yet(seconds: float, code: str | None) -> None:
    """Wait for nothing: the next round comes by itself."""
    raise Undelivered(LateCall("an earlier call that got no answer may still be carried out"))
