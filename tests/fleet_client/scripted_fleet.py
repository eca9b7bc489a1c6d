"""A far end that says exactly what a test has written down, byte by byte, and keeps what it heard.

It knows nothing of the API: it reads whole HTTP requests and plays a script,
one list of acts for each connection, in the order in which they come.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

LOOPBACK_PEM = Path(__file__).with_name("loopback.pem")

_LONG_S = 60.0


class Talk:
    """One accepted connection."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        self.sock, self.number = sock, number
        self.heard: list[bytes] = []
        self._pending = b""

    def hear(self) -> bytes | None:
        """Read one whole request; None once the client has gone."""
        while True:
            head, end, rest = self._pending.partition(b"\r\n\r\n")
            length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")), 0)
            if end and len(rest) >= length:
                request, self._pending = head + end + rest[:length], rest[length:]
                self.heard.append(request)
                return request
            try:
                data = self.sock.recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                assert not self._pending, f"half a request: {self._pending!r}"
                return None
            self._pending += data

    def say(self, data: bytes) -> None:
        self.sock.sendall(data)


Act = Callable[[Talk], None]


def answer(data: bytes) -> Act:
    """Hear a request and say this."""

    def act(talk: Talk) -> None:
        assert talk.hear() is not None, "the client left before its request"
        talk.say(data)

    return act


def hang_up(talk: Talk) -> None:
    """Close the connection."""
    talk.sock.shutdown(socket.SHUT_RDWR)


def hear(talk: Talk) -> None:
    """Hear a request and say nothing."""
    assert talk.hear() is not None


def break_off(talk: Talk) -> None:
    """Break the connection, so that the client sees a reset."""
    talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    talk.sock.close()


def drip(endless: bytes) -> Act:
    """Say these bytes one by one, over and over, until the client gives up."""

    def act(talk: Talk) -> None:
        try:
            while True:
                for byte in endless:
                    talk.say(bytes([byte]))
                    time.sleep(0.02)
        except OSError:
            pass

    return act


class ScriptedFleet:
    """Listens on 127.0.0.1; each of ``scripts`` is one connection that must come."""

    def __init__(self, *scripts: Sequence[Act], tls: bool = False) -> None:
        self._scripts = list(scripts)
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if tls else None
        if self._context:
            self._context.load_cert_chain(LOOPBACK_PEM)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.talks: list[Talk] = []
        self.played = [threading.Event() for _ in scripts]
        """Set once all acts of the connection are done."""
        self.left = [threading.Event() for _ in scripts]
        """Set once the client has closed the connection."""
        self._failures: list[BaseException] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def heard(self) -> list[bytes]:
        """All requests, connection after connection."""
        return [request for talk in self.talks for request in talk.heard]

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(_LONG_S)
            thread = threading.Thread(target=self._play, args=(sock, len(self.talks)))
            self.talks.append(Talk(sock, len(self.talks)))
            self._threads.append(thread)
            thread.start()

    def _play(self, sock: socket.socket, number: int) -> None:
        talk = self.talks[number]
        try:
            assert number < len(self._scripts), "a connection that the script doesn't know"
            if self._context:
                sock = talk.sock = self._context.wrap_socket(sock, server_side=True)
            for act in self._scripts[number]:
                act(talk)
            self.played[number].set()
            while sock.fileno() >= 0 and talk.hear() is not None:
                pass
            self.left[number].set()
        except ssl.SSLError:
            pass  # the client doesn't trust us; what that means is the test's question
        except BaseException as failure:  # noqa: BLE001 - shown in the test's own thread
            self._failures.append(failure)
        finally:
            sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(_LONG_S)
        if kind is None:
            for failure in self._failures:
                raise failure
            assert len(self.talks) == len(self._scripts), "a connection that never came"
