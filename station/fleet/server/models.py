"""Models: what a vendor makes; the template of its devices (M26, M28 to M32)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from http import HTTPStatus

from sqlite_utils import Database

from station.fleet.server import clients, names, replies
from station.fleet.server.auth import Vendor
from station.fleet.server.call import Call, Parameters
from station.fleet.server.lookup import model_id
from station.fleet.server.procedures import MANAGE, Procedure, says
from station.fleet.server.replies import Refused, Reply
from station.fleet.server.unlisting import unlist_all

log = logging.getLogger(__name__)

_OPTIONS = frozenset({"noaliases", "nocomments", "nohistorical"})

_OWNED = (
    "DELETE FROM activations WHERE model = ?",
    "DELETE FROM groups WHERE model = ?",
    "DELETE FROM contents WHERE model = ?",
    "DELETE FROM ranges WHERE model = ?",
    "DELETE FROM models WHERE id = ?",
)
"""What goes with a model beside its serial numbers, and itself; members and shares follow by themselves.

The blobs of its content are swept apart: they may be too much for one turn of the loop.
"""


@dataclass(frozen=True, slots=True)
class _Template:
    """What is cloned for each device: the client ``rid``, or the one that the share code ``code`` stands for."""

    rid: str | None
    code: str | None
    options: str
    """As it is stored: in alphabetical order, a blank between."""

    def check(self, db: Database, vendor: Vendor) -> None:
        """Raise ``Refused`` (404) if the client is not there or not the vendor's, or the code stands for none."""
        if self.rid and clients.within(db, self.rid, vendor.client) is None:
            raise Refused(HTTPStatus.NOT_FOUND, "no such template")
        if self.code and not db.execute("SELECT 1 FROM codes WHERE code = ?", [self.code]).fetchone():
            raise Refused(HTTPStatus.NOT_FOUND, "no such share code")


def _template(form: Parameters) -> _Template:
    """Read ``rid`` or ``code``, and ``options``.  Raises ``Refused`` (400)."""
    given = {kind: form.get(kind) for kind in ("rid", "code")}
    if all(given.values()) or not any(given.values()):
        raise Refused(HTTPStatus.BAD_REQUEST, "exactly one of rid and code is needed")
    rid, code = (names.hex40(text) if text else None for text in given.values())
    if not rid and not code:
        raise Refused(HTTPStatus.BAD_REQUEST, "rid and code are 40 hex digits")
    options = set(form.several("options")) - {""}
    if not _OPTIONS.issuperset(options):
        raise Refused(HTTPStatus.BAD_REQUEST, "unknown option")
    return _Template(rid, code, " ".join(sorted(options)))


def listing(call: Call, vendor: Vendor) -> Reply:
    """M26: 200 with the vendor's own models, one a line, oldest first."""
    rows = call.store.read().execute("SELECT name FROM models WHERE vendor = ? ORDER BY id", [vendor.id])
    return replies.records(rows)


def create(call: Call, vendor: Vendor) -> Reply:
    """M28: create a model from a template client (``rid``) or a share code (``code``), with options; 205.

    409 if the name is taken; 404 for a template that is not there or not the
    vendor's; 400 for neither or both of ``rid`` and ``code``.
    """
    name, template = names.model(call.fields.need("model")), _template(call.fields)

    def work(db: Database) -> None:
        if db.execute("SELECT 1 FROM models WHERE vendor = ? AND name = ?", [vendor.id, name]).fetchone():
            raise Refused(HTTPStatus.CONFLICT, "the model exists")
        template.check(db, vendor)
        db.execute(
            "INSERT INTO models(vendor, name, rid, code, options) VALUES (?, ?, ?, ?, ?)",
            [vendor.id, name, template.rid, template.code, template.options],
        )

    call.store.write(work)
    return replies.changed()


def info(call: Call, vendor: Vendor, model: str) -> Reply:
    """M30: 200 with ``rid`` or ``code``, as it was given, and each option; brackets stay unescaped."""
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


def update(call: Call, vendor: Vendor, model: str) -> Reply:
    """M31: replace the template and the whole option set; no ``options`` clears it; 205.

    Devices that are enabled already keep what they were cloned from.  404
    unknown, and otherwise what M28 refuses, an empty body first of all.
    """
    template = _template(call.fields)

    def work(db: Database) -> None:
        found = model_id(db, vendor, model)
        template.check(db, vendor)
        db.execute(
            "UPDATE models SET rid = ?, code = ?, options = ? WHERE id = ?",
            [template.rid, template.code, template.options, found],
        )

    call.store.write(work)
    return replies.changed()


def remove(call: Call, vendor: Vendor) -> Reply:
    """M29: delete the model that the form names, see ``delete``; 400 for a form that describes one to create."""
    if "rid" in call.fields or "code" in call.fields:
        raise Refused(HTTPStatus.BAD_REQUEST, "delete goes with model alone")
    return delete(call, vendor, call.fields.need("model"))


def delete(call: Call, vendor: Vendor, model: str) -> Reply:
    """M32: delete a model with all that belongs to it; 205, or 404 unknown.

    Its serial numbers, ranges, content, groups, shares and log are gone; the
    clients of its serial numbers stay, detached and without a valid CIK.
    """

    def work(db: Database) -> int:
        found = model_id(db, vendor, model)
        detached = unlist_all(db, found).detached
        for statement in _OWNED:
            db.execute(statement, [found])
        return detached

    log.info("model %r deleted; %d clients of its serial numbers are detached", model, call.store.write(work))
    call.store.leftovers.set()
    return replies.changed()


_MODELS, _MODEL = MANAGE + "/model/", MANAGE + "/model/{model}"

PROCEDURES = (
    Procedure("M26", "GET", _MODELS, listing, lambda call: "show" not in call.query),
    Procedure("M29", "POST", _MODELS, remove, says("delete", "remove")),
    Procedure("M28", "POST", _MODELS, create),
    Procedure("M30", "GET", _MODEL, info),
    Procedure("M31", "PUT", _MODEL, update),
    Procedure("M32", "DELETE", _MODEL, delete),
)
