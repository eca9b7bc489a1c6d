"""What an activated board fetches: the content of its model (D2 to D4)."""

from __future__ import annotations

from http import HTTPStatus

from sqlite_utils import Database

from station.fleet.server import entry
from station.fleet.server.call import Call
from station.fleet.server.procedures import Procedure, asks, names
from station.fleet.server.replies import Refused, Reply

_SPACE = """SELECT models.id FROM models JOIN vendors ON vendors.id = models.vendor
    WHERE vendors.name = ? AND models.name = ?"""

_MINE = """SELECT serials.sn FROM serials JOIN clients ON clients.rid = serials.rid
    WHERE clients.id = ? AND serials.model = ?"""


def listing(call: Call, client: int) -> Reply:
    """D2: 200 with the ids that the board may read, one a line, oldest first; 403 outside ``vendor`` and ``model``."""
    db = call.store.read()
    model, sn = _caller(call, db, client, HTTPStatus.FORBIDDEN)
    return entry.listing_for(db, model, sn)


def download(call: Call, client: int) -> Reply:
    """D3: the blob ``id``, or the part that ``Range`` asks for; 404 unknown, 403 not authorised or outside."""
    db, content = call.store.read(), call.query.need("id")
    model, sn = _caller(call, db, client, HTTPStatus.FORBIDDEN)
    return entry.deliver(call, model, entry.find_for(db, model, content, sn))


def info(call: Call, client: int) -> Reply:
    """D4: 200 with ``type,size,updated,meta`` of ``id``; errors like D3, but 400 if there is no such model."""
    db, content = call.store.read(), call.query.need("id")
    model, sn = _caller(call, db, client, HTTPStatus.BAD_REQUEST)
    return entry.find_for(db, model, content, sn).info()


def _caller(call: Call, db: Database, client: int, invalid: HTTPStatus) -> tuple[int, str]:
    """Return the model that is stated and the serial number that the client, whose CIK is live, has there.

    Raises ``Refused``: ``invalid`` if there is no such vendor or model, 403 if it has none there.
    """
    space = db.execute(_SPACE, [call.query.need("vendor"), call.query.need("model")]).fetchone()
    if space is None:
        raise Refused(invalid, "no such vendor and model")
    mine = db.execute(_MINE, [client, space[0]]).fetchone()
    if mine is None:
        raise Refused(HTTPStatus.FORBIDDEN, "no serial number of that model is activated with this CIK")
    return space[0], mine[0]


_PATH = "/provision/download"

PROCEDURES = (
    Procedure("D4", "GET", _PATH, info, asks("info")),
    Procedure("D3", "GET", _PATH, download, names("id")),
    Procedure("D2", "GET", _PATH, listing),
)
