"""What else happens when serial numbers are unlisted, many at once (M29, M32, M39 to M41; section 14, 15)."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import NamedTuple

from sqlite_utils import Database

from station.fleet.server.states import Phase

_EXPIRE = """UPDATE clients SET phase = ?, open_until = NULL
    WHERE rid IN (SELECT rid FROM serials WHERE model = ?"""

_AMONG = " AND sn IN (SELECT value FROM json_each(?))"

_LEAVE = """DELETE FROM members
    WHERE type = 'sn' AND member IN (SELECT value FROM json_each(?))
      AND EXISTS (SELECT 1 FROM groups WHERE groups.id = members."group" AND groups.model = ?)"""


class Unlisted(NamedTuple):
    """How many were listed, and how many of their clients there were."""

    listed: int
    detached: int


def unlist(db: Database, model: int, sns: Collection[str]) -> Unlisted:
    """Unlist those of the serial numbers that are listed.

    Their clients stay, detached and without a valid CIK; they leave their groups.
    """
    these = json.dumps([*sns])
    detached = db.execute(f"{_EXPIRE}{_AMONG})", [Phase.EXPIRED, model, these]).rowcount
    listed = db.execute(f"DELETE FROM serials WHERE model = ?{_AMONG}", [model, these]).rowcount
    leave_groups(db, model, sns)
    return Unlisted(listed, detached)


def leave_groups(db: Database, model: int, sns: Collection[str]) -> None:
    """Take serial numbers that are listed no more out of all groups."""
    db.execute(_LEAVE, [json.dumps([*sns]), model])


def unlist_all(db: Database, model: int) -> Unlisted:
    """Unlist all serial numbers of a model, whose groups go by themselves, being deleted with it."""
    detached = db.execute(f"{_EXPIRE})", [Phase.EXPIRED, model]).rowcount
    # Before the rows: their trigger would count each one out of a block that goes anyway.
    db.execute("DELETE FROM blocks WHERE model = ?", [model])
    return Unlisted(db.execute("DELETE FROM serials WHERE model = ?", [model]).rowcount, detached)
