"""One serial number of a model (M43, M46, M48, M49, M50)."""

from __future__ import annotations

import logging
from http import HTTPStatus

from sqlite_utils import Database

from station.fleet.server import clients, names, replies
from station.fleet.server.auth import Vendor
from station.fleet.server.call import Call
from station.fleet.server.lookup import find
from station.fleet.server.procedures import MANAGE, Procedure, says
from station.fleet.server.replies import Refused, Reply
from station.fleet.server.states import Act, Phase, State

log = logging.getLogger(__name__)


def info(call: Call, vendor: Vendor, model: str, sn: str) -> Reply:
    """M43: 200 with ``status,rid,extra``; 204 while unused, 404 unknown, 409 orphaned."""
    found = find(call.store.read(), vendor.owner, model, sn)
    found.admit(Act.INFO)
    if found.state is State.UNUSED:
        return replies.nothing()
    return replies.value(replies.record([found.state, found.rid or "", found.extra or ""]), replies.CSV)


def enable(call: Call, vendor: Vendor, model: str, sn: str) -> Reply:
    """M46: clone the template below ``owner`` and open the window; 200 with the new client's RID.

    403 for an owner that is unknown or not the model's creator or below it;
    400 for one that is no RID at all.
    """
    owner = names.hex40(call.fields.need("owner"))
    if owner is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "owner is 40 hex digits")

    def work(db: Database) -> str:
        found = find(db, vendor.owner, model, sn)
        found.admit(Act.ENABLE)
        parent = clients.within(db, owner, vendor.client)
        if parent is None:
            raise Refused(HTTPStatus.FORBIDDEN, "the owner is not below the creator of the model")
        end = found.window_end(call.options.window_s)
        client = clients.create(db, parent, sn, Phase.NOTACTIVATED, end)
        db.execute("UPDATE serials SET rid = ?, enabled_by = ? WHERE id = ?", [client.rid, vendor.id, found.id])
        return client.rid

    return replies.value(call.store.write(work), replies.CSV)


def reenable(call: Call, vendor: Vendor, model: str, sn: str) -> Reply:
    """M48: a new CIK and a new window; the old CIK is refused at once; 205."""

    def work(db: Database) -> None:
        found = find(db, vendor.owner, model, sn)
        clients.renew(db, found.admit_client(Act.REENABLE), found.window_end(call.options.window_s))

    call.store.write(work)
    return replies.changed()


def disable(call: Call, vendor: Vendor, model: str, sn: str) -> Reply:
    """M49: the CIK is refused from now on, and so is D1; 205, also when it was so before."""

    def work(db: Database) -> None:
        found = find(db, vendor.owner, model, sn)
        clients.move(db, found.admit_client(Act.DISABLE), Phase.EXPIRED)

    call.store.write(work)
    return replies.changed()


def delete(call: Call, vendor: Vendor, model: str, sn: str) -> Reply:
    """M50: unlist it, in whatever state; 205, or 404 unknown.  Its client stays, detached and without a valid CIK."""

    def work(db: Database) -> str | None:
        found = find(db, vendor.owner, model, sn)
        found.admit(Act.DELETE)
        db.execute("DELETE FROM serials WHERE id = ?", [found.id])
        if found.client is not None:
            clients.move(db, found.client, Phase.EXPIRED)
        return found.rid

    if rid := call.store.write(work):
        log.info("serial number %r of model %r deleted; its client %s is detached", sn, model, rid)
    return replies.changed()


def _contradicts(call: Call) -> bool:
    """Tell whether a form says two things at once."""
    return call.fields.flag("enable") == call.fields.flag("disable") or all(
        p in call.fields for p in ("owner", "oldsn")
    )


def contradiction(call: Call, vendor: Vendor, model: str, sn: str) -> Reply:
    """Refuse with 400 a form that asks for none of M46 to M49, or for two."""
    raise Refused(HTTPStatus.BAD_REQUEST, "one of enable=true and disable=true is needed, and one of owner and oldsn")


_SN = MANAGE + "/model/{model}/{sn}"

PROCEDURES = (
    Procedure("M43", "GET", _SN, info, guests=True),
    Procedure("", "POST", _SN, contradiction, _contradicts, guests=True),
    Procedure("M49", "POST", _SN, disable, says("disable"), guests=True),
    # An owner that is empty is a mistake, and must not be taken for M48, which kills a key.
    Procedure("M46", "POST", _SN, enable, lambda call: "owner" in call.fields, guests=True),
    Procedure("M48", "POST", _SN, reenable, guests=True),
    Procedure("M50", "DELETE", _SN, delete),
)
