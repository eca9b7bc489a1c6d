"""The sockets below a request, under a watch that knows how long it may still take and how far it got.

Every read and write looks at the deadline, so that no rhythm of bytes, in
head or body, can stretch it.  A note is kept of whether a byte of the request
was sent, and whether all of it was.  And a fleet that answers before it has
heard everything (no, and too large at that) is listened to at once.

Only ``wire`` imports this module, since it imports requests.
"""

from __future__ import annotations

import contextlib
import io
import re
import socket
import ssl
from functools import partial
from http.client import HTTPException, HTTPMessage, HTTPResponse, IncompleteRead, UnknownProtocol
from typing import Any, BinaryIO

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError
from urllib3.util.wait import wait_for_read, wait_for_socket

from station import clock

_PIECE = 16384
"""Bytes that are sent at a time: a TLS record, and about what a socket takes when it takes any."""

_LONGEST_LINE = 65536
_MOST_FIELDS = 100
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""What names a field of a head: a token of RFC 9110, 5.6.2."""

_LEAST_S = 0.001
"""Seconds that a connection is given at least; with 0 a socket wouldn't wait at all, and fail in other words."""


class Watch:
    """What the sockets below must know of the request that is going on."""

    def __init__(self, read_s: float) -> None:
        self._read_s = read_s
        self._cut = False
        self._socket: socket.socket | None = None
        self.start(0.0)

    def start(self, deadline: float) -> None:
        """Begin a request that ends at this monotonic instant."""
        self._deadline = deadline
        self.sent = self.whole = False  # a byte of the request, and all of it
        self.early = b""  # the first byte of an answer that came while the request was still being sent

    def overhear(self, sock: socket.socket) -> bool:
        """Tell whether the fleet has begun to answer on a socket that has something to read."""
        sock.settimeout(0)
        try:
            self.early = sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False  # something of TLS's own
        return True

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

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, watch: Watch) -> None:
        self._raw, self._sock, self._watch = raw, sock, watch
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if early := self._watch.early:
            buffer[:1], self._watch.early = early, b""
            return 1
        self._sock.settimeout(self._watch.patience())
        count = self._raw.readinto(buffer)
        self.ended = self.ended or count == 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _WatchedResponse(HTTPResponse):
    """http.client's response, read under a watch, and with a head that must be whole."""

    def __init__(self, sock: socket.socket, *args: Any, watch: Watch, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._watched = _WatchedSocket(self.fp.detach(), sock, watch)
        self.fp = io.BufferedReader(self._watched)

    def begin(self) -> None:
        """Read the head; as http.client's, which takes longer for it (it has a parser of mail) than a request does."""
        version, status, reason = "", 100, ""
        while status == 100:
            version, status, reason = self._read_status()  # type: ignore[attr-defined]  # the stubs know only what
            self.headers = self.msg = _head(self.fp)
            if self._watched.ended:
                raise IncompleteRead(b"")  # the connection's end is not the end of the head
        self.code, self.status, self.reason = status, status, reason.strip()
        if not version.startswith("HTTP/1."):
            raise UnknownProtocol(version)
        self.version = 10 if version == "HTTP/1.0" else 11
        self.chunked = self.headers.get("transfer-encoding", "").lower() == "chunked"
        self.chunk_left = None
        told = self.headers.get("content-length", "")
        self.length = int(told) if told.isdecimal() and told.isascii() and not self.chunked else None
        if status in (204, 304) or status < 200 or self._method == "HEAD":  # type: ignore[attr-defined]  # is documented
            self.length = 0
        closes: bool = self._check_close()  # type: ignore[attr-defined]
        self.will_close = closes or (self.length is None and not self.chunked)


def _head(lines: BinaryIO) -> HTTPMessage:
    """Read the fields of a head and the empty line after them; raises ``HTTPException`` for what is none."""
    head = HTTPMessage()
    fields: list[tuple[str, str]] = []
    while (line := lines.readline(_LONGEST_LINE + 1)).rstrip(b"\r\n"):
        if len(line) > _LONGEST_LINE or len(fields) == _MOST_FIELDS:
            raise HTTPException("the head is too long")
        text = line.decode("iso-8859-1")
        if text[0] in " \t" and fields:  # a folded line, RFC 9112, 5.2
            fields[-1] = (fields[-1][0], f"{fields[-1][1]} {text.strip()}")
            continue
        name, colon, value = text.partition(":")
        if not colon or not _NAME.fullmatch(name):
            raise HTTPException("the head holds what is no field")
        fields.append((name, value.strip()))
    for name, value in fields:
        head[name] = value
    return head


class _Watched(HTTPConnection):
    """A connection under a watch; mixed into urllib3's two."""

    def __init__(self, *args: Any, watch: Watch, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._watch = watch
        self.response_class = partial(_WatchedResponse, watch=watch)  # type: ignore[assignment]  # it is only called

    def _new_conn(self) -> socket.socket:
        """Connect to the first address of the host that takes us.

        urllib3 would give each address the time that is meant for all; here
        each has an equal share of what is left, so that one that is silent
        doesn't cost the others their turn.
        """
        try:
            found = socket.getaddrinfo(self._dns_host.strip("[]"), self.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:  # the latter of a host that can be no name
            raise NewConnectionError(self, str(error)) from error
        end = clock.monotonic() + float(self.timeout or 0.0)
        last: OSError = OSError("the host has no address")
        for behind, (family, kind, protocol, _, address) in zip(range(len(found), 0, -1), found, strict=True):
            share = min(end - clock.monotonic(), self._watch.left()) / behind
            try:
                return self._connected(socket.socket(family, kind, protocol), address, share)
            except OSError as error:
                last = error
        raise NewConnectionError(self, str(last)) from last

    def _connected(self, sock: socket.socket, address: Any, seconds: float) -> socket.socket:
        try:
            for option in self.socket_options or ():
                sock.setsockopt(*option)
            sock.settimeout(max(seconds, _LEAST_S))
            sock.connect(address)
        except BaseException:
            sock.close()
            raise
        sock.settimeout(self.timeout)  # for TLS's handshake
        return sock

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        self._watch.using(self.sock)
        for begin in range(0, len(data), _PIECE):
            if self._watch.sent:
                self._room()
            self.sock.settimeout(self._watch.patience())
            self._watch.sent = True
            try:
                super().send(data[begin : begin + _PIECE])
            except ssl.SSLEOFError as error:
                raise BrokenPipeError("the connection was closed") from error  # which is what it is without TLS

    def request(self, *args: Any, **kwargs: Any) -> None:
        super().request(*args, **kwargs)
        self._watch.whole = True

    def _room(self) -> None:
        """Wait until the socket takes more."""
        while wait_for_socket(self.sock, read=True, write=True, timeout=self._watch.patience()):
            if not wait_for_read(self.sock, timeout=0):
                return
            if self._watch.overhear(self.sock):
                # With this error urllib3 stops sending and reads the answer.
                raise BrokenPipeError("the fleet answered before it had heard everything")
        raise TimeoutError("timed out")


class _WatchedTLS(_Watched, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTLS


class WatchedAdapter(HTTPAdapter):
    """requests' adapter, with one connection under a watch, always to the same host."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)
        self._pool: HTTPConnectionPool | None = None
        self.poolmanager.pool_classes_by_scheme = {
            "http": partial(_Pool, watch=watch),
            "https": partial(_TLSPool, watch=watch),
        }

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
        """Return the one pool that there is; to find it anew took longer than most requests."""
        if self._pool is None:
            found: Any = super().get_connection_with_tls_context(*args, **kwargs)
            self._pool = found
        return self._pool

    def build_response(self, req: PreparedRequest, resp: Any) -> Response:
        """Return what came, without the cookies, the history and the encoding that nobody here looks at."""
        response = Response()
        response.status_code, response.headers, response.raw = resp.status, resp.headers, resp
        return response

    def close(self) -> None:
        """Close the connection if no request is using it."""
        self._pool = None
        # urllib3 only forgets its pools; their connections would stay open for as long as an old traceback holds them.
        for key in self.poolmanager.pools.keys():  # noqa: SIM118 - a copy; it can't be iterated itself
            if (pool := self.poolmanager.pools.get(key)) is not None:
                pool.close()
        super().close()
