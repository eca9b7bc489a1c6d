"""One UART, as dialects see it: bytes, deadlines, cancelling, a transcript.

A port is a path, or ``socket://`` or ``rfc2217://`` with host and TCP port.
This module and ``opening`` alone turn what pyserial and the kernel raise into ``drivers.errors``.

Times are seconds; deadlines are readings of ``time.monotonic``.
"""

from __future__ import annotations

import re
import termios
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import NoReturn, Self, TypeVar

from drivers.errors import BoardHolds, BoardPulled, Cancelled, PortLost, PortStuck, PortUnusable
from drivers.grip import LOOK_S, Grip
from drivers.opening import opened, port_complaint
from drivers.returning import PortReturned, Restart
from drivers.transcript import Passage, Transcript
from drivers.uart import LinkOptions, ModemLine
from drivers.wire import CHUNK, NO_LINES, Wire

_T = TypeVar("_T")

PENDING_LIMIT = 64 * 1024
"""Bytes of input that are kept while nobody reads; older ones are dropped."""


class Link:
    """An open port.  One thread uses it; ``cancel``, ``hide`` and ``transcript`` are for any thread."""

    def __init__(self, port: str, wire: Wire, options: LinkOptions) -> None:
        self.port = port
        self._wire = wire
        self._options = options
        self._pending = bytearray()
        self._transcript = Transcript()
        self._cancelled = threading.Event()
        self._closed = False
        self._guard = threading.Lock()
        self._greeted = False
        self._grip: Grip | None = None
        self._restart: Restart | None = None
        self._last = time.monotonic()
        """When a byte went over the wire last, either way."""

    @classmethod
    def open(cls, port: str, options: LinkOptions) -> Self:
        """Open a port; a path is opened exclusively.  What had arrived before is lost (pyserial 3.5 flushes).

        Nobody can open the path any more until it is closed, root excepted;
        who has it already makes it ``PortBusy``, even one who has not locked it.

        Raises ``PortMissing``, ``PortBusy``, ``PortDenied`` or ``PortUnusable``.
        """
        if complaint := port_complaint(port):
            raise PortUnusable(f"{port}: {complaint}", port=port)
        return cls(port, opened(port, options), options)

    def read(self, deadline: float) -> bytes:
        """Return what has arrived, as soon as there is any; ``b""`` at the deadline.

        A deadline that has passed asks without waiting.  Raises ``PortLost``, ``Cancelled``.
        """
        while True:
            self._check()
            if self._pending:
                data = bytes(self._pending)
                self._pending.clear()
                return data
            left = deadline - time.monotonic()
            self._receive(left)
            if not self._pending and left <= 0:
                return b""

    def write(self, data: bytes, deadline: float) -> None:
        """Send all of ``data``; input that arrives meanwhile is kept for ``read``.

        Without that, a board that echoes and a station that writes wait for
        each other for ever.  Raises ``PortStuck`` at the deadline (with flow control ``BoardHolds``), ``PortLost``,
        ``Cancelled``.
        """
        pace = self._options.pace
        size = pace.bytes if pace else CHUNK
        while (quiet := self._last + self._options.line_gap_s - time.monotonic()) > 0:
            self._pause(quiet)
        for start in range(0, len(data), size):
            if pace and start:
                self._pause(pace.gap_s)
            piece = data[start : start + size]
            while piece:
                self._check()
                left = deadline - time.monotonic()
                if left <= 0:
                    raise self._stuck(unsent=len(data) - start)
                piece = self._send(piece, left)

    def drain(self) -> bytes:
        """Take away what has arrived, without waiting, and return it: ``PENDING_LIMIT`` bytes or little more."""
        taken = bytearray()
        while len(taken) < PENDING_LIMIT and (data := self.read(0)):
            taken += data
        return bytes(taken)

    def wire_s(self, count: int) -> float:
        """Seconds that ``count`` bytes need to be sent."""
        options, pace = self._options, self._options.pace
        wire = count * options.character_bits / options.baud
        return options.line_gap_s + wire + (count // pace.bytes * pace.gap_s if pace else 0)

    def greet(self) -> None:
        """Before a board is asked who it is: ``reset`` it, if the recipe wants that; once a link, so once a board."""
        greeted, self._greeted = self._greeted, True
        if self._options.reset_first and not greeted:
            self.restarting(self._reset_first, lambda: None)

    def reset(self) -> None:
        """Restart the board by its lines, as ``link.reset`` of the recipe says; what comes meanwhile is kept.

        Raises ``PortUnusable`` if the recipe doesn't say how, or this kind of port has no such lines.
        """
        if self._options.reset is None:
            raise PortUnusable(f"{self.port}: the recipe's link has no reset", port=self.port)
        for pulse in self._options.reset:
            self._check()
            try:
                self._wire.drive(pulse.dtr, pulse.rts)
            except (OSError, termios.error) as error:
                self._lineless("DTR and RTS", error)
            self._pause(pulse.hold_s)

    def restarting(self, restart: Callable[[], _T], reach: Callable[[], _T]) -> _T:
        """Return what ``restart`` does: it restarts the board, sees that it did, and reaches it.

        Where the recipe has ``returns_s``, the board may take its port along meanwhile: ``restart`` ends there, and
        ``reach`` is done in its place, and anew if that happens again, once the same path can be opened again.

        Raises ``BoardGone`` if the port isn't back in time, or what keeps it from being opened.
        """
        self._restart = Restart(self.port, self._options)
        act = restart
        try:
            while True:
                try:
                    return act()
                except PortReturned:
                    act = reach
        finally:
            self._restart = None

    def modem(self, line: ModemLine) -> bool:
        """Tell whether the far end asserts a line; raises ``PortUnusable`` where the port has none, ``PortLost``."""
        self._check()
        return self._sensed(line)

    def hold_by(self, line: ModemLine) -> None:
        """From now on, raise ``BoardPulled`` from whatever waits here once the board lets go of this line."""
        self._grip = Grip(line)

    def fileno(self) -> int | None:
        """Return the descriptor that becomes readable when something arrives, for select(2); None if there is none.

        What ``write`` has kept meanwhile doesn't show there: ``read`` first.
        """
        return self._wire.fileno()

    def cancel(self) -> None:
        """Make everything in progress, and everything later, raise ``Cancelled``; for any thread, at any time."""
        with self._guard:
            self._cancelled.set()
            if not self._closed:
                self._wire.wake()

    def close(self) -> None:
        """Give the port back.  May be repeated; never fails."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
            self._wire.close()

    def hide(self, secret: str) -> None:
        """Mask this text in the transcript and in ``masked``, also as hex, base64 or quoted."""
        self._transcript.hide(secret)

    def hide_setting(self, name: str) -> None:
        """Mask the value of the setting of this name in the transcript and in ``masked``, whatever it is."""
        self._transcript.hide_setting(name)

    def know_log(self, patterns: Iterable[re.Pattern[str]]) -> None:
        """Lines of the board's log, from where one of these is found, may come in the middle of what is masked."""
        self._transcript.know_log(patterns)

    def hides(self, name: str, value: str) -> bool:
        """Tell whether a setting is hidden: by its name, or for a hidden text in its value."""
        return self._transcript.hides(name, value)

    def masked(self, data: bytes) -> bytes:
        """Return what was sent or heard just now without the secrets in it, for an error's details."""
        return self._transcript.mask(data)

    def masked_text(self, text: str) -> str:
        """Return a text of the station's own without the hidden texts in it."""
        return self._transcript.mask_values(text.encode(errors="replace")).decode(errors="replace")

    @property
    def closed(self) -> bool:
        """Whether the port was given back, or has gone away."""
        return self._closed

    @property
    def opened(self) -> float:
        """When it was opened first, a reading of ``time.monotonic``; the transcript's seconds count from here."""
        return self._transcript.opened

    @property
    def transcript(self) -> list[Passage]:
        """The last 64 KiB of what was said, masked."""
        return self._transcript.passages()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _reset_first(self) -> None:
        """``reset``; a port that goes away for it does so before the board says anything."""
        self.reset()
        self._pause(self._options.returns_s or 0, heard=len(self._pending))

    def _check(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled("the station is stopping", port=self.port)
        if self._closed:
            raise PortLost(f"{self.port} is closed", port=self.port)
        if self._grip and self._grip.lost(self._sensed):
            raise BoardPulled(f"the board on {self.port} no longer asserts {self._grip.line.upper()}", port=self.port)

    def _receive(self, timeout_s: float) -> None:
        try:
            self._keep(self._wire.receive(min(timeout_s, LOOK_S) if self._grip else timeout_s))
        except (OSError, termios.error) as error:
            self._lost(error)

    def _send(self, piece: bytes, timeout_s: float) -> bytes:
        """Send some of ``piece`` and return the rest."""
        try:
            count, received = self._wire.send(piece, min(timeout_s, LOOK_S) if self._grip else timeout_s)
        except TimeoutError as error:
            raise self._stuck() from error
        except (OSError, termios.error) as error:
            self._lost(error)
        self._transcript.add(">", piece[:count])
        self._last = time.monotonic()
        self._keep(received)
        return piece[count:]

    def _stuck(self, **details: int) -> PortStuck:
        flow = self._options.flow
        if flow == "none":
            return PortStuck(f"{self.port} takes no bytes", port=self.port, **details)
        return BoardHolds(f"{self.port} takes no bytes: flow control, {flow}", port=self.port, **details)

    def _sensed(self, line: ModemLine) -> bool:
        try:
            return self._wire.sense(line)
        except (OSError, termios.error) as error:
            self._lineless(line.upper(), error)

    def _pause(self, seconds: float, heard: int | None = None) -> None:
        """Keep what comes; ``heard`` bytes are kept by now, and one more ends the pause."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and (heard is None or len(self._pending) == heard):
            self._check()
            self._receive(left)

    def _keep(self, data: bytes) -> None:
        if not data:
            return
        self._transcript.add("<", data)
        self._last = time.monotonic()
        self._pending += data
        if len(self._pending) > PENDING_LIMIT:
            del self._pending[:-PENDING_LIMIT]

    def _lineless(self, lines: str, error: Exception) -> NoReturn:
        """Say that a port has no such lines, or that it is gone."""
        if getattr(error, "errno", None) not in NO_LINES:
            self._lost(error)
        raise PortUnusable(f"{self.port} has no {lines} lines", port=self.port) from error

    def _lost(self, error: Exception) -> NoReturn:
        """Give the port back at once: while it is held, its adapter comes back under another number."""
        if self._cancelled.is_set():
            raise Cancelled("the station is stopping", port=self.port) from error
        self.close()
        if not (self._restart and self._restart.may_leave):
            hint = "; if it is the board's own and comes back after a restart, link.returns_s says so"
            raise PortLost(f"{self.port} went away: {error}{hint if self._restart else ''}", port=self.port) from error
        wire = self._restart.returned(self._cancelled)
        with self._guard:
            self._wire, self._closed = wire, False
        self._pending.clear()
        self._grip = self._grip and Grip(self._grip.line)
        raise PortReturned
