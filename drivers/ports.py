"""The serial ports of this machine: what each one is, under which names, and who has it open.

Read from sysfs and ``/dev`` alone: no port is opened, so no board notices.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from drivers.holders import SYSTEM, Held, Holder, Roots, held, holders

__all__ = ["Held", "Holder", "Port", "Roots", "Usb", "denial", "holders", "ports", "steady_names"]


@dataclass(frozen=True, slots=True)
class Usb:
    """What an adapter, or a board with USB of its own, says of itself; untrusted text."""

    vid: str
    """Vendor id, four hex digits."""
    pid: str
    """Product id, likewise."""
    manufacturer: str
    product: str
    serial: str
    """Its serial number; empty for many cheap adapters."""
    interface: str
    """Which of the adapter's ports it is, two hex digits."""


@dataclass(frozen=True, slots=True)
class Port:
    """One serial port."""

    path: str
    by_id: tuple[str, ...]
    """Links named after the adapter: they follow it to another socket."""
    by_path: tuple[str, ...]
    """Links named after the socket: they stay with it, whatever is plugged in."""
    driver: str
    usb: Usb | None
    held: Held


def ports(roots: Roots = SYSTEM) -> list[Port]:
    """Return the serial ports that there are now, those of USB first, ptys excepted (nobody lists what they are)."""
    found: list[tuple[str, Path]] = []
    for entry in _entries(roots.sys / "class" / "tty"):
        device = entry / "device"
        # A console or a pty is no device; a UART of type 0 is a place on the board where none is.
        if device.exists() and _text(entry / "type") != "0" and (roots.dev / entry.name).exists():
            found.append((str(roots.dev / entry.name), device.resolve()))
    holding = held([path for path, _ in found], roots)
    listed = [
        Port(path, *_names(path, roots), _driver(device, roots), _usb(device, roots), holding[path])
        for path, device in found
    ]
    return sorted(listed, key=lambda port: (port.usb is None, _natural(port.path)))


def steady_names(path: str, roots: Roots = SYSTEM) -> list[str]:
    """Return the names under which a port is found again after it was unplugged, those of its socket first."""
    by_id, by_path = _names(os.path.realpath(path), roots)
    return [*by_path, *by_id]


def denial(path: str) -> str | None:
    """Say, as half a sentence, why this user may not read and write a port, and what would help; None if it may.

    Asks with the effective user, and opens nothing.
    """
    if os.access(path, os.R_OK | os.W_OK, effective_ids=True):
        return None
    try:
        facts = os.stat(path)
    except OSError as error:
        return f"can't be looked at: {error.strerror}"
    group, mode = _group(facts.st_gid), stat.S_IMODE(facts.st_mode)
    belongs = f"belongs to {_user(facts.st_uid)}:{group}, mode {mode:o}"
    me = _user(os.geteuid())
    if mode & 0o060 == 0o060 and facts.st_gid != 0:
        if facts.st_gid in os.getgroups():
            return f"{belongs}, which keeps out even its group"
        return f"{belongs}; add this user to its group: usermod -aG {group} {me}, then log in again"
    return f'{belongs}; a udev rule may give it to the group dialout: GROUP="dialout", MODE="0660"'


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _names(path: str, roots: Roots) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the links to a port, by id and by path."""
    folders = (roots.dev / "serial" / kind for kind in ("by-id", "by-path"))
    by_id, by_path = (
        tuple(str(link) for link in _entries(folder) if os.path.realpath(link) == os.path.realpath(path))
        for folder in folders
    )
    return by_id, by_path


def _driver(device: Path, roots: Roots) -> str:
    """Return the driver of the nearest device that has one; a UART's own two levels are no drivers."""
    for folder in _upwards(device, roots):
        name = (folder / "driver").resolve().name if (folder / "driver").exists() else ""
        if name and (folder / "subsystem").resolve().name != "serial-base":
            return name
    return ""


def _usb(device: Path, roots: Roots) -> Usb | None:
    interface = ""
    for folder in _upwards(device, roots):
        interface = interface or _text(folder / "bInterfaceNumber")
        if vid := _text(folder / "idVendor"):
            pid, manufacturer, product, serial = (
                _text(folder / name) for name in ("idProduct", "manufacturer", "product", "serial")
            )
            return Usb(vid, pid, manufacturer, product, serial, interface)
    return None


def _upwards(device: Path, roots: Roots) -> list[Path]:
    """Return a device's folder and those above it, up to the root of all devices."""
    return [folder for folder in (device, *device.parents) if roots.sys.resolve() in folder.parents]


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace").strip()
    except OSError:
        return ""


def _natural(path: str) -> tuple[str, int, str]:
    """Order ttyUSB10 behind ttyUSB9."""
    stem = path.rstrip("0123456789")
    number = path[len(stem) :]
    return stem, int(number or -1), path


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
