"""The fleet server as an object: a socket, a few threads, a database."""

from __future__ import annotations

import logging
import os
import resource
import socket
import threading
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from waitress.adjustments import Adjustments
from waitress.task import ThreadedTaskDispatcher

from station.errors import DatabaseFailed
from station.fleet.server import blobs, dispatch, names
from station.fleet.server.channel import SERVER
from station.fleet.server.options import Options
from station.fleet.server.store import Store
from station.fleet.server.transport import Listener
from station.state import hold

_HANDLERS = 8
"""Threads for requests that take long; all others are answered by the loop itself."""

_CONNECTIONS = 1000
"""The most connections at once, where the process may open twice as many files."""

_POLL_S = 1.0
"""How long the loop sleeps where nothing wakes it."""


_NEVER = 1 << 40
"""Bytes that no answer has."""


def _connections() -> int:
    """Return how many connections there may be: each may need a second descriptor, for a body or for content.

    64 are left for the database, once a thread, and for ourselves.
    """
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return _CONNECTIONS
    return max(30, min(_CONNECTIONS, (descriptors - 64) // 2))


class FleetServer:
    """The API on one address, from one database file, which is made where it is missing.

    The socket is bound and listens once the object is there; requests wait
    until ``start`` or ``serve_forever``.  ``port`` 0 takes a free one.
    Raises ``OSError`` if the address can't be bound,
    ``station.errors.StateBusy`` if another server has the file,
    ``DatabaseError`` if it can't be used.
    """

    def __init__(self, database: Path, host: str = "127.0.0.1", port: int = 0, options: Options | None = None) -> None:
        self._stopping = threading.Event()
        self._serving = self._closed = False
        self._lock = threading.RLock()  # a signal's handler may interrupt its own thread
        self._thread: threading.Thread | None = None
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with ExitStack() as opened:
            bound = opened.enter_context(socket.create_server((host, port), family=family))
            self._owned = _own(database)
            opened.callback(os.close, self._owned)
            self._store = Store(database)
            opened.pop_all()
        blobs.sweep(self._store)  # what an earlier run was killed in the middle of
        # waitress warns of every request that waits for a thread; eight slots make some wait.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        settings = Adjustments(
            sockets=[bound],
            ident=SERVER,
            threads=_HANDLERS,
            connection_limit=_connections(),
            max_request_header_size=names.HEAD_BYTES,
            max_request_body_size=names.BODY_BYTES + 1,  # waitress refuses what reaches its limit
            clear_untrusted_proxy_headers=False,  # the procedures decide whom to believe
            outbuf_high_watermark=_NEVER,
            log_socket_errors=False,  # a client that goes away is its own affair
        )
        # Nothing is sent but by the loop: an answer must not leave before its change is on the disk.
        settings.send_bytes = _NEVER
        self._handlers = ThreadedTaskDispatcher()
        self._handlers.set_thread_count(_HANDLERS)
        options = options or Options()
        self._listener = Listener(
            dispatch.Application(self._store, options),
            _sock=bound,
            dispatcher=self._handlers,
            adj=settings,
            apart=dispatch.takes_long,
            longest=partial(dispatch.longest_body, options),
            sockinfo=(family, socket.SOCK_STREAM, 0, bound.getsockname()),
            bind_socket=False,
        )
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{bound.getsockname()[1]}"

    @property
    def busy_s(self) -> float:
        """Seconds spent handling requests so far, the sum over the handlers, waiting for commits included."""
        return self._listener.meter.seconds

    def start(self) -> None:
        """Serve from a thread of its own; returns at once."""
        with self._lock:
            self._thread = threading.Thread(target=self.serve_forever, name="fleet server", daemon=True)
            self._thread.start()

    def serve_forever(self) -> None:
        """Serve in this thread until ``stop``; when it returns, everything is closed."""
        with self._lock:
            if self._closed:
                return
            self._serving = True
        try:
            while not self._stopping.is_set():
                self._listener.turn(_POLL_S, self._store.together())
                if self._store.leftovers.is_set():
                    self._store.leftovers.clear()
                    self._handlers.add_task(_Sweep(self._store, self._stopping))
        finally:
            with self._lock:
                self._serving = False
                self._close()

    def stop(self) -> None:
        """Finish the running requests, then close the connections, the socket and the database.

        From any thread, more than once, or from a signal's handler.  All is
        closed when it returns; only where it interrupts ``serve_forever``
        itself, or another thread runs that, it is when that returns.
        """
        self._stopping.set()
        with self._lock:
            if self._serving:
                self._listener.pull_trigger()
            else:
                self._close()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._handlers.shutdown()
        self._listener.close_all()
        self._store.close()
        os.close(self._owned)


class _Sweep:
    """A task of the handlers: what the loop's own changes leave is too much for the loop."""

    def __init__(self, store: Store, stopping: threading.Event) -> None:
        self._store, self._stopping = store, stopping

    def service(self) -> None:
        blobs.sweep(self._store, self._stopping.is_set)

    def cancel(self) -> None:
        """The next start sweeps, too."""


def _own(database: Path) -> int:
    """Keep other servers off a file: of what they hold this one knows nothing, and would sweep it.

    The lock has a file of its own, beside the database, for two reasons: to
    close the database's own would drop the locks that SQLite has on it in
    this process, and some file systems make one kind of lock of the two.
    """
    path = database.resolve()
    lock = path.with_name(f"{path.name}.lock")
    try:
        return hold(lock, database, "fleet server")
    except OSError as error:
        raise DatabaseFailed(f"{lock}: {error.strerror}") from error
