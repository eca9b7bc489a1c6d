"""The content of a model as its vendor manages it (M1 to M11)."""

from __future__ import annotations

import re
from http import HTTPStatus

from sqlite_utils import Database

from station import clock
from station.fleet.server import blobs, entry, membership, names, replies
from station.fleet.server.auth import Vendor
from station.fleet.server.call import Call
from station.fleet.server.lookup import find, model_id
from station.fleet.server.membership import Type
from station.fleet.server.names import TooLong
from station.fleet.server.procedures import MANAGE, Procedure, asks, both, says, shows
from station.fleet.server.procedures import names as given
from station.fleet.server.replies import Refused, Reply
from station.fleet.server.states import State

_FORM = "application/x-www-form-urlencoded"
_UNKNOWN = "application/octet-stream"
"""The type of what was uploaded without one."""

_TYPE_CHARACTERS = 1024
_ONE_TYPE = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^,])+')
"""One of several content types with a comma between; a comma inside quotes is part of a parameter."""


# ---------------------------------------------------------------- the entries of a model


def listing(call: Call, vendor: Vendor, model: str) -> Reply:
    """M1: 200 with the id of every entry, one a line, oldest first; 400 for a model that is none of the vendor's."""
    db = call.store.read()
    found = _model(db, vendor, model, HTTPStatus.BAD_REQUEST)
    return replies.records(db.execute("SELECT name FROM contents WHERE model = ? ORDER BY id", [found]))


def listing_for(call: Call, vendor: Vendor, model: str) -> Reply:
    """M2: 200 with the ids that the serial number ``sn`` may read; 400 if there is no such model or number."""
    db, sn = call.store.read(), call.query.need("sn")
    found = _asker(db, vendor, model, sn, HTTPStatus.BAD_REQUEST)
    return entry.listing_for(db, found, sn)


def create(call: Call, vendor: Vendor, model: str) -> Reply:
    """M3: make an entry from ``id``, ``meta`` and ``protected``; 205, or 409 if it is there.

    ``meta`` may have its old name ``description``.
    """
    form = call.fields
    name, protected = names.content(form.need("id")), form.flag("protected")
    meta = names.meta(form.get("meta") or form.get("description") or "")

    def work(db: Database) -> None:
        found = model_id(db, vendor, model)
        if db.execute("SELECT 1 FROM contents WHERE model = ? AND name = ?", [found, name]).fetchone():
            raise Refused(HTTPStatus.CONFLICT, "the content exists")
        db.execute(
            "INSERT INTO contents(model, name, meta, protected, updated) VALUES (?, ?, ?, ?, ?)",
            [found, name, meta, protected, clock.now_us()],
        )

    call.store.write(work)
    return replies.changed()


def remove(call: Call, vendor: Vendor, model: str) -> Reply:
    """M4: delete the entry ``id``; see ``delete``."""
    return delete(call, vendor, model, call.fields.need("id"))


# ---------------------------------------------------------------- one entry


def info(call: Call, vendor: Vendor, model: str, content: str) -> Reply:
    """M5: 200 with ``type,size,updated,meta,protected``; before an upload no type, size 0 and when it was made."""
    db = call.store.read()
    return entry.find(db, model_id(db, vendor, model), content).full_info()


def download(call: Call, vendor: Vendor, model: str, content: str) -> Reply:
    """M6: the blob, or the part that ``Range`` asks for; 403 for a model that is none of the vendor's."""
    db = call.store.read()
    found = _model(db, vendor, model, HTTPStatus.FORBIDDEN)
    return entry.deliver(call, found, entry.find(db, found, content))


def info_for(call: Call, vendor: Vendor, model: str, content: str) -> Reply:
    """M7: 200 with ``type,size,updated,meta`` if the serial number ``sn`` may read it, else 403.

    400 if there is no such model or number.
    """
    db, sn = call.store.read(), call.query.need("sn")
    found = _asker(db, vendor, model, sn, HTTPStatus.BAD_REQUEST)
    return entry.find_for(db, found, content, sn).info()


def download_for(call: Call, vendor: Vendor, model: str, content: str) -> Reply:
    """M8: M6, if the serial number ``sn`` may read it; 403 also if there is no such model or number."""
    db, sn = call.store.read(), call.query.need("sn")
    found = _asker(db, vendor, model, sn, HTTPStatus.FORBIDDEN)
    return entry.deliver(call, found, entry.find_for(db, found, content, sn))


def groups(call: Call, vendor: Vendor, model: str, content: str) -> Reply:
    """M9: 200 with a page of the groups that it is in, or 204."""
    offset, limit = call.query.page()
    db = call.store.read()
    found = model_id(db, vendor, model)
    entry.find(db, found, content)
    rows = membership.groups_of(db, found, Type.CONTENT, content, offset, limit)
    return replies.records([name] for name in rows) if rows else replies.nothing()


def upload(call: Call, vendor: Vendor, model: str, content: str) -> Reply:
    """M10: make the body, whatever its type, the blob of an entry, in place of an older one; 205, or 404."""
    mime = _type(call.header("Content-Type"))
    db = call.store.read()
    entry.find(db, model_id(db, vendor, model), content)  # before anything is written
    try:
        with blobs.written(call.store, call.stream) as (blob, size):

            def work(db: Database) -> None:
                found = model_id(db, vendor, model)
                entry.find(db, found, content)
                db.execute(
                    "UPDATE contents SET type = ?, size = ?, updated = ?, blob = ? WHERE model = ? AND name = ?",
                    [mime, size, clock.now_us(), blob, found, content],
                )

            call.store.write(work)
    finally:
        blobs.sweep(call.store)
    return replies.changed()


def delete(call: Call, vendor: Vendor, model: str, content: str) -> Reply:
    """M11: delete an entry with its blob and its places in groups; 205, or 404 unknown."""

    def work(db: Database) -> None:
        found = model_id(db, vendor, model)
        entry.find(db, found, content)
        membership.forget(db, found, Type.CONTENT, content)
        db.execute("DELETE FROM contents WHERE model = ? AND name = ?", [found, content])

    call.store.write(work)
    blobs.sweep(call.store)
    return replies.changed()


def _model(db: Database, vendor: Vendor, model: str, invalid: HTTPStatus) -> int:
    """Return the model's id; an unknown one is ``invalid``, which this API answers in three ways (section 10)."""
    try:
        return model_id(db, vendor, model)
    except Refused as refused:
        raise Refused(invalid, refused.reason) from None


def _asker(db: Database, vendor: Vendor, model: str, sn: str, invalid: HTTPStatus) -> int:
    """Return the id of the model, which must have the serial number, listed or in a range."""
    found = _model(db, vendor, model, invalid)
    if find(db, vendor.owner, model, sn).state is State.ABSENT:
        raise Refused(invalid, "no such serial number")
    return found


def _type(header: str) -> str:
    """Return the first of the given types that is not the form type, which some clients add (section 1.3)."""
    if len(header) > _TYPE_CHARACTERS:
        raise TooLong("a content type has at most 1024 characters")
    types = [text for part in _ONE_TYPE.findall(header) if (text := part.strip())]
    uploaded = [text for text in types if text.partition(";")[0].rstrip().lower() != _FORM]
    return next(iter(uploaded or types), _UNKNOWN)


_ALL = MANAGE + "/content/{model}/"
_ONE = _ALL + "{content}"

PROCEDURES = (
    Procedure("M2", "GET", _ALL, listing_for, given("sn")),
    Procedure("M1", "GET", _ALL, listing),
    Procedure("M4", "POST", _ALL, remove, says("delete", "remove")),
    Procedure("M3", "POST", _ALL, create),
    Procedure("M9", "GET", _ONE, groups, shows("groups")),
    Procedure("M8", "GET", _ONE, download_for, both(asks("download"), given("sn"))),
    Procedure("M6", "GET", _ONE, download, asks("download")),
    Procedure("M7", "GET", _ONE, info_for, given("sn")),
    Procedure("M5", "GET", _ONE, info),
    Procedure("M10", "POST", _ONE, upload),
    Procedure("M11", "DELETE", _ONE, delete),
)
