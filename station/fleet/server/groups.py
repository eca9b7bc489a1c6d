"""The groups of a model (M12 to M17); what is in them is in ``members``."""

from __future__ import annotations

from http import HTTPStatus

from sqlite_utils import Database

from station.fleet.server import membership, names, replies
from station.fleet.server.auth import Vendor
from station.fleet.server.call import Call
from station.fleet.server.lookup import model_id
from station.fleet.server.procedures import MANAGE, Procedure, says, shows
from station.fleet.server.replies import Refused, Reply


def find_group(db: Database, vendor: Vendor, model: str, group: str) -> tuple[int, int]:
    """Return the ids of a model and of one of its groups.  Raises ``Refused`` (404) if either is not there."""
    owner = model_id(db, vendor, model)
    row = db.execute("SELECT id FROM groups WHERE model = ? AND name = ?", [owner, group]).fetchone()
    if row is None:
        raise Refused(HTTPStatus.NOT_FOUND, "no such group")
    return owner, row[0]


def listing(call: Call, vendor: Vendor, model: str) -> Reply:
    """M12: 200 with a page of ``id,meta``, oldest first; 204 none."""
    offset, limit = call.query.page()
    db = call.store.read()
    rows = db.execute(
        "SELECT name, meta FROM groups WHERE model = ? ORDER BY id LIMIT ? OFFSET ?",
        [model_id(db, vendor, model), limit, offset],
    ).fetchall()
    return replies.records(rows) if rows else replies.nothing()


def create(call: Call, vendor: Vendor, model: str) -> Reply:
    """M13: make an empty group ``id`` with its ``meta``; 205, or 409 if it is there."""
    name, meta = names.group(call.fields.need("id")), names.meta(call.fields.get("meta") or "")

    def work(db: Database) -> None:
        owner = model_id(db, vendor, model)
        if db.execute("SELECT 1 FROM groups WHERE model = ? AND name = ?", [owner, name]).fetchone():
            raise Refused(HTTPStatus.CONFLICT, "the group exists")
        db.execute("INSERT INTO groups(model, name, meta) VALUES (?, ?, ?)", [owner, name, meta])

    call.store.write(work)
    return replies.changed()


def remove(call: Call, vendor: Vendor, model: str) -> Reply:
    """M14: delete the group that the form names; see ``delete``."""
    return delete(call, vendor, model, call.fields.need("id"))


def info(call: Call, vendor: Vendor, model: str, group: str) -> Reply:
    """M15: 200 with ``meta,count``, the number of its direct members, lapsed ones too; 404 unknown."""
    meta, count = (
        call.store.read()
        .execute(
            'SELECT meta, (SELECT count(*) FROM members WHERE "group" = groups.id) FROM groups WHERE id = ?',
            [find_group(call.store.read(), vendor, model, group)[1]],
        )
        .fetchone()
    )
    return replies.value(replies.record([meta, str(count)]), replies.CSV)


def parents(call: Call, vendor: Vendor, model: str, group: str) -> Reply:
    """M16: 200 with a page of the groups that it is a direct member of, in order of joining; 204 none, 404 unknown."""
    offset, limit = call.query.page()
    db = call.store.read()
    owner, _ = find_group(db, vendor, model, group)
    ids = membership.groups_of(db, owner, membership.Type.GROUP, group, offset, limit)
    return replies.records([name] for name in ids) if ids else replies.nothing()


def delete(call: Call, vendor: Vendor, model: str, group: str) -> Reply:
    """M17: delete a group, its memberships in others and those of its members in it; 205, or 404 unknown."""

    def work(db: Database) -> None:
        owner, found = find_group(db, vendor, model, group)
        membership.forget(db, owner, membership.Type.GROUP, group)
        db.execute("DELETE FROM groups WHERE id = ?", [found])

    call.store.write(work)
    return replies.changed()


_GROUPS, _GROUP = MANAGE + "/group/{model}/", MANAGE + "/group/{model}/{group}"

PROCEDURES = (
    Procedure("M12", "GET", _GROUPS, listing),
    Procedure("M14", "POST", _GROUPS, remove, says("delete", "remove")),
    Procedure("M13", "POST", _GROUPS, create),
    Procedure("M15", "GET", _GROUP, info, lambda call: "show" not in call.query),
    Procedure("M16", "GET", _GROUP, parents, shows("groups")),
    Procedure("M17", "DELETE", _GROUP, delete),
)
