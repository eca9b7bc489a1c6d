"""What a board may tell of a value that it holds: the value itself, its length, a digest of it.  Pure."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable, Mapping

_MEASURES: Mapping[str, Callable[[bytes], str]] = {
    "value": lambda data: data.decode(),
    "length": lambda data: str(len(data)),
    "xor16": lambda data: f"{_xor16(data):04x}",
    "crc32": lambda data: f"{zlib.crc32(data):08x}",
    "md5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "sha256": lambda data: hashlib.sha256(data).hexdigest(),
}
"""By the name of a capture's group, of the value's UTF-8: digests as hex digits, the length in bytes.

``xor16`` is the checksum of Quectel's files (their FILE AT commands manuals, at ``AT+QFUPL``): the exclusive or of all
16-bit words, big-endian, with a zero behind the last byte of an odd number.
"""

LENGTH = "length"
"""What a damaged value has, too."""


def judge_measures(capture: re.Pattern[str]) -> None:
    """Raise ``ValueError`` unless a recipe's expression captures one or more of what a board may tell."""
    names = set(capture.groupindex)
    if not names or names - set(_MEASURES):
        raise ValueError(f"needs named groups out of {', '.join(_MEASURES)}, e.g. (?P<value>.*) or (?P<sha256>\\S+)")


def told(found: Mapping[str, str | None], value: str, *, length_is_enough: bool = False) -> str:
    """Return ``value`` if all that was captured is true of it, else the first of what isn't.

    Nothing captured is the empty value; a measure that isn't the value itself comes back as ``sha256:...``.  A length
    alone proves nothing, unless it is said to be enough.
    """
    said = {name: text for name, text in found.items() if text is not None}
    for name, text in (said or {"value": ""}).items():
        if name == "value":
            if text != value:
                return text
        elif _canonical(name, text) != _MEASURES[name](value.encode()):
            return f"{name}:{text}"
    return value if length_is_enough or said.keys() != {LENGTH} else f"{LENGTH}:{said[LENGTH]}"


def _canonical(name: str, text: str) -> str:
    """Return a measure as we write it: a number has no fixed width on a board, and may be marked as hexadecimal."""
    text = text.lower()
    match name:
        case "length":
            return text.lstrip("0") or "0"
        case "xor16":
            return text.removeprefix("0x").zfill(4)
        case "crc32":
            return text.removeprefix("0x").zfill(8)
    return text


def _xor16(data: bytes) -> int:
    checksum = 0
    for high, low in zip(data[::2], data[1::2] + b"\0", strict=False):
        checksum ^= high << 8 | low
    return checksum
