"""One thread's connection to the fleet: bytes out, one whole reply back, within a deadline.

requests' adapter is used without its ``Session``, which would bring cookies,
redirects, proxies and passwords from the environment: ways for a request to
become another one.  Neither it nor urllib3 repeats anything here.

Below it the sockets are under a ``watch``, which ends every exchange in time,
and tells ``Unreachable`` from ``Unanswered`` for certain.

The two modules alone import requests (0.1 s), so they are imported when the
first request is sent.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from http.client import HTTPException, IncompleteRead
from pathlib import Path

import requests
from urllib3.exceptions import HTTPError

from station import clock
from station.fleet.client.errors import Garbled, Unanswered, Unreachable
from station.fleet.client.messages import Reply, Request
from station.fleet.client.watch import Watch, WatchedAdapter

_IDLE_S = 4.0
"""A connection idle for longer is not used again: servers close theirs, Node.js after 5 s, and a request that meets
the closing is lost without a trace."""

_LARGEST = 4 << 20
"""Bytes of a body that no sink takes: of a page of 1000 lines with texts of 1 KiB, all of them quoted."""

_PIECE = 65536
"""Bytes at most that a sink is given at a time."""


class Wire:
    """One thread's keep-alive connection to ``base`` (scheme, host and port)."""

    def __init__(self, base: str, connect_s: float, read_s: float, ca_file: Path | None) -> None:
        self._base, self._connect_s = _normal(base), connect_s
        self._verify: str | bool = True if ca_file is None else str(ca_file)
        self._watch = Watch(read_s)
        self._adapter = WatchedAdapter(self._watch)
        self._used = clock.monotonic()

    def close(self) -> None:
        """Close the connection unless a request is using it."""
        self._adapter.close()

    def cut(self) -> None:
        """End the exchange that is going on, and let none begin; from any thread."""
        self._watch.cut()

    def exchange(self, request: Request, headers: Mapping[str, str], deadline: float) -> Reply:
        """Send the request and return the whole reply, whatever its status.

        ``deadline`` is a monotonic instant.  Raises ``Unreachable``,
        ``Unanswered`` or, if the reply can't be told from half of one,
        ``Garbled``.
        """
        if clock.monotonic() - self._used > _IDLE_S:
            self._adapter.close()
        self._watch.start(deadline)
        handled = sys.exc_info()[1]
        try:
            return self._exchange(request, headers)
        except (OSError, HTTPError, HTTPException) as error:
            why = _why(error, handled)
        finally:
            self._used = clock.monotonic()
        # Outside the handler: what was caught may hold the token or the key, and stays behind.
        if self._watch.sent:
            raise Unanswered(f"no whole answer came ({why})", request.asked)
        raise Unreachable(f"the fleet can't be reached ({why})", request.asked)

    def _exchange(self, request: Request, headers: Mapping[str, str]) -> Reply:
        timeout = (min(self._connect_s, self._watch.left()), self._watch.patience())
        prepared = self._prepared(request, headers)
        response = self._adapter.send(prepared, stream=True, timeout=timeout, verify=self._verify)
        try:
            told = {name.lower(): value for name, value in response.headers.items()}
            reply = Reply(request.asked, response.status_code, told, b"")
            if reply.status < 400 and not self._watch.whole:
                raise Garbled("the fleet agreed before it had heard everything", reply.asked, status=reply.status)
            if request.sink is None or reply.status not in request.answers:
                return replace(reply, body=_body(reply, response))
            request.sink(reply, _pieces(reply, response))
            return reply
        finally:
            response.close()  # a connection whose reply was not read to its end goes with it
            if not self._watch.whole:
                self._adapter.close()  # what came next on it would be taken for the rest of this request

    def _prepared(self, request: Request, headers: Mapping[str, str]) -> requests.PreparedRequest:
        # Piece by piece, since ``Request.prepare`` takes the address apart and quotes it each time; the base is known,
        # and the path is as it should be sent.
        prepared = requests.PreparedRequest()
        prepared.prepare_method(request.method)
        prepared.url = self._base + request.path
        prepared.prepare_headers(headers)
        body = request.body
        if body is None or isinstance(body, bytes):
            prepared.body = body or None
            prepared.prepare_content_length(prepared.body)
        else:
            prepared.body = body  # type: ignore[assignment]  # urllib3 asks it for piece after piece
            prepared.headers["Content-Length"] = str(body.size)  # and doesn't send it in chunks
        return prepared


def _normal(base: str) -> str:
    """Return the base as requests would write it: a host's name in IDNA."""
    prepared = requests.PreparedRequest()
    prepared.prepare_url(base, None)
    assert prepared.url is not None
    return prepared.url.rstrip("/")


def _pieces(reply: Reply, response: requests.Response) -> Iterator[bytes]:
    """Yield a body as it comes; what is lacking at its end is raised, since its length was announced."""
    if response.raw.length_remaining is None:
        raise Garbled("the fleet's answer doesn't tell its length", reply.asked, status=reply.status)
    while piece := response.raw.read1(_PIECE):
        yield piece


def _body(reply: Reply, response: requests.Response) -> bytes:
    ends = response.raw.length_remaining is not None or response.raw.chunked
    if reply.status == 205 and not ends:
        return b""  # it has none by RFC 9110, but http.client would wait for the connection's end
    if reply.status == 200 and not ends:
        # Every 200 tells its length (API document, 1.1); without, half a reply looks like a whole one.
        raise Garbled("the fleet's answer doesn't tell its length", reply.asked, status=200)
    body: bytes = response.raw.read(_LARGEST + 1)
    if len(body) > _LARGEST:
        raise Garbled(f"the fleet's answer is longer than {_LARGEST} bytes", reply.asked, status=reply.status)
    if response.raw.length_remaining:
        raise IncompleteRead(b"")  # urllib3 would only say so to one who goes on reading
    return body


def _why(error: BaseException, handled: BaseException | None) -> str:
    """Return the innermost cause in words; only the system's, since the others' repeat what was received.

    ``handled`` is what the caller was dealing with before: no cause of this.
    """
    while (inner := error.__cause__ or error.__context__) is not None and inner is not handled:
        error = inner
    return str(error) if isinstance(error, OSError) and str(error) else type(error).__name__
