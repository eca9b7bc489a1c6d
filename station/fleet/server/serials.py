"""The serial numbers of a model (M33, M35)."""

from __future__ import annotations

from sqlite_utils import Database

from station import clock
from station.fleet.server import names, replies
from station.fleet.server.auth import Vendor
from station.fleet.server.call import Call
from station.fleet.server.lookup import find, model_id
from station.fleet.server.procedures import MANAGE, Procedure
from station.fleet.server.replies import Reply
from station.fleet.server.states import Act, Phase, State, state_of

_PAGE = """SELECT serials.sn, serials.extra, serials.rid, clients.phase, clients.open_until
    FROM serials LEFT JOIN clients ON clients.rid = serials.rid
    WHERE serials.model = ? ORDER BY serials.id LIMIT ? OFFSET ?"""

_ON_THE_WIRE = frozenset({State.NOTACTIVATED, State.ACTIVATED, State.EXPIRED})
"""The states that have a word in answers; the others show as a status code or a blank field."""


def page(call: Call, vendor: Vendor, model: str) -> Reply:
    """M33: 200 with a page of ``sn,rid,extra``, or ``sn,status,rid,extra`` with ``status=true``; oldest first."""
    offset, limit = call.query.page()
    with_status = call.query.flag("status")
    db, now = call.store.read(), clock.now_us()
    found = model_id(db, vendor, model)
    rows = []
    for sn, extra, rid, phase, open_until in db.execute(_PAGE, [found, limit, offset]):
        state = state_of(True, rid, Phase(phase) if phase else None, open_until, now)
        status = [state if state in _ON_THE_WIRE else ""] if with_status else []
        rows.append([sn, *status, rid or "", extra])
    return replies.records(rows)


def add(call: Call, vendor: Vendor, model: str) -> Reply:
    """M35: list one serial number, with its ``extra``; 205, or 409 if it is there."""
    form = call.fields
    sn, extra = names.serial(form.need("sn")), names.extra(form.get("extra") or "")

    def work(db: Database) -> None:
        found = find(db, vendor.owner, model, sn)
        found.admit(Act.ADD)
        db.execute("INSERT INTO serials(model, sn, extra) VALUES (?, ?, ?)", [found.model, sn, extra])

    call.store.write(work)
    return replies.changed()


_SERIALS = MANAGE + "/model/{model}/"

PROCEDURES = (
    Procedure("M33", "GET", _SERIALS, page, guests=True),
    Procedure("M35", "POST", _SERIALS, add),
)
