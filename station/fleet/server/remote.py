"""What clients do to each other by remote procedure call (U3): make, look at, change, share and drop.

A client sees itself and what is below it, and changes what is below it.  The
platform's data ports, rules, dispatches, aliases and tags are not here.  Some
arguments have several orders: at first there was no resource among them.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from station import clock
from station.fleet.server import clients
from station.fleet.server.caller import Caller, Failed, Unsupported, hex40, text
from station.fleet.server.states import Phase, State, state_of

log = logging.getLogger(__name__)

_TYPES = ("client", "dataport", "datarule", "dispatch")
_MOST_ROOM = 1 << 31
_MOST_LISTED = 100_000
"""The most clients of one ``listing``, which has no pages."""
_MOST_CODES = 1_000
"""The most share codes of one client: ``info`` shows them all."""
_SELF = {"alias": ""}

_KNOWN = """SELECT rid, cik, name, meta, locked, room, phase, open_until,
      (SELECT count(*) FROM clients below WHERE below.parent = clients.id)
    FROM clients WHERE id = ?"""


def lookup(caller: Caller, arguments: list[Any]) -> str:
    """The RID of a client (its alias ``""``), of the ``owner`` of one, or of what a code was ``shared`` for."""
    match arguments:
        case ["alias", ""]:
            return caller.rid(caller.client)
        case [resource, "alias", ""]:
            return caller.rid(caller.find(resource))
        case ["alias", str()] | [_, "alias", str()]:
            raise Failed("invalid")
        case ["owner", resource] | [_, "owner", resource]:
            return caller.rid(caller.parent(resource))
        case ["shared", str(code)] | [_, "shared", str(code)]:
            return caller.rid(caller.of_code(code))
    raise Unsupported


def info(caller: Caller, arguments: list[Any]) -> dict[str, object]:
    """What there is to know of a client: what the options name, or all of it."""
    match arguments:
        case [resource]:
            wanted = set()
        case [resource, dict(options)]:
            wanted = {name for name, value in options.items() if value is True}
        case _:
            raise Unsupported
    client = caller.find(resource)
    rid, cik, name, meta, locked, room, phase, open_until, count = caller.db.execute(_KNOWN, [client]).fetchone()
    state = state_of(True, rid, Phase(phase), open_until, clock.now_us())
    codes = caller.db.execute("SELECT code, meta FROM codes WHERE client = ? ORDER BY rowid", [client])
    known: dict[str, object] = {
        "aliases": {},
        "basic": {"status": State.LOCKED if locked else state, "subscribers": 0, "type": "client"},
        "counts": {"client": count},
        "description": {
            "limits": {"client": "inherit" if room is None else room},
            "locked": bool(locked),
            "meta": meta,
            "name": name,
            "public": False,
        },
        "key": cik,
        "shares": [{"activator": None, "code": code, "meta": its} for code, its in codes],
        "subscribers": [],
        "tagged": [],
        "tags": [],
        "usage": {"client": count},
    }
    return {name: value for name, value in known.items() if not wanted or name in wanted}


def listing(caller: Caller, arguments: list[Any]) -> dict[str, list[str]] | list[list[str]]:
    """The RIDs right below a client, by type, of which only clients are here; without options as bare lists.

    ``limit`` where there are more than 100,000.
    """
    match arguments:
        case [list(types)]:
            resource, options = _SELF, None
        case [list(types), dict(options)]:
            resource = _SELF
        case [list(types), dict(options), resource] | [resource, list(types), dict(options)]:
            pass
        case [resource, list(types)]:
            options = None
        case _:
            raise Unsupported
    if not all(kind in _TYPES for kind in types):
        raise Failed("error")
    owner, found = caller.find(resource), []
    if "client" in types and (not options or options.get("owned") is True):
        rows = caller.db.execute(
            "SELECT rid FROM clients WHERE parent = ? ORDER BY id LIMIT ?", [owner, _MOST_LISTED + 1]
        )
        found = [rid for (rid,) in rows]
        if len(found) > _MOST_LISTED:
            raise Failed("limit")
    lists = {kind: found if kind == "client" else [] for kind in types}
    return lists if options is not None else [lists[kind] for kind in types]


def create(caller: Caller, arguments: list[Any]) -> str:
    """Make a client below another one, by description or as the clone of one; its RID.  Its key works at once."""
    match arguments:
        case [("client" | "clone") as how, dict(given)]:
            parent = caller.client
        case [resource, ("client" | "clone") as how, dict(given)]:
            parent = caller.find(resource)
        case _:
            raise Unsupported
    made = clients.create(caller.db, parent, "")
    _describe(caller, made.id, _template(caller, given) if how == "clone" else given)
    return made.rid


def update(caller: Caller, arguments: list[Any]) -> None:
    """Change what the description of a client below the caller names, and nothing else of it."""
    match arguments:
        case [resource, dict(given)]:
            _describe(caller, caller.below(resource), given)
        case _:
            raise Unsupported


def drop(caller: Caller, arguments: list[Any]) -> None:
    """Delete a client below the caller and all below that; the serial numbers of devices are orphaned.

    ``restricted`` where one of them holds a vendor name.
    """
    match arguments:
        case [resource]:
            client = caller.below(resource)
        case _:
            raise Unsupported
    rid = caller.rid(client)
    try:
        clients.drop(caller.db, client)
    except clients.Named:
        raise Failed("restricted") from None
    log.info("client %s was dropped, with all below it", rid)


def share(caller: Caller, arguments: list[Any]) -> str:
    """Make a share code for a client, which M28 and ``create`` take, or give its ``code`` another meta.

    ``limit`` where it has 1,000 codes.
    """
    match arguments:
        case [resource]:
            options: dict[str, Any] = {}
        case [resource, dict(options)]:
            pass
        case _:
            raise Unsupported
    client, meta = caller.find(resource), text(options.get("meta", ""))
    if "code" not in options:
        (count,) = caller.db.execute("SELECT count(*) FROM codes WHERE client = ?", [client]).fetchone()
        if count >= _MOST_CODES:
            raise Failed("limit")
        code = secrets.token_hex(20)
        caller.db.execute("INSERT INTO codes(code, client, meta) VALUES (?, ?, ?)", [code, client, meta])
        return code
    code = hex40(options["code"])
    if not caller.db.execute("UPDATE codes SET meta = ? WHERE code = ? AND client = ?", [meta, code, client]).rowcount:
        raise Failed("invalid")
    return code


def revoke(caller: Caller, arguments: list[Any]) -> None:
    """Replace the key of a client below the caller, as M48 does, or delete a share code of the caller's or below.

    The new key waits for D1, or for ``activate`` where there is no serial
    number.  ``invalid`` for an unknown key or code, ``noauth`` for another's.
    """
    match arguments:
        case ["client", str(cik)]:
            client = caller.keyed(cik)
            clients.renew(caller.db, client, caller.window_end(client))
        case ["share", str(code)]:
            if not caller.reaches(caller.of_code(code)):
                raise Failed("noauth")
            caller.db.execute("DELETE FROM codes WHERE code = ?", [hex40(code)])
        case _:
            raise Unsupported


def activate(caller: Caller, arguments: list[Any]) -> None:
    """Let the key of a client below the caller work, while its window is open; otherwise ``invalid``."""
    match arguments:
        case ["client", str(cik)] | [_, "client", str(cik)]:
            client = caller.keyed(cik)
        case _:
            raise Unsupported
    phase, open_until = caller.db.execute("SELECT phase, open_until FROM clients WHERE id = ?", [client]).fetchone()
    if phase != Phase.NOTACTIVATED or clock.now_us() >= open_until:
        raise Failed("invalid")
    clients.move(caller.db, client, Phase.ACTIVATED)


def _template(caller: Caller, given: dict[str, Any]) -> dict[str, Any]:
    """Return the description that a clone of a client within reach (``rid``) or of a shared one (``code``) has."""
    match given:
        case {"rid": _, "code": _}:
            raise Unsupported
        case {"rid": str() as rid}:
            client = caller.find(rid)
        case {"code": str(code)}:
            client = caller.of_code(code)
        case _:
            raise Unsupported
    name, meta = caller.db.execute("SELECT name, meta FROM clients WHERE id = ?", [client]).fetchone()
    return {"name": name, "meta": meta}


def _describe(caller: Caller, client: int, given: dict[str, Any]) -> None:
    """Set what a description says of ``name``, ``meta``, ``locked`` and the number of clients; ignore the rest."""
    changes: dict[str, object] = {column: text(given[column]) for column in ("name", "meta") if column in given}
    match given:
        case {"locked": bool(locked)}:
            changes["locked"] = int(locked)
        case {"locked": _}:
            raise Failed("invalid")
    match given.get("limits", {}):
        case {"client": "inherit"}:
            changes["room"] = None
        case {"client": bool()}:
            raise Failed("invalid")
        case {"client": int(room)} if 0 <= room <= _MOST_ROOM:
            changes["room"] = room
        case {"client": _}:
            raise Failed("invalid")
        case dict():
            pass
        case _:
            raise Failed("invalid")
    for column, value in changes.items():
        caller.db.execute(f"UPDATE clients SET {column} = ? WHERE id = ?", [value, client])


@dataclass(frozen=True, slots=True)
class Remote:
    """A remote procedure."""

    handle: Callable[[Caller, list[Any]], object]
    changes: bool


CALLS: Mapping[str, Remote] = MappingProxyType(
    {handle.__name__: Remote(handle, False) for handle in (lookup, info, listing)}
    | {handle.__name__: Remote(handle, True) for handle in (create, update, drop, share, revoke, activate)}
)
"""Those that are here, by name."""
