"""How a row becomes columns, and how it is put into its table."""

from __future__ import annotations

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


@cache
def inserting(table: str, names: tuple[str, ...]) -> str:
    """Return the statement that inserts a whole row, or replaces a projection's."""
    statement = f"INSERT INTO {table}({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    if (key := PROJECTIONS.get(table)) is None:
        return statement
    update = ", ".join(f"{name} = excluded.{name}" for name in names if name != key)
    return f"{statement} ON CONFLICT({key}) DO UPDATE SET {update}"
