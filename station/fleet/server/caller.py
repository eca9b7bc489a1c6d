"""Who makes a remote procedure call (U3), and which clients are within its reach."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from station import clock
from station.fleet.server import clients, names
from station.fleet.server.store import digest

_TEXT_BYTES = 16 * 1024
"""The longest name or meta."""

_WINDOW = "SELECT models.window_s FROM serials JOIN models ON models.id = serials.model WHERE serials.rid = ?"


class Failed(Exception):
    """The call fails with one of the platform's status words."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class Unsupported(Exception):
    """The procedure takes no such arguments."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The client that calls.  What it names and may not reach raises ``Failed``."""

    db: Database
    client: int
    window_s: int
    """How long a new key may be fetched, where no model says otherwise."""

    def find(self, given: object) -> int:
        """Return the id of the client that an RID, or ``{"alias": ""}`` for the caller, stands for.

        ``restricted`` for whatever is not the caller or below it, there or
        not; ``invalid`` for no RID and for an alias.  Raises ``Unsupported``
        for anything else.
        """
        match given:
            case {"alias": ""}:
                return self.client
            case str():
                found = clients.within(self.db, hex40(given), self.client)
                if found is None:
                    raise Failed("restricted")
                return found
            case {"alias": str()}:
                raise Failed("invalid")
        raise Unsupported

    def below(self, given: object) -> int:
        """Like ``find``, but the caller itself is ``restricted`` too."""
        found = self.find(given)
        if found == self.client:
            raise Failed("restricted")
        return found

    def parent(self, given: object) -> int:
        """Return the parent of a client below the caller."""
        found: int = self._one("SELECT parent FROM clients WHERE id = ?", self.below(given))
        return found

    def rid(self, client: int) -> str:
        """Return a client's RID."""
        found: str = self._one("SELECT rid FROM clients WHERE id = ?", client)
        return found

    def keyed(self, cik: str) -> int:
        """Return the client below the caller that has a key; ``invalid`` if none has, ``noauth`` if another has."""
        key = hex40(cik)
        row = self.db.execute("SELECT id, cik FROM clients WHERE cik_digest = ?", [digest(key)]).fetchone()
        if row is None or not hmac.compare_digest(row[1], key):
            raise Failed("invalid")
        client: int = row[0]
        if client == self.client or not self.reaches(client):
            raise Failed("noauth")
        return client

    def of_code(self, code: str) -> int:
        """Return the client that a share code stands for, whoever's it is; ``invalid`` if there is no such code."""
        row = self.db.execute("SELECT client FROM codes WHERE code = ?", [hex40(code)]).fetchone()
        if row is None:
            raise Failed("invalid")
        found: int = row[0]
        return found

    def reaches(self, client: int) -> bool:
        """Tell whether a client is the caller or below it."""
        return clients.within(self.db, self.rid(client), self.client) is not None

    def window_end(self, client: int) -> int:
        """When a window of that client's that opens now closes, in UTC microseconds."""
        row = self.db.execute(_WINDOW, [self.rid(client)]).fetchone()
        return clock.now_us() + (self.window_s if row is None or row[0] is None else row[0]) * 1_000_000

    def _one(self, sql: str, client: int) -> Any:
        return self.db.execute(sql, [client]).fetchone()[0]


def hex40(given: object) -> str:
    """Return an RID, a CIK or a code in lower case; ``invalid`` if it is none."""
    found = names.hex40(given) if isinstance(given, str) else None
    if found is None:
        raise Failed("invalid")
    return found


def text(given: object) -> str:
    """Return a name or a meta; ``invalid`` for what is no text, no Unicode, longer than 16 KiB, or has a NUL."""
    if not isinstance(given, str) or "\0" in given:
        raise Failed("invalid")
    try:
        size = len(given.encode())
    except UnicodeEncodeError:  # JSON can write half a character
        raise Failed("invalid") from None
    if size > _TEXT_BYTES:
        raise Failed("invalid")
    return given
