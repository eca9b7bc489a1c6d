"""A model's own activation window (API document, sections 2 and 14, 25), which no call of the API sets."""

from __future__ import annotations

from pathlib import Path

from sqlite_utils import Database

from station.fleet.server.store import Store

_SET = """UPDATE models SET window_s = ?
    WHERE name = ? AND vendor = (SELECT id FROM vendors WHERE vendors.name = ?)"""


def set_window(database: Path, vendor: str, model: str, seconds: int | None) -> None:
    """Let the model's keys wait so long to be fetched, from the next one that is made; None: as long as the server's.

    A server may be running on the file.  Raises ``LookupError`` if the vendor
    has no such model, ``station.errors.DatabaseError`` if the file can't be
    used.
    """

    def work(db: Database) -> None:
        if db.execute(_SET, [seconds, model, vendor]).rowcount != 1:
            raise LookupError(f"the vendor {vendor} has no model {model}")

    store = Store(database)
    try:
        store.write(work)
    finally:
        store.close()
