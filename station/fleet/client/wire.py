"""One thread's connection to the fleet: bytes out, one whole reply back, within a deadline.

requests' adapter is used without its ``Session``, which would bring cookies,
redirects, proxies and passwords from the environment: ways for a request to
become another one.  Neither it nor urllib3 repeats anything here.

Two things are added below it.  Every read of the socket looks at the
deadline, so that no rhythm of bytes, in head or body, can stretch it.  And a
note is kept of whether a byte of the request was sent, which tells
``Unreachable`` from ``Unanswered`` for certain.

This module alone imports requests (0.1 s), so it is imported when the first
request is sent.
"""

from __future__ import annotations

import contextlib
import io
import socket
from collections.abc import Mapping
from functools import partial
from http.client import HTTPException, HTTPResponse, IncompleteRead
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util.response import assert_header_parsing

from station import clock
from station.fleet.client.errors import Garbled, Unanswered, Unreachable
from station.fleet.client.messages import Reply, Request

_IDLE_S = 4.0
"""A connection idle for longer is not used again: servers close theirs, Node.js after 5 s, and a request that meets
the closing is lost without a trace."""

_LARGEST = 1 << 20
"""Bytes of a body."""


class _Watch:
    """What the sockets below must know of the request that is going on."""

    def __init__(self, read_s: float) -> None:
        self._read_s = read_s
        self._cut = False
        self._socket: socket.socket | None = None
        self.start(0.0)

    def start(self, deadline: float) -> None:
        """Begin a request that ends at this monotonic instant."""
        self._deadline = deadline
        self.sent = False

    def using(self, sock: socket.socket) -> None:
        """Note the socket that the request goes through."""
        self._socket = sock

    def cut(self) -> None:
        """End the request that is going on, and let none begin; from any thread."""
        self._cut = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                # The system's call even under TLS, whose own would meddle with the reading thread's state.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def left(self) -> float:
        """Return the seconds until the deadline; raises ``TimeoutError`` if there are none."""
        if self._cut:
            raise TimeoutError("the station is stopping")
        left = self._deadline - clock.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        return left

    def patience(self) -> float:
        """Return the seconds that the next read may take; raises ``TimeoutError``."""
        return min(self._read_s, self.left())


class _WatchedSocket(io.RawIOBase):
    """The reading side of a socket, under a watch."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, watch: _Watch) -> None:
        self._raw, self._sock, self._watch = raw, sock, watch
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._watch.patience())
        count = self._raw.readinto(buffer)
        self.ended = self.ended or count == 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _WatchedResponse(HTTPResponse):
    """http.client's response, read under a watch, and with a head that must be whole."""

    def __init__(self, sock: socket.socket, *args: Any, watch: _Watch, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._watched = _WatchedSocket(self.fp.detach(), sock, watch)
        self.fp = io.BufferedReader(self._watched)

    def begin(self) -> None:
        super().begin()
        if self._watched.ended:
            raise IncompleteRead(b"")  # http.client takes the connection's end for the end of the head
        assert_header_parsing(self.headers)  # urllib3 would only log it, with what was received


class _Watched(HTTPConnection):
    """A connection under a watch; mixed into urllib3's two."""

    def __init__(self, *args: Any, watch: _Watch, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._watch = watch
        self.response_class = partial(_WatchedResponse, watch=watch)  # type: ignore[assignment]  # it is only called

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        self._watch.using(self.sock)
        self.sock.settimeout(self._watch.patience())
        self._watch.sent = True
        super().send(data)


class _WatchedTLS(_Watched, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTLS


class _Adapter(HTTPAdapter):
    """requests' adapter, with one connection under a watch."""

    def __init__(self, watch: _Watch) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)
        self.poolmanager.pool_classes_by_scheme = {
            "http": partial(_Pool, watch=watch),
            "https": partial(_TLSPool, watch=watch),
        }

    def close(self) -> None:
        # urllib3 only forgets its pools; their connections would stay open for as long as an old traceback holds them.
        for key in self.poolmanager.pools.keys():  # noqa: SIM118 - a copy; it can't be iterated itself
            if (pool := self.poolmanager.pools.get(key)) is not None:
                pool.close()
        super().close()


class Wire:
    """One thread's keep-alive connection to ``base`` (scheme, host and port)."""

    def __init__(self, base: str, connect_s: float, read_s: float, ca_file: Path | None) -> None:
        self._base, self._connect_s = base, connect_s
        self._verify: str | bool = True if ca_file is None else str(ca_file)
        self._watch = _Watch(read_s)
        self._adapter = _Adapter(self._watch)
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
        try:
            return self._exchange(request, headers)
        except (OSError, HTTPError, HTTPException) as error:
            why = _why(error)
        finally:
            self._used = clock.monotonic()
        # Outside the handler: what was caught may hold the token or the key, and stays behind.
        if self._watch.sent:
            raise Unanswered(f"no whole answer came ({why})", request.asked)
        raise Unreachable(f"the fleet can't be reached ({why})", request.asked)

    def _exchange(self, request: Request, headers: Mapping[str, str]) -> Reply:
        prepared = requests.Request(
            request.method, self._base + request.path, headers=dict(headers), data=request.body
        ).prepare()
        timeout = (min(self._connect_s, self._watch.left()), self._watch.patience())
        response = self._adapter.send(prepared, stream=True, timeout=timeout, verify=self._verify)
        try:
            return Reply(
                request.asked,
                response.status_code,
                {name.lower(): value for name, value in response.headers.items()},
                _body(request, response),
            )
        finally:
            response.close()  # a connection whose reply was not read to its end goes with it


def _body(request: Request, response: requests.Response) -> bytes:
    ends = response.raw.length_remaining is not None or response.raw.chunked
    if response.status_code == 205 and not ends:
        return b""  # it has none by RFC 9110, but http.client would wait for the connection's end
    if response.status_code == 200 and not ends:
        # Every 200 tells its length (API document, 1.1); without, half a reply looks like a whole one.
        raise Garbled("the fleet's answer doesn't tell its length", request.asked, status=200)
    body: bytes = response.raw.read(_LARGEST + 1)
    if len(body) > _LARGEST:
        raise Garbled(f"the fleet's answer is longer than {_LARGEST} bytes", request.asked, status=response.status_code)
    if response.raw.length_remaining:
        raise IncompleteRead(b"")  # urllib3 would only say so to one who goes on reading
    return body


def _why(error: BaseException) -> str:
    """Return the innermost cause in words; only the system's, since the others' repeat what was received."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error) if isinstance(error, OSError) and str(error) else type(error).__name__
