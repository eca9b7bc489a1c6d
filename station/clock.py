"""Time, and how far it can be trusted.

Durations and deadlines are monotonic seconds; records are UTC microseconds
since 1970, with the clock's own opinion of itself beside them.
"""

from __future__ import annotations

import ctypes
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

_TIME_ERROR = 5
"""adjtimex(2) returns it while nothing keeps the clock synchronised."""


def now_us() -> int:
    """UTC in microseconds since 1970."""
    return time.time_ns() // 1000


def monotonic() -> float:
    """Seconds that never jump; only differences mean anything."""
    return time.monotonic()


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
