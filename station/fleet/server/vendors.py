"""Vendor names: what a client is called as the creator of models (M56 to M58)."""

from __future__ import annotations

from http import HTTPStatus

from sqlite_utils import Database

from station.fleet.server import names, replies
from station.fleet.server.call import Call
from station.fleet.server.procedures import Procedure, says
from station.fleet.server.replies import Refused, Reply


def show(call: Call, client: int) -> Reply:
    """M56: 200 with the name of the client that calls; 404 if it has none."""
    row = call.store.read().execute("SELECT name FROM vendors WHERE client = ?", [client]).fetchone()
    if row is None:
        raise Refused(HTTPStatus.NOT_FOUND, "the client has no vendor name")
    return replies.value(row[0], replies.TEXT)


def register(call: Call, client: int) -> Reply:
    """M57: give the client that calls, which may be any, the name ``vendor``; 205, also if it has that name.

    409 if another client has the name, or the client another name.
    """
    name = names.vendor(call.fields.need("vendor"))

    def work(db: Database) -> None:
        taken = db.execute("SELECT name, client FROM vendors WHERE name = ? OR client = ?", [name, client]).fetchall()
        if taken == [(name, client)]:
            return
        if any(theirs != client for _, theirs in taken):
            raise Refused(HTTPStatus.CONFLICT, "another client has that vendor name")
        if taken:
            raise Refused(HTTPStatus.CONFLICT, "the client has another vendor name")
        db.execute("INSERT INTO vendors(name, client) VALUES (?, ?)", [name, client])

    call.store.write(work)
    return replies.changed()


def unregister(call: Call, client: int) -> Reply:
    """M58: take the name ``vendor`` from the client that calls, with its tokens and what is shared with it; 205.

    404 if the client has no such name, whoever else has it; 409 while it has models.
    """
    name = names.vendor(call.fields.need("vendor"))

    def work(db: Database) -> None:
        row = db.execute("SELECT id FROM vendors WHERE name = ? AND client = ?", [name, client]).fetchone()
        if row is None:
            raise Refused(HTTPStatus.NOT_FOUND, "the client has no such vendor name")
        if db.execute("SELECT 1 FROM models WHERE vendor = ?", row).fetchone():
            raise Refused(HTTPStatus.CONFLICT, "the vendor still has models")
        for table in ("tokens", "shares"):
            db.execute(f"DELETE FROM {table} WHERE vendor = ?", row)
        db.execute("DELETE FROM vendors WHERE id = ?", row)

    call.store.write(work)
    return replies.changed()


_REGISTER = "/provision/register"

PROCEDURES = (
    Procedure("M56", "GET", _REGISTER, show),
    Procedure("M58", "POST", _REGISTER, unregister, says("delete", "remove")),
    Procedure("M57", "POST", _REGISTER, register),
)
