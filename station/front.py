"""The front of a slot: what it shows of itself, and how its port is, in words.

One view, replaced whole whenever something changes; nothing here decides
anything.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from drivers.errors import PortError, PortMissing
from station import views, words
from station.ledger import CycleRow
from station.model import Closing, Facts, Finished, Outcome, Phase, SlotView, Step
from station.recipe import Presence, Recipe

log = logging.getLogger(__name__)


class Front:
    """One slot's view.  The slot's thread changes it; ``view`` and ``trouble`` are for any thread."""

    def __init__(
        self,
        slot: str,
        port: str,
        recipe: Recipe,
        publish: Callable[[SlotView], None],
        finished: Callable[[Finished], None],
        record: Callable[[str, Facts], None],
        stopped: Callable[[int], Facts],
    ) -> None:
        """``publish`` is told of each new view, ``finished`` of each closed cycle; ``record`` notes how the port is.

        ``stopped`` tells what a closed cycle's verdict names.
        """
        self._slot, self._port = slot, port
        self._publish, self._finished, self._record, self._stopped = publish, finished, record, stopped
        self._presence, self._plan = recipe.presence, recipe.plan
        started = self._presence is Presence.START
        self._invitation = words.advice("slot-start" if started else "slot-empty")
        self._farewell = words.advice("slot-next" if started else "slot-remove")
        self.view = SlotView(slot)
        self.trouble: PortError | None = None
        """What is wrong with the port."""

    # ------------------------------------------------------------- without a cycle

    def empty(self, row: CycleRow) -> None:
        """Show that the board of a closed cycle has left."""
        if self._presence is Presence.PORT:
            self.trouble = PortMissing(f"{self._port} is not there")  # it left with its board, which is no trouble
        self._replace(replace(views.empty(self._named(row)), note=self._invitation))

    def port(self, fault: PortError | None) -> None:
        """Show how the port is; record a change once."""
        if self.view.phase is Phase.REMOVE:
            self._show(note=" ".join(filter(None, [self._farewell_of(self.view), self._aside(fault)])))
        else:
            usable = fault is None or isinstance(fault, PortMissing)
            note = f"{words.advice(fault.code)} {fault.text}." if fault else self._invitation
            self._show(phase=Phase.EMPTY if usable else Phase.OUT, note=note)
        before, self.trouble = self.trouble, fault
        if (fault and fault.code) == (before and before.code):
            return
        came_back = isinstance(before, PortMissing) and fault is None
        if not (came_back and self._presence is Presence.PORT):  # there it is a board that arrives
            log.info("slot %s: port: %s", self._slot, fault.text if fault else "ok")
            state, text = (fault.code, fault.text) if fault else ("ok", "")
            self._record("port", {"slot": self._slot, "port": self._port, "state": state, "text": text})

    def _aside(self, fault: PortError | None) -> str:
        """Say what is wrong with the port beside a verdict, whose board is in the slot."""
        if fault is None or (isinstance(fault, PortMissing) and self._presence is Presence.PORT):
            return ""
        code = "slot-adapter" if isinstance(fault, PortMissing) else fault.code
        return f"{words.advice(code)} {fault.text}."

    def held(self, code: str) -> None:
        """Show that a board, if one is here, waits for the line."""
        self._show(phase=Phase.HELD, note=words.advice(code), outcome=None)

    def out(self, code: str) -> None:
        """Show that the slot can't be used."""
        self._show(phase=Phase.OUT, note=words.advice(code), outcome=None)

    # ------------------------------------------------------------- a cycle

    def running(self, row: CycleRow, opened: float) -> None:
        """Show that a cycle begins, or goes on; ``opened`` is the monotonic second of its opening."""
        self._replace(views.running(row, self._plan, opened))

    def step(self, row: CycleRow, step: Step, code: str = "") -> None:
        """Show the step that a cycle has come to, and what there is to say of the ones before."""
        note = words.advice(code) if code else ""
        self._show(serial=row.serial, attempt=row.attempt or 0, step=step, note=note)

    def waiting(self, code: str | None, pause_s: float | None = None) -> None:
        """Show what the cycle waits for, and when it tries again; None: it goes on."""
        note = words.advice(code) if code else ""
        if pause_s is not None:
            note += f" {words.NEXT_TRY} {datetime.now() + timedelta(seconds=pause_s):%H:%M:%S}."
        self._show(note=note)

    def closed(self, row: CycleRow, ending: Closing) -> None:
        """Show a verdict, which is on the disk by now, and tell of it."""
        self._show_verdict(row, ending)
        self._finished(views.finished(row, ending))

    def recall(self, row: CycleRow, *, sure: bool) -> None:
        """Show, if it is not shown any more, the verdict of a closed cycle whose board was not seen to leave.

        Unless it is ``sure`` that its board is here, a good one is only told of: another would be taken for it.
        """
        if self.view.phase is Phase.REMOVE:
            return
        row = self._named(row)
        if sure or views.outcome(row) not in (Outcome.PASS, Outcome.PENDING):
            self._show_verdict(row)
        else:
            self._replace(replace(views.empty(row), note=self._invitation))

    def _show_verdict(self, row: CycleRow, ending: Closing | None = None) -> None:
        view = views.closed(row, self._plan, ending)
        self._replace(replace(view, note=self._farewell_of(view)))

    def _named(self, row: CycleRow) -> CycleRow:
        """Return a closed cycle's row with the serial number that its board gave, even one that was refused.

        And with this slot's name, should it have had another one then.
        """
        return replace(row, slot=self._slot, serial=row.serial or self._stopped(row.id).get("serial"))

    def _farewell_of(self, verdict: SlotView) -> str:
        return "" if verdict.advice else self._farewell

    def _show(self, **changes: Any) -> None:
        self._replace(replace(self.view, **changes))

    def _replace(self, view: SlotView) -> None:
        if view != self.view:
            self.view = view
            self._publish(view)
