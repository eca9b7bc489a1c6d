"""The tree of clients: the platform's objects that have an RID, a CIK and a parent.

Vendors, portals, templates and devices are all clients.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from http import HTTPStatus

from sqlite_utils import Database

from station.fleet.server.replies import Refused
from station.fleet.server.states import Phase
from station.fleet.server.store import digest

_REACH = 32
"""How many levels below itself a client gets at others: the most that one look-up walks."""

_BELOW = """WITH RECURSIVE below(id) AS (
      VALUES (?) UNION SELECT clients.id FROM clients JOIN below ON clients.parent = below.id)"""


@dataclass(frozen=True, slots=True)
class Client:
    """A client's row; the key stays out of its ``repr``."""

    id: int
    rid: str
    cik: str = field(repr=False)


class NoRoom(Refused):
    """409: the parent may have no further clients, which M46 calls a lack of resources."""

    def __init__(self) -> None:
        super().__init__(HTTPStatus.CONFLICT, "the owner may have no further clients")


class Named(Exception):
    """The client, or one below it, holds a vendor name and can't go."""


def create(
    db: Database, parent: int | None, name: str, phase: Phase = Phase.ACTIVATED, open_until: int | None = None
) -> Client:
    """Make a client with a new RID and CIK below ``parent``; ``open_until`` (UTC microseconds) if not activated.

    Raises ``NoRoom``.
    """
    if parent is not None and not _has_room(db, parent):
        raise NoRoom
    rid, cik = secrets.token_hex(20), secrets.token_hex(20)
    cursor = db.execute(
        "INSERT INTO clients(rid, cik, cik_digest, parent, name, phase, open_until) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [rid, cik, digest(cik), parent, name, phase, open_until],
    )
    assert cursor.lastrowid is not None
    return Client(cursor.lastrowid, rid, cik)


def _has_room(db: Database, parent: int) -> bool:
    (room,) = db.execute("SELECT room FROM clients WHERE id = ?", [parent]).fetchone()
    if room is None:
        return True
    held: int = db.execute("SELECT count(*) FROM clients WHERE parent = ?", [parent]).fetchone()[0]
    return held < int(room)


def within(db: Database, rid: str, top: int) -> int | None:
    """Return the id of the client ``rid`` if it is ``top`` or below it, at most 32 levels, else None."""
    near = db.execute("SELECT id FROM clients WHERE rid = ? AND ? IN (id, parent)", [rid, top]).fetchone()
    if near is not None:  # the usual owner is a portal right below the vendor
        return int(near[0])
    row = db.execute(
        """WITH RECURSIVE up(id, parent, start, level) AS (
             SELECT id, parent, id, 0 FROM clients WHERE rid = ?
             UNION ALL SELECT clients.id, clients.parent, up.start, up.level + 1
               FROM clients JOIN up ON clients.id = up.parent WHERE up.level < ?)
           SELECT start FROM up WHERE id = ?""",
        [rid, _REACH, top],
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


def drop(db: Database, client: int) -> None:
    """Delete the client and all below it, with their share codes; their serial numbers are orphaned.

    Raises ``Named``.
    """
    if db.execute(f"{_BELOW} SELECT 1 FROM vendors JOIN below ON vendors.client = below.id", [client]).fetchone():
        raise Named
    db.execute(f"{_BELOW} DELETE FROM codes WHERE client IN below", [client])
    db.execute(f"{_BELOW} DELETE FROM clients WHERE id IN below", [client])
