"""Everything that a shift needs, looked at before it begins: settings, secrets, ports, records, clock, fleet.

Nothing is changed anywhere: ports are opened and closed, the ledger is read,
the fleet is asked harmless questions.  While a station runs on the same
state, its ports are left alone.

::

    files.py      settings, recipe, secrets
    slots.py      each slot's port
    records.py    the state folder, the ledger, the disk below it
    shift.py      the work order, the golden units
    people.py     whether the recipe was accepted, where there are roles
    far_side.py   the fleet: there, our token, our model, our vendor, its time
    timing.py     the clock
    finding.py    what comes out: OK, WARN or FAIL
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from station.check import far_side, files, people, records, shift, slots, timing
from station.check.finding import Finding, Level

if TYPE_CHECKING:
    from station.fleet.client import Client
    from station.settings import Settings

__all__ = ["Finding", "Level", "check"]


def check(config: Path, client: Callable[[Settings], Client]) -> Iterator[Finding]:
    """Look at everything that belongs to a station, one after the other; ``client`` makes the fleet's client."""
    settings, finding = files.settings(config)
    yield finding
    if settings is None:
        return
    recipe, finding = files.recipe(settings)
    yield finding
    yield from files.secrets(settings, recipe)
    running = records.running(settings)
    yield from slots.check(settings, recipe, running)
    latest, findings = records.check(settings, running)
    yield from findings
    yield from people.check(settings, recipe)
    yield from shift.check(settings, recipe)
    fleet_time, findings = far_side.check(settings, recipe, client)
    yield from findings
    yield timing.check(settings.clock, latest, fleet_time)
