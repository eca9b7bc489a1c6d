"""Sharing a model with other vendors (M27, M51 to M55; section 7).

What a vendor may do with a model that is shared with it is marked ``guests``
in the nouns' tables.  A share that is revoked leaves every device as it is.
"""

from __future__ import annotations

from http import HTTPStatus

from sqlite_utils import Database

from station.fleet.server import replies
from station.fleet.server.auth import Vendor
from station.fleet.server.call import Call
from station.fleet.server.lookup import model_id
from station.fleet.server.procedures import MANAGE, Procedure, says, shows
from station.fleet.server.replies import Refused, Reply

_SHARED = """SELECT vendors.name, models.name FROM shares
    JOIN models ON models.id = shares.model JOIN vendors ON vendors.id = models.vendor
    WHERE shares.vendor = ? ORDER BY shares.id"""

_SHARE = "SELECT shares.id FROM shares JOIN vendors ON vendors.id = vendor WHERE model = ? AND vendors.name = ?"


def shared(call: Call, vendor: Vendor) -> Reply:
    """M27: 200 with ``vendorname,model`` of each model that others share with the vendor; empty if there is none."""
    return replies.records(call.store.read().execute(_SHARED, [vendor.id]))


def listing(call: Call, vendor: Vendor, model: str) -> Reply:
    """M51: 200 with the names of the vendors that the model is shared with, in order of sharing; 204 none."""
    db = call.store.read()
    rows = db.execute(
        "SELECT vendors.name FROM shares JOIN vendors ON vendors.id = vendor WHERE model = ? ORDER BY shares.id",
        [model_id(db, vendor, model)],
    ).fetchall()
    return replies.records(rows) if rows else replies.nothing()


def share(call: Call, vendor: Vendor, model: str) -> Reply:
    """M52: share the model with ``vendor``; 205, also if it is; 404 for a name that nobody has, 409 for one's own."""
    name = call.fields.need("vendor")

    def work(db: Database) -> None:
        found = model_id(db, vendor, model)
        row = db.execute("SELECT id FROM vendors WHERE name = ?", [name]).fetchone()
        if row is None:
            raise Refused(HTTPStatus.NOT_FOUND, "no such vendor")
        if row[0] == vendor.id:
            raise Refused(HTTPStatus.CONFLICT, "the model is the vendor's own")
        db.execute("INSERT INTO shares(model, vendor) VALUES (?, ?) ON CONFLICT DO NOTHING", [found, row[0]])

    call.store.write(work)
    return replies.changed()


def remove(call: Call, vendor: Vendor, model: str) -> Reply:
    """M53: revoke the share with the vendor that the form names; see ``delete``."""
    return delete(call, vendor, model, call.fields.need("vendor"))


def exists(call: Call, vendor: Vendor, model: str, other: str) -> Reply:
    """M54: 204 if the model is shared with that vendor, 404 if not."""
    db = call.store.read()
    _share(db, model_id(db, vendor, model), other)
    return replies.nothing()


def delete(call: Call, vendor: Vendor, model: str, other: str) -> Reply:
    """M55: revoke a share: what that vendor enabled lives on, out of its control; 205, or 404 if there was none."""

    def work(db: Database) -> None:
        found = _share(db, model_id(db, vendor, model), other)
        db.execute("DELETE FROM shares WHERE id = ?", [found])

    call.store.write(work)
    return replies.changed()


def _share(db: Database, model: int, other: str) -> int:
    row = db.execute(_SHARE, [model, other]).fetchone()
    if row is None:
        raise Refused(HTTPStatus.NOT_FOUND, "the model is not shared with that vendor")
    found: int = row[0]
    return found


_SHARES, _VENDOR = MANAGE + "/share/{model}/", MANAGE + "/share/{model}/{other}"

PROCEDURES = (
    Procedure("M27", "GET", MANAGE + "/model/", shared, shows("shared")),
    Procedure("M51", "GET", _SHARES, listing),
    Procedure("M53", "POST", _SHARES, remove, says("delete", "remove")),
    Procedure("M52", "POST", _SHARES, share),
    Procedure("M54", "GET", _VENDOR, exists),
    Procedure("M55", "DELETE", _VENDOR, delete),
)
