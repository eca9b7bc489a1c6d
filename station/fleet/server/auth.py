"""Who calls: the credentials of the management paths (API document, section 1.2)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from http import HTTPStatus

from station.fleet.server import names
from station.fleet.server.call import Call
from station.fleet.server.replies import Refused
from station.fleet.server.states import Phase
from station.fleet.server.store import digest

_BY_TOKEN = """SELECT tokens.token, vendors.id, vendors.name, vendors.client
    FROM tokens JOIN vendors ON vendors.id = tokens.vendor WHERE tokens.token_digest = ?"""

_BY_CIK = """SELECT clients.cik, vendors.id, vendors.name, vendors.client
    FROM clients LEFT JOIN vendors ON vendors.client = clients.id
    WHERE clients.cik_digest = ? AND clients.phase = ?"""


@dataclass(frozen=True, slots=True)
class Vendor:
    """The vendor that calls; ``client`` is the creator of its models."""

    id: int
    name: str
    client: int


def vendor(call: Call) -> Vendor:
    """Return the vendor whose token, or else whose CIK, the request carries.

    An empty header counts as absent; of both credentials the token decides.
    Raises ``Refused``: 401 without a good credential; 403 for a device's CIK,
    and for a request on behalf of another vendor, who shares nothing yet.
    """
    token = call.headers.get("X-Exosite-Token", "")
    if token:
        found = _find(call, _BY_TOKEN, token)
    else:
        found = _find(call, _BY_CIK, call.headers.get("X-Exosite-CIK", ""), Phase.ACTIVATED)
    if call.headers.get("X-Exosite-Vendor", "") not in ("", found.name):
        raise Refused(HTTPStatus.FORBIDDEN, "that vendor does not share its models")
    return found


def _find(call: Call, sql: str, given: str, *more: str) -> Vendor:
    secret = names.hex40(given)
    row = call.store.read().execute(sql, [digest(secret), *more]).fetchone() if secret else None
    if secret is None or row is None or not hmac.compare_digest(row[0], secret):
        raise Refused(HTTPStatus.UNAUTHORIZED, "no valid credential")
    if row[1] is None:
        raise Refused(HTTPStatus.FORBIDDEN, "the credential is not a vendor's")
    return Vendor(*row[1:])
