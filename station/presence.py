"""How a slot sees boards arrive and leave at its port.

Either the board brings its port along (``port``), or the port is the
fixture's, and the board is probed with bytes that execute nothing on it
(``probe``), or asserts one of the port's lines (``cts``, ``dsr``, ``dcd``),
or nothing shows it and an operator says so (``start``).  An operator may say
so anywhere: silence after that is the board's failure, and not an empty slot.

A port that can't be used is told in words, and tried again until it can be.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from drivers.board import Board
from drivers.errors import (
    BoardGone,
    BoardPulled,
    BoardRestarts,
    BoardSilent,
    BoardStays,
    BoardUnseen,
    Cancelled,
    CommitFailed,
    PortError,
    PortLost,
    PortMissing,
)
from drivers.link import Link
from drivers.opening import port_present
from station import clock
from station.recipe import Presence

_LOOK_S = 0.05
"""Seconds between two looks at a port that is not there, and at a line that no board asserts."""
_PROBE_S = 0.5
"""Seconds between two probes, and between two attempts to open a port that can't be used."""
_SILENT_PROBES = 3
"""So many probes without an answer mean that the board has left."""
_SETTLE_S = 1.0
"""Seconds that a port may be unusable without a word: a new one is nobody's until the system has set it up."""
_HANG_UP_S = 0.2
"""Seconds in which a terminal server whose own port is not there hangs up on whoever it has let in."""

_MUTE = frozenset(fault.code for fault in (BoardSilent, BoardRestarts, BoardStays, BoardGone, CommitFailed))
"""How a board fails that falls silent by itself, so that its silence doesn't show that it has left."""


class Nobody(Exception):
    """No board is here, and the time to wait for one is over; or an operator says that one is, and it has no port."""


def leaves_unseen(presence: Presence, error: str | None) -> bool:
    """Tell whether nothing would show that the board of a cycle which closed with this code has left its slot."""
    match presence:
        case Presence.START:
            return True
        case Presence.PORT:
            return error in (BoardUnseen.code, BoardGone.code)
        case _:
            return error in _MUTE


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
        self._unusable_since: float | None = None
        self._guard = threading.Lock()
        self._link: Link | None = None
        self._gripped = False
        """A board asserted its line when it was let in, so it will be seen to let go."""
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

    # ------------------------------------------------------------- boards come

    def await_board(
        self, patience_s: float | None, *, on_trust: bool = False, port_s: float | None = None
    ) -> tuple[Link, Board]:
        """Return an open link and the near end of the board on it; the caller closes the link.

        ``on_trust``: there was a board, so where nothing shows boards it is
        taken to be there.  Raises ``Nobody`` once a port that could have been
        used has shown no board for ``patience_s`` seconds (None: waits for
        ever), or an operator started a board that has not brought its port;
        and after ``port_s`` seconds in which the port could not be used at all.
        """
        absent_since = began = clock.monotonic()
        while True:
            try:
                link = self._opened()
                try:
                    return link, self._first_seen(link, absent_since, patience_s, on_trust)
                except BaseException:
                    link.close()
                    raise
            except PortError as fault:
                self._note(fault)
                if self._is_over(began, port_s):
                    raise Nobody from None
                if self._presence is Presence.PORT and isinstance(fault, PortMissing):
                    if self.started or self._is_over(absent_since, patience_s):
                        raise Nobody from None
                    self._pause(_LOOK_S)
                else:
                    self._pause(_PROBE_S)
                    absent_since = clock.monotonic()  # nothing could be said of the board so far

    def _opened(self) -> Link:
        if not port_present(self._port):
            raise PortMissing(f"{self._port} is not there", port=self._port)
        link = self._open_link(self._port)
        with self._guard:
            self._link = link
            if self._cancelled:
                link.cancel()
        return link

    def _first_seen(self, link: Link, absent_since: float, patience_s: float | None, on_trust: bool) -> Board:
        """Wait for a board on an open link; raises ``PortError`` if that shows that the port can't be used."""
        board = self._board(link)
        seen = self._look(link, board)
        self._note(None)
        while not (self.started or (on_trust if seen is None else seen)):
            if self._is_over(absent_since, patience_s):
                raise Nobody
            self._pause(_PROBE_S if self._presence is Presence.PROBE else _LOOK_S)
            seen = self._look(link, board)
        self._gripped = bool(self._presence.line and seen)
        if self._presence.line and seen:
            link.hold_by(self._presence.line)
        return board

    def _look(self, link: Link, board: Board) -> bool | None:
        """Tell whether a board is there; None where nothing shows it.  What it says meanwhile is not kept."""
        match self._presence:
            case Presence.PORT:
                self._stay_open(link)
                return True
            case Presence.PROBE:
                return board.present()
        link.drain()  # raises ``PortLost`` once the adapter is gone
        return link.modem(self._presence.line) if self._presence.line else None

    def _stay_open(self, link: Link) -> None:
        """Raise ``PortMissing`` if a network's port lets everybody in, only to hang up because there is no board."""
        if "://" not in self._port:
            return
        try:
            link.read(clock.monotonic() + _HANG_UP_S)
        except PortLost as fault:
            raise PortMissing(f"{self._port} hangs up at once", port=self._port) from fault

    def _note(self, fault: PortError | None) -> None:
        """Tell how the port is; what is new and may be over in a moment, only once it lasts."""
        if fault is None or isinstance(fault, PortMissing):
            self._unusable_since = None
        else:
            now = clock.monotonic()
            self._unusable_since = self._unusable_since or now
            if now - self._unusable_since < _SETTLE_S:
                return
        self._trouble(fault)

    def _is_over(self, since: float, patience_s: float | None) -> bool:
        return patience_s is not None and clock.monotonic() - since > patience_s

    # ------------------------------------------------------------- boards go

    def await_removal(self, link: Link, board: Board, unseen: bool, swapped: Callable[[], bool]) -> bool:
        """Return True once the board has left, or an operator says that there is another; False if nothing shows that.

        ``unseen``: this board's silence means nothing, nor does a port that was gone before.  ``swapped`` is asked
        where a board answers again after a moment, whether it is another.  Raises ``PortLost`` if a fixture's adapter
        goes, which says nothing of the board.
        """
        match self._presence:
            case Presence.START:
                return self._await_start(link)
            case Presence.PROBE:
                return not unseen and self.await_silence(board, swapped=swapped)
            case Presence.PORT:
                if unseen and link.closed:
                    return False
            case _ if not self._gripped:
                return False
        try:
            while not self.started:
                link.read(clock.monotonic() + _PROBE_S)
        except BoardPulled:
            pass
        except PortLost:
            if self._presence is not Presence.PORT:
                raise
        return True

    def await_silence(
        self, board: Board, patience_s: float | None = None, swapped: Callable[[], bool] = lambda: False
    ) -> bool:
        """Probe until nobody answers any more, or somebody else by an operator's or its own word; False if it lasts."""
        since, silent = clock.monotonic(), 0
        while not self.started and silent < _SILENT_PROBES:
            if self._is_over(since, patience_s):
                return False
            answers = board.present()
            if answers and silent and swapped():
                return True
            silent = 0 if answers else silent + 1
            self._pause(_PROBE_S)
        return True

    def _await_start(self, link: Link) -> bool:
        while not self.started:
            link.drain()  # raises ``PortLost`` once the adapter is gone
            self._pause(_PROBE_S)
        return True

    def _pause(self, seconds: float) -> None:
        self._wake.wait(seconds)
        with self._guard:
            if self._cancelled:
                raise Cancelled("the station is stopping")
        self._wake.clear()
