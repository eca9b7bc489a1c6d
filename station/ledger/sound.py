"""Whether a ledger's file is what was written: SQLite's own pages, and the chain of events."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from station.database import translated
from station.errors import DatabaseCorrupt
from station.ledger.chain import GENESIS, Event

_COLUMNS = ", ".join(Event.__dataclass_fields__)


def verify_pages(path: Path, connection: sqlite3.Connection) -> None:
    """Have SQLite look through the file; raises ``DatabaseCorrupt``."""
    with translated(path):
        if (said := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise DatabaseCorrupt(f"{path}: {said}")


def verify_chain(path: Path, connection: sqlite3.Connection, latest: int | None = None) -> None:
    """Hash the events again, all or only the ``latest`` ones; raises ``DatabaseCorrupt``."""
    limit = "" if latest is None else f" LIMIT {latest}"
    after: tuple[int, bytes] | None = None
    with translated(path):
        rows = connection.execute(f"SELECT previous, hash, {_COLUMNS} FROM events ORDER BY id DESC{limit}")
        for previous, hashed, *columns in rows:
            event = Event(*columns)
            if event.hashed(previous) != hashed or (after is not None and after != (event.id + 1, hashed)):
                raise DatabaseCorrupt(f"{path}: event {event.id} is not what it was when it was written")
            after = (event.id, previous)
    if latest is None and after is not None and after != (1, GENESIS):
        raise DatabaseCorrupt(f"{path}: the events begin with number {after[0]}, and those before are missing")
