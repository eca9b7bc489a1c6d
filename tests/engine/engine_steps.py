"""Steps taken one by one, as a cycle does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from engine_world import HARDWARE, SERIAL, STATION, World

from drivers.board import Identity
from station import steps
from station.case import Case
from station.evidence import mark
from station.fleet.client import Unanswered
from station.ledger import History
from station.model import Outcome, Step

OURS = mark(STATION, Identity(SERIAL, HARDWARE))
FAILED_BEFORE = History(hardware_of_serial=HARDWARE, serial_of_hardware=SERIAL, closed=(Outcome.FAIL,))
"""An earlier cycle closed before it enabled anything."""


def failed_after_enable(first: Case) -> History:
    """Return what the ledger holds once the cycle of ``first`` has closed without PASS."""
    assert first.known.rid is not None
    return replace(FAILED_BEFORE, rids=frozenset({first.known.rid}))


def taken(case: Case, *planned: Step) -> dict[Step, Any]:
    """Take steps one after the other, as a cycle does, and return their facts."""
    facts = {}
    for step in planned:
        facts[step] = steps.STEPS[step](case)
        case.known = case.known.after(step, facts[step])
        case.unanswered = False
    return facts


def run_again(case: Case, step: Step) -> Any:
    """Run a step whose answer gets lost, and run it again as a cycle does."""
    with pytest.raises(Unanswered):
        steps.STEPS[step](case)
    return taken(case, step)[step]


def hide_mark(world: World, text: str = "lot 7") -> None:
    """Let somebody else's text stand beside the serial number."""
    world.server._store.write(lambda db: db.execute("UPDATE serials SET extra = ?", [text]))
