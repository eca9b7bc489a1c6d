"""How a long file of serial numbers gets into a model, whatever is there already.

The API adds a list as a whole or not at all, and does not say which line is
in the way.  So a piece that conflicts with what is there is cut down to what
is missing, after one look at the whole list; a piece that the fleet can't
take is halved until the culprits stand alone.  After a call that nobody
answered the list is looked at before anything is sent again, so that a file
can be imported a second time, and after a cut too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from station.cli.fleet.sheet import Line

if TYPE_CHECKING:
    from station.fleet.client import Client, Unanswered

_ROWS, _BYTES = 4000, 4 << 20
"""The most of one request; the fleet takes 10 MiB."""

_UNUSABLE = (400, 413)
"""What the fleet answers to a line that it can't take; any other refusal is about all lines."""

_TRIES = 4
_PAUSE_S = 1.0
"""Between two tries, and twice as long each time."""
_LONGEST_PAUSE_S = 60.0
"""A fleet that wants more is left to whoever imports the file again."""


@dataclass(frozen=True, slots=True)
class Row:
    """A serial number of the file, the text beside it, and its line."""

    number: int
    serial: str
    extra: str


@dataclass(frozen=True, slots=True)
class Setback:
    """What was not added, and why: a line, or all to the ``last`` one, which can't be told apart."""

    line: int
    last: int
    serial: str
    reason: str


@dataclass
class Tally:
    """What became of a file."""

    added: int = 0
    existed: int = 0
    unsure: int = 0
    """Listed after a call that nobody answered: added by it, or there before."""
    refused: list[Setback] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """Lines that were refused."""
        return sum(setback.last - setback.line + 1 for setback in self.refused)

    @property
    def lines(self) -> int:
        """Those that are done with."""
        return self.added + self.existed + self.unsure + self.lost


def rows(lines: Sequence[Line], tally: Tally) -> list[Row]:
    """Return what the lines ask to add, each serial number once; set aside in ``tally`` what can't be used.

    A first line ``sn`` or ``sn,extra``, in any case, is a heading.
    """
    found: dict[str, Row] = {}
    for line in lines[1:] if lines and _is_heading(lines[0]) else lines:
        serial, extra = (*line.fields, "", "")[:2]
        if wrong := _wrong(line, serial, extra):
            tally.refused.append(Setback(line.number, line.last, serial, wrong))
        elif (first := found.setdefault(serial, Row(line.number, serial, extra))).number != line.number:
            tally.refused.append(Setback(line.number, line.last, serial, f"repeats line {first.number}"))
    return list(found.values())


def _wrong(line: Line, serial: str, extra: str) -> str:
    """Return why the line can't be sent, or nothing."""
    from station.fleet.client import Unsendable, names

    if line.wrong:
        return line.wrong
    if len(line.fields) > 2:
        return f"expected sn,extra; found {len(line.fields)} fields"
    try:
        names.serial(serial)
        names.extra(extra)
    except Unsendable as error:
        return error.text
    return ""


def _is_heading(line: Line) -> bool:
    return tuple(text.lower() for text in line.fields) in (("sn",), ("sn", "extra"))


class Importer:
    """Adds rows to one model, ``empty`` if nothing is listed in it; ``advanced`` is told when some are done with."""

    def __init__(
        self, client: Client, model: str, tally: Tally, advanced: Callable[[], None], *, empty: bool = False
    ) -> None:
        self._empty = empty
        self._client, self._model, self._tally, self._advanced = client, model, tally, advanced
        self._there: set[str] | None = None
        """What was listed when we looked, and what we have added since; None as long as there was no need to look."""

    def add(self, rows: Sequence[Row]) -> None:
        """Add what is missing.

        Raises ``FleetError`` where no other line would fare better: no such
        model, not allowed, no answer after several tries.
        """
        for piece in _pieces(rows):
            self._add(piece)

    def _add(self, piece: Sequence[Row], attempt: int = 1) -> None:
        from station.fleet.client import Conflict, Refused, Unanswered

        missing = self._missing(piece)
        if not missing:
            return
        try:
            self._client.serials.add_rows(self._model, [(row.serial, row.extra) for row in missing])
        except Unanswered as error:
            self._again(missing, attempt, error)
        except Conflict:
            if self._there is None:
                self._look()
                self._add(missing)
            else:  # somebody adds at the same time
                self._halve(missing, lambda row: self._existed(1))
        except Refused as error:
            if error.status not in _UNUSABLE:
                raise
            reason = error.reason or error.text
            self._halve(missing, lambda row: self._refuse(row, reason))
        else:
            self._added(missing)

    def _again(self, piece: Sequence[Row], attempt: int, error: Unanswered, doubtful: bool = False) -> None:
        """Find out whether a piece got there that nobody answered, and try once more if it didn't.

        ``doubtful`` if it may have got there, though ``error`` is of another call.
        """
        from station.fleet.client import Unanswered, Unreachable

        pause = max(error.retry_after or 0.0, _PAUSE_S * 2 ** (attempt - 1))
        if attempt == _TRIES or pause > _LONGEST_PAUSE_S:
            raise error
        time.sleep(pause)
        if doubtful or not isinstance(error, Unreachable):
            blind = self._there is None and not self._empty
            try:
                there = self._look()
            except Unanswered as unseen:
                self._again(piece, attempt + 1, unseen, doubtful=True)
                return
            if all(row.serial in there for row in piece):
                (self._unsure if blind else self._added)(piece)
                return
        self._add(piece, attempt + 1)

    def _missing(self, piece: Sequence[Row]) -> Sequence[Row]:
        """Return what isn't there, as far as we know, and count the rest."""
        if self._there is None:
            return piece
        missing = [row for row in piece if row.serial not in self._there]
        self._existed(len(piece) - len(missing))
        return missing

    def _halve(self, piece: Sequence[Row], alone: Callable[[Row], None]) -> None:
        if len(piece) == 1:
            alone(piece[0])
            return
        middle = len(piece) // 2
        self._add(piece[:middle])
        self._add(piece[middle:])

    def _look(self) -> set[str]:
        """List what is there."""
        self._there = {row.serial for row in self._client.serials.list(self._model)}
        return self._there

    def _added(self, piece: Sequence[Row]) -> None:
        if self._there is not None:
            self._there.update(row.serial for row in piece)
        self._tally.added += len(piece)
        self._advanced()

    def _unsure(self, piece: Sequence[Row]) -> None:
        self._tally.unsure += len(piece)
        self._advanced()

    def _existed(self, count: int) -> None:
        self._tally.existed += count
        self._advanced()

    def _refuse(self, row: Row, reason: str) -> None:
        self._tally.refused.append(Setback(row.number, row.number, row.serial, reason))
        self._advanced()


def _pieces(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    start = size = 0
    for end, row in enumerate(rows):
        grown = size + 2 * len(row.serial.encode()) + 2 * len(row.extra.encode()) + 8  # if every character is quoted
        if end - start == _ROWS or (grown > _BYTES and end > start):
            yield rows[start:end]
            start, grown = end, grown - size
        size = grown
    if start < len(rows):
        yield rows[start:]
