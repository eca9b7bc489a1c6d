"""How bytes get into and out of an open pyserial port.

pyserial's own ``read`` and ``write`` each wait for one direction only, so a
station that writes to a board that echoes can hang for ever.  Ports with a
file descriptor are therefore used through it, with poll(2).  What is raised
here is what pyserial 3.5 and the kernel raise; ``drivers.link`` translates.
"""

from __future__ import annotations

import errno
import os
import select
from typing import Any, Protocol

import serial

from drivers.device import SLICE_S, attend, claim, close, drive, release, sense
from drivers.remote import Remote, Rfc2217
from drivers.uart import LinkOptions, ModemLine

CHUNK = 4096
"""Bytes that are asked of the kernel, or given to it, at a time."""

NO_LINES = frozenset({errno.ENOTTY, errno.EINVAL, errno.EOPNOTSUPP})
"""What is said of lines that a port does not have."""


class Lineless(OSError):
    """A line should be set when the port is opened, and it has none."""


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

    def fileno(self) -> int | None:
        """Return the descriptor that becomes readable when something arrives; None if there is none."""
        ...

    def wake(self) -> None:
        """End any waiting, now and later; from any thread."""
        ...

    def close(self) -> None:
        """Give the port back."""
        ...


def open_wire(port: str, options: LinkOptions) -> Wire:
    """Open a path, exclusively, or a URL, set up as the recipe's ``[link]`` says; ``Lineless`` without its dtr and rts.

    The timeout is given here once, since changing it later makes ``rfc2217://`` negotiate anew.
    """
    settings: dict[str, Any] = {
        "baudrate": options.baud,
        "bytesize": options.data_bits,
        "parity": _PARITY[options.parity],
        "stopbits": options.stop_bits,
        "rtscts": options.flow == "rts/cts",
        "xonxoff": options.flow == "xon/xoff",
        "timeout": SLICE_S,
    }
    if "://" not in port:
        settings["exclusive"] = True
    device: Any
    if port.lower().startswith("rfc2217://"):
        device = Rfc2217(**settings)
        device.port = port
    else:
        device = serial.serial_for_url(port, do_not_open=True, **settings)
    # Before it is opened: a wrong level, however short, restarts some boards.
    for line in ("dtr", "rts"):
        if (level := getattr(options, line)) is not None:
            setattr(device, line, level)
    device.open()
    claimed = False
    try:
        attend(device)
        if "://" not in port:
            claimed = claim(device.fileno())
            if device.xonxoff:  # a board before this one may have left the line held: taken off, that is forgotten
                device.xonxoff = False
                device.xonxoff = True
        wire = _wire_of(device, port, claimed)
        if options.dtr is not None or options.rts is not None:
            _set_lines(wire, options)  # once more, since pyserial 3.5 is silent where there is no such line
    except BaseException:
        if claimed:
            release(device.fileno())
        close(device)
        raise
    return wire


def _set_lines(wire: Wire, options: LinkOptions) -> None:
    try:
        wire.drive(options.dtr, options.rts)
    except OSError as error:
        if error.errno not in NO_LINES:
            raise
        raise Lineless(error.errno, "no DTR and RTS") from error


_PARITY = {
    "none": serial.PARITY_NONE,
    "even": serial.PARITY_EVEN,
    "odd": serial.PARITY_ODD,
    "mark": serial.PARITY_MARK,
    "space": serial.PARITY_SPACE,
}


def _wire_of(device: Any, port: str, claimed: bool) -> Wire:
    if isinstance(device, Rfc2217):
        return Remote(device)
    return _Descriptor(device, device.fileno(), lines="://" not in port, claimed=claimed)


class _Descriptor:
    """Real ports, ptys and ``socket://``: one poll(2) waits for input, for room to write and for being woken."""

    def __init__(self, device: Any, fd: int, *, lines: bool, claimed: bool) -> None:
        """``lines``: there is more than bytes; pyserial makes a bare socket's up.  ``claimed``: exclusively, by us."""
        self._device = device
        self._fd = fd
        self._lines = lines
        self._claimed = claimed
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
        drive(self._device, dtr, rts)

    def sense(self, line: ModemLine) -> bool:
        self._need_lines()
        return sense(self._device, line)

    def fileno(self) -> int | None:
        return self._fd

    def wake(self) -> None:
        os.write(self._waker, b"!")

    def close(self) -> None:
        for fd in (self._woken, self._waker):
            os.close(fd)
        if self._claimed:
            release(self._fd)
        close(self._device)

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
