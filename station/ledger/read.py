"""Questions to the ledger, asked through a read-only connection.

Readers never block the writer (WAL), and see only what is committed.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class History:
    """What the ledger knows of a serial number and a hardware id, before a new cycle of theirs.

    ``closed`` holds the outcomes of the closed cycles of this serial number
    on this hardware, oldest first.
    """

    hardware_of_serial: str | None = None
    """The hardware id that this serial number was last seen on; None if the number is new here."""
    serial_of_hardware: str | None = None
    """The serial number that this hardware last had, if it has passed as another product's then ``SERIAL of MODEL``;
    None if the hardware is new here."""
    closed: tuple[Outcome, ...] = ()
    rids: frozenset[str] = frozenset()
    """The fleet clients that those of them have enabled which did not pass, or whose PASS a rework has taken back."""
    doubtful_since: int | None = None
    """When the first of them began to enable that never learnt what became of it, UTC microseconds: the fleet may hold
    a client of ours.  None if none did."""
    unproven: bool = False
    """The last of them ended because nothing proved whose the fleet's client was, which is for people to settle."""
    passed_rid: str | None = None
    """The fleet client of the PASS of this serial number that stands."""
    passed_recipe: str | None = None
    """The text of the recipe that it passed by."""
    passed_settings: Mapping[str, str] = field(default_factory=dict)
    """Setting name -> digest of what the board held when it passed, or was found good, where it told the value."""
    attempts: int = 0
    """How many of its cycles have ended as PASS or FAIL since a rework was granted (without the rework's), or ever."""
    reworked: bool = False
    """A rework was granted, and no cycle has come to PASS or FAIL since."""
    scrapped: bool = False
    open_in: str | None = None
    """The slot in which another cycle of this serial number is open, or has been begun if it is ``pending``."""
    pending: bool = False
    """That cycle is good, and its slot free: the fleet has yet to be told."""
    disabled: bool = False
    """The last that our records know of its client is that it was disabled, and that was seen or answered."""
    lost: bool = False
    """The ledger was restored from a backup, and the fleet has not been asked for this number since: it may have passed
    in the span that was lost."""


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

    def history(self, model: str, serial: str, hardware_id: str, cycle: int) -> History:
        """Return what is known of a board other than through ``cycle`` itself.

        Of another product, only that this hardware has passed as one of its boards.
        """
        sql = """SELECT boards.hardware_id, cycles.rid, reworked, scrapped_at, passed_cycle,
              (SELECT text FROM recipes WHERE sha256 = cycles.recipe)
            FROM boards LEFT JOIN cycles ON cycles.id = passed_cycle WHERE boards.model = ? AND boards.serial = ?"""
        with self.rows(sql, [model, serial]) as boards:
            before, passed_rid, granted, scrapped_at, passed, passed_by = boards[0] if boards else (None,) * 6
        sql = """SELECT serial || IIF(model = ?, '', ' of ' || model) FROM boards
            WHERE hardware_id = ? AND hardware_id <> '' AND (model = ? OR passed_cycle IS NOT NULL)
            ORDER BY last_cycle DESC LIMIT 1"""
        with self.rows(sql, [model, hardware_id, model]) as hardware:
            pass
        # A definite refusal has made nothing, so it leaves no doubt; what it took for its own is not.
        # What may have made something was to be disabled.
        sql = f"""SELECT slot, released_at IS NOT NULL, outcome, hardware_id, error, id,
              rework, IIF(error IN ({THEIRS}), NULL, rid),
              IIF(outcome <> 'PASS' AND rid IS NULL AND error NOT IN ({THEIRS}) AND step = 'disable',
                (SELECT MIN(at) FROM events WHERE cycle = cycles.id AND kind = 'intend'
                  AND json_extract(body, '$.step') = 'enable'), NULL)
            FROM cycles WHERE serial = ? AND model = ? AND id <> ? ORDER BY id"""
        with self.rows(sql, [serial, model, cycle]) as cycles:
            unclosed = [(row[0], row[1], row[5]) for row in cycles if row[2] is None]
            ours = [row[2:] for row in cycles if row[2] is not None and row[3] == hardware_id]
        since = [
            (outcome, rework)
            for outcome, _, _, number, rework, *_ in ours
            if number > (granted or 0) and outcome in (Outcome.PASS, Outcome.FAIL)
        ]
        good = passed if passed is not None else next((number for _, released, number in unclosed if released), None)
        return History(
            hardware_of_serial=before,
            serial_of_hardware=hardware[0][0] if hardware else None,
            closed=tuple(Outcome(outcome) for outcome, *_ in ours),
            rids=frozenset(
                rid
                for outcome, _, _, number, _, rid, _ in ours
                if rid is not None and (outcome != Outcome.PASS or number <= (granted or 0))
            ),
            doubtful_since=min((since for *_, since in ours if since is not None), default=None),
            unproven=bool(ours) and ours[-1][2] == "serial-unproven",
            passed_rid=passed_rid,
            passed_recipe=passed_by,
            passed_settings={} if good is None else self._held(good),
            attempts=sum(not rework for _, rework in since),
            reworked=granted is not None and not since,
            scrapped=scrapped_at is not None,
            open_in=unclosed[0][0] if unclosed else None,
            pending=bool(unclosed) and bool(unclosed[0][1]),
            disabled=bool(ours) and self._disabled(model, serial, cycle),
            lost=self._lost(model, serial, cycle),
        )

    def _held(self, cycle: int) -> dict[str, str]:
        """Return by name the digests of what a cycle's board was seen to hold, where it told the value itself."""
        sql = """SELECT json_extract(body, '$.facts') FROM events WHERE cycle = ? AND kind = 'settle'
            AND json_extract(body, '$.step') = 'verify-board' ORDER BY id DESC LIMIT 1"""
        with self.rows(sql, [cycle]) as rows:
            facts: Facts = json.loads(rows[0][0]) if rows else {}
        proofs = facts.get("proofs", {})
        return {name: digest for name, digest in facts.get("settings", {}).items() if name not in proofs}

    def _disabled(self, model: str, serial: str, cycle: int) -> bool:
        """Tell whether disabling is the last that other cycles have done to a number's client, as far as we know."""
        sql = """SELECT json_extract(body, '$.step') = 'disable' FROM events
            WHERE cycle IN (SELECT id FROM cycles WHERE serial = ? AND model = ? AND id <> ?) AND (
              kind = 'call' AND json_extract(body, '$.facts.call') = 'regenerate'
              OR kind IN ('intend', 'settle') AND json_extract(body, '$.step') = 'enable'
              OR kind IN ('settle', 'disable') AND json_extract(body, '$.step') = 'disable'
                AND (json_extract(body, '$.facts.move') = 'disable' OR json_extract(body, '$.facts.found') = 'expired'))
            ORDER BY id DESC LIMIT 1"""
        with self.rows(sql, [serial, model, cycle]) as last:
            return bool(last and last[0][0])

    def _lost(self, model: str, serial: str, cycle: int) -> bool:
        """Tell whether a restore stands between what we know of a number and now."""
        restored = self._restored
        if restored is None:
            return False
        # Who has come beyond register since has seen what the fleet held; if that was nothing, all else came later.
        sql = f"""SELECT 1 FROM cycles
            WHERE serial = ? AND model = ? AND coalesce(error, '') NOT IN ({THEIRS}) AND EXISTS (
              SELECT 1 FROM events WHERE cycle = cycles.id AND events.id > ? AND kind = 'settle'
              AND json_extract(body, '$.step') = 'register'
              AND (rid IS NOT NULL OR cycles.id = ? OR json_extract(body, '$.facts.found') = 'unknown')) LIMIT 1"""
        with self.rows(sql, [serial, model, restored, cycle]) as since:
            return not since

    @cached_property
    def _restored(self) -> int | None:
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
