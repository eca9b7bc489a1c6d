"""What is in a group (M18 to M25): serial numbers, content entries and other groups of its model.

A list of changes is made whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from sqlite_utils import Database

from station.fleet.server import csvs, membership, names, replies
from station.fleet.server.auth import Vendor
from station.fleet.server.bodies import Kind, sends
from station.fleet.server.call import Call
from station.fleet.server.groups import find_group
from station.fleet.server.membership import Type
from station.fleet.server.procedures import MANAGE, Procedure, both, says
from station.fleet.server.procedures import names as asks_for
from station.fleet.server.replies import Refused, Reply
from station.fleet.server.spans import outside

_DIGITS = 18
"""The most digits of ``expire``: SQLite's integers end at 19."""

_LISTING = 'SELECT type, member, expire, meta FROM members WHERE "group" = ?'

_PUT = """INSERT INTO members("group", type, member, expire, meta) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT("group", member, type) DO UPDATE SET expire = excluded.expire, meta = excluded.meta"""

_TAKE = 'DELETE FROM members WHERE "group" = ? AND type = ? AND member = ?'

_LEGAL: Mapping[Type, Callable[[str], str]] = {
    Type.SN: names.serial,
    Type.CONTENT: names.content,
    Type.GROUP: names.group,
}

_MISSING: Mapping[Type, str] = {
    type: f"""SELECT value FROM json_each(?)
        WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE {table}.model = ? AND {table}.{name} = value)"""
    for type, table, name in [
        (Type.SN, "serials", "sn"),
        (Type.CONTENT, "contents", "name"),
        (Type.GROUP, "groups", "name"),
    ]
}
"""Which of a JSON array of names the model does not have a row of."""


@dataclass(frozen=True, slots=True)
class _Member:
    """What is to be a member, and how, or to be one no more."""

    type: Type
    name: str
    expire: int
    """In Unix seconds, 0 for never."""
    meta: str


def _type(text: str) -> Type:
    try:
        return Type(text)
    except ValueError:
        raise names.BadName("a member's type is sn, content or group") from None


def _member(type: str, name: str, expire: str = "", meta: str = "") -> _Member:
    if expire and not (expire.isascii() and expire.isdigit() and len(expire) <= _DIGITS):
        raise names.BadName("expire is in Unix seconds, or 0 or blank for never")
    known = _type(type)
    return _Member(known, _LEGAL[known](name), int(expire or 0), names.meta(meta))


def _members(rows: Iterable[Sequence[str]]) -> list[_Member]:
    """Read ``type,memberid`` and perhaps ``expire`` and ``meta``.  Raises ``BadName`` with the number of the row."""
    found = []
    for number, row in enumerate(rows, 1):
        try:
            if not 2 <= len(row) <= 4:
                raise names.BadName("a member is type,memberid,expire,meta")
            found.append(_member(*row))
        except names.BadName as error:
            raise error.__class__(f"entry {number} of the list: {error}") from None
    return found


# ---------------------------------------------------------------- reading


def listing(call: Call, vendor: Vendor, model: str, group: str) -> Reply:
    """M18: 200 with a page of ``type,memberid,expire,meta``, in order of joining; 204 none, 404 unknown group."""
    return _listed(call, vendor, model, group, "ORDER BY id LIMIT ? OFFSET ?", _page(call))


def of_type(call: Call, vendor: Vendor, model: str, group: str) -> Reply:
    """M19: M18 of the members of one type."""
    type = _type(call.query.need("type"))
    return _listed(call, vendor, model, group, "AND type = ? ORDER BY id LIMIT ? OFFSET ?", [type, *_page(call)])


def named(call: Call, vendor: Vendor, model: str, group: str) -> Reply:
    """M20: M18 of the members called ``id``, one of each type at most."""
    return _listed(call, vendor, model, group, "AND member = ? ORDER BY +id", [call.query.need("id")])


def one(call: Call, vendor: Vendor, model: str, group: str) -> Reply:
    """M21: M18 of the one member of this type and ``id``; 204 if it isn't one."""
    key = [_type(call.query.need("type")), call.query.need("id")]
    return _listed(call, vendor, model, group, "AND type = ? AND member = ?", key)


def _page(call: Call) -> list[int]:
    offset, limit = call.query.page()
    return [limit, offset]


def _listed(call: Call, vendor: Vendor, model: str, group: str, which: str, values: Iterable[object]) -> Reply:
    db = call.store.read()
    _, found = find_group(db, vendor, model, group)
    rows = db.execute(f"{_LISTING} {which}", [found, *values]).fetchall()
    if not rows:
        return replies.nothing()
    return replies.records([type, member, str(expire), meta] for type, member, expire, meta in rows)


# ---------------------------------------------------------------- changing


def put(call: Call, vendor: Vendor, model: str, group: str) -> Reply:
    """M22: let every ``id`` of one ``type`` be a member until ``expire``, with one ``meta``; see ``_put``."""
    expire, meta = (call.fields.get(name) or "" for name in ("expire", "meta"))
    return _put(call, vendor, model, group, _members((*key, expire, meta) for key in _alike(call)))


def put_listed(call: Call, vendor: Vendor, model: str, group: str) -> Reply:
    """M23: let each line ``type,memberid,expire,meta`` be a member, the last two blank if left out; see ``_put``."""
    return _put(call, vendor, model, group, _members(csvs.records(call.body)))


def take(call: Call, vendor: Vendor, model: str, group: str) -> Reply:
    """M24: let no ``id`` of one ``type`` be a member any more; 205, also for those that are none."""
    return _take(call, vendor, model, group, _members(_alike(call)))


def take_listed(call: Call, vendor: Vendor, model: str, group: str) -> Reply:
    """M25: the same as M24 for each line ``type,memberid``; more fields, as M18 answers them, are ignored."""
    return _take(call, vendor, model, group, _members(record[:2] for record in csvs.records(call.body)))


def _alike(call: Call) -> list[tuple[str, str]]:
    """Read ``type`` and every ``id`` of a form."""
    type, ids = call.fields.need("type"), call.fields.several("id")
    if not ids:
        raise Refused(HTTPStatus.BAD_REQUEST, "id is missing")
    return [(type, name) for name in ids]


def _put(call: Call, vendor: Vendor, model: str, group: str, members: list[_Member]) -> Reply:
    """Add or update members; 205.

    404 if the one member that is asked for is not in the model, 400 if one of
    several is not or two entries say different things of it; 409 if the group
    would be inside itself.
    """
    seen: dict[tuple[Type, str], _Member] = {}
    for number, member in enumerate(members, 1):
        if seen.setdefault((member.type, member.name), member) != member:
            raise Refused(HTTPStatus.BAD_REQUEST, f"entry {number} of the list is there before, and differs")

    def work(db: Database) -> None:
        owner, found = find_group(db, vendor, model, group)
        _check_there(db, owner, members)
        db.conn.executemany(_PUT, [(found, m.type, m.name, m.expire, m.meta) for m in seen.values()])
        if any(m.type is Type.GROUP for m in members) and membership.inside_itself(db, owner, group):
            raise Refused(HTTPStatus.CONFLICT, "a group can not be inside itself")

    call.store.write(work)
    return replies.changed()


def _check_there(db: Database, model: int, members: list[_Member]) -> None:
    """Raise ``Refused`` unless the model has them all; a serial number may also be in a range."""
    for type in Type:
        ids = json.dumps([m.name for m in members if m.type is type])
        missing = [name for (name,) in db.execute(_MISSING[type], [ids, model])]
        if type is Type.SN:
            missing = outside(db, model, missing)
        if missing and len(members) == 1:
            raise Refused(HTTPStatus.NOT_FOUND, "the model has no such member")
        if missing:
            number = next(n for n, m in enumerate(members, 1) if (m.type, m.name) == (type, missing[0]))
            raise Refused(HTTPStatus.BAD_REQUEST, f"entry {number} of the list is not in the model")


def _take(call: Call, vendor: Vendor, model: str, group: str, members: list[_Member]) -> Reply:
    def work(db: Database) -> None:
        _, found = find_group(db, vendor, model, group)
        db.conn.executemany(_TAKE, [(found, m.type, m.name) for m in members])

    call.store.write(work)
    return replies.changed()


_MEMBERS = MANAGE + "/group/{model}/{group}/"

PROCEDURES = (
    Procedure("M21", "GET", _MEMBERS, one, asks_for("type", "id")),
    Procedure("M20", "GET", _MEMBERS, named, asks_for("id")),
    Procedure("M19", "GET", _MEMBERS, of_type, asks_for("type")),
    Procedure("M18", "GET", _MEMBERS, listing),
    Procedure("M23", "POST", _MEMBERS, put_listed, sends(Kind.CSV)),
    Procedure("M24", "POST", _MEMBERS, take, both(sends(Kind.FORM), says("delete", "remove"))),
    Procedure("M22", "POST", _MEMBERS, put, sends(Kind.FORM)),
    Procedure("M25", "DELETE", _MEMBERS, take_listed),
)
