"""The tree of clients: the platform's objects that have an RID, a CIK and a parent.

Vendors, portals, templates and devices are all clients.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from sqlite_utils import Database

from station.fleet.server.states import Phase
from station.fleet.server.store import digest


@dataclass(frozen=True, slots=True)
class Client:
    """A client's row; the key stays out of its ``repr``."""

    id: int
    rid: str
    cik: str = field(repr=False)


def create(
    db: Database, parent: int | None, name: str, phase: Phase = Phase.ACTIVATED, open_until: int | None = None
) -> Client:
    """Make a client with a new RID and CIK below ``parent``; ``open_until`` (UTC microseconds) if not activated."""
    rid, cik = secrets.token_hex(20), secrets.token_hex(20)
    cursor = db.execute(
        "INSERT INTO clients(rid, cik, cik_digest, parent, name, phase, open_until) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [rid, cik, digest(cik), parent, name, phase, open_until],
    )
    assert cursor.lastrowid is not None
    return Client(cursor.lastrowid, rid, cik)


def within(db: Database, rid: str, top: int) -> int | None:
    """Return the id of the client ``rid`` if it is ``top`` or anywhere below it, else None."""
    row = db.execute(
        """WITH RECURSIVE up(id, parent, start) AS (
             SELECT id, parent, id FROM clients WHERE rid = ?
             UNION SELECT clients.id, clients.parent, up.start FROM clients JOIN up ON clients.id = up.parent)
           SELECT start FROM up WHERE id = ?""",
        [rid, top],
    ).fetchone()
    return row[0] if row else None


def renew(db: Database, client: int, open_until: int) -> None:
    """Give the client a new CIK that waits for D1 until ``open_until``; the old one is refused from now on."""
    cik = secrets.token_hex(20)
    db.execute(
        "UPDATE clients SET cik = ?, cik_digest = ?, phase = ?, open_until = ? WHERE id = ?",
        [cik, digest(cik), Phase.NOTACTIVATED, open_until, client],
    )


def move(db: Database, client: int, phase: Phase) -> None:
    """Let the client's CIK work (``ACTIVATED``) or be refused (``EXPIRED``); either closes the window."""
    db.execute("UPDATE clients SET phase = ?, open_until = NULL WHERE id = ?", [phase, client])
