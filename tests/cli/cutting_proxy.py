"""Something between a command and its fleet that passes requests on, or loses them, or loses their answers."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit


class Fate(Enum):
    """What becomes of a request."""

    PASS = "pass"
    LOST = "lost"
    """The fleet never gets it."""
    UNANSWERED = "unanswered"
    """The fleet does it, and its answer is lost."""
    HALVED = "halved"
    """The fleet does it, and its answer breaks off in the middle."""
    REFUSED = "refused"
    """The fleet never gets it, and 400 is answered."""


class Asked(NamedTuple):
    """One request."""

    method: str
    path: str
    body: bytes
    range: str | None
    """The header of that name."""


Judge = Callable[[Asked, int], Fate]
"""A request, and how many of its method came before it -> its fate."""


class CuttingProxy:
    """A proxy for one fleet on a free port of the loopback."""

    def __init__(self, fleet: str, judge: Judge = lambda asked, before: Fate.PASS) -> None:
        self.asked: list[Asked] = []
        self._came, self._judge, self._far = Condition(), judge, urlsplit(fleet)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                fate = proxy._fate(Asked(self.command, self.path, body, self.headers.get("Range")))
                self.close_connection = fate in (Fate.LOST, Fate.UNANSWERED, Fate.HALVED)
                answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nX-Error-Reason: no such line\r\n\r\n"
                if fate not in (Fate.LOST, Fate.REFUSED):
                    answer = proxy._ask(self.command, self.path, body, dict(self.headers))
                if fate is Fate.HALVED:
                    answer = answer[: len(answer) // 2]
                if fate not in (Fate.LOST, Fate.UNANSWERED):
                    self.wfile.write(answer)

            do_GET = do_POST = do_PUT = do_DELETE = _pass

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def wait_for(self, method: str, count: int) -> None:
        """Return once so many requests of this method have come."""
        with self._came:
            assert self._came.wait_for(lambda: [one.method for one in self.asked].count(method) >= count, 60)

    def _fate(self, asked: Asked) -> Fate:
        with self._came:
            before = [one.method for one in self.asked].count(asked.method)
            self.asked.append(asked)
            self._came.notify_all()
        return self._judge(asked, before)

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        assert self._far.hostname is not None
        onward = http.client.HTTPConnection(self._far.hostname, self._far.port, timeout=30)
        onward.request(method, path, body or None, headers)
        answer = onward.getresponse()
        content = b"" if answer.getheader("Content-Length") == "0" else answer.read()
        onward.close()
        head = [f"HTTP/1.1 {answer.status} {answer.reason}"]
        head += [f"{name}: {value}" for name, value in answer.getheaders()]
        return "\r\n".join([*head, "", ""]).encode("latin-1") + content

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(30)
