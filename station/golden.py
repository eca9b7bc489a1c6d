"""Which golden units a slot has yet to be tried with in this shift, in words."""

from __future__ import annotations

from station import clock
from station.golden_rules import GoldenRules
from station.ledger import Reader
from station.ledger.golden import missing
from station.shifts import Shifts


def due(rules: GoldenRules, reader: Reader, shifts: Shifts, slot: str) -> str:
    """Say what a slot takes before any board; empty if nothing is due."""
    if not rules.each_shift:
        return ""
    shift = shifts.at(clock.now_us())
    units = {"good": rules.good, "bad": rules.bad}
    kinds = missing(reader, slot, shift.began)
    named = ", then ".join(f"a {kind} one ({', '.join(units[kind])})" for kind in kinds)
    return f"slot {slot} was not tried yet in shift {shift.label}: {named}" if kinds else ""
