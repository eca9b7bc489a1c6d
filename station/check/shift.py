"""What people have to have done before a shift: the right work order, and the golden units."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from station import clock
from station.check.finding import Finding, fail, ok, warn
from station.database import traceless, translated
from station.errors import DatabaseError
from station.ledger import golden
from station.recipe import Recipe
from station.settings import Settings
from station.state import ledger_in

_ORDER = "SELECT model, closed_at FROM work_orders WHERE id = ?"


def check(settings: Settings, recipe: Recipe | None) -> Iterator[Finding]:
    """Look up the settings' work order, and what each slot was tried with; says nothing where neither is asked for."""
    path = ledger_in(settings.path(settings.state))
    if recipe is None or not path.exists():
        return
    try:
        yield from _found(path, settings, recipe)
    except (DatabaseError, sqlite3.Error):
        return  # that was said of the ledger, or it is of before there was such a thing


def _found(path: Path, settings: Settings, recipe: Recipe) -> Iterator[Finding]:
    with translated(path), closing(traceless(path)) as ledger:
        number = settings.work_order.id
        row = ledger.execute(_ORDER, [number]).fetchone() if number is not None else None
        if row is not None and row[0] != recipe.fleet.model:
            told = f"{number} is for {row[0]}; {recipe.fleet.model} is made here"
            yield fail("work order", told, "mend work_order.id of the settings, or their recipe")
        elif row is not None and row[1] is not None:
            yield warn("work order", f"{number} was closed {clock.iso(row[1])}", "name the next one in the settings")
        elif number is not None:
            yield ok("work order", number)
        if not recipe.golden.each_shift:
            return
        shift = settings.calendar.at(clock.now_us())
        for slot in settings.slots:
            due = golden.due(ledger.execute(golden.TRIED, [slot.name, shift.began]).fetchall())
            what = f"golden slot {slot.name}"
            if due:
                found = f"not tried in shift {shift.label} with a unit that is {' or '.join(due)}"
                yield warn(what, found, "insert these before any board")
            else:
                yield ok(what, f"tried in shift {shift.label}")
