"""Pages of the serial numbers of a model (M33), the last one as quickly as the first.

SQLite finds an offset by walking to it.  So the table ``blocks`` counts the
rows of each 1024 ids, all of them and those that each vendor enabled; adding
the counts up leads to the block in which the page begins.
"""

from __future__ import annotations

from http import HTTPStatus

from sqlite_utils import Database

from station import clock
from station.fleet.server import replies
from station.fleet.server.auth import Vendor
from station.fleet.server.call import Call
from station.fleet.server.lookup import model_id
from station.fleet.server.procedures import MANAGE, Procedure
from station.fleet.server.replies import Refused, Reply
from station.fleet.server.states import Phase, State, state_of

_PAGE = """SELECT page.sn, page.extra, page.rid, iif(clients.locked, 'locked', clients.phase), clients.open_until
    FROM (SELECT id, sn, extra, rid FROM serials WHERE model = ? AND {} ORDER BY id LIMIT ? OFFSET ?) AS page
      LEFT JOIN clients ON clients.rid = page.rid ORDER BY page.id"""

_ALL, _ENABLED = _PAGE.format("id >= ?"), _PAGE.format("enabled_by = ? AND id >= ?")

_BLOCK = """SELECT block, upto - count FROM (
      SELECT block, count, sum(count) OVER (ORDER BY block) AS upto FROM blocks WHERE model = ? AND vendor = ?)
    WHERE upto > ? LIMIT 1"""

_BEYOND = (1 << 63) - 1
"""No row has this id."""

_EVERYBODY = 0
"""The vendor whose blocks count all rows."""

_ON_THE_WIRE = frozenset({State.NOTACTIVATED, State.ACTIVATED, State.EXPIRED, State.LOCKED})
"""The states that have a word in answers; the others show as a status code or a blank field."""


def page(call: Call, vendor: Vendor, model: str) -> Reply:
    """M33: 200 with a page of ``sn,rid,extra``, or ``sn,status,rid,extra`` with ``status=true``; oldest first.

    With ``shared=W`` only what the vendor W enabled, 404 if there is no such
    vendor.  A guest sees what it enabled itself, and no ``extra``.
    """
    offset, limit = call.query.page()
    with_status = call.query.flag("status")
    db, now = call.store.read(), clock.now_us()
    found = model_id(db, vendor, model)
    enabler = _enabler(call, db, vendor)
    first, offset = _block(db, found, _EVERYBODY if enabler is None else enabler, offset)
    if enabler is None:
        listed = db.execute(_ALL, [found, first, limit, offset])
    else:
        listed = db.execute(_ENABLED, [found, enabler, first, limit, offset])
    rows = []
    for sn, extra, rid, phase, open_until in listed:
        state = state_of(True, rid, Phase(phase) if phase else None, open_until, now)
        status = [state if state in _ON_THE_WIRE else ""] if with_status else []
        rows.append([sn, *status, rid or "", "" if vendor.is_guest else extra])
    return replies.records(rows)


def _enabler(call: Call, db: Database, vendor: Vendor) -> int | None:
    """Return the vendor whose serial numbers are asked for; None for everybody's, and the unused ones."""
    if "shared" not in call.query:
        return vendor.id if vendor.is_guest else None
    if vendor.is_guest:
        raise Refused(HTTPStatus.FORBIDDEN, "only the vendor whose model it is may ask for another one's")
    row = db.execute("SELECT id FROM vendors WHERE name = ?", [call.query.need("shared")]).fetchone()
    if row is None:
        raise Refused(HTTPStatus.NOT_FOUND, "no such vendor")
    found: int = row[0]
    return found


def _block(db: Database, model: int, vendor: int, offset: int) -> tuple[int, int]:
    """Return the first id of the block that the row at ``offset`` is in, and that row's offset from there."""
    row = db.execute(_BLOCK, [model, vendor, offset]).fetchone()
    return (row[0] << 10, offset - row[1]) if row else (_BEYOND, 0)


PROCEDURES = (
    Procedure("M33", "GET", MANAGE + "/model/{model}/", page, lambda call: "show" not in call.query, guests=True),
)
