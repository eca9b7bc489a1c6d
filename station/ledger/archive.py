"""Looking back: every attempt of a board, step by step, as the ledger has it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from station.ledger.read import CycleRow, Reader
from station.ledger.transcript import Said, read
from station.model import Closing, Facts, Outcome
from station.timekeeper import Doubts, recalled


@dataclass(frozen=True, slots=True)
class Moment:
    """One event of a cycle."""

    at: int
    """UTC microseconds."""
    since: int
    """Microseconds since the first one: by the uptime, and by the clock where the machine was restarted."""
    kind: str
    step: str | None
    facts: Facts | None
    doubts: Doubts | None
    """What spoke against the clock; None where it was not judged."""


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


@dataclass(frozen=True, slots=True)
class Window:
    """In which a board that has passed can fetch its key; times are UTC microseconds."""

    serial: str
    rid: str
    recipe: str
    """SHA-256."""
    passed_at: int
    expires_at: int


class Archive(Reader):
    """Reads a ledger of any age, also while a station writes it."""

    def last(self, count: int) -> list[int]:
        """Return the numbers of the newest cycles, oldest first."""
        with self.rows("SELECT id FROM cycles ORDER BY id DESC LIMIT ?", [count]) as rows:
            return [row[0] for row in reversed(rows)]

    def cycles_of(self, serial: str) -> list[int]:
        """Return the numbers of the cycles of a serial number, oldest first; also those in which it was refused."""
        sql = """SELECT id FROM cycles WHERE serial = ?1
            UNION SELECT cycles.id FROM cycles JOIN events ON events.cycle = cycles.id AND kind = 'close'
              WHERE serial IS NULL AND json_extract(body, '$.details.serial') = ?1
            ORDER BY id"""
        with self.rows(sql, [serial]) as rows:
            return [row[0] for row in rows]

    def windows(self, since: int) -> list[Window]:
        """Return the windows of the boards that passed since then and are to be activated in the field."""
        sql = """SELECT cycles.serial, rid, recipe, closed_at, json_extract(body, '$.facts.expires_at') AS expires_at
            FROM cycles JOIN boards ON boards.passed_cycle = cycles.id
              JOIN events ON events.cycle = cycles.id AND kind = 'close'
            WHERE closed_at >= ? AND json_extract(body, '$.facts.expires_at') IS NOT NULL ORDER BY expires_at"""
        with self.rows(sql, [since]) as rows:
            return [Window(*row) for row in rows]

    def conflicts(self) -> list[CycleRow]:
        """Return the cycles of boards that had left when the fleet refused them, and have not passed themselves since.

        One that had not left is released as it closes; which of the two times is later, a clock that was set can't say.
        """
        same = "AND later.model = cycles.model" if "'' AS model" not in self._columns else ""
        sql = f"""SELECT {self._columns} FROM cycles
            WHERE released_at <> closed_at AND outcome <> 'PASS' AND NOT EXISTS (
              SELECT 1 FROM cycles later WHERE later.serial = cycles.serial {same} AND later.id > cycles.id
                AND later.hardware_id = cycles.hardware_id
                AND later.outcome = 'PASS') ORDER BY id"""
        with self.rows(sql) as rows:
            return [CycleRow(*row) for row in rows]

    def attempt(self, number: int) -> Attempt:
        """Return one cycle; raises ``KeyError``."""
        cycle = self.cycle(number)
        with self.rows("SELECT at, boot, kind, body FROM events WHERE cycle = ? ORDER BY id", [number]) as events:
            told = [(at, boot, kind, json.loads(body)) for at, boot, kind, body in events]
        with self.rows("SELECT name, version FROM recipes WHERE sha256 = ?", [cycle.recipe]) as recipes:
            name = " ".join(recipes[0]) if recipes else cycle.recipe
        closing = next((_closing(cycle, body) for _, _, kind, body in told if kind == "close"), None)
        return Attempt(
            cycle=cycle,
            recipe=name,
            moments=tuple(_moments(told)),
            closing=closing,
            serial=cycle.serial or (closing.details.get("serial") if closing else None),
            transcript=read(self.transcript(number)) if self._keeps_transcripts() else (),
        )

    def _keeps_transcripts(self) -> bool:
        """Tell whether the file is of a version that has them: nobody brings it up to date who only reads."""
        with self.rows("SELECT 1 FROM sqlite_master WHERE name = 'transcripts'") as rows:
            return bool(rows)


def _moments(told: list[tuple[int, str, str, Facts]]) -> Iterator[Moment]:
    """Yield the events, which are (at, boot, kind, body), with the time that lies between them."""
    since, before = 0, told[0]
    for at, boot, kind, body in told:
        uptime, earlier = body.get("uptime_us"), before[3].get("uptime_us")
        if boot and boot == before[1] and uptime is not None and earlier is not None:
            since += uptime - earlier
        else:
            since += at - before[0]
        before = (at, boot, kind, body)
        yield Moment(at, since, kind, body.get("step"), body.get("facts"), recalled(body))


def _closing(cycle: CycleRow, body: Facts) -> Closing:
    assert cycle.outcome is not None
    return Closing(Outcome(cycle.outcome), cycle.error, body.get("text"), body.get("details") or {})
