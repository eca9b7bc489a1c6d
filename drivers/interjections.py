"""What a board prints in the middle of something else: lines of its log, and strings that only its terminal reads.

Whatever is found in a text that may hold them is looked for without them, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

Span = tuple[int, int]
"""Where something begins and ends."""

ESCAPE = rb"\x1b\[[0-?]*[ -/]*[@-~]|\0"
"""What a terminal never shows."""
_INVISIBLE = re.compile(ESCAPE)
_STRING = re.compile(r"\x1b[\]PX^_][^\x07\x1b\r\n]*+(?:\x07|\x1b\\)")
"""A window's title, say (OSC and its kin).  Not among ``ESCAPE``: what is in it can be read in a transcript."""
_REST = re.compile(r"[^\r\n]*+(?:\r*\n|\r|\Z)")


class Interjections:
    """What one board puts between other things."""

    def __init__(self) -> None:
        self._log: dict[str, re.Pattern[str]] = {}

    def know_log(self, patterns: Iterable[re.Pattern[str]]) -> None:
        """From where one of these is found to the end of the line, it is the board's log."""
        self._log |= {pattern.pattern: pattern for pattern in patterns}

    def without(self, stream: bytes) -> tuple[bytes, Sequence[int]]:
        """Return the stream without its interjections, and where each byte of it stood."""
        text, where = visible(stream)
        return without(stream, ((where[first], where[last - 1] + 1) for first, last in self._spans(text)))

    def _spans(self, data: bytes) -> list[Span]:
        """Return where interjections are in what is visible; they may overlap."""
        text = data.decode(errors="surrogateescape")
        spans = [found.span() for found in _STRING.finditer(text)]
        for pattern in self._log.values():
            spans += _lines(pattern, text)
        if spans and not text.isascii():
            at = list(accumulate((len(char.encode(errors="surrogateescape")) for char in text), initial=0))
            spans = [(at[first], at[last]) for first, last in spans]
        return sorted(spans)


def without(stream: bytes, spans: Iterable[Span]) -> tuple[bytes, Sequence[int]]:
    """Return the stream without some parts of it, in their order, and where each byte that is left stood."""
    kept: list[range] = []
    start = 0
    for first, last in spans:
        kept.append(range(start, first))
        start = max(start, last)
    if not kept:
        return stream, range(len(stream))
    kept.append(range(start, len(stream)))
    return b"".join(stream[part.start : part.stop] for part in kept), [i for part in kept for i in part]


def matches(pattern: re.Pattern[bytes], stream: bytes) -> Iterator[Span]:
    """Return where a pattern is found, for ``without``."""
    return (found.span() for found in pattern.finditer(stream))


def visible(stream: bytes) -> tuple[bytes, Sequence[int]]:
    """Return the stream without what a terminal never shows, and where each byte of it stood."""
    return without(stream, matches(_INVISIBLE, stream))


def _lines(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    """Return from where a pattern is found to the end of each such line."""
    at = 0
    while (found := pattern.search(text, at)) and (rest := _REST.match(text, found.end())) and rest.end() > at:
        at = rest.end()
        yield found.start(), at
