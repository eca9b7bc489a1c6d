"""How a slot sees boards arrive and leave at its port.

Either the board brings its port along (``presence = "port"``), or the port is
the fixture's and the board is probed with bytes that execute nothing on it
(``presence = "probe"``).  A port that can't be used is neither: it is told
once, in words, and tried again until it can be.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from drivers.board import Board
from drivers.errors import Cancelled, PortError, PortLost, PortMissing
from drivers.link import Link, port_present
from station import clock
from station.recipe import Presence

_LOOK_S = 0.05
"""Seconds between two looks at a port that is not there."""
_PROBE_S = 0.5
"""Seconds between two probes, and between two attempts to open a port that can't be used."""
_SILENT_PROBES = 3
"""So many probes without an answer mean that the board has left."""


class Nobody(Exception):
    """No board is here, and the time to wait for one is over."""


class Gate:
    """Where boards come in and go out: one port.  One thread uses it; ``start`` and ``cancel`` are for any thread."""

    def __init__(
        self,
        port: str,
        presence: Presence,
        open_link: Callable[[str], Link],
        board: Callable[[Link], Board],
        trouble: Callable[[PortError | None], None],
    ) -> None:
        """``board`` makes the near end on a link; ``trouble`` is told how the port is, at every look."""
        self._port, self._presence, self._open_link, self._board = port, presence, open_link, board
        self._trouble = trouble
        self._guard = threading.Lock()
        self._link: Link | None = None
        self._wake = threading.Event()
        self._cancelled = False
        self.started = False
        """An operator says that there is a new board, whatever can be seen."""

    def start(self) -> None:
        """Take whatever is here as a new board."""
        self.started = True
        self._wake.set()

    def cancel(self) -> None:
        """Let whatever waits here or talks on the link, now or later, end with ``Cancelled``."""
        with self._guard:
            self._cancelled = True
            if self._link is not None:
                self._link.cancel()
        self._wake.set()

    def await_board(self, patience_s: float | None) -> tuple[Link, Board]:
        """Return an open link and the near end of the board on it; the caller closes the link.

        Raises ``Nobody`` once a port that could have been used has shown no
        board for ``patience_s`` seconds (None: waits for ever).
        """
        absent_since = clock.monotonic()
        while True:
            try:
                link = self._opened()
            except PortError as fault:
                self._trouble(fault)
                if not (self._presence is Presence.PORT and isinstance(fault, PortMissing)):
                    self._pause(_PROBE_S)
                    absent_since = clock.monotonic()  # nothing could be said of the board so far
            else:
                self._trouble(None)
                board = self._board(link)
                if self._answers(link, board, absent_since, patience_s):
                    return link, board
                link.close()
            self._out_of_patience(absent_since, patience_s)
            self._pause(_LOOK_S)

    def await_removal(self, link: Link, board: Board) -> None:
        """Return once the board has left; raises ``PortLost`` if a fixture's adapter did, which says nothing of it."""
        silent = 0
        while not self.started and silent < _SILENT_PROBES:
            if self._presence is Presence.PORT:
                try:
                    link.read(clock.monotonic() + _PROBE_S)
                except PortLost:
                    return
            else:
                silent = 0 if board.present() else silent + 1
                self._pause(_PROBE_S)

    def _opened(self) -> Link:
        if not port_present(self._port):
            raise PortMissing(f"{self._port} is not there", port=self._port)
        link = self._open_link(self._port)
        with self._guard:
            self._link = link
            if self._cancelled:
                link.cancel()
        return link

    def _answers(self, link: Link, board: Board, absent_since: float, patience_s: float | None) -> bool:
        """Wait for a board on an open link; False if the link is lost."""
        if self._presence is Presence.PORT:
            return True
        try:
            while not (self.started or board.present()):
                self._out_of_patience(absent_since, patience_s)
                self._pause(_PROBE_S)
        except PortLost:
            return False
        except BaseException:
            link.close()
            raise
        return True

    def _out_of_patience(self, since: float, patience_s: float | None) -> None:
        if patience_s is not None and clock.monotonic() - since > patience_s:
            raise Nobody

    def _pause(self, seconds: float) -> None:
        self._wake.wait(seconds)
        with self._guard:
            if self._cancelled:
                raise Cancelled("the station is stopping")
        self._wake.clear()
