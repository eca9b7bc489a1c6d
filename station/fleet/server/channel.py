"""One connection as the strictest known devices read it, on top of waitress 3.0.2.

What waitress alone does otherwise: it sends head and body in two segments,
sorts the headers, closes the connection after a 204, and words the errors of
its parser in its own way (API document, sections 1.7, 1.9 and 1.11).  It also
has one limit for all bodies, asks for a body that it has refused, closes on
whoever is still sending one before the refusal is read, and lets a disk that
is full, or a client that goes at the wrong moment, end its loop.
"""

from __future__ import annotations

import contextlib
import logging
import re
import socket
from collections.abc import Callable, Generator
from copy import copy
from http import HTTPStatus
from time import monotonic, perf_counter
from typing import Any

from waitress.buffers import ReadOnlyFileBasedBuffer
from waitress.channel import ClientDisconnected, HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import ErrorTask, Task, WSGITask
from waitress.utilities import InternalServerError, RequestEntityTooLarge, build_http_date

from station.fleet.server.replies import TEXT, error_body, status_line

log = logging.getLogger(__name__)

SERVER = "station"
"""Seven letters are the most: with eight, D1's answer outgrows the 200-byte buffer of an Arduino."""

_RAW = re.compile(rb"[\x80-\xff]")

_OWN = ("Content-Length", "Content-Type")

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


class _NoRoom(InternalServerError):  # type: ignore[misc]
    """There is no place for the body of a request: the disk is full, or too many files are open."""


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    """A parser that knows how long the body of each request may be.

    It answers 400 where waitress's drops the connection, for a broken
    authority or an endless number, and where it chooses one of two lengths;
    and 500 where there is no place for a body.
    """

    adj: Any

    def __init__(self, adj: Any, longest: Callable[[str, str], int]) -> None:
        super().__init__(adj)
        self._longest = longest

    def parse_header(self, header_plus: bytes) -> None:
        line, end, headers = header_plus.partition(b"\r\n")
        # Some clients put names into a path as they are (section 1.4); waitress takes ASCII alone.
        line = _RAW.sub(lambda byte: b"%%%02X" % ord(byte[0]), line)
        try:
            super().parse_header(line + end + headers)
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
        try:
            consumed: int = super().received(data)
        except OSError as error:
            log.error("no place for the body of a request: %s", error)
            self.close()
            self.error, self.completed, consumed = _NoRoom(""), True, len(data)
        if self.completed:  # refused, or without a body: the client shall not go on
            self.expect_continue = False
        return consumed

    def close(self) -> None:
        with contextlib.suppress(OSError):  # what a full disk did not take is not wanted any more
            super().close()


class Channel(HTTPChannel):  # type: ignore[misc]
    """One connection.  The loop has it ``answer``, then ``release`` or ``refuse``; a thread has it ``service``."""

    task_class = _Answer
    error_task_class = _Error
    request: _Parser | None
    requests: list[_Parser]
    lingers_until: float | None = None
    """Until when what is left of a refused body is read for nothing; None if none was refused."""
    _kept: list[bytes] | None = None
    """What ``answer`` would have sent; None outside of it."""

    def parser_class(self, adj: Any) -> _Parser:
        """Return what reads the next request."""
        return _Parser(adj, self.server.longest)

    def answer(self) -> None:
        """Answer one request, and keep the answer: it is not true before its turn's commit."""
        self._kept = []
        self.service()

    def release(self) -> None:
        """Send what was kept."""
        kept, self._kept = self._kept, None
        if self.connected:
            self.write_soon(b"".join(kept or ()))
            self.handle_write()

    def refuse(self) -> None:
        """Send 500 instead of what was kept, and close: the requests behind it may rest on what is lost."""
        self._kept = None
        if self.connected:
            self._fail()
            self.handle_write()

    def _fail(self) -> None:
        failed = self.parser_class(self.adj)
        failed.error = InternalServerError("")
        self.error_task_class(self, failed).service()
        with self.requests_lock:
            for request in self.requests:
                request.close()
            self.requests = []
            self.close_when_flushed = True

    def service(self) -> None:
        """Answer one request; raises nothing."""
        began = perf_counter()
        try:
            unread = isinstance(self.requests[0].error, (RequestEntityTooLarge, _NoRoom))
            super().service()
        except Exception as error:  # noqa: BLE001 - waitress's own book-keeping: it costs no other connection
            log.error("a connection is closed, its request could not be ended: %r", error)
            self.cancel()
            return
        finally:
            self.server.meter.add(perf_counter() - began)
        if unread:
            # To close with unread data resets the connection, and the client loses the answer.
            self.lingers_until = monotonic() + _LINGER_S
            self.close_when_flushed = False

    def write_soon(self, data: bytes | Later) -> int:
        """Put an answer, or a part of one, behind what is to be sent, or behind what is kept."""
        if self._kept is None:
            return int(super().write_soon(data))
        if not self.connected:
            raise ClientDisconnected
        assert isinstance(data, bytes)  # what is long is answered by a thread
        self._kept.append(data)
        return len(data)

    def send_continue(self) -> None:
        """Ask for the body that was announced, behind the answers before it; as with them, the loop sends it.

        waitress's own sends all that waits, in the middle of a turn too.
        """
        request = self.request
        if request is not None and self.connected:  # the client may have gone since it was asked for
            request.expect_continue = False
            self.sent_continue = True
            self.write_soon(b"HTTP/1.1 100 Continue\r\n\r\n")

    def readable(self) -> bool:
        """Whether to read on, if only for nothing."""
        return self.lingers_until is not None or super().readable()

    def writable(self) -> bool:
        """Whether ``handle_write`` would do anything."""
        # With a request in a thread nothing is sent (handle_write), and to be told that it could be is to spin.
        return bool(self.will_close or (super().writable() and not self.requests))

    def received(self, data: bytes) -> bool:
        """Take what has come; return whether it was of use."""
        if self.lingers_until is None:
            return bool(super().received(data))
        self.will_close = monotonic() > self.lingers_until
        return False

    def handle_write(self) -> None:
        """Send what the socket takes, and say so when a refusal is sent whole."""
        super().handle_write()
        if self.lingers_until is not None and self.connected and not self.total_outbufs_len:
            with contextlib.suppress(OSError):  # the client may be gone
                self.socket.shutdown(socket.SHUT_WR)

    def handle_close(self) -> None:
        """Close.  Nothing is raised: this is also what the loop does about an error, outside of any ``try``."""
        with contextlib.suppress(OSError):
            super().handle_close()
        request, self.request = self.request, None
        if request is not None:
            request.close()  # what has come of a body may be in a temporary file
