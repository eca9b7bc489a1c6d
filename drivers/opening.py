"""A port is opened, exclusively where it is a path; or why not, in the words of ``drivers.errors``."""

from __future__ import annotations

import errno
import os
import socket
import stat
import termios
import time
from urllib.parse import parse_qs, urlsplit

from drivers.errors import PortBusy, PortDenied, PortError, PortMissing, PortUnusable
from drivers.holders import Holder, holders, rivals
from drivers.ports import denial
from drivers.uart import LinkOptions
from drivers.wire import Lineless, Wire, open_wire

_URL_OPTIONS = {"socket": frozenset[str](), "rfc2217": frozenset({"ign_set_control", "poll_modem", "timeout"})}
"""The kinds of URL, with the options that each takes (pyserial 3.5).  Not its ``logging``, nor kinds such as
``spy://``: they would write down keys."""

_GLANCE_S = 0.1
"""Who has a port open for so short a time doesn't use it."""

_REASONS: dict[int, tuple[type[PortError], str]] = {
    errno.ENOENT: (PortMissing, "is not there"),
    errno.ENODEV: (PortMissing, "is not there"),
    errno.ENXIO: (PortMissing, "is not there"),
    errno.EIO: (PortMissing, "is there but its adapter is gone"),
    errno.ECONNREFUSED: (PortMissing, "is not there: nothing listens at this address"),
    errno.ECONNRESET: (PortMissing, "hung up while it was being opened"),
    errno.EPIPE: (PortMissing, "hung up while it was being opened"),
    errno.EHOSTUNREACH: (PortMissing, "is not there: no way to this address"),
    errno.ENETUNREACH: (PortMissing, "is not there: no way to this address"),
    socket.EAI_NONAME: (PortMissing, "is not there: no host of this name"),
    socket.EAI_AGAIN: (PortMissing, "is not there: the host's name can't be looked up now"),
    errno.ETIMEDOUT: (PortMissing, "does not answer"),
    errno.EBUSY: (PortBusy, "is in use by another program"),
    errno.EAGAIN: (PortBusy, "is in use by another program"),
    errno.EACCES: (PortDenied, "may not be opened by this user"),
    errno.EPERM: (PortDenied, "may not be opened by this user"),
}


def port_present(port: str) -> bool:
    """Tell whether the port is there now; of a URL that can't be known without opening it, so it counts as there."""
    return "://" in port or os.path.exists(port)


def port_complaint(port: str) -> str | None:
    """Return what is wrong with the spelling of a port, as half a sentence, or None; a path is always right.

    Opens nothing and looks nothing up, so a right spelling doesn't mean that the port is there.
    """
    if "://" not in port:
        return None
    kind = port.partition("://")[0].lower()
    if kind not in _URL_OPTIONS:
        return f"there is no {kind}://, only a path, socket://HOST:PORT and rfc2217://HOST:PORT"
    try:
        url = urlsplit(port)
        complete = bool(url.hostname and url.port)
    except ValueError:  # a port that is no number up to 65535, or a bracket that is not closed
        complete = False
    if not complete:
        return f"needs a host and a port number from 1 to 65535, as in {kind}://127.0.0.1:4000"
    if unknown := sorted(set(parse_qs(url.query, keep_blank_values=True)) - _URL_OPTIONS[kind]):
        return f"{kind}:// has no option {' or '.join(unknown)}"
    return None


def opened(port: str, options: LinkOptions) -> Wire:
    """Open a path or a well-spelt URL; who else has a path open, locked or not, makes it ``PortBusy``.

    Raises ``PortMissing``, ``PortBusy``, ``PortDenied`` or ``PortUnusable``.
    """
    try:
        wire = open_wire(port, options)
    except (OSError, termios.error, ValueError, TypeError) as error:
        raise _unopened(port, error) from error
    if "://" not in port and (others := _stayers(port)):
        wire.close()
        raise _busy(port, others)
    return wire


def _stayers(port: str) -> tuple[Holder, ...]:
    """Return who else has a port open that we have locked, and not only for an instant, as udev looks at a new one."""
    others = rivals(port)
    until = time.monotonic() + _GLANCE_S
    while others and time.monotonic() < until:
        time.sleep(_GLANCE_S / 5)
        others = rivals(port)
    return others


def _busy(port: str, by: tuple[Holder, ...], partial: bool = False) -> PortBusy:
    """Say who has a port; what can't be seen is not guessed."""
    if by:
        names = " and ".join("this program itself" if who.pid == os.getpid() else str(who) for who in by[:3])
        first = by[0]
        return PortBusy(
            f"{port} is in use by {names}", port=port, program=first.program, pid=first.pid, user=first.user
        )
    unseen = ", which this user may not see; as root, fuser names it" if partial else ""
    return PortBusy(f"{port} is in use by another program{unseen}", port=port)


def _is_terminal(path: str) -> bool:
    """Tell whether a path is of the kind that serial ports are of; also if that can't be known."""
    try:
        if not stat.S_ISCHR(os.stat(path).st_mode):
            return False
        descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        return os.isatty(descriptor)
    finally:
        os.close(descriptor)


def _unopened(port: str, error: Exception) -> PortError:
    """Say in the tree's words why a port could not be opened; pyserial hides a socket's error behind its own."""
    if isinstance(error, Lineless):
        return PortUnusable(
            f"{port} has no DTR and RTS lines: leave dtr and rts out of the recipe's [link] for such a port", port=port
        )
    for cause in (error, error.__context__):
        number = getattr(cause, "errno", None)
        if isinstance(cause, TimeoutError):
            number = errno.ETIMEDOUT
        if number in _REASONS:
            kind, text = _REASONS[number]
            if kind is PortBusy:
                seen = holders(port)
                return _busy(port, seen.by, seen.partial)
            why = denial(port) if kind is PortDenied else None
            return kind(f"{port} {text}: it {why}" if why else f"{port} {text}", port=port)
    if "://" not in port and not _is_terminal(port):
        return PortUnusable(f"{port} is no serial port", port=port)
    hint = "; ?ign_set_control behind its address, if its port has no such lines" if "'control'" in str(error) else ""
    return PortUnusable(f"{port} can't be used with these link settings: {error}{hint}", port=port)
