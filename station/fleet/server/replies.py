"""Replies, to the byte (API document, sections 1.5, 1.7 and 1.9).

Header order and ``Date``, ``Server`` and ``Connection`` are the transport's.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

TEXT = "text/plain; charset=utf-8"
CSV = "text/csv; charset=utf-8"
FORM = "application/x-www-form-urlencoded; charset=utf-8"

_CRLF = "\r\n"


class Reply:
    """A reply as a WSGI application: the body whole, or in pieces with a ``Content-Length`` among the headers."""

    def __init__(
        self,
        body: bytes | Iterable[bytes] = b"",
        status: str = "",
        headers: Mapping[str, str] | None = None,
        content_type: str = "",
    ) -> None:
        self._body, self._status = body, status or status_line(HTTPStatus.OK)
        self.headers = dict(headers or {})
        if isinstance(body, bytes):
            self.headers["Content-Length"] = str(len(body))
        if content_type:
            self.headers["Content-Type"] = content_type

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer; HEAD is told all but the body."""
        start_response(self._status, list(self.headers.items()))
        if environ["REQUEST_METHOD"] == "HEAD":
            return ()
        return [self._body] if isinstance(self._body, bytes) else self._body


class Refused(Exception):
    """The call is answered with an error.

    ``reason`` goes into ``X-Error-Reason``: ASCII, our own words, never a
    part of the request.
    """

    def __init__(self, status: HTTPStatus, reason: str = "", allow: str = "") -> None:
        super().__init__(f"{status_line(status)}: {reason}")
        self.status, self.reason, self.allow = status, reason, allow

    def reply(self) -> Reply:
        """Return the reply: its body repeats the status line, which some clients look for."""
        headers = {"X-Error-Reason": self.reason, "Allow": self.allow}
        return Reply(
            error_body(self.status),
            status_line(self.status),
            {name: value for name, value in headers.items() if value},
            content_type=TEXT,
        )


_RENAMED = {413: "Request Entity Too Large", 416: "Requested Range Not Satisfiable"}
"""What Python 3.13 words otherwise than those before it; an answer doesn't change with the Python below it."""


def status_line(status: HTTPStatus) -> str:
    """Code and phrase, e.g. ``205 Reset Content``; devices match it letter for letter."""
    return f"{status.value} {_RENAMED.get(status.value, status.phrase)}"


def error_body(status: HTTPStatus) -> bytes:
    """Return the body of an error (section 1.9)."""
    return f"HTTP/1.1 {status_line(status)}\r\n".encode()


def value(text: str, content_type: str) -> Reply:
    """200 with a value as it is: keys, RIDs and single records have no line end, since clients count bytes."""
    return Reply(text.encode(), status_line(HTTPStatus.OK), content_type=content_type)


def records(rows: Iterable[Iterable[str]]) -> Reply:
    """200 with one CSV record a line, CRLF after each; nothing at all for no rows (section 14, 5)."""
    return value(_csv(rows), CSV)


def record(fields: Iterable[str]) -> str:
    """One CSV record without its line end, quoted after RFC 4180 only where it must be."""
    return _csv([fields]).removesuffix(_CRLF)


def _csv(rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator=_CRLF).writerows(rows)
    return text.getvalue()


def nothing() -> Reply:
    """204: fine, and there is nothing to return."""
    return Reply((), status_line(HTTPStatus.NO_CONTENT))


def changed() -> Reply:
    """205 with ``Content-Length: 0``: done.  Without that header Python's HTTP clients would wait for a body."""
    return Reply(b"", status_line(HTTPStatus.RESET_CONTENT))
