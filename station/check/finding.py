"""What a look before a shift has found: one line each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How grave it is."""

    OK = "OK"
    WARN = "WARN"
    """The station can work; somebody should know."""
    FAIL = "FAIL"
    """The station can't work, or not in this slot."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    what: str
    """Which thing: settings, slot 3, clock."""
    text: str
    """How it is."""
    advice: str = ""
    """What to do about it; empty if it is well."""


def ok(what: str, text: str) -> Finding:
    """It is well."""
    return Finding(Level.OK, what, text)


def warn(what: str, text: str, advice: str) -> Finding:
    """Somebody should know."""
    return Finding(Level.WARN, what, text, advice)


def fail(what: str, text: str, advice: str) -> Finding:
    """It can't stay so."""
    return Finding(Level.FAIL, what, text, advice)
