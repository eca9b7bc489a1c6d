"""HTTP as the strictest known devices read it, on top of waitress 3.0.2.

What waitress alone does otherwise: it sends head and body in two segments,
sorts the headers, closes the connection after a 204, and words the errors of
its parser in its own way (API document, sections 1.7, 1.9 and 1.11).
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from http import HTTPStatus
from time import perf_counter
from typing import Any

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, Task, WSGITask
from waitress.utilities import build_http_date

from station.errors import DatabaseError
from station.fleet.server.replies import TEXT, error_body, status_line

log = logging.getLogger(__name__)

SERVER = "station"
"""Seven letters are the most: with eight, D1's answer outgrows the 200-byte buffer of an Arduino."""

_OWN = ("Content-Length", "Content-Type")


class _OneSegment(Task):  # type: ignore[misc]  # waitress has no types
    """A task whose head has the documented order, and leaves together with the first of the body."""

    wrote_header: bool

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

    def write(self, data: bytes) -> None:
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
    """A parser that answers 400 where waitress's drops the connection: a broken authority, an endless number."""

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError:
            raise ParsingError("unreadable") from None


class _Channel(HTTPChannel):  # type: ignore[misc]
    task_class = _Answer
    error_task_class = _Error
    parser_class = _Parser

    def service(self) -> None:
        began = perf_counter()
        try:
            super().service()
        finally:
            self.server.meter.add(perf_counter() - began)


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

    ``meter`` counts what requests need.
    """

    channel_class = _Channel

    def __init__(self, *args: Any, apart: Callable[[str], bool], **kwargs: Any) -> None:
        self.meter = Meter()
        self._apart = apart
        self._arrived: deque[_Channel] = deque()
        self._loop = 0
        self._answering = False
        super().__init__(*args, **kwargs)

    def add_task(self, task: _Channel) -> None:
        """Note that a channel has a whole request, or give it to a thread."""
        if self._apart(getattr(task.requests[0], "path", "")):
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

    def close_all(self) -> None:
        """Close every connection, the socket and the trigger; no handler may be running."""
        for channel in list(self.active_channels.values()):
            channel.handle_close()
        self.close()
