"""What is done with any open device of pyserial 3.5, whatever kind it is."""

from __future__ import annotations

import fcntl
import os
import socket
import termios
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from drivers.uart import ModemLine

PTYS = range(136, 144)
"""Major numbers of the near sides of ptys (Linux)."""

_CAP_SYS_ADMIN = 21
_TIOCGEXCL = 0x80045440
"""Is there a claim? (Linux 3.8, where an ioctl that reads has this bit; ``termios`` doesn't name it.)"""

_UNHEARD_S = 4
"""Seconds without a sign of a terminal server; less than a board has for its answer, whose fault it would seem."""
SLICE_S = 0.1
"""How long a device that can't be woken may block before cancelling is looked for."""


def drive(device: Any, dtr: bool | None, rts: bool | None) -> None:
    """Assert or release the two lines that are ours; None leaves one as it is."""
    if dtr is not None:
        device.dtr = dtr
    if rts is not None:
        device.rts = rts


def sense(device: Any, line: ModemLine) -> bool:
    """Tell whether the far end asserts a line."""
    asserted: bool = {"cts": lambda: device.cts, "dsr": lambda: device.dsr, "dcd": lambda: device.cd}[line]()
    return asserted


def claim(fd: int) -> bool:
    """Let nobody else open this terminal any more, not even one who asks for no lock; root still can (tty_ioctl(4)).

    Return whether the claim is ours to take back: where root comes in beside
    somebody's claim, it stays that one's.

    The kernel takes that back when the last descriptor is closed, by a kill as
    well; but of a pty only when its far end closes, so a program that was
    killed would have shut itself out.  A pty is claimed by those alone whom
    the claim doesn't stop.
    """
    if not _unstoppable() and os.major(os.fstat(fd).st_rdev) in PTYS:
        return False
    before = bytearray(4)
    with suppress(OSError):  # a driver or kernel that can't tell
        fcntl.ioctl(fd, _TIOCGEXCL, before)
    fcntl.ioctl(fd, termios.TIOCEXCL)
    return not any(before)


def release(fd: int) -> None:
    """Take our own claim back at once, whoever else has the terminal open."""
    with suppress(OSError):  # gone
        fcntl.ioctl(fd, termios.TIOCNXCL)


@cache
def _unstoppable() -> bool:
    """Tell whether this process has CAP_SYS_ADMIN; of root in a container that isn't sure."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return False
    held = next((line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), "0")
    return bool(int(held, 16) >> _CAP_SYS_ADMIN & 1)


def attend(device: Any) -> None:
    """See to it that a terminal server which is gone without a word (its power, its cable) is missed, too.

    Of bytes that nobody takes and of a line on which nobody is the kernel tells after ``_UNHEARD_S``.
    """
    network: socket.socket | None = getattr(device, "_socket", None)
    if network is None:
        return
    network.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        (socket.TCP_KEEPIDLE, 1),
        (socket.TCP_KEEPINTVL, 1),
        (socket.TCP_KEEPCNT, _UNHEARD_S - 1),
        (socket.TCP_USER_TIMEOUT, _UNHEARD_S * 1000),
    ):
        network.setsockopt(socket.IPPROTO_TCP, option, value)


def close(device: Any) -> None:
    """Close it, whatever state it is in; never fails."""
    network = getattr(device, "_socket", None)
    try:
        device.close()
    except (OSError, termios.error, TypeError):  # TypeError: closed under a blocked call
        pass
    finally:
        if network:  # left open when its shutdown fails
            network.close()
