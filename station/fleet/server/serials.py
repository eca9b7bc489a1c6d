"""Serial numbers of a model (M33, M35) and one of them (M43, M46, M48, M49, M50)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from http import HTTPStatus

from sqlite_utils import Database

from station import clock
from station.fleet.server import clients, names, replies
from station.fleet.server.auth import Vendor
from station.fleet.server.call import Call
from station.fleet.server.replies import Refused, Reply
from station.fleet.server.states import TABLE, Act, Phase, State, state_of

log = logging.getLogger(__name__)

_FIND = """SELECT models.id, models.window_s, serials.id, serials.extra, serials.rid,
      clients.id, clients.phase, clients.open_until
    FROM models LEFT JOIN serials ON serials.model = models.id AND serials.sn = ?
      LEFT JOIN clients ON clients.rid = serials.rid
    WHERE models.vendor = ? AND models.name = ?"""

_PAGE = """SELECT serials.sn, serials.extra, serials.rid, clients.phase, clients.open_until
    FROM serials LEFT JOIN clients ON clients.rid = serials.rid
    WHERE serials.model = ? ORDER BY serials.id LIMIT ? OFFSET ?"""

_ON_THE_WIRE = frozenset({State.NOTACTIVATED, State.ACTIVATED, State.EXPIRED})
"""The states that have a word in answers; the others show as a status code or a blank field."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is stored of a serial number, listed or not; ``client`` is None where the client is gone."""

    model: int
    window_s: int | None
    id: int | None
    extra: str | None
    rid: str | None
    client: int | None
    phase: Phase | None
    open_until: int | None
    now: int

    @property
    def state(self) -> State:
        """Its state at ``now``."""
        return state_of(self.id is not None, self.rid, self.phase, self.open_until, self.now)

    def admit(self, act: Act) -> None:
        """Raise ``Refused`` with the status of the state table if ``act`` may not be done now."""
        status = TABLE[act][self.state].status
        if status >= HTTPStatus.BAD_REQUEST:
            raise Refused(status, f"the serial number is {self.state}")

    def admit_client(self, act: Act) -> int:
        """Admit an act that the table allows only where there is a client, and return that client's id."""
        self.admit(act)
        assert self.client is not None
        return self.client

    def window_end(self, default_s: int) -> int:
        """When a window that opens now closes, in UTC microseconds; ``default_s`` if the model has no setting."""
        return self.now + (default_s if self.window_s is None else self.window_s) * 1_000_000


def find(db: Database, vendor: int, model: str, sn: str) -> Found:
    """Look a serial number up.  Raises ``Refused`` (404) if there is no such model."""
    row = db.execute(_FIND, [sn, vendor, model]).fetchone()
    if row is None:
        raise Refused(HTTPStatus.NOT_FOUND, "no such model")
    model_id, window_s, serial, extra, rid, client, phase, open_until = row
    phase = Phase(phase) if phase else None
    return Found(model_id, window_s, serial, extra, rid, client, phase, open_until, clock.now_us())


def page(call: Call, vendor: Vendor, model: str) -> Reply:
    """M33: 200 with a page of ``sn,rid,extra``, or ``sn,status,rid,extra`` with ``status=true``; oldest first."""
    call.query.later("show", "shared")
    offset, limit = call.query.page()
    with_status = call.query.flag("status")
    db, now = call.store.read(), clock.now_us()
    row = db.execute("SELECT id FROM models WHERE vendor = ? AND name = ?", [vendor.id, model]).fetchone()
    if row is None:
        raise Refused(HTTPStatus.NOT_FOUND, "no such model")
    rows = []
    for sn, extra, rid, phase, open_until in db.execute(_PAGE, [row[0], limit, offset]):
        state = state_of(True, rid, Phase(phase) if phase else None, open_until, now)
        status = [state if state in _ON_THE_WIRE else ""] if with_status else []
        rows.append([sn, *status, rid or "", extra])
    return replies.records(rows)


def add(call: Call, vendor: Vendor, model: str) -> Reply:
    """M35: list one serial number, with its ``extra``; 205, or 409 if it is there."""
    form = call.fields
    form.later("delete", "remove", "sn[]")
    if "sn" not in form and _lists_many(call):
        raise Refused(HTTPStatus.NOT_IMPLEMENTED, "this procedure is not served yet")
    sn, extra = names.serial(form.need("sn")), names.extra(form.get("extra") or "")

    def work(db: Database) -> None:
        found = find(db, vendor.id, model, sn)
        found.admit(Act.ADD)
        db.execute("INSERT INTO serials(model, sn, extra) VALUES (?, ?, ?)", [found.model, sn, extra])

    call.store.write(work)
    return replies.changed()


def _lists_many(call: Call) -> bool:
    """Tell whether the body is a table (M37) or ranges (M38): by its type, without one by its look."""
    if call.mimetype:
        return call.mimetype == "text/csv" or call.mimetype.endswith(("json", "javascript"))
    body = call.body.strip()
    return body.startswith("{") or (body != "" and "=" not in body)


def info(call: Call, vendor: Vendor, model: str, sn: str) -> Reply:
    """M43: 200 with ``status,rid,extra``; 204 while unused, 404 unknown, 409 orphaned."""
    call.query.later("show")
    found = find(call.store.read(), vendor.id, model, sn)
    found.admit(Act.INFO)
    if found.state is State.UNUSED:
        return replies.nothing()
    return replies.value(replies.record([found.state, found.rid or "", found.extra or ""]), replies.CSV)


def change(call: Call, vendor: Vendor, model: str, sn: str) -> Reply:
    """M46, M48 or M49, as the form says; a form that says two things is refused with 400."""
    form = call.fields
    enabling, disabling = form.flag("enable"), form.flag("disable")
    if enabling == disabling:
        raise Refused(HTTPStatus.BAD_REQUEST, "one of enable=true and disable=true is needed")
    if disabling:
        return _disable(call, vendor, model, sn)
    if "owner" in form and "oldsn" in form:
        raise Refused(HTTPStatus.BAD_REQUEST, "owner and oldsn exclude each other")
    form.later("oldsn")
    # An owner that is empty is a mistake, and must not be taken for M48, which kills a key.
    return _enable(call, vendor, model, sn) if "owner" in form else _reenable(call, vendor, model, sn)


def _enable(call: Call, vendor: Vendor, model: str, sn: str) -> Reply:
    """M46: clone the template below ``owner`` and open the window; 200 with the new client's RID.

    403 for an owner that is unknown or not the model's creator or below it;
    400 for one that is no RID at all.
    """
    owner = names.hex40(call.fields.need("owner"))
    if owner is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "owner is 40 hex digits")

    def work(db: Database) -> str:
        found = find(db, vendor.id, model, sn)
        found.admit(Act.ENABLE)
        parent = clients.within(db, owner, vendor.client)
        if parent is None:
            raise Refused(HTTPStatus.FORBIDDEN, "the owner is not below the creator of the model")
        end = found.window_end(call.window_s)
        client = clients.create(db, parent, sn, Phase.NOTACTIVATED, end)
        db.execute("UPDATE serials SET rid = ? WHERE id = ?", [client.rid, found.id])
        return client.rid

    return replies.value(call.store.write(work), replies.CSV)


def _reenable(call: Call, vendor: Vendor, model: str, sn: str) -> Reply:
    """M48: a new CIK and a new window; the old CIK is refused at once; 205."""

    def work(db: Database) -> None:
        found = find(db, vendor.id, model, sn)
        clients.renew(db, found.admit_client(Act.REENABLE), found.window_end(call.window_s))

    call.store.write(work)
    return replies.changed()


def _disable(call: Call, vendor: Vendor, model: str, sn: str) -> Reply:
    """M49: the CIK is refused from now on, and so is D1; 205, also when it was so before."""

    def work(db: Database) -> None:
        found = find(db, vendor.id, model, sn)
        clients.move(db, found.admit_client(Act.DISABLE), Phase.EXPIRED)

    call.store.write(work)
    return replies.changed()


def delete(call: Call, vendor: Vendor, model: str, sn: str) -> Reply:
    """M50: unlist it, in whatever state; 205, or 404 unknown.  Its client stays, detached and without a valid CIK."""

    def work(db: Database) -> str | None:
        found = find(db, vendor.id, model, sn)
        found.admit(Act.DELETE)
        db.execute("DELETE FROM serials WHERE id = ?", [found.id])
        if found.client is not None:
            clients.move(db, found.client, Phase.EXPIRED)
        return found.rid

    if rid := call.store.write(work):
        log.info("serial number %r of model %r deleted; its client %s is detached", sn, model, rid)
    return replies.changed()


ROUTES = (
    ("/provision/manage/model/{model}/", {"GET": page, "POST": add}),
    ("/provision/manage/model/{model}/{sn}", {"GET": info, "POST": change, "DELETE": delete}),
)
