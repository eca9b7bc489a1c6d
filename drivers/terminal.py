"""What a terminal would show of a board's bytes: no colours, nothing that was erased, no log lines.

Boards that log while somebody types take the line away, print the log line,
and draw prompt and typed text once more (Zephyr), or simply print it where
the cursor stands (ESP-IDF, a Linux kernel).  Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from drivers.text import ESCAPE, plain

_ERASES = re.compile(rb"\x1b\[(?:0?[JK]|2K)")
_TOKEN = re.compile(rf"({ESCAPE}|\r*\n|\r)")
_DECORATED = re.compile(rf"(?P<before>(?:{ESCAPE})*+)(?P<text>[^\r\n]+)")
_COLOURS_AT_END = re.compile(r"(?:\x1b\[[\d;]*[mK])+\Z")
_CURSOR = re.compile(r"\x1b\[(\d*)([A-DJK])")


def shown(data: bytes | bytearray) -> str:
    """Return the text that ``data`` leaves on a terminal.

    Rows end as they did (a lone CR ends one, too); what was drawn over or
    erased is gone, wherever the cursor was moved to by ``CSI A`` to ``D``.
    Only a line is ever erased, since no console clears the screen while one
    types: a value may say so, and is to be seen.
    """
    if not _ERASES.search(data):
        return plain(data)
    page = _Page()
    for token in _TOKEN.split(data.decode("utf-8", "replace")):
        if token.endswith(("\r", "\n")):
            page.end_row(token)
        elif not token.startswith(("\x1b", "\0")):
            page.put(token)
        elif moved := _CURSOR.match(token):
            page.obey(moved[2], int(moved[1]) if moved[1] else None)
    return page.text()


def unswallowed(data: bytes | bytearray, ending_crs: int | None) -> str:
    """Return ``data`` as text with all that stands *inside* its lines, also what a terminal swallows.

    A value that has a NUL or an escape code in it is another one.  At the beginning of a line such things are
    decoration, and after one that began so, colours at its end.  A line ends at LF, with ``ending_crs`` CRs before it
    (None: with all that there are), or at a lone CR; further CRs are the line's.
    """
    text = data.decode("utf-8", "replace")
    if text.isprintable():  # one line and nothing else, which is the rule
        return text
    ends = r"\r*" if ending_crs is None else rf"\r{{0,{ending_crs}}}"
    return re.sub(rf"{ends}\n|\r(?!\r*\n)", "\n", _DECORATED.sub(_undecorated, text))


def _undecorated(line: re.Match[str]) -> str:
    return _COLOURS_AT_END.sub("", line["text"]) if line["before"] else line["text"]


class _Page:
    """Rows above the cursor, the row it is in, and those below."""

    def __init__(self) -> None:
        self._above: list[tuple[str, str]] = []
        """Rows and how each was ended."""
        self._row = ""
        self._at = 0
        self._below: list[str] = []

    def text(self) -> str:
        rows = "".join(row + end for row, end in self._above)
        return rows + self._row + "".join("\n" + row for row in reversed(self._below))

    def put(self, text: str) -> None:
        self._row = self._row[: self._at].ljust(self._at) + text + self._row[self._at + len(text) :]
        self._at += len(text)

    def end_row(self, end: str) -> None:
        self._above.append((self._row, end))
        self._row, self._at = (self._below.pop() if self._below else ""), 0

    def obey(self, command: str, number: int | None) -> None:
        count = number or 1
        match command:
            case "A":
                for _ in range(min(count, len(self._above))):
                    self._below.append(self._row)
                    self._row = self._above.pop()[0]
            case "B":
                for _ in range(min(count, len(self._below))):
                    self._above.append((self._row, "\n"))
                    self._row = self._below.pop()
            case "C":
                self._at += min(count, max(0, len(self._row) - self._at))
            case "D":
                self._at = max(0, self._at - count)
            case "J" if not number:
                self._erase_right()
                self._below.clear()
            case "K" if not number:
                self._erase_right()
            case "K" if number == 2:
                self._row, self._at = "", 0

    def _erase_right(self) -> None:
        if not self._row and self._above and self._above[-1][1] == "\r":
            self._above.pop()  # a CR went back to the beginning of this row
        self._row = self._row[: self._at]


@dataclass(frozen=True, slots=True)
class Cut:
    """A log line that was taken out of a text: where it was in what is left, and what it said."""

    at: int
    line: str


class Log:
    """What lines of a board's log look like: from where one of the patterns is found to the end of its line."""

    def __init__(self, patterns: Iterable[re.Pattern[str]]) -> None:
        either = "|".join(f"(?:{pattern.pattern})" for pattern in patterns)
        self._line = re.compile(rf"(?:{either})[^\r\n]*(?P<end>\r*\n|\r|\Z)", re.MULTILINE) if either else None

    def holds(self, text: str) -> bool:
        """Tell whether anything in ``text`` looks like the log."""
        return self._line is not None and self._line.search(text) is not None

    def cut(self, text: str, *, ends: bool = True) -> tuple[str, list[Cut]]:
        """Return ``text`` without its log lines, and those; one that has not ended yet stays.

        ``ends``: with their line endings.  They are the log's, unless the line began with something of the board's.
        """
        if self._line is None:
            return text, []
        kept, cuts, start, length = [], [], 0, 0
        for found in self._line.finditer(text):
            if not found["end"]:
                break
            kept.append(text[start : found.start()])
            length += found.start() - start
            cuts.append(Cut(length, found[0].strip()))
            start = found.end() if ends else found.start("end")
        return ("".join(kept) + text[start:], cuts) if cuts else (text, cuts)
