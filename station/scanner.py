"""A scanner at a serial port: each line that it sends is a scan; it works without a screen.

It may be unplugged at any time, and is there again when it is.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable

from drivers.errors import Cancelled, DriverError
from drivers.link import Link
from station import clock
from station.errors import StationError
from station.scan import LONGEST

log = logging.getLogger(__name__)

_RETRY_S = 1.0
"""Seconds between two tries to open its port."""
_READ_S = 3600.0
"""Seconds after which a read that has heard nothing is begun anew."""
_ENDS = re.compile(rb"[\r\n]+")


class Scanner:
    """Reads one scanner in a thread of its own.  Close it."""

    def __init__(self, port: str, open_link: Callable[[], Link], scan: Callable[[str], object]) -> None:
        """``scan`` is told of each scan; what it raises was told to people already."""
        self._port, self._open_link, self._scan = port, open_link, scan
        self._guard = threading.Lock()
        self._link: Link | None = None
        self._closed = threading.Event()
        self._trouble = ""
        self._thread = threading.Thread(target=self._run, name="scanner", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._closed.set()
        with self._guard:
            if self._link is not None:
                self._link.cancel()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                with self._open_link() as link:
                    with self._guard:
                        self._link = link
                    self._note("")
                    self._listen(link)
            except Cancelled:
                return
            except DriverError as fault:
                self._note(fault.text)
            except Exception:
                log.exception("scanner: unforeseen")
            finally:
                with self._guard:
                    self._link = None
            self._closed.wait(_RETRY_S)

    def _note(self, trouble: str) -> None:
        if trouble != self._trouble:
            log.warning("scanner: %s: %s", self._port, trouble or "is there again")
        self._trouble = trouble

    def _listen(self, link: Link) -> None:
        begun = b""
        while not self._closed.is_set():
            *whole, begun = _ENDS.split(begun + link.read(clock.monotonic() + _READ_S))
            if len(begun) > 4 * LONGEST:  # no scan is so long; whoever is told says so
                whole, begun = [*whole, begun], b""
            for line in filter(None, whole):
                try:
                    self._scan(line.decode("utf-8", "replace"))
                except StationError as fault:
                    log.debug("scanner: %s", fault.text)
