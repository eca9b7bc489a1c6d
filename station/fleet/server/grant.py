"""What a factory gets from its fleet once: a vendor, a token, a template and an owner for its devices."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sqlite_utils import Database

from station.fleet.server import clients, names
from station.fleet.server.store import Store, digest

_TOKEN_ID = "station"
_TEMPLATE, _PORTAL = "template", "portal"
_NEW_MODEL = "INSERT INTO models(vendor, name, rid, options) VALUES (?, ?, ?, '') ON CONFLICT(vendor, name) DO NOTHING"


@dataclass(frozen=True, slots=True)
class Grant:
    """A vendor and what its station needs; the secrets stay out of its ``repr``."""

    vendor: str
    vendor_cik: str = field(repr=False)
    token: str = field(repr=False)
    """The vendor's token with the id ``station``."""
    template_rid: str
    """The client that models clone."""
    owner_rid: str
    """The portal client, below which devices are enabled."""


def init(database: Path, vendor: str, models: Iterable[str] = ()) -> Grant:
    """Make the vendor with its client, token, template and portal; the same again for a vendor that is there.

    Each of ``models`` is made from the template, unless the vendor has one of that name.
    Raises ``names.BadName`` (a ``ValueError``) for a name that is none,
    ``station.errors.DatabaseError`` if the file can't be used.
    """
    names.vendor(vendor)
    wanted = [names.model(model) for model in models]
    store = Store(database)
    try:
        return store.write(lambda db: _grant(db, vendor, wanted))
    finally:
        store.close()


def _grant(db: Database, name: str, models: Iterable[str]) -> Grant:
    vendor, creator, cik = _vendor(db, name)
    template, portal = _child(db, creator, _TEMPLATE), _child(db, creator, _PORTAL)
    for model in models:
        db.execute(_NEW_MODEL, [vendor, model, template])
    return Grant(name, cik, _token(db, vendor), template, portal)


def _vendor(db: Database, name: str) -> tuple[int, int, str]:
    """Return the vendor's id, its client's id and that client's CIK."""
    sql = """SELECT vendors.id, clients.id, clients.cik
        FROM vendors JOIN clients ON clients.id = vendors.client WHERE vendors.name = ?"""
    found: tuple[int, int, str] | None = db.execute(sql, [name]).fetchone()
    if found:
        return found
    creator = clients.create(db, None, name)
    vendor = db.execute("INSERT INTO vendors(name, client) VALUES (?, ?)", [name, creator.id]).lastrowid
    assert vendor is not None
    return vendor, creator.id, creator.cik


def _child(db: Database, parent: int, name: str) -> str:
    """Return the RID; the oldest client of that name, since a device may be enabled below the creator too."""
    sql = "SELECT rid FROM clients WHERE parent = ? AND name = ? ORDER BY id LIMIT 1"
    row = db.execute(sql, [parent, name]).fetchone()
    return row[0] if row else clients.create(db, parent, name).rid


def _token(db: Database, vendor: int) -> str:
    row = db.execute("SELECT token FROM tokens WHERE vendor = ? AND name = ?", [vendor, _TOKEN_ID]).fetchone()
    token: str = row[0] if row else secrets.token_hex(20)
    if not row:
        db.execute(
            "INSERT INTO tokens(vendor, name, token, token_digest) VALUES (?, ?, ?, ?)",
            [vendor, _TOKEN_ID, token, digest(token)],
        )
    return token
