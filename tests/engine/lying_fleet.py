"""A fleet with another time: the real server, behind a relay that writes another ``Date`` into its answers."""

from __future__ import annotations

import re
import socket
import threading
import time
from email.utils import formatdate
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_DATE = re.compile(rb"\r\nDate: [^\r]*")


class LyingFleet:
    """Listens on 127.0.0.1 and passes everything on to the fleet at ``url``, but the time."""

    def __init__(self, url: str) -> None:
        self.ahead_s: float | None = 0.0
        """How far the fleet says to be ahead of this machine's real clock; None: it says nothing that is a date."""
        self._to = (urlsplit(url).hostname, urlsplit(url).port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._to)
            self._sockets += [near, far]
            threading.Thread(target=self._relay, args=(near, far), daemon=True).start()
            threading.Thread(target=self._relay, args=(far, near, True), daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket, answers: bool = False) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(_DATE.sub(b"\r\nDate: " + self._date(), data, count=1) if answers else data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _date(self) -> bytes:
        if self.ahead_s is None:
            return b"some time ago"
        return formatdate(time.time() + self.ahead_s, usegmt=True).encode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for each in (self._listener, *self._sockets):
            each.close()
