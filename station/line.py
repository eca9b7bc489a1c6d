"""Rules across slots: when the line stands still, and how its slots wait for the fleet.

A fleet that is away makes boards wait.  A fleet that refuses the station as a
whole (a wrong token, an unknown model) stops the line once; no board is
failed for it.  A ledger that can't be written stops it for good, and a clock
that is wrong as long as it is, where the settings say so.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from drivers.errors import Cancelled
from station import clock
from station.cycle import LINE_WIDE
from station.errors import StationError
from station.fleet.client import FleetError, NotAllowed, Unanswered
from station.inquiry import VendorUnknown
from station.model import Facts, FleetState
from station.steps import OwnerFull

log = logging.getLogger(__name__)

_WATCH_S = 5.0
"""Seconds between two looks at the fleet while nobody else needs it."""
_FIRST_RETRY_S = 0.5
_LONGEST_RETRY_S = 10.0
_FIRST_LOOK_S = 3.0
"""Seconds after the start in which the fleet's first answer is waited for."""
_LONGEST_PAUSE_S = 60.0
"""Longer than this, no fleet's Retry-After keeps a line waiting."""
_STAYS_S = 0.2
"""Seconds between two looks at whether whoever waits for the line is still there."""
_UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True)
class Stop:
    """Why the line stands still."""

    code: str
    text: str
    heals: bool
    """It is over as soon as the fleet gives a good answer; else whoever stopped the line has to say so, or a person has
    to act, and start the station again."""


class Line:
    """The state of the line as a whole.  All calls are safe from any thread."""

    def __init__(self, patience_s: float, record: Callable[[str, Facts], None]) -> None:
        """``record`` notes what happens to the line in the ledger."""
        self._patience_s, self._record = patience_s, record
        self._changed = threading.Condition()
        self._stopping = False
        self._stops: tuple[Stop, ...] = ()
        """What stops the line, in the order in which it came: when one is over, the next one still holds.  Replaced as
        a whole, since any thread looks at it at any time."""
        self._warnings: dict[str, StationError] = {}
        """What is wrong with the station and stops nobody, by what it is about."""
        self._fleet = FleetState.UNKNOWN
        self._fleet_ms: int | None = None
        self._good_answers = 0
        self._recalling: set[str] = set()
        """The slots that look for the board of a cycle that was cut,"""
        self._recall_s = 0.0
        """and so many seconds after the start they are waited for no longer."""
        self._began = clock.monotonic()

    # ------------------------------------------------------------- stopped or not

    @property
    def stop(self) -> Stop | None:
        """Why the line stands still, None while it runs."""
        return next(iter(self._stops), None)

    @property
    def stops(self) -> tuple[Stop, ...]:
        """All that stops it, in the order in which it came."""
        return self._stops

    @property
    def obstacle(self) -> str | None:
        """The code of what keeps a board from being begun; None if nothing does.

        Just after the start that is the fleet's first answer, so that a
        fleet that refuses the station is known before any board is begun; and
        the boards of cycles that were cut, so that one which is in another
        slot by now is not taken for a second one with its serial number.
        """
        if (stop := self.stop) is not None:
            return stop.code
        age = clock.monotonic() - self._began
        if self._fleet is FleetState.UNKNOWN and age < _FIRST_LOOK_S:
            return "fleet-asked"
        return "boards-recalled" if self._recalling and age < self._recall_s else None

    def recalls(self, slots: Iterable[str], patience_s: float) -> None:
        """Take note of the slots that have a cycle which was cut; each says when it has ``recalled`` its board.

        New boards wait for that, ``patience_s`` at most: a fleet that is away may keep such a cycle open.
        """
        self._recalling, self._recall_s = set(slots), patience_s

    def recalled(self, slot: str) -> None:
        """Take note that a slot has found the board of its cut cycle, or has closed that without."""
        self._recalling.discard(slot)

    def halt(self, fault: StationError, *, heals: bool = False) -> None:
        """Stop the line; the first reason stays until it is over, and the others hold after it."""
        with self._changed:
            if any(stop.code == fault.code for stop in self._stops):
                return
            stop = Stop(fault.code, fault.text, heals)
            self._stops = (*self._stops, stop)
            if stop is not self.stop:
                return
        self._tell(stop)

    def _tell(self, stop: Stop) -> None:
        log.error("line stopped: %s: %s", stop.code, stop.text)
        self.note("line-stop", {"code": stop.code, "text": stop.text})

    def heal(self, code: str) -> None:
        """Let the line run again, if this is what it was stopped for."""
        self._heal(lambda stop: stop.code == code)

    def _heal(self, over: Callable[[Stop], bool]) -> None:
        """Let the line run again, if what stopped it is over and nothing else holds."""
        with self._changed:
            first = self.stop
            self._stops = tuple(stop for stop in self._stops if not over(stop))
            if first is None or (holds := self.stop) is first:
                return
            self._changed.notify_all()
        log.info("%s: %s is over", "line runs again" if holds is None else "line still stopped", first.code)
        self.note("line-run", {"code": first.code})
        if holds is not None:
            self._tell(holds)

    @property
    def warning(self) -> StationError | None:
        """What is wrong with the station and stops nobody; None if nothing is."""
        return next(iter(tuple(self._warnings.values())), None)

    def warn(self, fault: StationError | None, about: str) -> None:
        """Show what is wrong and stops nobody, until it is said to be over: None; ``about`` tells one from another."""
        if fault is None:
            self._warnings.pop(about, None)
        else:
            self._warnings[about] = fault

    def shut_down(self) -> None:
        """Wake everybody who waits here, with ``Cancelled``: the station is stopping."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def await_running(self) -> None:
        """Return once the line runs; raises ``Cancelled``."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self.stop is None)
            self._check()

    def rest(self, seconds: float) -> None:
        """Let time pass; raises ``Cancelled`` as soon as the station stops."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping, seconds)
            self._check()

    def _check(self) -> None:
        if self._stopping:
            raise Cancelled("the station is stopping")

    def note(self, kind: str, facts: Facts) -> None:
        """Note in the ledger what happens to the line; that it can't be noted stops nobody."""
        try:
            self._record(kind, facts)
        except (StationError, sqlite3.Error) as fault:
            log.error("not recorded: %s: %s", kind, fault)

    # ------------------------------------------------------------- the fleet

    @property
    def fleet(self) -> tuple[FleetState, int | None]:
        """How the fleet answered last, and in how many milliseconds."""
        return self._fleet, self._fleet_ms

    def wait_for_fleet(
        self, fault: StationError, waited: float, say: Callable[[float], None], stays: Callable[[], None]
    ) -> None:
        """Return when it is worth asking the fleet again.

        ``waited`` is how long, in seconds, the caller has been trying;
        ``say`` is told how many seconds it is until the next try; ``stays``
        is asked now and then, and raises what ends the waiting.  Raises ``fault``
        when the patience of the settings is over, ``Cancelled`` at a stop.  While
        the fleet refuses the station as a whole the line stands still, and
        patience has no end.
        """
        if isinstance(fault, LINE_WIDE):
            self._answered(FleetState.REFUSED, None)
            self.refused(fault)
            while self.stop is not None:
                stays()
                self.rest(_STAYS_S)
            return
        self._answered(FleetState.AWAY, None)
        if waited >= self._patience_s:
            raise fault
        asked = fault.retry_after or 0.0 if isinstance(fault, Unanswered) else 0.0
        pause = max(min(max(_FIRST_RETRY_S, waited / 2), _LONGEST_RETRY_S), min(asked, _LONGEST_PAUSE_S))
        say(pause)
        over, seen = clock.monotonic() + pause, self._good_answers
        while self._good_answers == seen and (left := over - clock.monotonic()) > 0:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self._good_answers > seen, min(left, _STAYS_S))
                self._check()
            stays()  # a board that left makes room at once: the next one may not wait

    def refused(self, fault: StationError) -> None:
        """Stop the line for what the fleet holds against the station as a whole; it heals if the watch can tell.

        A good answer to the watch says that token and model are good; of owner and vendor it says nothing.
        """
        told_by_watch = fault.status == _UNAUTHORIZED if isinstance(fault, NotAllowed) else True
        self.halt(fault, heals=told_by_watch and not isinstance(fault, (VendorUnknown, OwnerFull)))

    def watch(self, ask: Callable[[], None], good: Callable[[], None], look: Callable[[], None]) -> None:
        """Look at the fleet now and then until the station stops; runs in a thread of its own.

        ``ask`` asks it, and raises what it holds against us; ``good`` is called after each good answer, ``look``
        whenever the fleet was asked, before anybody hears of it.
        """
        while True:
            began = clock.monotonic()
            try:
                try:
                    ask()
                finally:
                    took_ms = round((clock.monotonic() - began) * 1000)
                    look()
            except LINE_WIDE as fault:
                self.halt(fault, heals=True)  # first, so that nobody begins a board in between
                self._answered(FleetState.REFUSED, None)
            except FleetError as fault:
                log.debug("the fleet does not answer: %s", fault.text)
                self._answered(FleetState.AWAY, None)
            else:
                self._answered(FleetState.OK, took_ms)
                self._heal(lambda stop: stop.heals)
                good()
            try:
                self.rest(_WATCH_S if self._fleet is FleetState.OK else 1.0)
            except Cancelled:
                return

    def _answered(self, state: FleetState, milliseconds: int | None) -> None:
        with self._changed:
            before, self._fleet, self._fleet_ms = self._fleet, state, milliseconds
            self._good_answers += state is FleetState.OK
            self._changed.notify_all()
        if state is not before and (before, state) != (FleetState.UNKNOWN, FleetState.OK):
            log.info("fleet: %s", state)
            self.note("fleet", {"state": state})
