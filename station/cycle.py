"""One cycle: intend, act, settle; and close.

The ledger knows of every step before it is tried and what came of it before
the next.  So there is no path for resuming: a cycle that was cut runs its
first unsettled step again, and the steps that can't be done twice look first.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from drivers.errors import Blame, BoardPulled, Cancelled, Fault, PortLost, PortMissing
from station import clock
from station.case import Case
from station.errors import DatabaseError, EscrowFailed, Internal, SettingsError, StationError
from station.fleet.client import NotAllowed, TokenUnusable, Unanswered
from station.inquiry import ModelUnknown, VendorUnknown
from station.judgements import HardwareHasOtherSerial, SerialInTwoSlots
from station.ledger import CycleRow, HardwareOpenElsewhere, Ledger, Past, SerialOpenElsewhere
from station.ledger.transcript import joined
from station.model import NOT_OURS, OUTCOME, Closing, Facts, Known, Outcome, Step
from station.recipe import Presence
from station.situation import Move
from station.steps import STEPS, OwnerFull
from station.views import WAITED_FOR

log = logging.getLogger(__name__)

LINE_WIDE = (NotAllowed, TokenUnusable, SettingsError, ModelUnknown, VendorUnknown, OwnerFull)
"""What the fleet holds against the station as a whole; no board is to blame."""

BY_HAND = "restart-by-hand"
"""The code of what an operator is asked to do before a board is read back, if the recipe leaves that to him."""

SCAN_LABEL = "label-scan"
"""Likewise, where the recipe asks for the board's label."""

_UNCOMMON = (Move.ADOPT, Move.REGENERATE)
"""What the technician is told of, since it is not what happens to every board."""


class RecipeChanged(StationError):
    """The recipe is another one than the cycle was begun with: nobody has judged this board by it."""

    code = "recipe-changed"
    blame = Blame.PEOPLE


class GoldenBadPassed(StationError):
    """A unit that is known to be bad has passed: this slot would pass bad boards."""

    code = "golden-bad-passed"
    blame = Blame.STATION


class Undelivered(Exception):
    """The fleet can't be told now of a board that has left: its cycle stays as it is.  ``fault`` says why."""

    def __init__(self, fault: StationError) -> None:
        super().__init__(fault.text)
        self.fault = fault


_NO_VERDICT = (Cancelled, DatabaseError, Undelivered)
"""What leaves a cycle open."""


class Hold(Protocol):
    """How a cycle waits for a fleet that is away or refuses us."""

    def __call__(self, fault: StationError, waited: float) -> None:
        """Return when it is worth another try; raise ``fault`` if its patience is over, ``Cancelled`` at a stop.

        ``Undelivered`` leaves it to another time.  ``waited`` is how long, in seconds, this step has been trying.
        """
        ...


class Cycle:
    """One board in one slot, from its arrival to its close."""

    def __init__(
        self, row: CycleRow, case: Case, ledger: Ledger, hold: Hold, publish: Callable[[CycleRow, Step, str], None]
    ) -> None:
        """``publish`` is told of each step before it is tried, with the code of what is to be said of those before."""
        self.row = row
        self._case, self._ledger, self._hold, self._publish = case, ledger, hold, publish
        self.opened = clock.monotonic()
        """When it was opened, monotonic seconds."""
        self._decided: Closing | None = None
        self._last: tuple[Step, Facts] | None = None
        """The last step and what it established: it settles with the verdict, in one commit."""
        self._said_before, self._to_say = "", ""
        """The code of the last uncommon thing that was done about what was found."""

    def take_up(self, past: Past) -> None:
        """Go on with a cycle that an earlier run of the station left open."""
        self._ledger.resume(self.row)
        self._case.resumed = True
        self.opened = clock.monotonic() - past.age_s
        self._recall(past, unanswered=True)
        key = self._case.escrow.get(self.row.id)
        if key is not None:
            self._case.hide(key)

    def deliver(self, past: Past, *, untouched: bool = False) -> Closing:
        """Take the fleet's steps of a board that was released, and close.

        ``untouched``: the step that was begun and not settled has certainly changed nothing in the fleet so far.
        Raises ``Undelivered`` or ``DatabaseError``: the cycle stays open then.
        """
        plan, last = self._case.recipe.plan, self._case.recipe.released_after
        assert last is not None and self.row.released_at is not None
        fresh = self.row.step == last
        if fresh:
            self.row = self._ledger.intend(self.row, plan[plan.index(last) + 1])
        self._recall(past, unanswered=not fresh and not untouched)
        closing = self._decided or self._come_to_a_verdict()
        if closing.outcome is not Outcome.PASS:
            closing = replace(closing, details={**closing.details, **self._box()})
        return self.close(closing)

    def _recall(self, past: Past, *, unanswered: bool) -> None:
        """Know again what an earlier run knew; ``unanswered``: its step has been begun, and not settled."""
        case = self._case
        for settled in past.settled:
            case.known = case.known.after(settled.step, settled.facts)
        case.unanswered, case.begun_at = unanswered, past.begun_at if unanswered else None
        self._decided, self._said_before = past.decided, past.said

    def _box(self) -> Facts:
        """Say where a board that has left is to be looked for: among those of this lot, this operator, this time."""
        row = self.row
        box = {"slot": row.slot, "opened_at": clock.iso(row.opened_at), "operator": row.operator, "lot": row.work_order}
        return {name: value for name, value in box.items() if value is not None}

    def run(self) -> Closing:
        """Take every step that is left, and close; returns once the record is on the disk.

        A board that the fleet is told of later is PENDING: its cycle is
        released, and stays open.

        Raises ``Cancelled`` when the station stops, and ``DatabaseError``
        when nothing can be recorded: the cycle stays open then, and no
        verdict exists.
        """
        try:
            closing = self._decided or self._come_to_a_verdict()
            return closing if closing.outcome is Outcome.PENDING else self.close(closing)
        except Cancelled:
            self._cut()
            raise

    def _come_to_a_verdict(self) -> Closing:
        """Take every step that is left."""
        try:
            if self._other_recipe:
                raise RecipeChanged("the recipe was changed while this board was being worked on")
            if self._case.known.identity is not None and self.row.released_at is None:
                self._case.recognise()
                self._read_again()
            step: Step | None = Step(self.row.step or "")
            while step is not None:
                step, taken = self._take(step), step
                if taken is self._case.recipe.released_after and not self._case.known.golden:
                    return Closing(Outcome.PENDING)
            return self._passed()
        except _NO_VERDICT:
            raise
        except Fault as fault:
            return self._verdict(fault)
        except Exception as error:  # noqa: BLE001 - the slot lives, and the record says what it was
            unforeseen = Internal(f"{type(error).__name__}: {error}")
            where = "".join(traceback.format_tb(error.__traceback__))  # without the values, which may be secret
            log.error("cycle %d: unforeseen: %s\n%s", self.row.id, self._case.mask(unforeseen.text), where)
            return self._verdict(unforeseen)

    def _read_again(self) -> None:
        """Go back to reading the board, if that was before this run of the station: it may be another one by now.

        Number and hardware id are no proof: there are boards that are alike, and boards without a hardware id.
        """
        if self._case.resumed and self.row.step == Step.VERIFY_FLEET:
            self.row = self._ledger.intend(self.row, Step.VERIFY_BOARD)

    def abandon(self, fault: Fault) -> Closing:
        """Close without another step, for a board that is gone."""
        return self.close(self._decided or self._verdict(fault))

    def write_off(self, fault: Fault) -> Closing:
        """Close at once, for a slot that is gone; disabling the serial number is left to the outbox."""
        closing = self._decided or self._verdict(fault)
        return self._record(self._owed(closing) if self._is_to_die(closing) else closing)

    def close(self, closing: Closing) -> Closing:
        """Record how it ended.  A board that did not pass must not stay alive in the fleet."""
        if self._is_to_die(closing):
            closing = self._owed(closing) if self._other_recipe else self._disabled(closing)
        return self._record(closing)

    def _record(self, closing: Closing) -> Closing:
        """Write down how it ended, and forget its key."""
        elapsed = self._elapsed if self.row.released_at is None else self.row.duration_ms or 0
        forget = "" if self._said_before else None  # also what was kept for a board that was released
        said = forget if closing.outcome is Outcome.PASS else self._said()
        known = self._case.known.record()
        self.row = self._ledger.close_cycle(self.row, closing, known, elapsed, said, last=self._last)
        try:
            self._case.escrow.erase(self.row.id)
        except EscrowFailed as fault:
            log.error("cycle %d: its key is erased at the next start: %s", self.row.id, fault.text)
        return closing

    @property
    def untouched(self) -> bool:
        """Whether the step that is not settled has certainly changed nothing in the fleet."""
        return not self._case.unanswered

    @property
    def _elapsed(self) -> int:
        """Milliseconds since it was opened in which nobody was waited for."""
        waited_ms = self._case.known.waited_ms + round(self._case.waited_s * 1000)
        return round((clock.monotonic() - self.opened) * 1000) - waited_ms

    def _said(self) -> str | None:
        """Return the whole transcript as it is now, the parts before a cut included; None if nobody said anything."""
        return joined(self._said_before, self._case.transcript()) or None

    def _cut(self) -> None:
        """Keep what was said so far: this run of the station ends, the cycle does not."""
        if (said := self._said()) is not None:
            try:
                self._ledger.cut(self.row, said)
            except DatabaseError as fault:
                log.error("cycle %d: what was said so far is not kept: %s", self.row.id, fault.text)

    # ------------------------------------------------------------- steps

    def _after(self, step: Step, known: Known) -> Step | None:
        """Return the step after this one; None if it is the last."""
        plan = self._case.recipe.dry_plan if known.golden else self._case.recipe.plan
        return next(iter(plan[plan.index(step) + 1 :]), None)

    def _take(self, step: Step) -> Step | None:
        """Take one step, and return the next.  Its intent is in the ledger already; settling it intends that.

        The last one settles with the verdict, since nothing is done in between.
        """
        case = self._case
        asked = BY_HAND if step is Step.VERIFY_BOARD and case.recipe.restarted_by_hand else None
        self._publish(self.row, step, SCAN_LABEL if step is Step.LABEL else asked or self._to_say)
        case.begun_at = case.begun_at or clock.now_us()
        facts = self._patiently(step)
        if waited_ms := round(case.waited_s * 1000):
            facts = {**facts, "waited_ms": waited_ms}
        known = case.known.after(step, facts)
        then = self._after(step, known)
        try:
            if step is case.recipe.released_after and not known.golden:
                self.row = self._ledger.release(self.row, step, facts, self._elapsed, self._said())
            elif then is not None:
                self.row = self._ledger.settle(self.row, step, facts, then)
            else:
                self._last = step, facts
        except SerialOpenElsewhere:
            serial = facts["identity"]["serial"]
            raise SerialInTwoSlots(f"{serial!r} is in another slot too", serial=serial) from None
        except HardwareOpenElsewhere as other:
            identity = facts["identity"]
            serial, hardware = identity["serial"], identity["hardware_id"]
            text = f"hardware {hardware!r} is {other.serial!r} in slot {other.slot}, not {serial!r}"
            raise HardwareHasOtherSerial(text, serial=serial, hardware_id=hardware, before=other.serial) from None
        case.known = known
        case.unanswered, case.begun_at, case.waited_s = False, None, 0.0
        if (move := facts.get("move")) in _UNCOMMON:
            self._to_say = Move(move).code
        return then

    def _patiently(self, step: Step) -> Facts:
        """Act; while the fleet gives no answer, or refuses the station as a whole, wait and act again."""
        began = clock.monotonic()
        while True:
            try:
                return STEPS[step](self._case)
            except (Unanswered, *LINE_WIDE) as fault:
                self._hold(fault, clock.monotonic() - began)

    # ------------------------------------------------------------- endings

    def _passed(self) -> Closing:
        """Pass, with nothing taken on trust: each setting of the recipe was read back as it was written."""
        known = self._case.known
        if known.golden == "bad":
            raise GoldenBadPassed(f"{self._case.serial!r} is known to be bad, and nothing was found")
        if known.golden:
            return Closing(Outcome.PASS)
        if not known.digests.keys() == known.read_back.keys() == self._case.recipe.config.keys():
            raise Internal("not every setting of the recipe was written and read back")
        if known.digests != known.read_back:
            raise Internal("a setting was read back otherwise than it was written")
        return Closing(Outcome.PASS)

    def _verdict(self, fault: Fault) -> Closing:
        """Turn a fault into how the cycle ends; what it says may hold what a board has said, so secrets are masked."""
        if isinstance(fault, (PortLost, PortMissing)) and self._case.recipe.presence is Presence.PORT:
            fault = BoardPulled(fault.text)  # here the port *is* the board's
        mask = self._case.mask
        details = {name: mask(value) if isinstance(value, str) else value for name, value in fault.details.items()}
        return Closing(OUTCOME[fault.blame], fault.code, mask(fault.text), details)

    def _is_to_die(self, closing: Closing) -> bool:
        """What this cycle has made in the fleet is to be disabled.

        Nothing is that turned out to be somebody else's, even if it was taken for ours until its key was asked for: a
        board at another station may have passed with it.
        """
        return closing.outcome is not Outcome.PASS and closing.code not in NOT_OURS and self._may_live

    @property
    def _may_live(self) -> bool:
        """The fleet may hold a living identity that this cycle has made: enabled, or asked to and not answered."""
        if self._decided is not None or self._case.known.rid is not None:
            return True
        return self.row.step == Step.ENABLE and self._case.unanswered

    @property
    def _other_recipe(self) -> bool:
        """The cycle was begun with another recipe, perhaps of another model in the fleet."""
        return self.row.recipe != self._case.recipe.sha256

    def _owed(self, closing: Closing) -> Closing:
        """Leave it to the outbox to disable the serial number."""
        self.row = self._ledger.intend(self.row, Step.DISABLE, closing, self._said())
        return replace(closing, details={**closing.details, "disable": "owed"})

    def _disabled(self, closing: Closing) -> Closing:
        """Disable the serial number in the fleet (M49), and say so in the closing.

        The verdict is part of the intent, so that it is not forgotten if the
        power fails now; so is the transcript.
        """
        self.row = self._ledger.intend(self.row, Step.DISABLE, closing, self._said())
        self._publish(self.row, Step.DISABLE, Move.DISABLE.code)
        try:
            # A fleet that was waited for long enough is not waited for once more: it is told later.
            given_up = closing.code in WAITED_FOR
            facts = STEPS[Step.DISABLE](self._case) if given_up else self._patiently(Step.DISABLE)
            self.row = self._ledger.settle(self.row, Step.DISABLE, facts, None)
            done = str(facts["move"])
        except _NO_VERDICT:
            raise
        except Fault as fault:
            log.warning("cycle %d: not disabled in the fleet: %s", self.row.id, fault.text)
            done = fault.code
        return replace(closing, details={**closing.details, "disable": done})
