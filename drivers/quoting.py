"""How a value becomes one word of a command line, for each kind of shell that boards have.  Pure."""

from __future__ import annotations

import re
from typing import Literal

Quote = Literal["none", "single", "double", "escape", "zephyr", "uboot"]
"""none: not at all, and what must be quoted can't be written.  single: '...', a quote in it as '\\'' (POSIX).  double:
"...", a backslash before \\ " $ and ` in it (POSIX).  escape: "...", a backslash before \\ and " only (ESP-IDF's
split_argv drops what else follows one).  zephyr: "...", " as \\", \\ as \\x5c (Zephyr's make_argv keeps both of a
pair), and each byte that is not ASCII likewise (its line editor drops those).  uboot: like single, backslashes doubled
(U-Boot's hush takes them for escapes even there)."""

_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_WORD = re.compile(r"[^\s'\"\\`$;&|<>(){}\x00-\x1f\x7f]+")
"""What every shell takes as one word without quotes."""


def is_word(text: str) -> bool:
    """Tell whether every shell takes ``text`` as one word as it is."""
    return _WORD.fullmatch(text) is not None


def quoted(value: str, how: Quote) -> str:
    """Return the value as one word; raises ``ValueError`` if this kind of shell has no way to say it."""
    match how:
        case "single":
            return "'" + value.replace("'", r"'\''") + "'"
        case "uboot":
            return "'" + value.replace("\\", r"\\").replace("'", r"'\''") + "'"
        case "double":
            return '"' + re.sub(r'([\\"$`])', r"\\\1", value) + '"'
        case "escape":
            return '"' + re.sub(r'([\\"])', r"\\\1", value) + '"'
        case "zephyr":
            text = value.replace("\\", r"\x5c").replace('"', r"\"")
            return '"' + _NOT_ASCII.sub(lambda c: "".join(rf"\x{byte:02x}" for byte in c[0].encode()), text) + '"'
    if not is_word(value):
        raise ValueError("is empty or holds what must be quoted")
    return value
