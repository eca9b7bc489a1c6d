"""From the ledger's rows to what a screen or a program is shown.  Pure."""

from __future__ import annotations

from station import clock, words
from station.fleet.client import Busy, Garbled, Unanswered, Unreachable
from station.ledger import CycleRow
from station.model import Closing, Finished, Outcome, Phase, SlotView, Step

GIVEN_UP = "fleet-given-up"
"""What is said of a cycle that ended because the fleet did not answer for too long: nothing waits any more."""
WAITED_FOR = frozenset(fault.code for fault in (Unanswered, Unreachable, Busy, Garbled))
"""What a cycle ends with whose fleet did not answer for too long."""


def outcome(row: CycleRow) -> Outcome:
    """Return how a cycle ended, as far as its slot is concerned: one that is released and not closed is PENDING."""
    return Outcome(row.outcome) if row.outcome is not None else Outcome.PENDING


def empty(last: CycleRow) -> SlotView:
    """Show a slot whose board has left."""
    return SlotView(last.slot, last=f"{last.serial or '?'} {outcome(last)}")


def running(row: CycleRow, plan: tuple[Step, ...], opened: float) -> SlotView:
    """Show an open cycle, before it says which step it is in; ``opened`` is the monotonic second of its opening."""
    return SlotView(
        row.slot,
        Phase.RUNNING,
        cycle=row.id,
        serial=row.serial,
        attempt=row.attempt or 0,
        plan=plan,
        started=opened,
    )


def closed(row: CycleRow, plan: tuple[Step, ...], ending: Closing | None = None) -> SlotView:
    """Show a verdict; what was seen is known only in the run that came to it."""
    assert row.released_at is not None and row.duration_ms is not None
    return SlotView(
        row.slot,
        Phase.REMOVE,
        cycle=row.id,
        attempt=row.attempt or 0,
        serial=_serial(row, ending),
        plan=plan,
        step=Step(row.step) if row.step else None,
        duration=row.duration_ms / 1000,
        outcome=outcome(row),
        code=row.error,
        advice=_advice(row, ending),
    )


def _advice(row: CycleRow, ending: Closing | None) -> str:
    """Return what the technician is told of a verdict; of a golden unit, what its verdict says of the slot."""
    if row.error is None:
        return ""
    code = row.error
    if row.golden and row.outcome == Outcome.FAIL:
        code = f"golden-{row.golden}-failed"
    return advice(code, ending.text if ending else None)


def advice(code: str, seen: str | None) -> str:
    """Return what the technician is told of a verdict: what happened, the one thing to do, and what was seen."""
    said = words.advice(GIVEN_UP if code in WAITED_FOR else code)
    return f"{said} ({seen})" if seen else said


def finished(row: CycleRow, ending: Closing) -> Finished:
    """Tell programs of a closed cycle."""
    assert row.duration_ms is not None
    return Finished(
        slot=row.slot,
        serial=_serial(row, ending),
        outcome=ending.outcome,
        error=ending.code,
        attempt=row.attempt or 0,
        rid=row.rid,
        started_at=clock.iso(row.opened_at),
        duration_s=row.duration_ms / 1000,
    )


def _serial(row: CycleRow, ending: Closing | None) -> str | None:
    """Return the serial number, even one that was refused."""
    return row.serial or (ending.details.get("serial") if ending else None)
