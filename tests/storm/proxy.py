"""A proxy between a station and its fleet, in which the network goes wrong, at every place where it can.

It passes bytes on as they are, and knows of HTTP only where a message ends.
What becomes of a request is decided by a ``Judge``: a test's own, or the
``Weather`` of a seed.  Like any network it may be ``down`` altogether.

The fleet is asked on a connection of its own for each request, so that what
one of them suffers is not the next one's fate.  Answers without a length, as
of contents, are not understood.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from typing import Self
from urllib.parse import urlsplit

from weather import BAD_GATEWAY, FAIR, Asked, Fate, Judge, Kind

_LIMIT_S = 60.0
"""Far longer than a fleet takes."""


class Proxy:
    """The network between a station and one fleet, on a free port of the loopback."""

    def __init__(self, fleet: str, judge: Judge = lambda asked: FAIR) -> None:
        self._far, self._judge = urlsplit(fleet), judge
        self._guard = threading.Condition()
        self._before: Counter[tuple[str, str, bytes]] = Counter()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.asked: list[tuple[Asked, Fate]] = []
        """Every request that came whole, and its fate."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._accept()

    def down(self) -> None:
        """Cut every connection, and refuse new ones; the port stays ours."""
        listener = self._listener
        self._refuse(listener)
        listener.close()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))  # and doesn't listen

    def up(self) -> None:
        """Take connections again."""
        self._listener.listen(128)
        self._accept()

    def wait_for(self, found: Callable[[list[tuple[Asked, Fate]]], bool]) -> None:
        """Return once something is true of the requests so far."""
        with self._guard:
            assert self._guard.wait_for(lambda: found(self.asked), _LIMIT_S), self.asked

    def close(self) -> None:
        self._refuse(self._listener)
        self._listener.close()
        for thread in self._threads:
            thread.join(_LIMIT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------- connections

    def _refuse(self, listener: socket.socket) -> None:
        with suppress(OSError):  # it may not be listening
            listener.shutdown(socket.SHUT_RDWR)  # which wakes ``accept``, as closing it does not
        with self._guard:
            ends = list(self._open)
        for end in ends:
            _cut(end)

    def _accept(self) -> None:
        self._start(self._listen, self._listener)

    def _start(self, work: Callable[[socket.socket], None], sock: socket.socket) -> None:
        thread = threading.Thread(target=work, args=(sock,), name="proxy", daemon=True)
        self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()

    def _listen(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            near.settimeout(_LIMIT_S)
            self._start(self._serve, near)

    def _serve(self, near: socket.socket) -> None:
        with ExitStack() as held, suppress(OSError):
            held.callback(near.close)
            self._keep(near, held)
            pending = b""
            while True:
                request, pending = _message(near, pending)
                if not request or not self._suffer(near, request):
                    return

    def _keep(self, end: socket.socket, held: ExitStack) -> None:
        """Have an end of a connection cut when the network goes down."""
        with self._guard:
            self._open.add(end)
        held.callback(self._open.discard, end)

    # ------------------------------------------------------------- fates

    def _suffer(self, near: socket.socket, request: bytes) -> bool:
        """Let happen to a request what is to happen; False if its connection is over."""
        kind, after_s, said = self._judged(request)
        match kind:
            case Kind.SILENT:
                near.recv(1)  # until the sender goes
                return False
            case Kind.CUT_BEFORE:
                return _cut(near)
            case Kind.CUT_WITHIN:
                self._ask(request[: len(request) // 2], whole=False)
                return _cut(near)
            case Kind.ANSWERED:
                near.sendall(said)
                return True
            case Kind.FAIR:
                _pause(near, after_s)
        found = self._ask(request)
        again = self._ask(request) if kind in (Kind.TWICE, Kind.ECHOED) else b""
        head = found.index(b"\r\n\r\n") + 4
        match kind:
            case Kind.ECHOED:
                found = again
            case Kind.DONE_AND_ANSWERED:
                found = said
            case Kind.LATE:
                _pause(near, after_s)
            case Kind.CUT_AFTER:
                return _cut(near)
            case Kind.CUT_HEAD:
                near.sendall(found[: head // 2])
                return _cut(near)
            case Kind.CUT_BODY:
                near.sendall(found[: (head + len(found)) // 2] if len(found) > head else found[:-1])
                return _cut(near)
        near.sendall(found)
        return True

    def _judged(self, request: bytes) -> Fate:
        head, _, body = request.partition(b"\r\n\r\n")
        method, path, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        with self._guard:
            asked = Asked(method, path, body, self._before[method, path, body])
            self._before[method, path, body] += 1
            fate = self._judge(asked)
            self.asked.append((asked, fate))
            self._guard.notify_all()
        return fate

    def _ask(self, request: bytes, *, whole: bool = True) -> bytes:
        """Pass a request on, and return the fleet's answer; what a gateway says of a fleet that is away, if it is."""
        try:
            with closing(socket.create_connection((self._far.hostname, self._far.port), _LIMIT_S)) as far:
                far.sendall(request)
                return (_message(far, b"")[0] if whole else b"") or BAD_GATEWAY
        except OSError:
            return BAD_GATEWAY


def _pause(near: socket.socket, seconds: float) -> None:
    """Let time pass; raises ``OSError`` as soon as the sender has gone."""
    if not seconds:
        return
    near.settimeout(seconds)
    try:
        if not near.recv(1, socket.MSG_PEEK):
            raise ConnectionAbortedError
    except TimeoutError:
        pass
    finally:
        near.settimeout(_LIMIT_S)


def _cut(sock: socket.socket) -> bool:
    """End a connection at once (RST), also for a thread that is using it."""
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.shutdown(socket.SHUT_RDWR)
    return False


def _message(sock: socket.socket, pending: bytes) -> tuple[bytes, bytes]:
    """Return the next whole message and what came behind it; nothing if there is none."""
    while True:
        head, end, rest = pending.partition(b"\r\n\r\n")
        if end:
            told = re.search(rb"(?im)^content-length:\s*(\d+)", head)
            length = int(told[1]) if told else 0
            if len(rest) >= length:
                return head + end + rest[:length], rest[length:]
        if not (data := sock.recv(65536)):
            return b"", b""
        pending += data
