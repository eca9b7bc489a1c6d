"""What a scanner says, and what is meant: the first characters tell.  Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

LONGEST = 512
"""Characters of a scan; more is none."""


class Kind(StrEnum):
    """What is scanned, by what it begins with."""

    OPERATOR = "OP:"
    """A badge."""
    WORK_ORDER = "WO:"
    """A work order, and perhaps how many boards it has: ``WO:4711:500``."""
    SLOT = "SLOT:"
    """The slot that the next label is for."""
    LABEL = ""
    """Anything else: what is on a board."""


class Scan(NamedTuple):
    """One scan."""

    kind: Kind
    value: str


def read(text: str) -> Scan:
    """Return what was scanned; what surrounds it (blanks, the scanner's Enter) is no part of it."""
    text = text.strip()
    kind = next(kind for kind in Kind if text.startswith(kind))
    return Scan(kind, text.removeprefix(kind).strip())
