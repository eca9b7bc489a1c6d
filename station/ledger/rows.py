"""How a row becomes columns, and how it is put into its table."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any

from station.ledger.chain import Event
from station.ledger.read import CycleRow
from station.ledger.schema import PROJECTIONS


def columns(row: CycleRow | Event) -> dict[str, Any]:
    """Return a flat row as a dict; ``asdict`` would copy it through and through, which costs more than the commit."""
    return dict(zip(row.__dataclass_fields__, _VALUES[type(row)](row), strict=True))


_VALUES: dict[type, Callable[[Any], tuple[Any, ...]]] = {
    kind: attrgetter(*kind.__dataclass_fields__) for kind in (CycleRow, Event)
}


def project(connection: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    """Bring a projection's row to what it is now.

    Only what has changed is written: SQLite rewrites every index of a column that is set, also to what it was.
    """
    named = " AND ".join(f"{name} = ?" for name in PROJECTIONS[table])
    key = [row[name] for name in PROJECTIONS[table]]
    held = connection.execute(f"SELECT {', '.join(row)} FROM {table} WHERE {named}", key).fetchone()
    if held is None:
        connection.execute(inserting(table, tuple(row)), list(row.values()))
        return
    changed = {name: value for (name, value), old in zip(row.items(), held, strict=True) if value != old}
    if changed:
        update = ", ".join(f"{name} = ?" for name in changed)
        connection.execute(f"UPDATE {table} SET {update} WHERE {named}", [*changed.values(), *key])


@cache
def inserting(table: str, names: tuple[str, ...]) -> str:
    """Return the statement that inserts a whole row."""
    return f"INSERT INTO {table}({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
