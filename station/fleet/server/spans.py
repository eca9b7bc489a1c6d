"""Ranges of serial numbers: how a number is written, and which texts a range holds (API document, section 3).

Pure but for ``covers``.  A text is in a range exactly if the range writes one
of its numbers so: padding, case of letters and separators count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from sqlite_utils import Database

from station.fleet.server.names import BadName

_MOST_DIGITS = 128
"""As long as a serial number may be."""

_MOST = (1 << 63) - 1
"""SQLite's largest integer."""

_MOST_MAC = (1 << 48) - 1

_NEAR = """SELECT format, length, casing, first, last FROM ranges
    WHERE model = ? AND format = ? AND last >= ? AND first <= ?"""


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


_GROUPED = {Format.MAC_COLONS: (":", 2), Format.MAC_DASHES: ("-", 2), Format.MAC_DOTS: (".", 4)}
"""The separator of a MAC address and the digits between two of them."""

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
        mac = self.format in _GROUPED
        if not 0 <= self.first <= self.last <= (_MOST_MAC if mac else _MOST):
            raise BadName("first and last are not in order, or below 0, or too large for the format")
        if self.casing and self.format is Format.BASE10:
            raise BadName("casing goes with hex digits only")
        if self.length is not None:
            if mac:
                raise BadName("length does not go with a MAC address")
            if not len(_digits(self.format, self.last)) <= self.length <= _MOST_DIGITS:
                raise BadName(f"length is from the digits of last to {_MOST_DIGITS}")

    def renderings(self, number: int) -> tuple[str, ...]:
        """Return the ways to write a number of the range: one, or two where ``casing`` is open."""
        text = _digits(self.format, number).rjust(self.length or 1, "0")
        if self.casing is Casing.UPPER:
            return (text.upper(),)
        if self.casing is Casing.LOWER or text == text.upper():
            return (text,)
        return text, text.upper()

    def holds(self, text: str) -> bool:
        """Tell whether ``text`` is a serial number of the range."""
        number = _number(self.format, text)
        return number is not None and self.first <= number <= self.last and text in self.renderings(number)


def covers(db: Database, model: int, sn: str) -> bool:
    """Tell whether a range of the model holds the serial number."""
    for form in Format:
        number = _number(form, sn)
        if number is None:
            continue
        for format_, length, casing, first, last in db.execute(_NEAR, [model, form, number, number]):
            if Span(Format(format_), length, Casing(casing) if casing else None, first, last).holds(sn):
                return True
    return False


def _digits(form: Format, number: int) -> str:
    """Write a number without padding, in lower case."""
    if form is Format.BASE10:
        return str(number)
    if form is Format.BASE16:
        return f"{number:x}"
    separator, size = _GROUPED[form]
    digits = f"{number:012x}"
    return separator.join(digits[start : start + size] for start in range(0, len(digits), size))


def _number(form: Format, text: str) -> int | None:
    """Read what may have been written in the format; None for what can not, or is larger than any range."""
    if not _SHAPES[form].fullmatch(text):
        return None
    number = int(text) if form is Format.BASE10 else int(re.sub("[:.-]", "", text), 16)
    return number if number <= _MOST else None
