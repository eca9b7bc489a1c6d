"""Ranges of serial numbers, and how they write their numbers (API document, section 3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

_LONGEST = 128
"""Characters of a serial number (API document, 1.10)."""


class RangeFormat(StrEnum):
    """How a range writes a number."""

    BASE10 = "base10"
    BASE16 = "base16"
    MAC_COLONS = "mac:48"
    MAC_DASHES = "mac-48"
    MAC_DOTS = "mac.48"


class Casing(StrEnum):
    """The case of hex digits."""

    UPPER = "upper"
    LOWER = "lower"


_GROUPS = {RangeFormat.MAC_COLONS: (2, ":"), RangeFormat.MAC_DASHES: (2, "-"), RangeFormat.MAC_DOTS: (4, ".")}
"""The digits of a MAC address that stand together, and what separates them."""

_SEPARATORS = re.compile("[:.-]")


@dataclass(frozen=True, slots=True)
class SerialRange:
    """The serial numbers from ``first`` to ``last``, both included; raises ``ValueError`` for one that can't be.

    Like ``range`` it tells by ``in`` what it holds and by ``len`` how much,
    the latter up to ``sys.maxsize``.
    """

    format: RangeFormat
    first: int
    last: int
    length: int | None = None
    """The digits of each number, with zeros in front; None for no such zeros, and for MAC addresses."""
    casing: Casing | None = None
    """None for decimal; on hex digits it means either case, though not both in one number."""

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.last:
            raise ValueError("a range goes from a first number, 0 or more, to a last one that is not below it")
        if self.format is RangeFormat.BASE10 and self.casing is not None:
            raise ValueError("casing is for hex digits")
        if self.format in _GROUPS:
            if self.length is not None:
                raise ValueError("a MAC address has no other length than its own")
            if self.last >= 1 << 48:
                raise ValueError("a MAC address has 48 bits")
            return
        if self.length is not None and not 1 <= self.length <= _LONGEST:
            raise ValueError(f"a serial number has 1 to {_LONGEST} characters")
        if self.last >= self._base ** (self.length or _LONGEST):
            raise ValueError(f"the last number has more than {self.length or _LONGEST} digits")

    def render(self, number: int) -> str:
        """Return the serial number of this number, in lower case where either is meant.

        Raises ``ValueError`` if it is not in the range.
        """
        if not self.first <= number <= self.last:
            raise ValueError("the number is not in the range")
        if self.format is RangeFormat.BASE10:
            return f"{number:0{self.length or 1}d}"
        cased = "X" if self.casing is Casing.UPPER else "x"
        if self.format is RangeFormat.BASE16:
            return f"{number:0{self.length or 1}{cased}}"
        size, separator = _GROUPS[self.format]
        digits = f"{number:012{cased}}"
        return separator.join(digits[start : start + size] for start in range(0, 12, size))

    def __contains__(self, serial: str) -> bool:
        # A text is a member if rendering the number that it may stand for gives that very text.
        try:
            number = int(_SEPARATORS.sub("", serial), self._base)
            rendered = self.render(number)
        except ValueError:
            return False
        return serial == rendered or (self.casing is None and serial == rendered.upper())

    def __len__(self) -> int:
        return self.last - self.first + 1

    @property
    def _base(self) -> int:
        return 10 if self.format is RangeFormat.BASE10 else 16
