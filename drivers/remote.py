"""``rfc2217://``: a serial port behind a network, by pyserial 3.5, mended where a station can't live with it.

A thread of pyserial's reads all the time, so a write can't deadlock with a
board that echoes; waiting is in slices.
"""

from __future__ import annotations

import errno
import logging
import queue
import threading
from contextlib import suppress
from typing import Any

import serial
import serial.rfc2217

from drivers.device import close, drive, sense
from drivers.uart import ModemLine

log = logging.getLogger(__name__)

_KEPT = 64 * 1024
"""Bytes of input that are kept while nobody reads; older ones are dropped."""
_AT_A_TIME = 4096
_ENDING_S = 0.02
"""Seconds in which the thread has seen that the far end hung up, once a write to it has failed."""


class _Kept(queue.Queue[bytes | None]):
    """What has come and was not read: bounded, the newest."""

    def put(self, item: bytes | None, block: bool = True, timeout: float | None = None) -> None:
        while self.qsize() >= _KEPT:
            with suppress(queue.Empty):
                self.get_nowait()
        super().put(item, block, timeout)


class _Ended:
    """What a question to the far end becomes once it has hung up: pyserial would wait out its timeout for an answer."""

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("__"):
            return super().__getattribute__(name)
        raise BrokenPipeError(errno.EPIPE, "the far end has hung up")


class Rfc2217(serial.rfc2217.Serial):
    """pyserial's device, whose thread keeps within bounds, dies without a word on the screen, and is missed at once."""

    _unanswered = False
    """It is connected, and the far end has said no word of telnet."""

    def open(self) -> None:
        """Connect and negotiate; what says nothing at all has not refused the settings, so it is a ``TimeoutError``.

        The kernel connects for a terminal server that is stuck, or busy with giving its port back.
        """
        try:
            super().open()
        except serial.SerialException as error:
            if self._unanswered:
                raise TimeoutError(errno.ETIMEDOUT, "the far end says nothing") from error
            raise

    def _telnet_negotiate_option(self, command: bytes, option: bytes) -> None:
        self._unanswered = False
        super()._telnet_negotiate_option(command, option)  # type: ignore[misc]  # not documented

    def _telnet_read_loop(self) -> None:
        self._unanswered = True
        self._read_buffer = _Kept()
        try:
            super()._telnet_read_loop()  # type: ignore[misc]  # the stubs know only what is documented
        except (OSError, AttributeError, TypeError, ValueError) as error:
            # The far end hung up while it was answered, or sent what is no telnet: whoever reads is told that it ended.
            log.debug("%s: %r", self.portstr, error)
            self._read_buffer.put(None)
        questions: dict[str, Any] = vars(self)
        for question in (*questions["_telnet_options"], *questions["_rfc2217_options"].values()):
            question.__class__ = _Ended

    def close(self) -> None:
        """Give the connection back; pyserial then sleeps 0.3 s for the far end, but one that hung up first needs none.

        A board may come back any moment, and has booted if it is not met in time.
        """
        thread: threading.Thread | None = vars(self)["_thread"]
        if thread is not None:
            thread.join(_ENDING_S)
            if not thread.is_alive():
                self._thread = None
        super().close()


class Remote:
    """How bytes get to and from such a port; a ``drivers.wire.Wire``."""

    def __init__(self, device: Any) -> None:
        self._device = device

    def receive(self, timeout_s: float) -> bytes:
        """Return what is there, waiting for the first byte."""
        if timeout_s <= 0 and not self._device.in_waiting:
            return b""
        first: bytes = self._device.read(1)
        rest: bytes = self._device.read(min(self._device.in_waiting, _AT_A_TIME)) if first else b""
        return first + rest

    def send(self, data: bytes, timeout_s: float) -> tuple[int, bytes]:
        """Send all of it; nothing is read meanwhile, since a thread does."""
        try:
            self._device.write(data)
        except serial.SerialException as error:
            if isinstance(error.__context__, TimeoutError):
                raise error.__context__ from None
            raise
        return len(data), b""

    def drive(self, dtr: bool | None, rts: bool | None) -> None:
        """Assert or release the two lines that are ours, and wait until the far end has done so."""
        drive(self._device, dtr, rts)

    def sense(self, line: ModemLine) -> bool:
        """Tell what the far end has told last of a line; a far end without lines tells nothing."""
        try:
            return sense(self._device, line)
        except serial.SerialException as error:
            if "NOTIFY_MODEMSTATE" in str(error):
                raise OSError(errno.ENOTTY, "the far end tells of no lines") from error
            raise

    def fileno(self) -> int | None:
        """Return None: what arrives is read by a thread."""
        return None

    def wake(self) -> None:
        """Do nothing: the slices are short."""

    def close(self) -> None:
        """Give the port back."""
        close(self._device)
