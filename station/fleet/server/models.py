"""Models: what a vendor makes; the template of its devices (M28, M30)."""

from __future__ import annotations

from http import HTTPStatus

from sqlite_utils import Database

from station.fleet.server import clients, names, replies
from station.fleet.server.auth import Vendor
from station.fleet.server.call import Call
from station.fleet.server.procedures import MANAGE, Procedure
from station.fleet.server.replies import Refused, Reply

_OPTIONS = frozenset({"noaliases", "nocomments", "nohistorical"})


def create(call: Call, vendor: Vendor) -> Reply:
    """M28: create a model from a template client (``rid``) or a share code (``code``), with options; 205.

    409 if the name is taken; 404 for a template that is not there or not the
    vendor's; 400 for neither or both of ``rid`` and ``code``.
    """
    form = call.fields
    name = names.model(form.need("model"))
    given = {kind: form.get(kind) for kind in ("rid", "code")}
    if all(given.values()) or not any(given.values()):
        raise Refused(HTTPStatus.BAD_REQUEST, "exactly one of rid and code is needed")
    rid, code = (names.hex40(text) if text else None for text in given.values())
    if not rid and not code:
        raise Refused(HTTPStatus.BAD_REQUEST, "rid and code are 40 hex digits")
    options = sorted(set(form.several("options")))
    if not _OPTIONS.issuperset(options):
        raise Refused(HTTPStatus.BAD_REQUEST, "unknown option")

    def work(db: Database) -> None:
        if db.execute("SELECT 1 FROM models WHERE vendor = ? AND name = ?", [vendor.id, name]).fetchone():
            raise Refused(HTTPStatus.CONFLICT, "the model exists")
        if rid and clients.within(db, rid, vendor.client) is None:
            raise Refused(HTTPStatus.NOT_FOUND, "no such template")
        if code and not db.execute("SELECT 1 FROM codes WHERE code = ?", [code]).fetchone():
            raise Refused(HTTPStatus.NOT_FOUND, "no such share code")
        db.execute(
            "INSERT INTO models(vendor, name, rid, code, options) VALUES (?, ?, ?, ?, ?)",
            [vendor.id, name, rid, code, " ".join(options)],
        )

    call.store.write(work)
    return replies.changed()


def info(call: Call, vendor: Vendor, model: str) -> Reply:
    """M30: 200 with ``rid`` or ``code``, as it was created, and each option; brackets stay unescaped."""
    row = (
        call.store.read()
        .execute("SELECT rid, code, options FROM models WHERE vendor = ? AND name = ?", [vendor.id, model])
        .fetchone()
    )
    if row is None:
        raise Refused(HTTPStatus.NOT_FOUND, "no such model")
    rid, code, options = row
    template = f"code={code}" if code else f"rid={rid}"
    return replies.value(template + "".join(f"&options[]={option}" for option in options.split()), replies.FORM)


_MODELS, _MODEL = MANAGE + "/model/", MANAGE + "/model/{model}"

PROCEDURES = (
    Procedure("M28", "POST", _MODELS, create),
    Procedure("M30", "GET", _MODEL, info),
)
