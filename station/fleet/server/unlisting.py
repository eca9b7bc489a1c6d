"""What else happens when serial numbers are unlisted, many at once (M29, M32, M39 to M41; section 14, 15)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from sqlite_utils import Database

from station.fleet.server import membership
from station.fleet.server.states import Phase

_EXPIRE = """UPDATE clients SET phase = ?, open_until = NULL
    WHERE rid IN (SELECT rid FROM serials WHERE model = ?"""

_AMONG = " AND sn IN (SELECT value FROM json_each(?))"

_MEMBERS = """SELECT DISTINCT member FROM members
    WHERE type = 'sn' AND member IN (SELECT value FROM json_each(?))
      AND EXISTS (SELECT 1 FROM groups WHERE groups.id = members."group" AND groups.model = ?)"""


class Unlisted(NamedTuple):
    """How many were listed, and how many of their clients there were."""

    listed: int
    detached: int


def unlist(db: Database, model: int, sns: Iterable[str]) -> Unlisted:
    """Unlist those of the serial numbers that are listed.

    Their clients stay, detached and without a valid CIK; they leave their groups.
    """
    these = json.dumps([*sns])
    detached = db.execute(f"{_EXPIRE}{_AMONG})", [Phase.EXPIRED, model, these]).rowcount
    listed = db.execute(f"DELETE FROM serials WHERE model = ?{_AMONG}", [model, these]).rowcount
    for (member,) in db.execute(_MEMBERS, [these, model]).fetchall():
        membership.forget(db, model, "sn", member)
    return Unlisted(listed, detached)


def unlist_all(db: Database, model: int) -> Unlisted:
    """Unlist all serial numbers of a model, whose groups go by themselves, being deleted with it."""
    detached = db.execute(f"{_EXPIRE})", [Phase.EXPIRED, model]).rowcount
    # Before the rows: their trigger would count each one out of a block that goes anyway.
    db.execute("DELETE FROM blocks WHERE model = ?", [model])
    return Unlisted(db.execute("DELETE FROM serials WHERE model = ?", [model]).rowcount, detached)
