"""HTTP as the strictest known devices read it, on top of waitress 3.0.2.

What waitress alone does otherwise: it sends head and body in two segments,
sorts the headers, closes the connection after a 204, and words the errors of
its parser in its own way (API document, sections 1.7, 1.9 and 1.11).  It also
has one limit for all bodies, asks for a body that it has refused, and closes
on whoever is still sending one before the refusal is read.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections import deque
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from copy import copy
from heapq import nsmallest
from http import HTTPStatus
from operator import attrgetter
from time import monotonic, perf_counter
from typing import Any

from waitress import wasyncore
from waitress.buffers import ReadOnlyFileBasedBuffer
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, Task, WSGITask
from waitress.utilities import RequestEntityTooLarge, build_http_date

from station.errors import DatabaseError
from station.fleet.server.replies import TEXT, error_body, status_line

log = logging.getLogger(__name__)

SERVER = "station"
"""Seven letters are the most: with eight, D1's answer outgrows the 200-byte buffer of an Arduino."""

_OWN = ("Content-Length", "Content-Type")

_SPARE = 100
"""How many connections are closed at once, and kept free, where their number comes near its limit."""

_LINGER_S = 60
"""How long the rest of a body that was refused is read and thrown away, so that its sender gets to the answer."""


class Later(ReadOnlyFileBasedBuffer):  # type: ignore[misc]  # waitress has no types
    """The rest of a long body, which is fetched when the socket takes more.

    A turn of the loop sends one piece at most, so that a fast reader keeps
    nobody waiting, and a slow one costs the memory of one piece and no
    thread.  ``pieces`` is closed when all is sent or the connection ends.
    """

    def __init__(self, pieces: Generator[bytes, None, None], size: int) -> None:
        self._pieces = pieces
        self._piece = memoryview(b"")
        self._rests = False
        self.remain = size

    def get(self, numbytes: int = -1, skip: bool = False) -> memoryview:
        """Return what is to be sent next, nothing at the end of each piece."""
        if self._rests:
            self._rests = False
        elif not self._piece:
            self._piece = memoryview(next(self._pieces))
        return self._piece[:numbytes]

    def skip(self, numbytes: int, allow_prune: bool = False) -> None:
        """Go on behind what was sent."""
        self._piece = self._piece[numbytes:]
        self._rests = not self._piece
        self.remain -= numbytes

    def close(self) -> None:
        """Fetch no more."""
        self._pieces.close()


class _OneSegment(Task):  # type: ignore[misc]
    """A task whose head has the documented order, and leaves together with the first of the body."""

    wrote_header: bool
    content_bytes_written: int

    def build_response_header(self) -> bytes:
        given = dict(self.response_headers)
        head = [
            f"HTTP/1.1 {self.status}",
            f"Date: {build_http_date(self.start_time)}",
            f"Server: {SERVER}",
            f"Connection: {'Keep-Alive' if self._stays_open() else 'close'}",
        ]
        head += [f"{name}: {given.pop(name)}" for name in _OWN if name in given]
        head += [f"{name}: {value}" for name, value in given.items() if name != "Connection"]
        return "\r\n".join([*head, "", ""]).encode("latin-1")

    def _stays_open(self) -> bool:
        asked = {token.strip().lower() for token in self.request.headers.get("CONNECTION", "").split(",")}
        endless = self.has_body and self.content_length is None
        if endless or "close" in asked or (self.version == "1.0" and "keep-alive" not in asked):
            self.close_on_finish = True
        return not self.close_on_finish

    def write(self, data: bytes | Later) -> None:
        if isinstance(data, Later):
            self.content_bytes_written += data.remain
            self.channel.write_soon(data)
            return
        if self.wrote_header:
            super().write(data)
            return
        head = self.build_response_header()
        self.wrote_header = True
        self.content_bytes_written = len(data)
        self.channel.write_soon(head + data)


class _Answer(_OneSegment, WSGITask):  # type: ignore[misc]
    """What the application answers."""


class _Error(_OneSegment, ErrorTask):  # type: ignore[misc]
    """What is answered where the application was not asked, or failed."""

    def execute(self) -> None:
        code = HTTPStatus(self.request.error.code)
        if code is HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE:
            code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE  # the API's one word for "too much"
        # waitress's own text is left out: it may repeat the line with the credential.
        body = error_body(code)
        self.status = status_line(code)
        self.content_length = len(body)
        self.response_headers = [("Content-Length", str(len(body))), ("Content-Type", TEXT)]
        self.close_on_finish = True
        self.write(body)


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    """A parser that knows how long the body of each request may be.

    It answers 400 where waitress's drops the connection, for a broken
    authority or an endless number, and where it chooses one of two lengths.
    """

    adj: Any

    def __init__(self, adj: Any, longest: Callable[[str, str], int]) -> None:
        super().__init__(adj)
        self._longest = longest

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError:
            raise ParsingError("unreadable") from None
        if "TRANSFER_ENCODING" in self.headers or (self.chunked and "CONTENT_LENGTH" in self.headers):
            # Whoever is in between may read another end of the body, and so another next request.
            raise ParsingError("unclear length")
        if self.body_rcv is None:
            return
        limit = self._longest(self.command, self.path) + 1  # waitress refuses what reaches its limit
        if limit != self.adj.max_request_body_size:
            self.adj = copy(self.adj)
            self.adj.max_request_body_size = limit

    def received(self, data: bytes) -> int:
        consumed: int = super().received(data)
        if self.completed:  # refused, or without a body: the client shall not go on
            self.expect_continue = False
        return consumed


class _Channel(HTTPChannel):  # type: ignore[misc]
    task_class = _Answer
    error_task_class = _Error
    request: _Parser | None
    lingers_until: float | None = None
    """Until when what is left of a refused body is read for nothing; None if none was refused."""

    def parser_class(self, adj: Any) -> _Parser:
        return _Parser(adj, self.server.longest)

    def service(self) -> None:
        began = perf_counter()
        too_large = isinstance(self.requests[0].error, RequestEntityTooLarge)
        try:
            super().service()
        finally:
            self.server.meter.add(perf_counter() - began)
        if too_large:
            # To close with unread data resets the connection, and the client loses the answer.
            self.lingers_until = monotonic() + _LINGER_S
            self.close_when_flushed = False

    def readable(self) -> bool:
        return self.lingers_until is not None or super().readable()

    def received(self, data: bytes) -> bool:
        if self.lingers_until is None:
            return bool(super().received(data))
        self.will_close = monotonic() > self.lingers_until
        return False

    def handle_write(self) -> None:
        super().handle_write()
        if self.lingers_until is not None and self.connected and not self.total_outbufs_len:
            with contextlib.suppress(OSError):  # the client may be gone
                self.socket.shutdown(socket.SHUT_WR)

    def handle_close(self) -> None:
        super().handle_close()
        if self.request is not None:
            self.request.close()  # what has come of a body may be in a temporary file
            self.request = None


class Meter:
    """Seconds that several threads spent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds = 0.0

    def add(self, seconds: float) -> None:
        """Add what one thread spent."""
        with self._lock:
            self._seconds += seconds

    @property
    def seconds(self) -> float:
        """The sum so far."""
        return self._seconds


class Listener(TcpWSGIServer):  # type: ignore[misc]
    """waitress's TCP server, which answers most requests in the thread of its loop, a turn at a time.

    All that has arrived when the loop turns is answered together, and what it
    wrote shares one commit before the first answer leaves: most of a request's
    time is otherwise spent on handing it from thread to thread, and most of a
    change's on the disk.  Only where ``apart`` says of a path that its
    requests take long are they left to waitress's threads.

    ``longest`` tells of a method and a path how many bytes the body may have.
    ``meter`` counts what requests need.
    """

    channel_class = _Channel

    def __init__(
        self, *args: Any, apart: Callable[[str], bool], longest: Callable[[str, str], int], **kwargs: Any
    ) -> None:
        self.meter = Meter()
        self._apart = apart
        self.longest = longest
        self._arrived: deque[_Channel] = deque()
        self._loop = 0
        self._answering = False
        super().__init__(*args, **kwargs)

    def add_task(self, task: _Channel) -> None:
        """Note that a channel has a whole request, or give it to a thread."""
        request = task.requests[0]
        if not request.error and self._apart(request.path):
            super().add_task(task)
        else:
            self._arrived.append(task)
            if threading.get_ident() != self._loop:
                super().pull_trigger()

    def pull_trigger(self) -> None:
        """Wake the loop, unless it is awake and answering."""
        if not self._answering:
            super().pull_trigger()

    def turn(self, timeout_s: float, together: AbstractContextManager[None]) -> None:
        """Wait for what the sockets bring, answer all that is whole, and send the answers once ``together`` ends.

        If that fails, the answers are not true: the connections are closed without them.
        """
        self._loop = threading.get_ident()
        wasyncore.loop(0 if self._arrived else timeout_s, use_poll=True, map=self._map, count=1)
        if not self._arrived:
            return
        channels = [self._arrived.popleft() for _ in range(len(self._arrived))]
        self._answering = True
        try:
            with together:
                for channel in channels:
                    channel.service()
        except DatabaseError:
            log.exception("a commit failed; %d answers are not sent", len(channels))
            for channel in channels:
                channel.handle_close()
        finally:
            self._answering = False
        for channel in channels:
            if channel.connected:
                channel.handle_write()

    def readable(self) -> bool:
        """Whether a further client may come, for whom room is made where there is little."""
        if len(self.active_channels) >= self.adj.connection_limit - _SPARE:
            self._make_room()
        return bool(super().readable())

    def _make_room(self) -> None:
        """Close those connections that have been silent for longest, so that the next client gets one."""
        silent = (c for c in self.active_channels.values() if not (c.requests or c.total_outbufs_len or c.will_close))
        for channel in nsmallest(_SPARE, silent, key=attrgetter("last_activity")):
            channel.will_close = True

    def close_all(self) -> None:
        """Close every connection, the socket and the trigger; no handler may be running."""
        for channel in list(self.active_channels.values()):
            channel.handle_close()
        self.close()
