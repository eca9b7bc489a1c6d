"""One serial number of a model: what is known of it, and its life from enabled to deleted (M43 to M50).

A vendor that the model is shared with sees and moves what it enabled itself
(API document, section 7); see ``lookup.find_for``.
"""

from __future__ import annotations

import logging
from http import HTTPStatus

from sqlite_utils import Database

from station.fleet.server import clients, membership, names, replies
from station.fleet.server.auth import Vendor
from station.fleet.server.call import Call
from station.fleet.server.lookup import Found, find, find_for, find_row
from station.fleet.server.procedures import MANAGE, Procedure, says, shows
from station.fleet.server.replies import Refused, Reply
from station.fleet.server.states import Act, Phase, State

log = logging.getLogger(__name__)

_SECOND = 1_000_000


def info(call: Call, vendor: Vendor, model: str, sn: str) -> Reply:
    """M43: 200 with ``status,rid,extra``; 204 while unused, 404 unknown, 409 orphaned.

    A guest is shown no ``extra``, and 404 for what another vendor enabled.
    """
    found = find_for(call.store.read(), vendor, model, sn, foreign=HTTPStatus.NOT_FOUND)
    found.admit(Act.INFO)
    if found.state is State.UNUSED:
        return replies.nothing()
    extra = "" if vendor.is_guest else found.extra
    return replies.value(replies.record([found.state, found.rid or "", extra or ""]), replies.CSV)


def groups(call: Call, vendor: Vendor, model: str, sn: str) -> Reply:
    """M44: 200 with a page of the groups that it is a member of, in order of joining; 204 none, 404 unknown."""
    offset, limit = call.query.page()
    db = call.store.read()
    found = _known(find(db, vendor.owner, model, sn))
    ids = membership.groups_of(db, found.model, "sn", sn, offset, limit)
    return replies.records([name] for name in ids) if ids else replies.nothing()


def activations(call: Call, vendor: Vendor, model: str, sn: str) -> Reply:
    """M45: 200 with ``time,peer,entry`` of each successful D1, oldest first; 204 none, 404 unknown.

    The log is the serial number's, whichever client it had and however often
    it was deleted and listed again.  A guest is shown what happened while it
    was the one that had enabled it.
    """
    db = call.store.read()
    found = _known(find_for(db, vendor, model, sn, foreign=HTTPStatus.NOT_FOUND))
    sql, values = "SELECT at, peer, entry FROM activations WHERE model = ? AND sn = ?", [found.model, sn]
    if vendor.is_guest:
        sql, values = f"{sql} AND enabled_by = ?", [*values, vendor.id]
    rows = [[str(at // _SECOND), peer, entry] for at, peer, entry in db.execute(f"{sql} ORDER BY id", values)]
    return replies.records(rows) if rows else replies.nothing()


def enable(call: Call, vendor: Vendor, model: str, sn: str) -> Reply:
    """M46: clone the template below ``owner`` and open the window; 200 with the new client's RID.

    403 for an owner that is unknown or not the calling vendor's client or
    below it; 400 for one that is no RID at all.
    """
    owner = names.hex40(call.fields.need("owner"))
    if owner is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "owner is 40 hex digits")

    def work(db: Database) -> str:
        found = _held(db, vendor, model, sn)
        found.admit(Act.ENABLE)
        parent = clients.within(db, owner, vendor.client)
        if parent is None:
            raise Refused(HTTPStatus.FORBIDDEN, "the owner is not below the vendor's own client")
        end = found.window_end(call.options.window_s)
        client = clients.create(db, parent, sn, Phase.NOTACTIVATED, end)
        _give(db, found, sn, client.rid, vendor.id)
        return client.rid

    return replies.value(call.store.write(work), replies.CSV)


def remap(call: Call, vendor: Vendor, model: str, sn: str) -> Reply:
    """M47: move the client of ``oldsn`` here, with a new CIK and a new window; ``oldsn`` is unused then; 205.

    The client stays whose it was.  What belongs to the serial numbers
    (``extra``, groups, log) stays with them.  409 unless this one is unused
    and the other one has a client.
    """
    old_sn = call.fields.need("oldsn")

    def work(db: Database) -> None:
        new = _held(db, vendor, model, sn)
        new.admit(Act.REMAP_TO)
        old = _held(db, vendor, model, old_sn)
        client = old.admit_client(Act.REMAP_FROM)
        assert old.rid is not None
        db.execute("UPDATE serials SET rid = NULL, enabled_by = NULL WHERE id = ?", [old.id])
        _give(db, new, sn, old.rid, old.enabled_by)
        db.execute("UPDATE clients SET name = ? WHERE id = ?", [sn, client])
        clients.renew(db, client, new.window_end(call.options.window_s))

    call.store.write(work)
    return replies.changed()


def reenable(call: Call, vendor: Vendor, model: str, sn: str) -> Reply:
    """M48: a new CIK and a new window; the old CIK is refused at once; 205."""

    def work(db: Database) -> None:
        found = _held(db, vendor, model, sn)
        clients.renew(db, found.admit_client(Act.REENABLE), found.window_end(call.options.window_s))

    call.store.write(work)
    return replies.changed()


def disable(call: Call, vendor: Vendor, model: str, sn: str) -> Reply:
    """M49: the CIK is refused from now on, and so is D1; 205, also when it was so before."""

    def work(db: Database) -> None:
        found = _held(db, vendor, model, sn)
        clients.move(db, found.admit_client(Act.DISABLE), Phase.EXPIRED)

    call.store.write(work)
    return replies.changed()


def delete(call: Call, vendor: Vendor, model: str, sn: str) -> Reply:
    """M50: unlist it, in whatever state; 205, or 404 where there is no row.

    Its client stays, detached and without a valid CIK; it leaves its groups.
    If a range holds it, it is unused again.
    """

    def work(db: Database) -> str | None:
        found = find_row(db, vendor.owner, model, sn)
        found.admit(Act.DELETE)
        db.execute("DELETE FROM serials WHERE id = ?", [found.id])
        membership.forget(db, found.model, "sn", sn)
        if found.client is not None:
            clients.move(db, found.client, Phase.EXPIRED)
        return found.rid

    if rid := call.store.write(work):
        log.info("serial number %r of model %r deleted; its client %s is detached", sn, model, rid)
    return replies.changed()


def _known(found: Found) -> Found:
    if found.state is State.ABSENT:
        raise Refused(HTTPStatus.NOT_FOUND, "no such serial number")
    return found


def _held(db: Database, vendor: Vendor, model: str, sn: str) -> Found:
    """Find what the vendor is about to change; 403 for a guest where another vendor enabled it."""
    return find_for(db, vendor, model, sn, foreign=HTTPStatus.FORBIDDEN)


def _give(db: Database, found: Found, sn: str, rid: str, enabled_by: int | None) -> None:
    """Let a client be that of an unused serial number, which gets its row now if only a range held it."""
    if found.id is None:
        sql = "INSERT INTO serials(model, sn, extra, rid, enabled_by) VALUES (?, ?, '', ?, ?)"
        db.execute(sql, [found.model, sn, rid, enabled_by])
    else:
        db.execute("UPDATE serials SET rid = ?, enabled_by = ? WHERE id = ?", [rid, enabled_by, found.id])


def _contradicts(call: Call) -> bool:
    """Tell whether a form says two things at once, or none."""
    form = call.fields
    return form.flag("enable") == form.flag("disable") or ("owner" in form and "oldsn" in form)


def contradiction(call: Call, vendor: Vendor, model: str, sn: str) -> Reply:
    """Refuse with 400 a form that asks for none of M46 to M49, or for two."""
    raise Refused(HTTPStatus.BAD_REQUEST, "one of enable=true and disable=true is needed, and one of owner and oldsn")


_SN = MANAGE + "/model/{model}/{sn}"

PROCEDURES = (
    Procedure("M43", "GET", _SN, info, lambda call: "show" not in call.query, guests=True),
    Procedure("M44", "GET", _SN, groups, shows("groups")),
    Procedure("M45", "GET", _SN, activations, shows("log"), guests=True),
    Procedure("", "POST", _SN, contradiction, _contradicts, guests=True),
    Procedure("M49", "POST", _SN, disable, says("disable"), guests=True),
    # An owner that is empty is a mistake, and must not be taken for M48, which kills a key; nor an oldsn.
    Procedure("M46", "POST", _SN, enable, lambda call: "owner" in call.fields, guests=True),
    Procedure("M47", "POST", _SN, remap, lambda call: "oldsn" in call.fields, guests=True),
    Procedure("M48", "POST", _SN, reenable, guests=True),
    Procedure("M50", "DELETE", _SN, delete),
)
