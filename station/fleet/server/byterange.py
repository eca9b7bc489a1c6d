"""The ``Range`` header: which bytes of a blob are asked for (API document, section 5).  Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ONE_RANGE = re.compile(r"bytes=(?:([0-9]+)-([0-9]*)|-([0-9]+))", re.IGNORECASE)

_DIGITS = 18
"""A number of more digits is beyond the end of any blob."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a blob that has at least one byte: offsets from 0, both inclusive."""

    first: int
    last: int


class Unsatisfiable(ValueError):
    """The range lies beyond the end of the blob."""


def asked(header: str | None, total: int) -> Part | None:
    """Return the part of a blob of ``total`` bytes that the header asks for, cut at the end; None for the whole.

    ``bytes=X-Y``, ``bytes=X-`` and ``bytes=-Y``, the last Y bytes, are
    understood.  What is malformed, in another unit or more than one range is
    ignored.  Raises ``Unsatisfiable`` if no byte of the blob is in the range.
    """
    found = _ONE_RANGE.fullmatch(header) if header else None
    if found is None:
        return None
    first, last, suffix = (_number(text) if text else None for text in found.groups())
    if first is None:
        first, last = max(total - (suffix or 0), 0), None
    if last is not None and last < first:
        return None
    if first >= total:
        raise Unsatisfiable
    return Part(first, total - 1 if last is None else min(last, total - 1))


def _number(digits: str) -> int:
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) <= _DIGITS else 10**_DIGITS
