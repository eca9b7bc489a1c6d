"""Text made to fit its cells, and made harmless.

What a board said is hostile: it may hold escape codes, markup or ten
thousand characters.  Nothing here interprets any of it.  Widths are cells.
"""

from __future__ import annotations

import textwrap
import unicodedata

CUT_LEFT = "←"
"""Stands where the front of a text was cut away; the bare console has no ellipsis."""
CUT_RIGHT = "→"


def literal(text: str) -> str:
    r"""Return what a board said in printable ASCII: anything else as ``\x1b``, ``\xe9``, ``\u202e``."""
    return "".join(c if " " <= c <= "~" else _escaped(c) for c in text)


def visible(text: str) -> str:
    """Return a sentence of ours with its letters as they are, and whatever can't be seen as an escape."""
    return "".join(c if c.isprintable() and not unicodedata.combining(c) else _escaped(c) for c in text)


def tail(said: str, width: int) -> str:
    """Return the last ``width`` cells of what a board said, in ``literal`` form; a mark shows a cut."""
    shown = literal(said[-width - 1 :])
    return shown if len(shown) <= width else (CUT_LEFT + shown[len(shown) - width + 1 :])[:width]


def head(text: str, width: int) -> str:
    """Return the first ``width`` cells of a text of ours; a mark shows a cut."""
    shown = visible(text)
    return shown if len(shown) <= width else (shown[: max(0, width - 1)] + CUT_RIGHT)[:width]


def wrapped(text: str, width: int, rows: int) -> list[str]:
    """Break a sentence into at most ``rows`` lines of at most ``width`` cells; a mark shows a cut."""
    lines = textwrap.wrap(visible(text), max(1, width))
    if len(lines) > rows > 0:
        lines[rows - 1] = lines[rows - 1][: width - 1] + CUT_RIGHT
    return lines[:rows]


def minutes(seconds: float) -> str:
    """Return a duration as ``m:ss``, from an hour on as ``h:mm:ss``; it never runs ahead."""
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
