"""How bytes get into and out of an open pyserial port.

pyserial's own ``read`` and ``write`` each wait for one direction only, so a
station that writes to a board that echoes can hang for ever.  Ports with a
file descriptor are therefore used through it, with poll(2).  What is raised
here is what pyserial 3.5 and the kernel raise; ``drivers.link`` translates.
"""

from __future__ import annotations

import errno
import io
import os
import select
import termios
from typing import Any, Protocol

import serial

from drivers.uart import LinkOptions, ModemLine

CHUNK = 4096
"""Bytes that are asked of the kernel, or given to it, at a time."""

_SLICE_S = 0.1
"""How long a port without a file descriptor may block before cancelling is looked for."""


class Wire(Protocol):
    """How bytes get to and from an open pyserial port; raises whatever pyserial and the kernel raise."""

    def receive(self, timeout_s: float) -> bytes:
        """Return what is there, waiting for the first byte; ``b""`` at the timeout or when woken."""
        ...

    def send(self, data: bytes, timeout_s: float) -> tuple[int, bytes]:
        """Send some; return how many bytes were taken and what arrived meanwhile."""
        ...

    def drive(self, dtr: bool | None, rts: bool | None) -> None:
        """Assert or release the two lines that are ours; None leaves one as it is."""
        ...

    def sense(self, line: ModemLine) -> bool:
        """Tell whether the far end asserts a line."""
        ...

    def wake(self) -> None:
        """End any waiting, now and later; from any thread."""
        ...

    def close(self) -> None:
        """Give the port back."""
        ...


def open_wire(port: str, options: LinkOptions) -> Wire:
    """Open a path, exclusively, or a URL, set up as the recipe's ``[link]`` says.

    The timeout is given here once, since changing it later makes ``rfc2217://`` negotiate anew.
    """
    settings: dict[str, Any] = {
        "baudrate": options.baud,
        "bytesize": options.data_bits,
        "parity": _PARITY[options.parity],
        "stopbits": options.stop_bits,
        "rtscts": options.flow == "rts/cts",
        "xonxoff": options.flow == "xon/xoff",
        "timeout": _SLICE_S,
    }
    if "://" not in port:
        settings["exclusive"] = True
    device = serial.serial_for_url(port, do_not_open=True, **settings)
    # Before it is opened: a wrong level, however short, restarts some boards.
    for line in ("dtr", "rts"):
        if (level := getattr(options, line)) is not None:
            setattr(device, line, level)
    device.open()
    try:
        wire = _wire_of(device, port)
        if options.dtr is not None or options.rts is not None:
            wire.drive(options.dtr, options.rts)  # once more, since pyserial 3.5 is silent where there is no such line
    except BaseException:
        _close(device)
        raise
    return wire


_PARITY = {
    "none": serial.PARITY_NONE,
    "even": serial.PARITY_EVEN,
    "odd": serial.PARITY_ODD,
    "mark": serial.PARITY_MARK,
    "space": serial.PARITY_SPACE,
}


def _wire_of(device: Any, port: str) -> Wire:
    try:
        fd = device.fileno()
    except io.UnsupportedOperation:
        return _Remote(device)
    return _Descriptor(device, fd, lines="://" not in port)


def _drive(device: Any, dtr: bool | None, rts: bool | None) -> None:
    if dtr is not None:
        device.dtr = dtr
    if rts is not None:
        device.rts = rts


def _sense(device: Any, line: ModemLine) -> bool:
    asserted: bool = {"cts": lambda: device.cts, "dsr": lambda: device.dsr, "dcd": lambda: device.cd}[line]()
    return asserted


class _Descriptor:
    """Real ports, ptys and ``socket://``: one poll(2) waits for input, for room to write and for being woken."""

    def __init__(self, device: Any, fd: int, *, lines: bool) -> None:
        """``lines``: there is more than bytes; pyserial makes a bare socket's up."""
        self._device = device
        self._fd = fd
        self._lines = lines
        self._woken, self._waker = os.pipe()
        self._input, self._any = select.poll(), select.poll()
        self._input.register(self._fd, select.POLLIN)
        self._any.register(self._fd, select.POLLIN | select.POLLOUT)
        for poll in (self._input, self._any):
            poll.register(self._woken, select.POLLIN)

    def receive(self, timeout_s: float) -> bytes:
        return self._read() if self._wait(self._input, timeout_s) else b""

    def send(self, data: bytes, timeout_s: float) -> tuple[int, bytes]:
        events = self._wait(self._any, timeout_s)
        received = self._read() if events & ~select.POLLOUT else b""
        if not events & select.POLLOUT:
            return 0, received
        try:
            return os.write(self._fd, data), received
        except BlockingIOError:
            return 0, received

    def drive(self, dtr: bool | None, rts: bool | None) -> None:
        self._need_lines()
        _drive(self._device, dtr, rts)

    def sense(self, line: ModemLine) -> bool:
        self._need_lines()
        return _sense(self._device, line)

    def wake(self) -> None:
        os.write(self._waker, b"!")

    def close(self) -> None:
        for fd in (self._woken, self._waker):
            os.close(fd)
        _close(self._device)

    def _need_lines(self) -> None:
        if not self._lines:
            raise OSError(errno.ENOTTY, "a socket has no lines")

    def _wait(self, poll: select.poll, timeout_s: float) -> int:
        for fd, events in poll.poll(max(0.0, timeout_s) * 1000):
            if fd == self._fd:
                return events
        return 0

    def _read(self) -> bytes:
        try:
            data = os.read(self._fd, CHUNK)
        except BlockingIOError:
            return b""
        if not data:  # readable and yet empty: the adapter was pulled out, or the far end closed
            raise OSError(errno.EIO, "hung up")
        return data


class _Remote:
    """``rfc2217://``: a thread of pyserial's reads all the time, so a write can't deadlock; waiting is in slices."""

    def __init__(self, device: Any) -> None:
        self._device = device

    def receive(self, timeout_s: float) -> bytes:
        if timeout_s <= 0 and not self._device.in_waiting:
            return b""
        first: bytes = self._device.read(1)
        rest: bytes = self._device.read(min(self._device.in_waiting, CHUNK)) if first else b""
        return first + rest

    def send(self, data: bytes, timeout_s: float) -> tuple[int, bytes]:
        try:
            self._device.write(data)
        except serial.SerialException as error:
            if isinstance(error.__context__, TimeoutError):
                raise error.__context__ from None
            raise
        return len(data), b""

    def drive(self, dtr: bool | None, rts: bool | None) -> None:
        _drive(self._device, dtr, rts)

    def sense(self, line: ModemLine) -> bool:
        return _sense(self._device, line)

    def wake(self) -> None:
        """Do nothing: the slices are short."""

    def close(self) -> None:
        _close(self._device)


def _close(device: Any) -> None:
    network = getattr(device, "_socket", None)
    try:
        device.close()
    except (OSError, termios.error, TypeError):  # TypeError: closed under a blocked call (pyserial 3.5)
        pass
    finally:
        if network:  # pyserial 3.5 leaves it open when its shutdown fails
            network.close()
