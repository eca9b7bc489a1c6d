"""Text on a UART: made readable, filled in, found again in an echo, shown in bounded pieces.  Pure."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from drivers.expression import compiled

ESCAPE = (
    r"\x1b\[[0-?]*[ -/]*[@-~]"
    r"|\x1b\](?:R|P[0-9A-Fa-f]{7})"
    r"|\x1b[\]PX^_][^\x00-\x1f]{0,512}+(?:\a|\x1b\\)"
    r"|\x1b[@-Z\\-_]|\0"
)
"""What a terminal obeys and doesn't show, as a regular expression: CSI (colours, cursor moves), the palette of a Linux
console, strings (window titles: OSC; DCS, SOS, PM and APC), two-character codes, NULs.  A string ends within its line,
or it is text: noise that looks like the beginning of one must not swallow what follows it."""
_ESCAPE = re.compile(ESCAPE)
_USUAL = frozenset("\r\n\t\b\a\x1b")
"""What consoles send besides what can be printed."""
_STRANGE = 8
"""Fewer characters than that are the noise of a line that is plugged in."""
_NEWLINE = re.compile(r"\r*\n|\r")
_PLACEHOLDER = re.compile(r"(?<!\$)\{([a-z_]+)\}")
"""``${name}`` is left to the board's own shell."""
_FILLER = frozenset("\r\n\b ")
"""What consoles put into the echo of a line that is longer than their screen is wide."""

Pattern = Annotated[re.Pattern[str], AfterValidator(lambda pattern: compiled(pattern.pattern))]
"""A regular expression of a recipe, compiled when the recipe is loaded; ``^`` and ``$`` mean lines."""


def plain(data: bytes | bytearray) -> str:
    """Return ``data`` as text without ``ESCAPE``; bad UTF-8 becomes U+FFFD."""
    return _ESCAPE.sub("", data.decode("utf-8", "replace"))


def garbled(data: bytes | bytearray) -> bool:
    """Tell whether ``data`` is no text, as when a UART hears another speed; a few bytes may be a line's own noise."""
    text = data.decode("utf-8", "replace")
    strange = sum(not (c.isprintable() or c in _USUAL) or c == "\ufffd" for c in text)
    return strange >= _STRANGE and strange > len(text) / 4


def lines(text: str) -> str:
    """Return ``text`` with one LF for every line ending (CR, LF, CR LF, CR CR LF), without empty lines around it."""
    return _NEWLINE.sub("\n", text).strip("\n")


def printable(data: bytes, limit: int = 200) -> str:
    """Return the last ``limit`` characters of ``data`` with control characters as escapes."""
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in data[-limit:].decode("utf-8", "replace"))
    return text[-limit:]


def fill(template: str, **values: str) -> str:
    """Put values in for ``{name}``, in one pass: a value that looks like a placeholder stays as it is."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), template)


def placeholders(template: str) -> set[str]:
    """Return the names in ``{}``, but not those in ``${}``."""
    return set(_PLACEHOLDER.findall(template))


def after_echo(text: str, line: str) -> int | None:
    """Return where the echo of ``line`` ends in ``text``, or None if it isn't there.

    An echo ends with its line, so that an answer which begins like the
    question isn't one; what consoles insert to wrap a long line is ignored.
    """
    if (start := text.find(line)) >= 0 and _ends_line(text, start + len(line)):
        return start + len(line)
    start = text.find(line[:1]) if line else -1
    while start >= 0:
        end = _after_wrapped(text, start, line)
        if end is not None and _ends_line(text, end):
            return end
        start = text.find(line[0], start + 1)
    return None


def begins_line(text: str, sign: str) -> bool:
    """Tell whether ``sign`` begins a line of ``text``.

    A time in brackets, as kernels print it, and ornaments (``***``) may stand before it.
    """
    return bool(re.search(rf"(?:\A|[\r\n])(?:\[ *[\d.:,]+\])?[^\w\r\n]*{re.escape(sign)}", text))


def _after_wrapped(text: str, at: int, line: str) -> int | None:
    """Return where ``line`` ends in ``text`` if it begins there, with filler anywhere in it."""
    for character in line:
        while text[at : at + 1] != character:
            if text[at : at + 1] not in _FILLER:  # also at the end, where there is nothing
                return None
            at += 1
        at += 1
    return at


def _ends_line(text: str, at: int) -> bool:
    return text[at:].lstrip(" \b")[:1] in ("\r", "\n")
