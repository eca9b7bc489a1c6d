"""Questions to the ledger, asked through a read-only connection.

Readers never block the writer (WAL), and see only what is committed.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from station import clock
from station.database import connect, translated
from station.ledger.schema import model_in
from station.model import NOT_OURS, Closing, Facts, Outcome, Step

LATEST = """SELECT MAX(COALESCE((SELECT at FROM events ORDER BY id DESC LIMIT 1), 0),
    COALESCE((SELECT MAX(closed_at) FROM cycles), 0))"""
"""The latest time that the ledger holds: of the last event, or of the verdict before it that is later."""

OPENING = """SELECT at, json_extract(body, '$.uptime_us') AS uptime FROM events
    WHERE cycle = ? AND kind = 'open' AND boot = ? AND boot <> '' AND uptime IS NOT NULL"""
"""When a cycle was opened, by the clock and by the uptime, if that was in this boot of the machine."""


THEIRS = ", ".join(f"'{code}'" for code in sorted(NOT_OURS))
"""``NOT_OURS``, for a query."""


@dataclass(frozen=True, slots=True)
class CycleRow:
    """One row of ``cycles``; times are UTC microseconds."""

    id: int
    slot: str
    recipe: str
    operator: str | None
    work_order: str | None
    opened_at: int
    serial: str | None
    hardware_id: str | None
    attempt: int | None
    rid: str | None
    step: str | None
    released_at: int | None
    closed_at: int | None
    outcome: str | None
    error: str | None
    duration_ms: int | None
    removed_at: int | None
    model: str
    """The fleet's model, by the recipe; empty in a file of an earlier version that is only read."""
    golden: str | None
    """"good" or "bad" for a golden unit, which counts in no figure."""
    rework: int | None
    """1: by a rework that was granted, and no cycle had come to a verdict since."""
    shift: str | None
    """The shift in which it was closed."""


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One row of ``boards``."""

    model: str
    serial: str
    hardware_id: str | None
    attempts: int
    passed_cycle: int | None
    last_cycle: int
    reworked: int | None
    """The number of its last cycle when a rework was granted: what it did until then counts no more."""
    scrapped_at: int | None


CYCLE = f"SELECT {', '.join(CycleRow.__dataclass_fields__)} FROM cycles WHERE id = ?"
BOARD = f"SELECT {', '.join(BoardRow.__dataclass_fields__)} FROM boards WHERE model = ? AND serial = ?"


@dataclass(frozen=True, slots=True)
class SettledStep:
    """A step that a cycle has behind it, and what it established."""

    step: Step
    facts: Facts


@dataclass(frozen=True, slots=True)
class Past:
    """What an open cycle has behind it: in an earlier run of the station, or before its board was released."""

    settled: tuple[SettledStep, ...] = ()
    """In the order in which they settled."""
    decided: Closing | None = None
    """The verdict that it had come to, if it was cut while the serial number was being disabled."""
    said: str = ""
    """The transcript that is kept of it."""
    begun_at: int | None = None
    """When its unsettled step was begun first, UTC microseconds."""
    age_s: float = 0.0
    """Seconds since it was opened."""


class Reader:
    """Reads one ledger; may be shared by threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database = connect(path)
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.conn.close()

    @contextmanager
    def rows(self, sql: str, values: Sequence[Any] = ()) -> Iterator[list[tuple[Any, ...]]]:
        """Give the rows of a query; raises ``DatabaseError``."""
        with self._lock, translated(self._path):
            rows = self._database.conn.execute(sql, values).fetchall()
        yield rows

    @cached_property
    def _columns(self) -> str:
        """The columns of a ``CycleRow``; a file of an earlier version lacks some, which its reader doesn't add."""
        with self.rows("SELECT name FROM pragma_table_info('cycles')") as names:
            there = {name for (name,) in names}
        empty = {"model": "''"}
        return ", ".join(
            name if name in there else f"{empty.get(name, 'NULL')} AS {name}" for name in CycleRow.__dataclass_fields__
        )

    def open_cycle(self, slot: str) -> CycleRow | None:
        """Return the slot's open cycle, if it has one whose board is not released."""
        with self.rows(f"SELECT {self._columns} FROM cycles WHERE slot = ? AND released_at IS NULL", [slot]) as rows:
            return CycleRow(*rows[0]) if rows else None

    def last_cycle(self, slot: str) -> CycleRow | None:
        """Return the cycle that was opened last in a slot, open or closed."""
        with self.rows(f"SELECT {self._columns} FROM cycles WHERE slot = ? ORDER BY id DESC LIMIT 1", [slot]) as rows:
            return CycleRow(*rows[0]) if rows else None

    def cycle(self, number: int) -> CycleRow:
        """Return one cycle; raises ``KeyError``."""
        with self.rows(f"SELECT {self._columns} FROM cycles WHERE id = ?", [number]) as rows:
            if not rows:
                raise KeyError(number)
            return CycleRow(*rows[0])

    def latest(self) -> int:
        """Return the latest time that the ledger holds, UTC microseconds; 0 for an empty one."""
        with self.rows(LATEST) as rows:
            return int(rows[0][0])

    def last_number(self) -> int:
        """Return the number of the newest cycle, 0 if there is none."""
        with self.rows("SELECT COALESCE(MAX(id), 0) FROM cycles") as rows:
            return int(rows[0][0])

    def open_cycles(self) -> list[int]:
        """Return the numbers of all open cycles."""
        with self.rows("SELECT id FROM cycles WHERE closed_at IS NULL ORDER BY id") as rows:
            return [row[0] for row in rows]

    def open_slots(self) -> set[str]:
        """Return the names of the slots that have an open cycle whose board is not released."""
        with self.rows("SELECT DISTINCT slot FROM cycles WHERE released_at IS NULL") as rows:
            return {row[0] for row in rows}

    def pending(self) -> list[CycleRow]:
        """Return the open cycles whose board is released: good, and the fleet has yet to be told; oldest first."""
        sql = f"SELECT {self._columns} FROM cycles WHERE closed_at IS NULL AND released_at IS NOT NULL ORDER BY id"
        with self.rows(sql) as rows:
            return [CycleRow(*row) for row in rows]

    def recipe(self, sha256: str) -> str:
        """Return the text of a stored recipe; raises ``KeyError``."""
        with self.rows("SELECT text FROM recipes WHERE sha256 = ?", [sha256]) as rows:
            if not rows:
                raise KeyError(sha256)
            return str(rows[0][0])

    def recipe_name(self, sha256: str) -> str:
        """Return name and version of a stored recipe; raises ``KeyError``."""
        with self.rows("SELECT name || ' ' || version FROM recipes WHERE sha256 = ?", [sha256]) as rows:
            if not rows:
                raise KeyError(sha256)
            return str(rows[0][0])

    def closing_facts(self, cycle: int) -> Facts:
        """Return the whole record of a closed cycle, as ``Known.record`` made it; empty for one that is open."""
        sql = "SELECT json_extract(body, '$.facts') FROM events WHERE cycle = ? AND kind = 'close'"
        with self.rows(sql, [cycle]) as rows:
            facts: Facts = json.loads(rows[0][0]) if rows else {}
            return facts

    def model(self, recipe: str) -> str:
        """Return the fleet's model that a stored recipe names, by the recipe's SHA-256."""
        return model_in(self.recipe(recipe))

    def board(self, model: str, serial: str) -> BoardRow | None:
        """Return what is known of a board; None if it was never here."""
        with self.rows(BOARD, [model, serial]) as rows:
            return BoardRow(*rows[0]) if rows else None

    def accepted(self, recipe: str) -> str | None:
        """Return who has accepted a recipe, by its SHA-256; None if nobody has."""
        with self.rows("SELECT operator FROM acceptances WHERE recipe = ?", [recipe]) as rows:
            return str(rows[0][0]) if rows else None

    def last_accepted(self) -> str | None:
        """Return the SHA-256 of the recipe that was accepted last; None if none ever was."""
        with self.rows("SELECT recipe FROM acceptances ORDER BY at DESC LIMIT 1") as rows:
            return str(rows[0][0]) if rows else None

    def cleared(self) -> dict[str, int]:
        """Return up to which cycle somebody has looked at the failures: of each slot, and of the line under ``""``.

        Looks through all events.
        """
        sql = """SELECT json_extract(body, '$.facts.slot'), MAX(json_extract(body, '$.facts.cycles'))
            FROM events WHERE kind = 'clear' GROUP BY 1"""
        with self.rows(sql) as rows:
            return dict(rows)

    def last_start(self) -> Facts:
        """Return what the last start of the station recorded; empty if there was none."""
        sql = "SELECT json_extract(body, '$.facts') FROM events WHERE kind = 'start' ORDER BY id DESC LIMIT 1"
        with self.rows(sql) as rows:
            facts: Facts = json.loads(rows[0][0]) if rows else {}
            return facts

    def intended_at(self, cycle: int, step: Step) -> int | None:
        """Return when a step of a cycle was begun for the first time, UTC microseconds; None if it never was."""
        sql = """SELECT MIN(at) FROM events
            WHERE cycle = ? AND kind = 'intend' AND json_extract(body, '$.step') = ?"""
        with self.rows(sql, [cycle, step]) as rows:
            at: int | None = rows[0][0]
            return at

    def stopped(self, cycle: int) -> Facts:
        """Return what a closed cycle's verdict names: ``serial`` and ``hardware_id``, if it was stopped for them."""
        sql = "SELECT json_extract(body, '$.details') FROM events WHERE cycle = ? AND kind = 'close'"
        with self.rows(sql, [cycle]) as rows:
            details: Facts = json.loads(rows[0][0]) if rows and rows[0][0] else {}
            return details

    def owed(self) -> list[CycleRow]:
        """Return the closed cycles whose serial number was to be disabled in the fleet, and is not known to be."""
        sql = f"""SELECT {self._columns} FROM cycles
            WHERE closed_at IS NOT NULL AND outcome <> 'PASS' AND step = 'disable' AND NOT EXISTS (
              SELECT 1 FROM events WHERE cycle = cycles.id
              AND kind IN ('settle', 'disable') AND json_extract(body, '$.step') = 'disable') ORDER BY id"""
        with self.rows(sql) as rows:
            return [CycleRow(*row) for row in rows]

    def past(self, row: CycleRow) -> Past:
        """Return what an open cycle has behind it."""
        begun_at = self.intended_at(row.id, Step(row.step)) if row.step else None
        said = self.transcript(row.id)
        return Past(tuple(self.settled(row.id)), self.decided(row.id), said, begun_at, self._age_s(row))

    def _age_s(self, row: CycleRow) -> float:
        """Return the seconds since a cycle was opened: by the uptime, or by the clock if the machine was restarted."""
        with self.rows(OPENING, [row.id, clock.boot_id()]) as opened:
            age_us = clock.uptime_us() - opened[0][1] if opened else clock.now_us() - row.opened_at
        return max(0, age_us) / 1e6

    def settled(self, cycle: int) -> list[SettledStep]:
        """Return the steps that a cycle has behind it, in the order in which they settled."""
        sql = "SELECT step, facts FROM v_steps WHERE cycle = ? AND settled_at IS NOT NULL ORDER BY intended"
        with self.rows(sql, [cycle]) as rows:
            return [SettledStep(Step(step), json.loads(facts)) for step, facts in rows]

    def decided(self, cycle: int) -> Closing | None:
        """Return the verdict that an open cycle had come to when it was cut, if it had."""
        sql = """SELECT json_extract(body, '$.decided') FROM events
            WHERE cycle = ? AND kind = 'intend' AND json_extract(body, '$.decided') IS NOT NULL
            ORDER BY id DESC LIMIT 1"""
        with self.rows(sql, [cycle]) as rows:
            if not rows:
                return None
            found = json.loads(rows[0][0])
            return Closing(**{**found, "outcome": Outcome(found["outcome"])})

    def transcript(self, cycle: int) -> str:
        """Return what is kept of what was said in a cycle, as ``station.ledger.transcript`` wrote it."""
        with self.rows("SELECT text FROM transcripts WHERE cycle = ?", [cycle]) as rows:
            return str(rows[0][0]) if rows else ""

    @cached_property
    def restored(self) -> int | None:
        """The event with which this ledger was restored from a backup; None if it never was.

        Looked for once, among all events: while a station runs, nothing is restored.
        """
        sql = "SELECT id FROM events WHERE kind = 'restore' ORDER BY id DESC LIMIT 1"
        with self.rows(sql) as rows:
            return int(rows[0][0]) if rows else None

    def passed(self) -> int:
        """Count the boards that have passed."""
        with self.rows("SELECT COUNT(*) FROM boards WHERE passed_cycle IS NOT NULL") as rows:
            return int(rows[0][0])
