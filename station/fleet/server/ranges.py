"""The ranges of serial numbers of a model (M34, M38, M42); what they hold is told in ``spans``."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, TypeGuard

from sqlite_utils import Database

from station.fleet.server import replies
from station.fleet.server.auth import Vendor
from station.fleet.server.bodies import Kind, sends
from station.fleet.server.call import Call
from station.fleet.server.lookup import model_id
from station.fleet.server.names import BadName
from station.fleet.server.procedures import MANAGE, Procedure, shows
from station.fleet.server.replies import Refused, Reply
from station.fleet.server.spans import Casing, Format, Span, outside
from station.fleet.server.unlisting import leave_groups

_JAVASCRIPT = "application/javascript; charset=utf-8"

_MOST = 10_000
"""The most ranges of one model: M34 has no pages."""

_FIELDS = ("format", "length", "casing", "first", "last")

_ALL = "SELECT format, length, casing, first, last FROM ranges WHERE model = ? ORDER BY id"

_SAME = """SELECT id FROM ranges
    WHERE model = ? AND format = ? AND length IS ? AND casing IS ? AND first = ? AND last = ?"""

_MEMBERS = """SELECT DISTINCT member FROM members
    WHERE type = 'sn' AND "group" IN (SELECT id FROM groups WHERE model = :model)
      AND NOT EXISTS (SELECT 1 FROM serials WHERE model = :model AND sn = member)"""


def listing(call: Call, vendor: Vendor, model: str) -> Reply:
    """M34: 200 with the ranges as JSON, oldest first; an empty body where there are none.

    A bare array; with ``Options.wrapped_ranges`` the object that M38 takes.
    """
    db = call.store.read()
    ranges = [dict(zip(_FIELDS, row, strict=True)) for row in db.execute(_ALL, [model_id(db, vendor, model)])]
    shown = {"ranges": ranges} if call.options.wrapped_ranges else ranges
    return replies.value(json.dumps(shown, separators=(",", ":")) if ranges else "", _JAVASCRIPT)


def add(call: Call, vendor: Vendor, model: str) -> Reply:
    """M38: add ranges, all or none; 205, or 409 if an identical one is there; they may overlap.

    413 for more than 10,000 ranges of one model.
    """
    wanted = _spans(call.body)

    def work(db: Database) -> None:
        found = model_id(db, vendor, model)
        for n, span in enumerate(wanted, 1):
            if _identical(db, found, span) is not None:
                raise Refused(HTTPStatus.CONFLICT, f"range {n} is there already; nothing was added")
        (there,) = db.execute("SELECT count(*) FROM ranges WHERE model = ?", [found]).fetchone()
        if there + len(wanted) > _MOST:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a model has at most {_MOST} ranges")
        db.conn.executemany(
            "INSERT INTO ranges(model, format, length, casing, first, last) VALUES (?, ?, ?, ?, ?, ?)",
            ((found, *_row(span)) for span in wanted),
        )

    call.store.write(work)
    return replies.changed()


def remove(call: Call, vendor: Vendor, model: str) -> Reply:
    """M42: remove ranges, all or none; 205, or 404 unless each is equal to one that is there in all five fields.

    What has a row stays listed; a serial number that is in no range any more leaves its groups.
    """
    wanted = _spans(call.body)

    def work(db: Database) -> None:
        found = model_id(db, vendor, model)
        for n, span in enumerate(wanted, 1):
            same = _identical(db, found, span)
            if same is None:
                raise Refused(HTTPStatus.NOT_FOUND, f"range {n} is not there; nothing was removed")
            db.execute("DELETE FROM ranges WHERE id = ?", [same])
        members = [sn for (sn,) in db.execute(_MEMBERS, {"model": found})]
        leave_groups(db, found, outside(db, found, members))

    call.store.write(work)
    return replies.changed()


def _identical(db: Database, model: int, span: Span) -> int | None:
    row = db.execute(_SAME, [model, *_row(span)]).fetchone()
    return row[0] if row else None


def _row(span: Span) -> tuple[str, int | None, str | None, int, int]:
    return span.format, span.length, span.casing, span.first, span.last


def _spans(text: str) -> list[Span]:
    """Read ``{"ranges": [...]}``; identical ones count once.  Raises ``Refused`` (400)."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused(HTTPStatus.BAD_REQUEST, "the ranges are not JSON") from None
    ranges = document.get("ranges") if isinstance(document, dict) and len(document) == 1 else None
    if not isinstance(ranges, list) or not ranges:
        raise Refused(HTTPStatus.BAD_REQUEST, 'the ranges are an object {"ranges": [...]}, with at least one')
    return [*dict.fromkeys(_span(n, given) for n, given in enumerate(ranges, 1))]


def _span(n: int, given: Any) -> Span:
    """Read one range strictly: a key too much may be one misspelt, and would make another range than was meant."""
    if not isinstance(given, dict) or not set(given) <= {*_FIELDS}:
        raise Refused(HTTPStatus.BAD_REQUEST, f"range {n} is not an object of format, length, casing, first and last")
    length, casing, first, last = (given.get(field) for field in _FIELDS[1:])
    if given.get("format") not in [*Format]:
        raise Refused(HTTPStatus.BAD_REQUEST, f"range {n}: format is one of {', '.join(Format)}")
    if casing not in (None, *Casing):
        raise Refused(HTTPStatus.BAD_REQUEST, f"range {n}: casing is upper, lower or null")
    if not (_whole(first) and _whole(last) and (length is None or _whole(length))):
        raise Refused(HTTPStatus.BAD_REQUEST, f"range {n}: first and last are whole numbers, length one or null")
    try:
        return Span(Format(given["format"]), length, Casing(casing) if casing else None, first, last)
    except BadName as error:
        raise Refused(HTTPStatus.BAD_REQUEST, f"range {n}: {error}") from None


def _whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


_SERIALS = MANAGE + "/model/{model}/"

PROCEDURES = (
    Procedure("M34", "GET", _SERIALS, listing, shows("ranges")),
    Procedure("M38", "POST", _SERIALS, add, sends(Kind.JSON)),
    Procedure("M42", "DELETE", _SERIALS, remove, sends(Kind.JSON)),
)
