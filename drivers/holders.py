"""Who has a port open: by what each process has open, by locks, and by lock files.

The kernel keeps no such list, so every process is looked at; some milliseconds.
Nothing is opened or changed.  A user other than root may not look into the
processes of others: then ``partial`` says that there may be more.
"""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from drivers.device import PTYS


@dataclass(frozen=True, slots=True)
class Roots:
    """Where the system shows its devices and processes; a test shows others."""

    sys: Path = Path("/sys")
    dev: Path = Path("/dev")
    proc: Path = Path("/proc")
    locks: Path = Path("/var/lock")
    """Where minicom and its like keep ``LCK..ttyUSB0``."""


SYSTEM = Roots()
"""Those of this machine."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has a port open, or has locked it."""

    pid: int
    program: str
    """Its name as the kernel tells it, 15 characters at most; its arguments are nobody's business."""
    user: str

    def __str__(self) -> str:
        return f"{self.program} (process {self.pid}, user {self.user})"


@dataclass(frozen=True, slots=True)
class Held:
    """Who has a port open."""

    by: tuple[Holder, ...] = ()
    partial: bool = False
    """Whether there are processes that this user may not look into."""


class _Device(NamedTuple):
    """What is the same for all descriptors of one port."""

    filesystem: int
    """0 for what is the same device wherever its node is; ptys are numbered anew in each container."""
    number: int


class _Quiet(NamedTuple):
    """A process none of whose descriptors was a device."""

    descriptors: int
    """How many it had: another number shows that it has opened something since.  Linux tells it since 6.2."""
    since: float
    """When that was first seen, a monotonic instant."""


_TRUSTED_S = 10.0
_STEADY_S = 1.0
"""A process whose number was another one less than this ago may open the port in place of what it has just closed."""
_unconcerned: dict[str, _Quiet] = {}
_thorough = float("-inf")
"""When all processes were looked at last, a monotonic instant."""


def holders(port: str, roots: Roots = SYSTEM) -> Held:
    """Return who has the port of this path open, this process among them; nobody if it isn't there.

    The process at the other end of a pty is its far end and holds nothing,
    even if it keeps the near side open, too.
    """
    return held([port], roots)[port]


def rivals(port: str) -> tuple[Holder, ...]:
    """Return who else has a port open that this process has locked.

    Asked at each opening, so processes that had no device open a moment ago
    are only looked at again if they have opened something since.
    """
    global _unconcerned, _thorough
    if time.monotonic() - _thorough > _TRUSTED_S:
        _unconcerned, _thorough = {}, time.monotonic()
    return held([port], SYSTEM, _unconcerned)[port].by


def held(
    ports: Iterable[str], roots: Roots = SYSTEM, unconcerned: dict[str, _Quiet] | None = None
) -> Mapping[str, Held]:
    """Return the holders of each port, by one look at all processes.

    ``unconcerned`` are those that need no look while they have so many descriptors; it is kept up to date.  With it,
    the ports are ours: we have their locks, and are no holder.
    """
    found: dict[str, Held] = dict.fromkeys(ports, Held())
    devices: dict[str, tuple[str, _Device, os.stat_result]] = {}
    for port in found:
        with suppress(OSError):
            facts = os.stat(port)
            devices[port] = (os.path.basename(os.path.realpath(port)), _device(facts), facts)
    if not devices:
        return found
    pids, partial = _by_descriptor({(name, device) for name, device, _ in devices.values()}, roots, unconcerned)
    locked = _by_lock(roots) if unconcerned is None else {}
    for port, (name, device, facts) in devices.items():
        claimed = locked.get((os.major(facts.st_dev), os.minor(facts.st_dev), facts.st_ino), set())
        claimed = claimed | _by_lock_file(name, roots)
        open_in = pids.get(device, set())
        # A claim of a process that can be looked into, and doesn't have the port open, is an old one.
        claimed = {pid for pid in claimed - open_in if not _transparent(pid, roots)}
        by = sorted(pid for pid in open_in | claimed if not _is_far_end(pid, facts, roots))
        found[port] = Held(tuple(_holder(pid, roots) for pid in by), partial)
    return found


def _device(facts: os.stat_result) -> _Device:
    if not facts.st_rdev:
        return _Device(facts.st_dev, facts.st_ino)
    return _Device(facts.st_dev if os.major(facts.st_rdev) in PTYS else 0, facts.st_rdev)


def _by_descriptor(
    wanted: set[tuple[str, _Device]], roots: Roots, unconcerned: dict[str, _Quiet] | None
) -> tuple[dict[_Device, set[int]], bool]:
    """Return the processes that have a wanted device open, and whether some could not be looked into."""
    found: dict[_Device, set[int]] = {}
    partial = False
    ends = tuple({f"/{name}" for name, _ in wanted})
    devices = {device for _, device in wanted}
    proc, any_device, none = str(roots.proc), f"{roots.dev}/", f"{roots.dev}/null"
    numbered = unconcerned if unconcerned and os.stat(f"{proc}/self/fd").st_size else None
    ours = str(os.getpid()) if unconcerned is not None else ""
    now = time.monotonic()
    for pid in _listed(proc):
        if not pid.isdecimal() or pid == ours:
            continue
        folder = f"{proc}/{pid}/fd/"
        try:
            quiet = numbered.get(pid) if numbered else None
            if quiet and now - quiet.since >= _STEADY_S and os.stat(folder).st_size == quiet.descriptors:
                continue
            descriptors = os.listdir(folder)
        except PermissionError:
            partial = True
            continue
        except OSError:  # it has ended
            continue
        concerned = False
        for descriptor in descriptors:
            try:
                target = os.readlink(folder + descriptor)
                concerned = concerned or (target.startswith(any_device) and target != none)
                # By its name first, which is cheaper; the node of an adapter that was pulled out ends with "(deleted)".
                if target.endswith(ends) and (device := _device(os.stat(folder + descriptor))) in devices:
                    found.setdefault(device, set()).add(int(pid))
            except OSError:
                continue
        if unconcerned is None:
            continue
        if concerned:
            unconcerned.pop(pid, None)
        elif not (quiet and quiet.descriptors == len(descriptors)):
            unconcerned[pid] = _Quiet(len(descriptors), now)
    return found, partial


def _by_lock(roots: Roots) -> dict[tuple[int, int, int], set[int]]:
    """Return who holds a flock(2) on which file: major, minor, inode -> processes."""
    locks: dict[tuple[int, int, int], set[int]] = {}
    for line in _text(roots.proc / "locks").splitlines():
        match line.split():
            case [_, "FLOCK", _, _, pid, file, *_]:
                with suppress(ValueError):
                    major, minor, inode = file.split(":")
                    locks.setdefault((int(major, 16), int(minor, 16), int(inode)), set()).add(int(pid))
    return locks


def _by_lock_file(name: str, roots: Roots) -> set[int]:
    pid = _text(roots.locks / f"LCK..{name}").strip()
    return {int(pid)} if pid.isdecimal() and (roots.proc / pid).is_dir() else set()


def _transparent(pid: int, roots: Roots) -> bool:
    """Tell whether this user may look into a process, or it is gone."""
    try:
        os.listdir(roots.proc / str(pid) / "fd")
    except PermissionError:
        return False
    except OSError:
        return True
    return True


def _is_far_end(pid: int, facts: os.stat_result, roots: Roots) -> bool:
    """Tell whether a process has the other end of this pty."""
    if os.major(facts.st_rdev) not in PTYS:
        return False
    number = (os.major(facts.st_rdev) - PTYS.start) * 256 + os.minor(facts.st_rdev)
    folder = f"{roots.proc}/{pid}"
    for descriptor in _listed(f"{folder}/fd"):
        with suppress(OSError):
            if os.readlink(f"{folder}/fd/{descriptor}").endswith("/ptmx"):
                told = _text(f"{folder}/fdinfo/{descriptor}")
                if f"tty-index:\t{number}\n" in told + "\n":
                    return True
    return False


def _holder(pid: int, roots: Roots) -> Holder:
    folder = roots.proc / str(pid)
    name = _text(folder / "comm").strip()
    program = "".join(c if c.isprintable() else "?" for c in name) or "a program"
    uid = next((line.split()[1] for line in _text(folder / "status").splitlines() if line.startswith("Uid:")), "")
    return Holder(pid, program, _user(int(uid)) if uid.isdecimal() else "unknown")


@lru_cache(maxsize=64)
def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _text(file: Path | str) -> str:
    try:
        with open(file, "rb", buffering=0) as raw:
            return raw.readall().decode(errors="replace")
    except OSError:
        return ""
