"""Ranges of serial numbers: how a number is written, and which texts a range holds (API document, section 3).

A text is in a range exactly if the range writes one of its numbers so:
padding, case of letters and separators count.  So a text is read in every way
it may have been written, and each way looked up among the ranges that write so.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import NamedTuple

from sqlite_utils import Database

from station.fleet.server.names import BadName

_MOST_DIGITS = 128
"""As long as a serial number may be."""

_MOST = (1 << 63) - 1
"""SQLite's largest integer."""

_MOST_MAC = (1 << 48) - 1

_FEW = 16
"""Up to so many serial numbers are looked up one by one: quicker than to load all ranges of a model."""

_RANGES = "SELECT format, length, casing, first, last FROM ranges WHERE model = ? ORDER BY first"

# CROSS JOIN keeps to the order in which it is written: each way is one search in the index.
_HOLDING = """SELECT 1 FROM json_each(?) AS way CROSS JOIN ranges
    WHERE model = ? AND format = json_extract(way.value, '$[0]') AND length IS json_extract(way.value, '$[1]')
      AND casing IS json_extract(way.value, '$[2]')
      AND last >= json_extract(way.value, '$[3]') AND first <= json_extract(way.value, '$[3]') LIMIT 1"""


class Format(StrEnum):
    """How a range writes its numbers."""

    BASE10 = "base10"
    BASE16 = "base16"
    MAC_COLONS = "mac:48"
    MAC_DASHES = "mac-48"
    MAC_DOTS = "mac.48"


class Casing(StrEnum):
    """The case of hex digits."""

    UPPER = "upper"
    LOWER = "lower"


_MACS = frozenset({Format.MAC_COLONS, Format.MAC_DASHES, Format.MAC_DOTS})

_SHAPES = {
    Format.BASE10: re.compile(r"[0-9]{1,128}"),
    Format.BASE16: re.compile(r"[0-9A-Fa-f]{1,128}"),
    Format.MAC_COLONS: re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}"),
    Format.MAC_DASHES: re.compile(r"[0-9A-Fa-f]{2}(-[0-9A-Fa-f]{2}){5}"),
    Format.MAC_DOTS: re.compile(r"[0-9A-Fa-f]{4}(\.[0-9A-Fa-f]{4}){2}"),
}


@dataclass(frozen=True, slots=True)
class Span:
    """One range, both ends inclusive.  Raises ``BadName`` if its parts do not go together."""

    format: Format
    length: int | None
    """The digits of each number, zeros in front; None for no padding."""
    casing: Casing | None
    """None takes letters of either case, not mixed."""
    first: int
    last: int

    def __post_init__(self) -> None:
        mac = self.format in _MACS
        if not 0 <= self.first <= self.last <= (_MOST_MAC if mac else _MOST):
            raise BadName("first and last are not in order, or below 0, or too large for the format")
        if self.casing and self.format is Format.BASE10:
            raise BadName("casing goes with hex digits only")
        if self.length is not None:
            if mac:
                raise BadName("length does not go with a MAC address")
            digits = len(str(self.last) if self.format is Format.BASE10 else f"{self.last:x}")
            if not digits <= self.length <= _MOST_DIGITS:
                raise BadName(f"length is from the digits of last to {_MOST_DIGITS}")


class Reading(NamedTuple):
    """A number that a text may have been written for, and the ``format``, ``length`` and ``casing`` of such a range."""

    format: Format
    length: int | None
    casing: Casing | None
    number: int


class Coverage:
    """The ranges of one model, given in the order of ``first``, merged where they write alike."""

    def __init__(self, ranges: Iterable[tuple[str, int | None, str | None, int, int]]) -> None:
        self._merged: dict[tuple[str, int | None, str | None], tuple[list[int], list[int]]] = {}
        for form, length, casing, first, last in ranges:
            firsts, lasts = self._merged.setdefault((form, length, casing), ([], []))
            if lasts and first <= lasts[-1]:
                lasts[-1] = max(last, lasts[-1])
            else:
                firsts.append(first)
                lasts.append(last)

    def holds(self, text: str) -> bool:
        """Tell whether ``text`` is a serial number of one of the ranges."""
        for form, length, casing, number in readings(text):
            firsts, lasts = self._merged.get((form, length, casing), ((), ()))
            at = bisect_right(firsts, number) - 1
            if at >= 0 and number <= lasts[at]:
                return True
        return False


def covers(db: Database, model: int, sn: str) -> bool:
    """Tell whether a range of the model holds the serial number."""
    ways = readings(sn)
    return bool(ways) and db.execute(_HOLDING, [json.dumps(ways), model]).fetchone() is not None


def outside(db: Database, model: int, sns: Collection[str]) -> list[str]:
    """Return those of the serial numbers that no range of the model holds."""
    if len(sns) <= _FEW:
        return [sn for sn in sns if not covers(db, model, sn)]
    coverage = Coverage(db.execute(_RANGES, [model]))
    return [sn for sn in sns if not coverage.holds(sn)]


def readings(text: str) -> list[Reading]:
    """Return every way to read a text as a serial number of a range: none where no range could hold it."""
    found = []
    for form, shape in _SHAPES.items():
        if not shape.fullmatch(text):
            continue
        number = int(text) if form is Format.BASE10 else int(re.sub("[:.-]", "", text), 16)
        if number <= _MOST:
            ways = product(_lengths(form, text), _casings(form, text))
            found += [Reading(form, length, casing, number) for length, casing in ways]
    return found


def _lengths(form: Format, text: str) -> list[int | None]:
    """Return the ``length`` that a range may have to write so: zeros in front come of padding only."""
    if form in _MACS:
        return [None]
    return [len(text)] if text.startswith("0") and text != "0" else [len(text), None]


def _casings(form: Format, text: str) -> list[Casing | None]:
    """Return the ``casing`` that a range may have to write so: none at all for a mixture."""
    if form is Format.BASE10:
        return [None]
    found: list[Casing | None] = []
    if text == text.upper():
        found.append(Casing.UPPER)
    if text == text.lower():
        found.append(Casing.LOWER)
    return [*found, None] if found else []
