"""Time, and how far it can be trusted.

Durations and deadlines are monotonic seconds; records are UTC microseconds
since 1970, with the clock's own opinion of itself beside them.  What has to
be told apart from a clock that was set is measured by the uptime, which goes
on over a restart of the program and never jumps.  A clock that is slewed
slews it too (clock_gettime(2)), so that steps alone set the two apart.
"""

from __future__ import annotations

import ctypes
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

_TIME_ERROR = 5
"""adjtimex(2) returns it while nothing keeps the clock synchronised."""
_UPTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Ahead(NamedTuple):
    """How far another clock's UTC is ahead of our uptime, microseconds."""

    least: int
    most: int


class Reading(NamedTuple):
    """The clock, read once."""

    at: int
    """UTC in microseconds since 1970."""
    uptime: int
    """Microseconds since this boot."""
    state: str
    """What ``state`` says."""

    @property
    def ahead(self) -> int:
        """How far UTC is ahead of the uptime, microseconds: the same until the clock is set."""
        return self.at - self.uptime


def read() -> Reading:
    """Read the clock."""
    return Reading(now_us(), uptime_us(), state())


def now_us() -> int:
    """UTC in microseconds since 1970."""
    return time.time_ns() // 1000


def monotonic() -> float:
    """Seconds that never jump; only differences mean anything."""
    return time.monotonic()


def uptime_us() -> int:
    """Microseconds since this boot, suspended time included; comparable between processes of one ``boot_id``."""
    return time.clock_gettime_ns(_UPTIME) // 1000


def iso(us: int) -> str:
    """ISO 8601 in UTC with milliseconds, e.g. ``2026-11-23T12:00:00.000Z``."""
    return datetime.fromtimestamp(us / 1e6, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def state() -> str:
    """``synced``, ``unsynced``, or ``unknown`` where the kernel can't be asked (adjtimex(2))."""
    libc = _libc()
    if libc is None or (answer := libc.adjtimex(ctypes.create_string_buffer(512))) < 0:
        return "unknown"
    return "unsynced" if answer == _TIME_ERROR else "synced"


@cache
def _libc() -> ctypes.CDLL | None:
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.adjtimex  # noqa: B018 - raises where there is none
    except (OSError, AttributeError):
        return None
    return libc


@cache
def boot_id() -> str:
    """The kernel's random id of this boot, 32 hex digits; empty where there is none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip().replace("-", "")
    except OSError:
        return ""
