r"""String constants of AT commands: ``"..."``, and what a module wants of the characters that can't stand there.  Pure.

Every vendor has a way of its own, and most have none: what can't be said is refused.
"""

from __future__ import annotations

import re
from typing import Literal

Quote = Literal["none", "raw", "plain", "lines", "v250", "backslash", "esp-at"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NO_LINES = re.compile(r"[^\n\x20-\x7e\xa0-\U0010ffff]")
"""What stands in no line of text, and in no line end but LF."""
_BARE = re.compile(r"[^\s\"\\,;]+")
"""What ends neither a parameter nor a command, and needs no quotation marks."""
_SAID_AS_HEX = re.compile(rb"[^ !#-[\]-~]")
"""Bytes of a V.250 string that are not themselves: those that can't be printed, the quotation mark, the backslash."""
_HEX = re.compile(r"\\([0-9A-Fa-f]{2})")
_ESCAPED = re.compile(r"\\(.)")


def quoted(value: str, quote: Quote) -> str:
    """Return ``value`` as it stands in a command line; raises ``ValueError`` with what is in the way."""
    if quote == "v250":
        return '"' + _SAID_AS_HEX.sub(lambda found: b"\\%02X" % found[0][0], value.encode()).decode() + '"'
    if (_NO_LINES if quote == "lines" else _CONTROL).search(value):
        raise ValueError("holds a control character")
    match quote:
        case "raw":
            return value
        case "none":
            if not _BARE.fullmatch(value):
                raise ValueError("is empty or holds what must be quoted")
            return value
        case "plain" | "lines":
            if '"' in value:
                raise ValueError("holds a quotation mark, which this board's strings can't")
            return f'"{value}"'
        case "backslash":
            return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'
    return '"' + re.sub(r'(["\\,])', r"\\\1", value) + '"'


def unquoted(text: str, quote: Quote) -> str:
    """Return what a board means that tells a value with the escapes of ``quote``, its quotation marks taken off."""
    match quote:
        case "v250":
            raw = _HEX.sub(lambda found: chr(int(found[1], 16)), text.encode().decode("latin-1"))
            return raw.encode("latin-1").decode("utf-8", "replace")
        case "backslash" | "esp-at":
            return _ESCAPED.sub(r"\1", text)
    return text
