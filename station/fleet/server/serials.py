"""The serial numbers of a model: listed, added and removed, one or many (M35 to M37, M39 to M41).

Additions are all or nothing: an error in one entry, or one that is there,
and none is listed.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from http import HTTPStatus

from sqlite_utils import Database

from station.fleet.server import csvs, names, replies
from station.fleet.server.auth import Vendor
from station.fleet.server.bodies import Kind, sends
from station.fleet.server.call import Call, Parameters
from station.fleet.server.lookup import find_row, model_id
from station.fleet.server.procedures import MANAGE, Procedure, both, says
from station.fleet.server.replies import Refused, Reply
from station.fleet.server.spans import outside
from station.fleet.server.states import Act
from station.fleet.server.unlisting import unlist

log = logging.getLogger(__name__)

_ADD = "INSERT INTO serials(model, sn, extra) VALUES (?, ?, ?)"

# One statement for all of a JSON object: with a statement each, the trigger would make it ten times as slow.
_ADD_ALL = "INSERT INTO serials(model, sn, extra) SELECT ?, key, value FROM json_each(?)"

_FIRST_LISTED = """SELECT key FROM json_each(?) AS wanted
    WHERE EXISTS (SELECT 1 FROM serials WHERE model = ? AND sn = wanted.key) LIMIT 1"""


def add(call: Call, vendor: Vendor, model: str) -> Reply:
    """M35: list one serial number, with its ``extra``; 205, or 409 if it is listed.

    One that a range holds may be listed too, and so get its ``extra``.
    """
    form = call.fields
    sn, extra = names.serial(form.need("sn")), names.extra(form.get("extra") or "")

    def work(db: Database) -> None:
        found = find_row(db, vendor.owner, model, sn)
        found.admit(Act.ADD)
        db.execute(_ADD, [found.model, sn, extra])

    call.store.write(work)
    return replies.changed()


def add_many(call: Call, vendor: Vendor, model: str) -> Reply:
    """M36: list many serial numbers without ``extra``; 205, or 409 if one is listed; twice in the form is once."""
    if call.fields.get("extra"):
        raise Refused(HTTPStatus.BAD_REQUEST, "extra goes with one serial number, or in a list of text/csv")
    return _add(call, vendor, model, [(sn, "") for sn in _array(call.fields)])


def add_rows(call: Call, vendor: Vendor, model: str) -> Reply:
    """M37: list many serial numbers from CSV, ``sn,extra`` or ``sn`` alone; otherwise like M36.

    400 for one that is there twice with different ``extra``.
    """
    entries = []
    for n, record in enumerate(csvs.records(call.body), 1):
        if len(record) > 2:
            raise Refused(HTTPStatus.BAD_REQUEST, f"entry {n} of the list has more than two columns")
        entries.append((record[0], record[1] if len(record) == 2 else ""))
    return _add(call, vendor, model, entries)


def remove(call: Call, vendor: Vendor, model: str) -> Reply:
    """M39: unlist one serial number; 205, also if it is unknown; 404 if it is in a range only."""
    _only_removes(call.fields)
    return _remove(call, vendor, model, [call.fields.need("sn")])


def remove_many(call: Call, vendor: Vendor, model: str) -> Reply:
    """M40: unlist many serial numbers; 205, also for unknown ones; 404 if all of them are in ranges only."""
    _only_removes(call.fields)
    return _remove(call, vendor, model, _array(call.fields))


def remove_listed(call: Call, vendor: Vendor, model: str) -> Reply:
    """M41: unlist the serial numbers in the first column of a CSV; otherwise like M40."""
    return _remove(call, vendor, model, [record[0] for record in csvs.records(call.body)])


def _only_removes(form: Parameters) -> None:
    if form.flag("add"):
        raise Refused(HTTPStatus.BAD_REQUEST, "one of add=true and delete=true is needed")


def _array(form: Parameters) -> list[str]:
    if "sn" in form:
        raise Refused(HTTPStatus.BAD_REQUEST, "one of sn and sn[] is needed")
    return form.several("sn")


def _add(call: Call, vendor: Vendor, model: str, entries: list[tuple[str, str]]) -> Reply:
    extras: dict[str, str] = {}
    for n, (sn, extra) in enumerate(entries, 1):
        if extras.setdefault(_legal(n, sn, extra), extra) != extra:
            raise Refused(HTTPStatus.BAD_REQUEST, f"entry {n} of the list is there before, with another extra")
    wanted = json.dumps(extras)

    def work(db: Database) -> None:
        found = model_id(db, vendor, model)
        there = db.execute(_FIRST_LISTED, [wanted, found]).fetchone()
        if there is not None:
            n = next(n for n, (sn, _) in enumerate(entries, 1) if sn == there[0])
            raise Refused(HTTPStatus.CONFLICT, f"entry {n} of the list is listed already; nothing was added")
        db.execute(_ADD_ALL, [found, wanted])

    call.store.write(work)
    return replies.changed()


def _legal(n: int, sn: str, extra: str = "") -> str:
    try:
        names.extra(extra)
        return names.serial(sn)
    except names.BadName as error:
        raise type(error)(f"entry {n} of the list: {error}") from None


def _remove(call: Call, vendor: Vendor, model: str, sns: Iterable[str]) -> Reply:
    wanted = dict.fromkeys(_legal(n, sn) for n, sn in enumerate(sns, 1))

    def work(db: Database) -> int:
        found = model_id(db, vendor, model)
        gone = unlist(db, found, wanted)
        if not gone.listed and not outside(db, found, wanted):
            raise Refused(HTTPStatus.NOT_FOUND, "a range can not lose a single serial number")
        return gone.detached

    if detached := call.store.write(work):
        log.info("serial numbers of model %r deleted; %d clients are detached", model, detached)
    return replies.changed()


_SERIALS = MANAGE + "/model/{model}/"
_REMOVES = both(sends(Kind.FORM), says("delete", "remove"))


def _has_array(call: Call) -> bool:
    return "sn[]" in call.fields


PROCEDURES = (
    Procedure("M40", "POST", _SERIALS, remove_many, both(_REMOVES, _has_array)),
    Procedure("M39", "POST", _SERIALS, remove, _REMOVES),
    Procedure("M36", "POST", _SERIALS, add_many, both(sends(Kind.FORM), _has_array)),
    Procedure("M35", "POST", _SERIALS, add, sends(Kind.FORM)),
    Procedure("M37", "POST", _SERIALS, add_rows, sends(Kind.CSV)),
    Procedure("M41", "DELETE", _SERIALS, remove_listed, sends(Kind.CSV)),
)
