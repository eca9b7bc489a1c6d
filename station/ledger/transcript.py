r"""How what was said to a board, and by it, is written down: a line a passage, which any SQLite tool shows.

``2026-11-26T09:30:00.123456Z > printenv serial#\r`` is one: when, ``>`` to the
board or ``<`` from it, and the bytes as UTF-8 text, in which a backslash is
doubled and whatever is no printable character is an escape of Python's
(``\r``, ``\x1b``, ``\u202e``; from ``\x80`` on ``\x`` is a byte that is no
UTF-8).  So a line holds every byte, and can do nothing to a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from drivers.transcript import LIMIT, Passage

_ESCAPED = re.compile(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|.)")


@dataclass(frozen=True, slots=True)
class Said:
    """One passage as it is kept."""

    at: str
    """ISO 8601, UTC."""
    direction: str
    """``>`` to the board, ``<`` from it."""
    text: str
    """The bytes, printable."""


def written(passages: Iterable[Passage], opened_at: int) -> str:
    """Write down what was said on a link that was opened at ``opened_at``, UTC microseconds."""
    return "".join(
        f"{_time(opened_at + round(passage.seconds * 1e6))} {passage.direction} {printable(passage.data)}\n"
        for passage in passages
    )


def joined(*parts: str) -> str:
    """Join the parts of a cycle that was cut; of more than 64 KiB (as bytes on the wire) the newest are kept."""
    lines = "".join(parts).splitlines(keepends=True)
    left = LIMIT
    for kept, line in enumerate(reversed(lines)):
        left -= len(_ESCAPED.sub(".", line.split(" ", 2)[2]))
        if left < 0:
            return "".join(lines[len(lines) - kept :])
    return "".join(lines)


def read(text: str) -> tuple[Said, ...]:
    """Read what ``written`` wrote."""
    return tuple(Said(*line.split(" ", 2)) for line in text.splitlines())


def printable(data: bytes) -> str:
    """Return bytes as text that holds all of them and no character that isn't printable."""
    text = data.decode("utf-8", "surrogateescape").replace("\\", r"\\")
    return text if text.isprintable() else "".join(c if c.isprintable() else _escape(c) for c in text)


def _time(us: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)).isoformat(timespec="microseconds")[:-6] + "Z"


def _escape(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # a byte that is no UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    if character < "\x80":
        return repr(character)[1:-1]
    return f"\\u{ord(character):04x}" if character <= "\uffff" else f"\\U{ord(character):08x}"
