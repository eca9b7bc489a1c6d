"""What a board itself calls (D1)."""

from __future__ import annotations

from http import HTTPStatus

from sqlite_utils import Database

from station.fleet.server import clients, names, replies
from station.fleet.server.call import Call
from station.fleet.server.lookup import find
from station.fleet.server.procedures import Procedure
from station.fleet.server.replies import Refused, Reply
from station.fleet.server.states import Act, Phase


def activate(call: Call) -> Reply:
    """D1: hand the CIK to the board that names ``vendor``, ``model`` and ``sn``; 200, once in a window.

    404, or what ``Options.unknown_activation`` says, if any of the three is
    unknown, 409 in every state but an open window.  Without a reason:
    whoever asks has no credential.
    """
    if len(call.data) > names.ACTIVATION_BYTES:
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    vendor, model, sn = (call.fields.need(name) for name in ("vendor", "model", "sn"))
    entry, peer = call.body, call.peer

    def work(db: Database) -> str:
        row = db.execute("SELECT id FROM vendors WHERE name = ?", [vendor]).fetchone()
        if row is None:
            raise Refused(HTTPStatus.NOT_FOUND)
        found = find(db, row[0], model, sn)
        client = found.admit_client(Act.ACTIVATE)
        clients.move(db, client, Phase.ACTIVATED)
        db.execute(
            "INSERT INTO activations(model, sn, at, peer, entry, enabled_by) VALUES (?, ?, ?, ?, ?, ?)",
            [found.model, sn, found.now, peer, entry, found.enabled_by],
        )
        cik: str = db.execute("SELECT cik FROM clients WHERE id = ?", [client]).fetchone()[0]
        return cik

    try:
        return replies.value(call.store.write(work), replies.TEXT)
    except Refused as refused:
        unknown = refused.status is HTTPStatus.NOT_FOUND
        raise Refused(call.options.unknown_activation if unknown else refused.status) from None


PROCEDURES = (Procedure("D1", "POST", "/provision/activate", activate),)
