"""A vendor's tokens, each under an id that the vendor chose (M59 to M63).

They are asked for with the vendor's CIK alone: a token that leaked makes no
further ones.
"""

from __future__ import annotations

import secrets
from http import HTTPStatus

from sqlite_utils import Database

from station.fleet.server import names, replies
from station.fleet.server.auth import Vendor
from station.fleet.server.call import Call
from station.fleet.server.procedures import Procedure, says
from station.fleet.server.replies import Refused, Reply
from station.fleet.server.store import digest


def ids(call: Call, vendor: Vendor) -> Reply:
    """M59: 200 with the ids, one a line, oldest first."""
    sql = "SELECT name FROM tokens WHERE vendor = ? ORDER BY id"
    return replies.records(call.store.read().execute(sql, [vendor.id]))


def create(call: Call, vendor: Vendor) -> Reply:
    """M60: make a token under the form's ``id``; 200 with the token, 409 if the id is taken."""
    name, token = names.token(call.fields.need("id")), secrets.token_hex(20)

    def work(db: Database) -> None:
        if _find(db, vendor, name):
            raise Refused(HTTPStatus.CONFLICT, "a token has that id")
        db.execute(
            "INSERT INTO tokens(vendor, name, token, token_digest) VALUES (?, ?, ?, ?)",
            [vendor.id, name, token, digest(token)],
        )

    call.store.write(work)
    return replies.value(token, replies.TEXT)


def show(call: Call, vendor: Vendor, name: str) -> Reply:
    """M62: 200 with the token; 404 if no token has that id."""
    token = _find(call.store.read(), vendor, name)
    if token is None:
        raise Refused(HTTPStatus.NOT_FOUND, "no token has that id")
    return replies.value(token, replies.TEXT)


def remove(call: Call, vendor: Vendor) -> Reply:
    """M61: delete the token under the form's ``id``, like M63."""
    return delete(call, vendor, call.fields.need("id"))


def delete(call: Call, vendor: Vendor, name: str) -> Reply:
    """M63: delete a token, which is refused from now on; 205, or 404 if no token has that id."""

    def work(db: Database) -> None:
        if not db.execute("DELETE FROM tokens WHERE vendor = ? AND name = ?", [vendor.id, name]).rowcount:
            raise Refused(HTTPStatus.NOT_FOUND, "no token has that id")

    call.store.write(work)
    return replies.changed()


def _find(db: Database, vendor: Vendor, name: str) -> str | None:
    row = db.execute("SELECT token FROM tokens WHERE vendor = ? AND name = ?", [vendor.id, name]).fetchone()
    return row[0] if row else None


_TOKENS = "/provision/admin/auth"

PROCEDURES = (
    # The documents write the path of the list both with its last slash and without.
    *(
        procedure
        for path in (_TOKENS + "/", _TOKENS)
        for procedure in (
            Procedure("M59", "GET", path, ids),
            Procedure("M61", "POST", path, remove, says("delete", "remove")),
            Procedure("M60", "POST", path, create),
        )
    ),
    Procedure("M62", "GET", _TOKENS + "/{name}", show),
    Procedure("M63", "DELETE", _TOKENS + "/{name}", delete),
)
