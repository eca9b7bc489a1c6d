"""The bytes that the fleet client sends and those that a fleet answers, and a call that is between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from client_under_test import TOKEN, Start
from scripted_fleet import answer

from station import __version__
from station.fleet.client import BadRequest, Client, Conflict, Garbled, NotAllowed, NotFound, Refused

CIK = "c1c0" * 10
KEY = "f00d" * 10
RID = "0123456789abcdef0123456789abcdef01234567"

FORM = "application/x-www-form-urlencoded; charset=utf-8"
CSV = "text/csv; charset=utf-8"
JSON = "application/javascript; charset=utf-8"
TEXT = "text/plain; charset=utf-8"

CHANGED = b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"
NOTHING = b"HTTP/1.1 204 No Content\r\n\r\n"
EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Type: text/csv; charset=utf-8\r\n\r\n"
WEB_PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Type: text/html\r\n\r\n<html>"

REFUSALS: Mapping[str, type[Refused]] = {
    "400 Bad Request": BadRequest,
    "401 Unauthorized": NotAllowed,
    "403 Forbidden": NotAllowed,
    "404 Not Found": NotFound,
    "409 Conflict": Conflict,
}


def ok(body: str, kind: str = CSV) -> bytes:
    """A 200 with this body."""
    data = body.encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Type: %s\r\n\r\n%s" % (len(data), kind.encode(), data)


def refusal(status: str) -> bytes:
    """An error whose body repeats its status line."""
    data = f"HTTP/1.1 {status}\r\n".encode()
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(data), data)


def request(
    port: int,
    line: str,
    body: str | None = None,
    kind: str = FORM,
    *,
    cik: str | None = None,
    vendor: str | None = None,
) -> bytes:
    """A whole request: with the token or, if given, a CIK; and with a body of this type, if given."""
    lines = [
        f"{line} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"User-Agent: provisioning-station/{__version__}",
        "Accept: */*",
        "Accept-Encoding: identity",
        f"X-Exosite-Token: {TOKEN}" if cik is None else f"X-Exosite-CIK: {cik}",
    ]
    if vendor is not None:
        lines.append(f"X-Exosite-Vendor: {vendor}")
    if body is not None:
        lines.append(f"Content-Type: {kind}")
    data = (body or "").encode()
    if not line.startswith("GET"):
        lines.append(f"Content-Length: {len(data)}")
    return "\r\n".join([*lines, "", ""]).encode() + data


@dataclass(frozen=True)
class Case:
    """One call of the client: the request that it must send, an answer to it, and what that becomes."""

    number: str
    call: Callable[[Client], Any]
    line: str
    said: bytes = CHANGED
    result: Any = None
    body: str | None = None
    kind: str = FORM
    cik: str | None = None
    vendor: str | None = None
    no_refusal: str = ""
    """The status that is an answer here."""


def numbers(case: Case) -> str:
    """The id of a case."""
    return case.number


def assert_plays(start: Start, case: Case) -> None:
    """The call sends exactly that request, and returns exactly that result."""
    client, fleet = start([answer(case.said)], cik=lambda: CIK)
    assert case.call(client) == case.result
    assert fleet.heard == [request(fleet.port, case.line, case.body, case.kind, cik=case.cik, vendor=case.vendor)]


def assert_refuses(start: Start, case: Case) -> None:
    """Each refusal is raised as what it is, a web page as no answer; nothing is asked twice."""
    refusals = {status: kind for status, kind in REFUSALS.items() if status != case.no_refusal}
    client, fleet = start([*(answer(refusal(status)) for status in refusals), answer(WEB_PAGE)], cik=lambda: CIK)
    for status, kind in refusals.items():
        with pytest.raises(Refused) as caught:
            case.call(client)
        assert (type(caught.value), caught.value.status) == (kind, int(status[:3]))
    with pytest.raises(Garbled):
        case.call(client)
    assert len(fleet.heard) == len(refusals) + 1
