"""Writing to the ledger: one event a call, chained, with the projections beside it, one commit."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from station import __version__, clock
from station.database import Writer, connect, traceless, translated
from station.errors import DatabaseError
from station.ledger import holds
from station.ledger.chain import GENESIS, Event, canonical
from station.ledger.read import CYCLE, LATEST, OPENING, CycleRow
from station.ledger.rows import columns, inserting, project
from station.ledger.schema import migrations
from station.ledger.witness import Head, Witness, testimony, verify_head
from station.model import Closing, Edition, Facts, Outcome, Step
from station.shifts import Shifts
from station.timekeeper import Timekeeper, recorded

if TYPE_CHECKING:
    from sqlite_utils import Database

T = TypeVar("T")
Rows = dict[str, dict[str, Any]]
"""Table -> the whole row, as the event leaves it."""

JUDGED = frozenset({"start", "open", "close", "clock"})
"""The kinds of event that say what the clock was worth."""

STATION = "station"
"""The actor of whatever no person decided."""


_ATTEMPT = "SELECT COUNT(*) + 1 FROM cycles WHERE serial = ? AND model = ? AND id <> ?"

_GRANTED = """SELECT MAX(1) FROM boards WHERE model = ? AND serial = ? AND reworked IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM cycles WHERE cycles.model = boards.model AND cycles.serial = boards.serial
      AND cycles.id > reworked AND outcome IN ('PASS', 'FAIL'))"""
"""1 if a rework was granted to a board, and it has come to no verdict since; else NULL."""


class SerialOpenElsewhere(Exception):
    """A cycle of the same serial number is open in another slot."""


class HardwareOpenElsewhere(Exception):
    """A cycle of the same hardware with another serial number is open in another slot."""

    def __init__(self, serial: str, slot: str) -> None:
        super().__init__(serial, slot)
        self.serial, self.slot = serial, slot


class Ledger:
    """The ledger's only writer.  Every call returns after its commit, or raises ``DatabaseError``.

    ``write`` is the one door to the file; whatever a call changes passes it
    as one piece of work.
    """

    def __init__(
        self, path: Path, station: str, timekeeper: Timekeeper | None = None, shifts: Shifts | None = None
    ) -> None:
        """Open or make the ledger of the station with this uid; ``timekeeper`` judges the clock of its records."""
        self._station, self._timekeeper, self._shifts = station, timekeeper or Timekeeper(), shifts or Shifts()
        if (seen := testimony(path)) is not None and path.exists():  # first, so that it is left as it is
            with contextlib.closing(traceless(path)) as connection:
                verify_head(path, connection, seen)
        self._database = connect(path, migrations)
        self._head: Head = (0, GENESIS)
        try:
            with translated(path):
                self._take_head()
                self._timekeeper.wrote(self._database.conn.execute(LATEST).fetchone()[0])
            self._witness = Witness(path)
        except DatabaseError:
            self._database.conn.close()
            raise
        self._writer = Writer(path, self._database, self._take_head, self._witness.guard, self._kept)

    def write(self, work: Callable[[Database], T]) -> T:
        """Do a piece of work and return once it is on the disk."""
        return self._writer.write(work)

    def close(self) -> None:
        """Finish what is queued and close the file."""
        self._writer.close()
        self._witness.close()

    # ------------------------------------------------------------- what happens to a board

    def open_cycle(
        self, slot: str, recipe: Edition, first: Step, operator: str | None = None, work_order: str | None = None
    ) -> CycleRow:
        """Open a cycle and intend its first step; ``operator`` is who is signed in, ``work_order`` what is made."""

        def work(db: Database) -> CycleRow:
            if not db.conn.execute("SELECT 1 FROM recipes WHERE sha256 = ?", [recipe.sha256]).fetchone():
                row = {name: value for name, value in recipe._asdict().items() if name != "model"}
                self.append(db, "recipe", rows={"recipes": row})
            number = db.conn.execute("SELECT COALESCE(MAX(id), 0) + 1 FROM cycles").fetchone()[0]
            fresh: dict[str, Any] = dict.fromkeys(CycleRow.__dataclass_fields__)
            named = {"id": number, "slot": slot, "recipe": recipe.sha256, "model": recipe.model}
            for_whom = {"operator": operator, "work_order": work_order, "opened_at": clock.now_us()}
            cycle = CycleRow(**{**fresh, **named, **for_whom})
            self.append(db, "open", cycle, facts={"software": __version__})
            return self._intend(db, cycle, first)

        return self.write(work)

    def resume(self, cycle: CycleRow) -> None:
        """Record that an open cycle was found after a restart and is taken up again."""
        self.write(lambda db: self.append(db, "resume", cycle, facts={"software": __version__}))

    def settle(self, cycle: CycleRow, step: Step, facts: Facts, then: Step | None) -> CycleRow:
        """Record what a step established and intend the next one, in one commit; return the cycle as it is now.

        Without a next one, nothing but that is recorded.

        Raises ``SerialOpenElsewhere`` or ``HardwareOpenElsewhere`` if the
        serial number or the hardware of the board just identified is in
        another slot too: the first one there keeps it.
        """

        def work(db: Database) -> CycleRow:
            after = self._learn(db, cycle, step, facts)
            # The last event that names a row carries it whole: the cycle's is left to the next intent, and the
            # board's changes only when the board is told from others.
            board = self._board(db, after) if step is Step.IDENTIFY else {}
            if step is Step.IDENTIFY:
                _one_cycle_a_hardware(db, after)
            with _one_cycle_a_serial():
                body = {"step": step}
                self.append(db, "settle", after, body=body, facts=dict(facts), rows=board, carry=then is None)
                return self._intend(db, after, then) if then else after

        return self.write(work)

    def release(self, cycle: CycleRow, step: Step, facts: Facts, duration_ms: int, transcript: str | None) -> CycleRow:
        """Record what the last step that needs the board established, and let the board go: the cycle stays open.

        ``transcript`` is kept until the cycle closes.
        """

        def work(db: Database) -> CycleRow:
            self.append(db, "settle", cycle, body={"step": step}, facts=dict(facts), carry=False)
            now = clock.now_us()
            after = replace(cycle, released_at=now, duration_ms=duration_ms)
            held: Rows = {"holds": holds.held(after, holds.PENDING, now)}
            self.append(db, "release", after, body=self._keep(db, cycle, transcript), rows=held)
            return after

        return self.write(work)

    def intend(
        self, cycle: CycleRow, step: Step, decided: Closing | None = None, transcript: str | None = None
    ) -> CycleRow:
        """Record that a step is about to be tried: the first after a release, or one after a verdict is ``decided``."""
        return self.write(lambda db: self._intend(db, cycle, step, decided, transcript))

    def cut(self, cycle: CycleRow, transcript: str) -> None:
        """Record what was said so far in a cycle that stays open, since the station stops."""

        def work(db: Database) -> None:
            self.append(db, "cut", cycle, body=self._keep(db, cycle, transcript), carry=False)

        self.write(work)

    def close_cycle(
        self,
        cycle: CycleRow,
        closing: Closing,
        facts: Facts,
        duration_ms: int,
        transcript: str | None = None,
        last: tuple[Step, Facts] | None = None,
    ) -> CycleRow:
        """Close a cycle, with its whole record; a closed cycle takes no settle.

        ``last`` is a step that settles with it, and what that established.
        ``transcript`` replaces what was kept so far; the empty one forgets it,
        None leaves it as it is.
        """

        def work(db: Database) -> CycleRow:
            now = clock.now_us()
            after = replace(
                cycle,
                closed_at=now,
                released_at=cycle.released_at or now,
                outcome=str(closing.outcome),
                error=closing.code,
                duration_ms=duration_ms,
                rid=cycle.rid or ("" if cycle.golden else None),  # a golden unit that passes has none
                shift=self._shifts.at(now).label,
            )
            if last is not None:
                step, established = last
                self.append(db, "settle", cycle, body={"step": step}, facts=dict(established), carry=False)
            body = {"text": closing.text, "details": dict(closing.details), "software": __version__}
            body |= self._keep(db, cycle, transcript)
            rows = {**self._board(db, after), **self._held(db, after, closing, now)}
            self.append(db, "close", after, body=body, facts=dict(facts), rows=rows)
            return after

        return self.write(work)

    def removed(self, cycle: CycleRow) -> CycleRow:
        """Record that the board of a closed cycle was seen to leave its slot."""

        def work(db: Database) -> CycleRow:
            # The outbox may have gone on with it, and closed it, since the slot has read it.
            now = CycleRow(*db.conn.execute(CYCLE, [cycle.id]).fetchone())
            after = replace(now, removed_at=clock.now_us())
            self.append(db, "remove", after)
            return after

        return self.write(work)

    def disabled(self, cycle: CycleRow, facts: Facts) -> None:
        """Record that the serial number of a closed cycle has been disabled after all; the cycle stays as it is."""
        body = {"step": Step.DISABLE}
        self.write(lambda db: self.append(db, "disable", cycle, body=body, facts=dict(facts), carry=False))

    def calls(self, cycle: CycleRow, call: str, found: str) -> None:
        """Record that the fleet is about to be asked for what can kill a key.

        ``call`` is "regenerate" or "disable", ``found`` the number's state before.  Of an answer tells the settling
        that follows; without one the call may still take effect.
        """
        self.write(lambda db: self.append(db, "call", cycle, facts={"call": call, "found": found}, carry=False))

    def print(self, cycle: CycleRow, actor: str, facts: Facts) -> None:
        """Record that something was printed for a board, or could not be."""
        self.write(lambda db: self.append(db, "print", cycle, facts=dict(facts), carry=False, actor=actor))

    def note(self, kind: str, facts: Facts) -> None:
        """Record something that concerns the station, the line or a slot, and no one cycle."""
        self.write(lambda db: self.append(db, kind, facts=dict(facts)))

    def act(
        self,
        kind: str,
        actor: str,
        facts: Facts,
        rows: Rows | None = None,
        beside: Callable[[Database], object] = lambda db: None,
    ) -> None:
        """Record what a person did, by his operator's id, and the rows that it leaves.

        ``beside`` changes what follows from no event, in the same commit.
        """

        def work(db: Database) -> None:
            beside(db)
            self.append(db, kind, facts=dict(facts), rows=rows, actor=actor)

        self.write(work)

    # ------------------------------------------------------------- how it is written down

    def _intend(
        self,
        db: Database,
        cycle: CycleRow,
        step: Step,
        decided: Closing | None = None,
        transcript: str | None = None,
    ) -> CycleRow:
        after = replace(cycle, step=str(step))
        verdict = {"decided": {**asdict(decided), "details": dict(decided.details)}} if decided else {}
        self.append(db, "intend", after, body={"step": step, **verdict, **self._keep(db, cycle, transcript)})
        return after

    def _keep(self, db: Database, cycle: CycleRow, transcript: str | None) -> dict[str, str | None]:
        """Keep a transcript, or forget the one that is kept; return what the event says of it."""
        if transcript is None:
            return {}
        if not transcript:
            db.conn.execute("DELETE FROM transcripts WHERE cycle = ?", [cycle.id])
            return {"transcript": None}
        sql = "INSERT INTO transcripts(cycle, text) VALUES (?, ?) ON CONFLICT(cycle) DO UPDATE SET text = excluded.text"
        db.conn.execute(sql, [cycle.id, transcript])
        return {"transcript": hashlib.sha256(transcript.encode()).hexdigest()}

    def _learn(self, db: Database, cycle: CycleRow, step: Step, facts: Facts) -> CycleRow:
        """Carry into the cycle's row what a step has established of it."""
        match step:
            case Step.IDENTIFY:
                identity = facts["identity"]
                (attempt,) = db.conn.execute(_ATTEMPT, [identity["serial"], cycle.model, cycle.id]).fetchone()
                (granted,) = db.conn.execute(_GRANTED, [cycle.model, identity["serial"]]).fetchone()
                named = {"serial": identity["serial"], "hardware_id": identity["hardware_id"], "attempt": attempt}
                return replace(cycle, **named, golden=facts.get("golden"), rework=granted)
            case Step.ENABLE:
                return replace(cycle, rid=facts["rid"])
            case _:
                return cycle

    def _board(self, db: Database, cycle: CycleRow) -> Rows:
        """Return the board's row as this cycle leaves it."""
        if cycle.serial is None or cycle.golden:
            return {}
        sql = "SELECT passed_cycle, reworked, scrapped_at FROM boards WHERE model = ? AND serial = ?"
        passed, reworked, scrapped = db.conn.execute(sql, [cycle.model, cycle.serial]).fetchone() or (None, None, None)
        row = {
            "model": cycle.model,
            "serial": cycle.serial,
            "hardware_id": cycle.hardware_id,
            "attempts": cycle.attempt,
            "passed_cycle": cycle.id if cycle.outcome == Outcome.PASS else passed,
            "last_cycle": cycle.id,
            "reworked": reworked,
            "scrapped_at": scrapped,
        }
        return {"boards": row}

    def _held(self, db: Database, cycle: CycleRow, closing: Closing, now: int) -> Rows:
        """Return what becomes of the board's place on the hold list."""
        serial, hardware = holds.board_of(cycle, closing)
        sql = "SELECT passed_cycle FROM boards WHERE model = ? AND serial = ?"
        (passed,) = db.conn.execute(sql, [cycle.model, serial]).fetchone() or (None,)
        held = holds.row_of(db, (cycle.model, serial, hardware))
        after = holds.after_close(cycle, closing, held, passed, now)
        return {"holds": after} if after else {}

    def append(
        self,
        db: Database,
        kind: str,
        cycle: CycleRow | None = None,
        *,
        body: dict[str, Any] | None = None,
        facts: Facts | None = None,
        rows: Rows | None = None,
        carry: bool = True,
        actor: str = STATION,
    ) -> None:
        """Insert one event and bring the projections to what it says; as part of a piece of work (``write``)."""
        if cycle and carry and kind != "remove":  # that it has left is its slot's to say, at any moment
            left = db.conn.execute("SELECT removed_at FROM cycles WHERE id = ?", [cycle.id]).fetchone()
            cycle = replace(cycle, removed_at=left[0]) if left else cycle
        rows = {**({"cycles": columns(cycle)} if cycle and carry else {}), **(rows or {})}
        whole = {**(body or {}), **({"facts": facts} if facts is not None else {}), **({"rows": rows} if rows else {})}
        now = clock.read()
        whole |= {"uptime_us": now.uptime, **(self._judged(db, now, cycle) if kind in JUDGED else {})}
        number, previous = self._head
        event = Event(
            id=number + 1,
            at=now.at,
            clock=now.state,
            station=self._station,
            boot=clock.boot_id(),
            kind=kind,
            cycle=cycle.id if cycle else None,
            actor=actor,
            body=canonical(whole),
        )
        hashed = event.hashed(previous)
        values = {**columns(event), "previous": previous, "hash": hashed}
        db.conn.execute(inserting("events", tuple(values)), list(values.values()))
        for table, row in rows.items():
            project(db.conn, table, row)
        self._head = (event.id, hashed)
        self._timekeeper.wrote(now.at)

    def _judged(self, db: Database, now: clock.Reading, cycle: CycleRow | None) -> dict[str, Any]:
        """Return what the clock is worth; of a cycle also whether it was set since that was opened."""
        opened = db.conn.execute(OPENING, [cycle.id, clock.boot_id()]).fetchone() if cycle else None
        return recorded(self._timekeeper.judge(now, opened[0] - opened[1] if opened else None))

    def _kept(self) -> None:
        self._witness.note(self._head)

    def _take_head(self) -> None:
        """Read the chain's head from the file, at start and after anything was rolled back."""
        row = self._database.conn.execute("SELECT id, hash FROM events ORDER BY id DESC LIMIT 1").fetchone()
        self._head = (row[0], bytes(row[1])) if row else (0, GENESIS)


def _one_cycle_a_hardware(db: Database, cycle: CycleRow) -> None:
    sql = """SELECT serial, slot FROM cycles
        WHERE closed_at IS NULL AND hardware_id = ? AND hardware_id <> '' AND (serial, model) IS NOT (?, ?)"""
    for serial, slot in db.conn.execute(sql, [cycle.hardware_id, cycle.serial, cycle.model]):
        raise HardwareOpenElsewhere(serial, slot)


@contextlib.contextmanager
def _one_cycle_a_serial() -> Any:
    try:
        yield
    except sqlite3.IntegrityError as error:
        if "cycles.serial" in str(error):
            raise SerialOpenElsewhere from error
        raise
