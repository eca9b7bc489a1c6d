"""What a reply is, before its body is read: an answer, a refusal, or nothing to rely on."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from station import clock
from station.fleet.client.errors import (
    BadRequest,
    Busy,
    Conflict,
    FleetError,
    Garbled,
    NotAllowed,
    NotFound,
    Refused,
    Unanswered,
)
from station.fleet.client.messages import Reply, Request

_REFUSALS: dict[int, type[Refused]] = {
    400: BadRequest,
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
}

_TURNED_AWAY = frozenset({408, 429})
"""RFC 9110: the request didn't arrive whole; RFC 6585: too many.  Neither was looked at."""

_LONGEST_WAIT_S = 86400.0
"""A ``Retry-After`` beyond a day is taken for a day."""

_SHOWN = 200
"""Characters of a stranger's text that an error keeps."""

_SECRET = re.compile("[0-9A-Fa-f]{32,}")
"""A key or a token (40 hex digits), or most of one."""


def judge(request: Request, reply: Reply, token: str | None) -> Reply:
    """Return the reply if it answers the request; else raise what it is instead.

    ``token`` is what was sent, so that a body that repeats it doesn't spread it.
    """
    html = _is_html(reply)
    # A content may well be a web page; whether it is the content, its size must tell.
    is_blob = request.sink is not None or request.span is not None
    if reply.status in request.answers and (is_blob or not html):
        return reply
    raise _error(reply, html, token)


def _error(reply: Reply, html: bool, token: str | None) -> FleetError:
    said = f"the fleet answered {_phrase(reply.status)}"
    if reply.status in _TURNED_AWAY:
        return Busy(said, reply.asked, status=reply.status, retry_after=_retry_after(reply))
    if reply.status >= 500:
        # A proxy says 502 or 504 after it has passed the request on, and a server may fall over after its commit.
        return Unanswered(said, reply.asked, status=reply.status, retry_after=_retry_after(reply))
    if html:
        return Garbled(f"{said} with a web page; something else is at this address", reply.asked, status=reply.status)
    if reply.status >= 400:
        kind = _REFUSALS.get(reply.status, Refused)
        reason = _shown(reply.headers.get("x-error-reason", ""), token)
        body = _shown(reply.body.decode("utf-8", "replace"), token)
        return kind(f"{said} ({reason})" if reason else said, reply.asked, reply.status, reason=reason, body=body)
    return Garbled(f"{said}, which is no answer to this", reply.asked, status=reply.status)


def _is_html(reply: Reply) -> bool:
    kind = reply.headers.get("content-type", "").lower()
    return "html" in kind or reply.body[:64].lstrip().lower().startswith((b"<!doctype", b"<html"))


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _shown(text: str, token: str | None) -> str:
    """Return a stranger's text so that it can be shown and kept."""
    if token:
        text = text.replace(token, "(hidden)")
    text = _SECRET.sub("(hidden)", text).strip()
    return "".join(c if c.isprintable() else " " for c in text[:_SHOWN])


def _retry_after(reply: Reply) -> float | None:
    """Return the seconds of a ``Retry-After`` header, given as seconds or as a date (RFC 9110, 10.2.3).

    A date is one of the fleet's clock, so it is the fleet's ``Date`` that it is later than, if there is one.
    """
    value = reply.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), _LONGEST_WAIT_S)
    try:
        now_us = clock.now_us() if reply.date is None else reply.date
        seconds = parsedate_to_datetime(value).timestamp() - now_us / 1e6
    except (ValueError, OverflowError, TypeError):  # no date, or one that no calendar has
        return None
    return min(max(seconds, 0.0), _LONGEST_WAIT_S)
