"""Who calls: the credentials of each part of the API (API document, section 1.2)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from http import HTTPStatus

from station.fleet.server import names
from station.fleet.server.call import Call
from station.fleet.server.replies import Refused
from station.fleet.server.states import Phase
from station.fleet.server.store import digest

_BY_TOKEN = """SELECT tokens.token, clients.locked, clients.id, vendors.id, vendors.name
    FROM tokens JOIN vendors ON vendors.id = tokens.vendor JOIN clients ON clients.id = vendors.client
    WHERE tokens.token_digest = ? AND clients.phase = ?"""
"""A token is worth what the CIK of its vendor's client is: a device that is disabled acts by neither."""

_BY_CIK = """SELECT clients.cik, clients.locked, clients.id, vendors.id, vendors.name
    FROM clients LEFT JOIN vendors ON vendors.client = clients.id
    WHERE clients.cik_digest = ? AND clients.phase = ?"""

_Row = tuple[int, int | None, str]
"""A client's id, and the id and the name of the vendor that it is, if it is one."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """The vendor that calls, and whose models it means."""

    id: int
    name: str
    client: int
    """The client that holds the name: the creator of its models."""
    owner: int
    """The vendor whose models are meant: itself, or the one that ``X-Exosite-Vendor`` names (section 7)."""

    @property
    def is_guest(self) -> bool:
        """Whether it acts on what another vendor shares with it."""
        return self.owner != self.id


def vendor(call: Call) -> Vendor:
    """Return the vendor whose token, or else whose CIK, the request carries.

    An empty header counts as absent; of both credentials the token decides.
    Raises ``Refused``: 401 without a good credential; 403 for a device's CIK,
    and for another vendor's name that nobody has or who shares nothing.
    """
    token = call.header("X-Exosite-Token")
    row = _find(call, _BY_TOKEN, token) if token else _find(call, _BY_CIK, call.header("X-Exosite-CIK"))
    return _vendor(row, _owner(call, row))


def holder(call: Call) -> Vendor:
    """Return the vendor whose CIK the request carries; a token makes no tokens (section 14, 37).

    Raises ``Refused``: 401 without a good CIK, 403 for a device's, and for a good token.
    """
    cik = call.header("X-Exosite-CIK")
    if not cik and (token := call.header("X-Exosite-Token")):
        _find(call, _BY_TOKEN, token)
        raise Refused(HTTPStatus.FORBIDDEN, "tokens are managed with the vendor's CIK")
    row = _find(call, _BY_CIK, cik)
    return _vendor(row, row[1])


def client(call: Call) -> int:
    """Return the id of the client, a device's or any other, whose CIK the request carries.

    Some clients send it as a token (section 11).  Raises ``Refused`` like ``by_cik``.
    """
    return by_cik(call, call.header("X-Exosite-CIK") or call.header("X-Exosite-Token"))


def by_cik(call: Call, cik: str) -> int:
    """Return the id of the client that has this CIK.  Raises ``Refused``: 401 if none has, 403 if it is locked."""
    return _find(call, _BY_CIK, cik)[0]


def _vendor(row: _Row, owner: int | None) -> Vendor:
    client, vendor, name = row
    if vendor is None or owner is None:
        raise Refused(HTTPStatus.FORBIDDEN, "the credential is not a vendor's")
    return Vendor(vendor, name, client, owner)


def _owner(call: Call, row: _Row) -> int | None:
    named = call.header("X-Exosite-Vendor")
    if named in ("", row[2]):
        return row[1]
    found = call.store.read().execute("SELECT id FROM vendors WHERE name = ?", [named]).fetchone()
    if found is None:
        raise Refused(HTTPStatus.FORBIDDEN, "that vendor shares nothing")
    owner: int = found[0]
    return owner


def _find(call: Call, sql: str, given: str) -> _Row:
    """Return who has the secret; 401 if nobody has, 403 if that client is locked."""
    secret = names.hex40(given)
    row = call.store.read().execute(sql, [digest(secret), Phase.ACTIVATED]).fetchone() if secret else None
    if secret is None or row is None or not hmac.compare_digest(row[0], secret):
        raise Refused(HTTPStatus.UNAUTHORIZED, "no valid credential")
    _, locked, client, vendor, name = row
    if locked:
        raise Refused(HTTPStatus.FORBIDDEN, "the client is locked")
    return client, vendor, name
