"""When a line, or one of its slots, has failed so often that people have to look first.

Three rules of the settings, each off unless it is set: the first-pass yield of
the newest boards is below a limit; the same failure came so often in a row,
across slots; the same so often in one slot.  What they say follows from the
ledger alone, so a restart changes nothing; somebody who may ends it, and the
count begins anew.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable

from drivers.errors import Blame
from station.errors import StationError
from station.ledger import Ledger, Reader
from station.ledger.figures import first_attempts, streak
from station.line import Line
from station.settings import LineSettings

log = logging.getLogger(__name__)


class YieldLow(StationError):
    """Too few boards have passed at their first attempt."""

    code = "yield-low"
    blame = Blame.PEOPLE


class FailuresRepeat(StationError):
    """The same failure came again and again, across slots."""

    code = "failures-repeat"
    blame = Blame.PEOPLE


class SlotFailuresRepeat(StationError):
    """The same failure came again and again in one slot."""

    code = "slot-failures-repeat"
    blame = Blame.PEOPLE


class NothingStopped(StationError):
    """No rule has stopped what is to be cleared."""

    code = "nothing-stopped"
    blame = Blame.PEOPLE


LINE_CODES = (YieldLow.code, FailuresRepeat.code)


class Rules:
    """Watches the verdicts of one station; safe to use from several threads."""

    def __init__(
        self, settings: LineSettings, ledger: Ledger, reader: Reader, line: Line, slots: Iterable[str]
    ) -> None:
        self._settings, self._ledger, self._reader, self._line = settings, ledger, reader, line
        self._slots = tuple(slots)
        self._guard = threading.Lock()
        cleared = reader.cleared()
        self._line_after = cleared.get("", 0)
        self._slot_after = {slot: max(cleared.get(slot, 0), self._line_after) for slot in self._slots}
        """The cycles up to these numbers count no more: somebody has looked since."""
        self._closed: dict[str, str] = {}
        """Slot -> the failure that it was closed for."""

    def obstacle(self, slot: str) -> StationError | None:
        """Return what keeps a slot from its next board; None if nothing does."""
        code = self._closed.get(slot)
        return None if code is None else SlotFailuresRepeat(f"slot {slot}: again and again: {code}", failure=code)

    def judge(self) -> None:
        """Look at the verdicts so far; after each one, and before the first board of a run."""
        rules = self._settings
        with self._guard:
            if rules.fpy_min:
                firsts = first_attempts(self._reader, self._line_after, rules.fpy_boards)
                passed = sum(firsts)
                if len(firsts) == rules.fpy_boards and passed * 100 < rules.fpy_min * len(firsts):
                    text = f"{passed} of the newest {len(firsts)} boards passed at once, the limit is {rules.fpy_min} %"
                    self._line.halt(YieldLow(text))
            if rules.equal_failures and (code := streak(self._reader, self._line_after, rules.equal_failures)):
                self._line.halt(FailuresRepeat(f"{rules.equal_failures} times in a row: {code}"))
            for slot in self._slots if rules.slot_failures else ():
                self._judge_slot(slot)

    def _judge_slot(self, slot: str) -> None:
        count = self._settings.slot_failures
        code = streak(self._reader, self._slot_after[slot], count, slot)
        if code and slot not in self._closed:
            self._closed[slot] = code
            log.error("slot %s closed: %s times in a row: %s", slot, count, code)
            self._line.note("slot-stop", {"slot": slot, "code": SlotFailuresRepeat.code, "failure": code})

    def clear(self, actor: str, reason: str, slot: str) -> list[str]:
        """Let the line (without a slot's name) or a slot go on; return the codes that had stopped it.

        Raises ``NothingStopped``.
        """
        with self._guard:
            stops = {stop.code for stop in self._line.stops}
            codes = [SlotFailuresRepeat.code] if slot in self._closed else []
            if not slot:
                codes = [code for code in LINE_CODES if code in stops]
            if not codes:
                what = f"slot {slot[:32]}" if slot else "the line"
                raise NothingStopped(f"no rule has stopped {what}")
            last = self._reader.last_number()
            facts = {"slot": slot, "old": codes, "reason": reason, "cycles": last}
            self._ledger.act("clear", actor, facts)
            if slot:
                del self._closed[slot]
                self._slot_after[slot] = last
            else:
                self._line_after = last
                for code in codes:
                    self._line.heal(code)
            return codes
