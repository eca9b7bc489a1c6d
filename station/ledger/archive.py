"""Looking back: every attempt of a board, step by step, as the ledger has it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from station.ledger.read import CycleRow, Reader
from station.ledger.transcript import Said, read
from station.model import Closing, Facts, Outcome


@dataclass(frozen=True, slots=True)
class Moment:
    """One event of a cycle; ``at`` is UTC microseconds."""

    at: int
    kind: str
    step: str | None
    facts: Facts | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One cycle of a board, whole."""

    cycle: CycleRow
    recipe: str
    """Name and version."""
    moments: tuple[Moment, ...]
    """All its events, in their order."""
    closing: Closing | None
    """How it ended; None while it is open."""
    serial: str | None
    """The serial number, even one that was refused."""
    transcript: tuple[Said, ...]
    """What was said, if it was kept: it is of a cycle that did not pass."""


class Archive(Reader):
    """Reads a ledger of any age, also while a station writes it."""

    def last(self, count: int) -> list[int]:
        """Return the numbers of the newest cycles, oldest first."""
        with self._rows("SELECT id FROM cycles ORDER BY id DESC LIMIT ?", [count]) as rows:
            return [row[0] for row in reversed(rows)]

    def cycles_of(self, serial: str) -> list[int]:
        """Return the numbers of the cycles of a serial number, oldest first; also those in which it was refused."""
        sql = """SELECT id FROM cycles WHERE serial = ?1
            UNION SELECT cycles.id FROM cycles JOIN events ON events.cycle = cycles.id AND kind = 'close'
              WHERE serial IS NULL AND json_extract(body, '$.details.serial') = ?1
            ORDER BY id"""
        with self._rows(sql, [serial]) as rows:
            return [row[0] for row in rows]

    def attempt(self, number: int) -> Attempt:
        """Return one cycle; raises ``KeyError``."""
        cycle = self.cycle(number)
        with self._rows("SELECT at, kind, body FROM events WHERE cycle = ? ORDER BY id", [number]) as events:
            told = [(at, kind, json.loads(body)) for at, kind, body in events]
        with self._rows("SELECT name, version FROM recipes WHERE sha256 = ?", [cycle.recipe]) as recipes:
            name = " ".join(recipes[0]) if recipes else cycle.recipe
        closing = next((_closing(cycle, body) for _, kind, body in told if kind == "close"), None)
        return Attempt(
            cycle=cycle,
            recipe=name,
            moments=tuple(Moment(at, kind, body.get("step"), body.get("facts")) for at, kind, body in told),
            closing=closing,
            serial=cycle.serial or (closing.details.get("serial") if closing else None),
            transcript=read(self.transcript(number)) if self._keeps_transcripts() else (),
        )

    def _keeps_transcripts(self) -> bool:
        """Tell whether the file is of a version that has them: nobody brings it up to date who only reads."""
        with self._rows("SELECT 1 FROM sqlite_master WHERE name = 'transcripts'") as rows:
            return bool(rows)


def _closing(cycle: CycleRow, body: Facts) -> Closing:
    assert cycle.outcome is not None
    return Closing(Outcome(cycle.outcome), cycle.error, body.get("text"), body.get("details") or {})
