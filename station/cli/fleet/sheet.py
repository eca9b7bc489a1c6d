"""CSV files that people wrote: which line says what, and what is wrong with a line that says nothing.

UTF-8 with or without a BOM; LF or CRLF; fields quoted after RFC 4180 or not;
empty lines are skipped, blanks are data.  A wrong line is set aside by its
number, and the others are still good.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from station.errors import BadInput


class SheetUnreadable(BadInput):
    """The file can't be read at all."""

    code = "sheet-unreadable"


@dataclass(frozen=True, slots=True)
class Line:
    """One record; ``number`` is that of its first line, since a quoted field may have line breaks."""

    number: int
    fields: tuple[str, ...]
    wrong: str = ""
    """Why it can't be used; its fields may be anything then."""


def lines(path: Path) -> Iterator[Line]:
    """Read the records of a file; raises ``SheetUnreadable``."""
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            yield from _records(csv.reader(file, strict=True))
    except OSError as error:
        raise SheetUnreadable(f"{path}: can't be read: {error.strerror}") from None


def _records(reader: Iterator[list[str]]) -> Iterator[Line]:
    while True:
        number = reader.line_num + 1  # type: ignore[attr-defined]  # typeshed hides the class of csv.reader
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Line(number, (), f"it is no CSV: {error}; is there a quote too few or too many?")
            continue
        if fields:
            yield Line(number, tuple(fields), _foreign(fields))


def _foreign(fields: list[str]) -> str:
    for field in fields:
        for character in field:
            if "\udc80" <= character <= "\udcff":
                return f"it is not UTF-8: byte 0x{ord(character) - 0xDC00:02x}"
    return ""
