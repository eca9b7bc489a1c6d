"""What a board may tell of a value that it holds: the value itself, its length, a digest of it.  Pure."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable, Mapping

_MEASURES: Mapping[str, Callable[[bytes], str]] = {
    "value": lambda data: data.decode(),
    "length": lambda data: str(len(data)),
    "crc32": lambda data: f"{zlib.crc32(data):08x}",
    "md5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "sha256": lambda data: hashlib.sha256(data).hexdigest(),
}
"""By the name of a capture's group, of the value's UTF-8: digests as hex digits, the length in bytes."""


def judge_measures(capture: re.Pattern[str]) -> None:
    """Raise ``ValueError`` unless a recipe's expression captures one or more of what a board may tell."""
    names = set(capture.groupindex)
    if not names or names - set(_MEASURES):
        raise ValueError(f"needs named groups out of {', '.join(_MEASURES)}, e.g. (?P<value>.*) or (?P<length>\\d+)")


def told(found: Mapping[str, str | None], value: str) -> str:
    """Return ``value`` if all that was captured is true of it, else the first of what isn't.

    Nothing captured is the empty value; a measure that isn't the value itself comes back as ``sha256:...``.
    """
    said = {name: text for name, text in found.items() if text is not None}
    for name, text in (said or {"value": ""}).items():
        if name == "value":
            if text != value:
                return text
        elif _canonical(name, text) != _MEASURES[name](value.encode()):
            return f"{name}:{text}"
    return value


def _canonical(name: str, text: str) -> str:
    """Return a measure as we write it: a number has no fixed width on a board, and may be marked as hexadecimal."""
    text = text.lower()
    match name:
        case "length":
            return text.lstrip("0") or "0"
        case "crc32":
            return text.removeprefix("0x").zfill(8)
    return text
