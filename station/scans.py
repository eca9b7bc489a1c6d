"""What a scan does: somebody signs in, a work order is taken, a slot is named, a label goes to its slot.

Whoever scans comes here: a scanner at a serial port, one that types into the
screen, ``station ctl scan``.  What is wrong with a scan is told to whoever has
scanned, is an event, and changes nothing else.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from drivers.errors import Blame
from station import clock, words
from station.errors import StationError
from station.label_rules import LabelRules
from station.labels import Labels
from station.ledger import Ledger
from station.model import Facts, Phase, SlotView
from station.operators import Operators
from station.orders import WorkOrders
from station.scan import LONGEST, Kind, read

log = logging.getLogger(__name__)

_SHOWN_S = 8.0
"""Seconds for which the screen says what came of a scan."""
_OCCUPIED = (Phase.RUNNING, Phase.REMOVE, Phase.HELD)


class ScanUnreadable(StationError):
    """It is no text, or too long for anything that is scanned here."""

    code = "scan-unreadable"
    blame = Blame.PEOPLE


class ScanSlotUnknown(StationError):
    """The station has no slot of this name."""

    code = "scan-slot-unknown"
    blame = Blame.PEOPLE


class LabelUnwanted(StationError):
    """The recipe asks for no labels, or the slot waits for none now."""

    code = "label-unwanted"
    blame = Blame.PEOPLE


class LabelForeign(StationError):
    """It is no label of this product."""

    code = "label-foreign"
    blame = Blame.PEOPLE


class LabelAmbiguous(StationError):
    """Boards are in several slots, and nobody has said whose label it is."""

    code = "label-ambiguous"
    blame = Blame.PEOPLE


class LabelOfAnother(StationError):
    """It is the label of the board in another slot; the text names both."""

    code = "label-of-another"
    blame = Blame.PEOPLE


class Scans:
    """The scans of one station; safe to use from several threads."""

    def __init__(
        self,
        operators: Operators,
        orders: WorkOrders,
        labels: Labels,
        rules: LabelRules,
        ledger: Ledger,
        views: Callable[[], tuple[SlotView, ...]],
    ) -> None:
        self._operators, self._orders, self._labels, self._rules = operators, orders, labels, rules
        self._ledger, self._views = ledger, views
        self._guard = threading.Lock()
        self._slot: str | None = None
        """The slot that was named by the scan just before."""
        self._said, self._said_at = "", 0.0

    @property
    def said(self) -> str:
        """What came of the last scan, in words, for a few seconds; else empty."""
        return self._said if clock.monotonic() - self._said_at < _SHOWN_S else ""

    def scan(self, text: str) -> Facts:
        """Do what was scanned; returns ``kind`` and ``text``, what came of it in words.

        Raises the fault of whoever it was for; then nothing has changed.
        """
        with self._guard:
            try:
                said = self._do(text)
            except StationError as fault:
                self._say(f"{words.advice(fault.code)} ({fault.text})")
                log.info("scan refused: %s: %s", fault.code, fault.text)
                self._ledger.act("scan-refused", self._operators.actor, {"code": fault.code, "text": fault.text})
                raise
            self._say(said)
            return {"kind": read(text).kind.name.lower(), "text": said}

    def _say(self, said: str) -> None:
        self._said, self._said_at = said, clock.monotonic()

    def _do(self, text: str) -> str:
        if len(text) > LONGEST or not text.strip().isprintable() or not text.strip():
            self._slot = None
            raise ScanUnreadable(f"{len(text)} characters that can't be read")
        kind, value = read(text)
        named, self._slot = self._slot, None
        self._operators.touch()
        match kind:
            case Kind.OPERATOR:
                return f"{self._operators.sign_in(value).name}: signed in"
            case Kind.WORK_ORDER:
                number, _, planned = value.partition(":")
                told = self._orders.take(number, planned)
                return f"work order {told['id']}: {told['passed']} of {told['planned'] or '?'} done"
            case Kind.SLOT:
                slots = [view.slot for view in self._views()]
                if value not in slots:
                    raise ScanSlotUnknown(f"there is no slot {value[:32]!r}; there are: {', '.join(slots)}")
                self._slot = value
                return f"slot {value}: scan the label"
            case Kind.LABEL:
                return self._label(value, named)

    def _label(self, label: str, named: str | None) -> str:
        serial = self._rules.serial_in(label)
        if not self._rules.scan:
            raise LabelUnwanted("this recipe asks for no labels")
        if serial is None:
            raise LabelForeign(f"{label[:64]!r} is no label of this product")
        occupied = {view.slot: view for view in self._views() if view.phase in _OCCUPIED}
        slot = named if named is not None else next(iter(occupied)) if len(occupied) == 1 else None
        if slot is None:
            raise LabelAmbiguous(f"{label[:64]!r}: boards are in {len(occupied)} slots; scan the slot first")
        for other, view in occupied.items():
            if view.serial == serial and other != slot:
                own = occupied[slot].serial if slot in occupied else None
                raise LabelOfAnother(f"{serial[:64]!r} is the board in slot {other}; in slot {slot} is {own!r}")
        if not self._labels.offer(slot, serial):
            raise LabelUnwanted(f"slot {slot} waits for no label")
        return f"slot {slot}: label {serial[:64]}"
