"""CSV files that people wrote: which line says what, and what is wrong with a line that says nothing.

UTF-8 with or without a BOM; LF or CRLF; fields quoted after RFC 4180 or not;
empty lines are skipped, blanks are data.  A wrong line is set aside by its
number, and the others are still good; but a file that is no text in UTF-8 has
no good lines.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from station.errors import BadInput

_PIECE = 1 << 20
"""Bytes that are read at a time."""


class SheetUnreadable(BadInput):
    """The file can't be read at all, or is no text."""

    code = "sheet-unreadable"


@dataclass(frozen=True, slots=True)
class Line:
    """One record, from line ``number`` to line ``last``, since a quoted field may have line breaks."""

    number: int
    last: int
    fields: tuple[str, ...]
    wrong: str = ""
    """Why it can't be used; its fields may be anything then."""


def lines(path: Path) -> Iterator[Line]:
    """Read the records of a file; raises ``SheetUnreadable``."""
    return _records(csv.reader(io.StringIO(_text(path), newline=""), strict=True))


def _text(path: Path) -> str:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    pieces: list[str] = []
    breaks = 0
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                if b"\0" in piece:
                    raise SheetUnreadable(f"{path}: expected CSV in UTF-8; found a NUL")
                pieces.append(decoder.decode(piece))
                breaks += piece.count(b"\n")
            pieces.append(decoder.decode(b"", final=True))
    except UnicodeDecodeError as error:
        line = breaks + error.object.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{error.object[error.start]:02x}"
        raise SheetUnreadable(f"{path}, line {line}: expected CSV in UTF-8; found {found}") from None
    except OSError as error:
        raise SheetUnreadable(f"{path}: can't be read: {error.strerror}") from None
    return "".join(pieces)


def _records(reader: Iterator[list[str]]) -> Iterator[Line]:
    while True:
        number = reader.line_num + 1  # type: ignore[attr-defined]  # typeshed hides the class of csv.reader
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            last: int = reader.line_num  # type: ignore[attr-defined]
            what = "it is" if last == number else f"lines {number} to {last} are"
            yield Line(number, last, (), f"{what} no CSV: {error}; is there a quote too few or too many?")
            continue
        if fields:
            yield Line(number, reader.line_num, tuple(fields))  # type: ignore[attr-defined]
