"""The bench: all slots of one station, started and stopped together, and what may be seen of them.

Small, because the rest is elsewhere.  It is the ``live.Floor`` of a process
that runs the engine itself.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from drivers.errors import Fault
from station import __version__, clock, views, words
from station.comparing import compare
from station.errors import NothingToAcknowledge, StationError
from station.inquiry import know_model
from station.ledger import CycleRow
from station.ledger.decisions import progress
from station.ledger.figures import counters
from station.model import Closing, Counters, Delivery, Facts, Finished, FleetState, LineView, Outcome, Phase, SlotView
from station.scans import Scans
from station.settings import SlotSettings
from station.shifts import Shifts
from station.slot import Equipment, Slot
from station.supervision import Supervision
from station.tenancy import tenancy

log = logging.getLogger(__name__)

_RECALL_S = 30.0
"""Seconds in which a slot that did not find the board of a cut cycle closes that, if the fleet answers."""
_LAST_ANSWER_S = 2.0
"""Seconds that a stop gives the fleet for the answers that are still to come."""


class Listener(Protocol):
    """Told of what happens, in the thread in which it happens; must be quick and must not raise."""

    def slot_changed(self, view: SlotView) -> None:
        """Take note of a slot's new view."""
        ...

    def cycle_finished(self, finished: Finished) -> None:
        """Take note of a closed and recorded cycle."""
        ...


class Bench:
    """The slots of one station."""

    def __init__(
        self,
        name: str,
        slots: Sequence[SlotSettings],
        equipment: Equipment,
        supervision: Supervision,
        shifts: Shifts,
        look: Callable[[], None],
        serve: Callable[[Bench], None],
        close: Callable[[], None],
    ) -> None:
        """``look`` looks at the clock.

        ``serve`` lets other processes ask, once the slots are open; ``close`` gives back whatever is held.
        """
        self._name, self._equipment, self._serve, self._close = name, equipment, serve, close
        self._also_look, self._shift = look, ""
        self.operators, self.orders = equipment.operators, equipment.orders
        self.supervision, self._shifts = supervision, shifts
        self._settings = slots
        self._slots = {slot.name: Slot(slot, equipment, self._changed, self._counted) for slot in slots}
        self.scans = Scans(
            self.operators, self.orders, equipment.labels, equipment.recipe.label, equipment.office.ledger, self.views
        )
        self._listeners: list[Listener] = []
        self._guard = threading.Lock()
        self._counters = Counters()
        self._stopped = False
        self._line_view: LineView | None = None
        self._watch = threading.Thread(
            target=equipment.line.watch, args=(self._ask, self._deliver, self._look), name="fleet watch", daemon=True
        )

    def subscribe(self, listener: Listener) -> None:
        """Have a listener told of everything from now on; before ``start``."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Forget the keys of closed cycles, and begin to serve every slot."""
        office, recipe = self._equipment.office, self._equipment.recipe
        office.escrow.sweep(office.reader.open_cycles())
        found = tenancy(office.reader, self._settings)
        facts = {"software": __version__, "recipe": recipe.sha256, "name": self._name, **found.record}
        office.ledger.note("start", facts)
        self._look()  # before any board is begun, whether the fleet answers or not
        self.supervision.look()
        self.orders.look()
        self._equipment.printer.look(recipe.fleet.model)
        self._equipment.rules.judge()
        for name in found.evicted:  # first: its board may be in another slot now
            gone = SlotSettings(name=name, port="-")
            Slot(gone, self._equipment, lambda view: None, self._counted).give_up()
        cut = [
            name
            for name, number in found.tenants.items()
            if number is not None and office.reader.cycle(number).released_at is None
        ]
        self._equipment.line.recalls(cut, _RECALL_S + max(slot.grace_s for slot in self._slots.values()))
        self._watch.start()
        for name, slot in self._slots.items():
            slot.open(found.tenants[name])
        self._serve(self)

    def stop(self) -> None:
        """Stop every slot and close the ledger; running cycles stay open in it.  May be called again."""
        with self._guard:
            if self._stopped:
                return
            self._stopped = True
        self._equipment.line.shut_down()
        for slot in self._slots.values():
            slot.stop()
        # A call to the fleet may end by itself, which saves asking again; a fleet that says nothing is not waited for.
        deadline = clock.monotonic() + _LAST_ANSWER_S
        for slot in self._slots.values():
            slot.join(deadline - clock.monotonic())
        self._equipment.office.fleet.cut_off()
        for slot in self._slots.values():
            slot.join()
        if self._watch.ident is not None:  # else the start had failed before
            self._watch.join()
        try:
            self._equipment.office.ledger.note("stop", {})
        except StationError as fault:
            log.error("the stop is not recorded: %s", fault.text)
        self._close()

    # ------------------------------------------------------------- live.Floor

    def views(self) -> tuple[SlotView, ...]:
        """Return every slot's view, in the order of the settings; never blocks."""
        return tuple(slot.view for slot in self._slots.values())

    def line(self) -> LineView:
        """Return the line's view; the same object as long as nothing has changed."""
        line, recipe = self._equipment.line, self._equipment.recipe
        stop = line.stop
        fleet, milliseconds = line.fleet
        view = LineView(
            station=self._name,
            recipe=f"{recipe.name} {recipe.version}",
            fleet=fleet,
            fleet_ms=milliseconds,
            counters=self._counters,
            stopped=words.advice(stop.code) if stop else "",
            stopped_code=stop.code if stop else None,
            warning=words.advice(line.warning.code) if line.warning and not stop else "",  # one thing to do at a time
            operator=who.name if (who := self.operators.signed_in) else "",
            work_order=self._making(),
            scanned=self.scans.said,
        )
        if view != self._line_view:
            self._line_view = view
        assert self._line_view is not None
        return self._line_view

    def _making(self) -> str:
        """Say what is made, and how much of it is done."""
        now = self.orders.current
        if now is None:
            return ""
        done = self._counters.in_order
        return f"{now.id} {done}/{now.planned}" if now.planned is not None else f"{now.id} {done}"

    def start_cycle(self, slot: str) -> Fault | None:
        """Take the board in this slot as new, though its arrival could not be seen; return why not, if it can't be."""
        self.operators.touch()
        return self._slots[slot].start()

    def acknowledge(self, slot: str) -> Facts:
        """Record that somebody has seen a verdict that is no PASS; raises ``KeyError``, ``NothingToAcknowledge``."""
        view = self._slots[slot].view
        if view.phase is not Phase.REMOVE or view.outcome is None or view.code is None:
            raise NothingToAcknowledge(f"slot {slot} shows no verdict but a good one")
        self.operators.touch()
        facts = {"slot": slot, "cycle": view.cycle, "serial": view.serial, "code": view.code}
        self._equipment.office.ledger.act("acknowledge", self.operators.actor, facts)
        return facts

    def deliver(self) -> Delivery:
        """Tell the fleet now of the boards that have left, as far as it answers."""
        return self._deliver(due=False)

    def _deliver(self, *, due: bool = True) -> Delivery:
        """``deliver``, or what is ``due``.

        Nothing is delivered to a fleet that refuses the station as a whole: with another vendor's token every number
        would be unknown, and each board would be ended for it.
        """
        outbox, line = self._equipment.outbox, self._equipment.line
        if line.fleet[0] is FleetState.REFUSED:
            stop = line.stop
            return Delivery(0, outbox.left(), stop.text if stop else "the fleet refuses this station")
        return outbox.deliver(self._delivered, due=due)

    def reprint(self, serial: str) -> Facts:
        """Print the label of a board whose PASS stands once more; raises ``PrintUnwanted``, ``PrintFailed``."""
        shared = self._equipment
        return shared.printer.again(shared.recipe.fleet.model, serial, self.operators.actor)

    def _delivered(self, row: CycleRow, ending: Closing) -> None:
        self._counted(views.finished(row, ending))
        if ending.outcome is Outcome.PASS:
            self._equipment.printer.passed(row)

    def compare(self, days: int, after: int) -> Facts:
        """Look whether the fleet still holds what boards have passed with, as ``comparing.compare`` does."""
        return compare(self._equipment.office, days, after)

    def _ask(self) -> None:
        """Ask the fleet whether it is ours, and once whether it knows the vendor.

        Raises ``FleetError``, ``ModelUnknown``, ``VendorUnknown``.
        """
        office, recipe = self._equipment.office, self._equipment.recipe
        know_model(office.fleet, recipe.fleet.model)
        office.confirm_vendor(recipe)

    # ------------------------------------------------------------- told by slots

    def _changed(self, view: SlotView) -> None:
        self._tell(lambda listener: listener.slot_changed(view))

    def _counted(self, finished: Finished) -> None:
        self._count()
        self._equipment.rules.judge()
        self._tell(lambda listener: listener.cycle_finished(finished))

    def _tell(self, news: Callable[[Listener], None]) -> None:
        for listener in self._listeners:
            try:
                news(listener)
            except Exception:
                log.exception("a listener failed; the slot goes on")

    def _look(self) -> None:
        """Look at what changes by time alone."""
        self._also_look()
        if self._shifts.at(clock.now_us()).label != self._shift:
            self._count()

    def _count(self) -> None:
        """Take the shift's figures from the ledger."""
        shift = self._shifts.at(clock.now_us())
        reader, now = self._equipment.office.reader, self.orders.current
        of_order = progress(reader, now.id).passed if now is not None else 0
        self._shift, self._counters = shift.label, replace(counters(reader, shift.began), in_order=of_order)
