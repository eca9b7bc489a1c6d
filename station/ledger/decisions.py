"""What people decide of boards and work orders, as the ledger keeps it: who, why, and what was so before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from station import clock
from station.ledger import holds
from station.ledger.read import BOARD, CYCLE, THEIRS, BoardRow, CycleRow, Reader
from station.ledger.write import Ledger, Rows, SerialOpenElsewhere
from station.model import Facts

if TYPE_CHECKING:
    from sqlite_utils import Database


class NotHeld(Exception):
    """The board is not on the hold list."""


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """One row of ``work_orders``; times are UTC microseconds."""

    id: str
    model: str
    """The fleet's model of its boards."""
    planned: int | None
    """So many boards; None if nobody has said."""
    opened_at: int
    taken_at: int
    closed_at: int | None


_ORDER = f"SELECT {', '.join(WorkOrder.__dataclass_fields__)} FROM work_orders"


def amend(
    ledger: Ledger,
    kind: str,
    actor: str,
    board: tuple[str, str],
    facts: Facts,
    changes: Callable[[BoardRow], BoardRow],
) -> BoardRow:
    """Record what a person decides of a board, given as (model, serial), with what its row was and is.

    A board that is scrapped is held no longer, nor is one that was only until this was recorded (``UNFINISHED``).
    Raises ``KeyError`` for a board that was never here, ``SerialOpenElsewhere`` for one that has an open cycle.
    """

    def work(db: Database) -> BoardRow:
        sql = "SELECT slot FROM cycles WHERE model = ? AND serial = ? AND closed_at IS NULL"
        if db.conn.execute(sql, board).fetchone():
            raise SerialOpenElsewhere
        found = db.conn.execute(BOARD, board).fetchone()
        if found is None:
            raise KeyError(board)
        before = BoardRow(*found)
        after = changes(before)
        old, new = asdict(before), asdict(after)
        changed = [name for name in new if new[name] != old[name]]
        told = {"old": {name: old[name] for name in changed}, "new": {name: new[name] for name in changed}}
        rows: Rows = {"boards": new}
        key = (*board, before.hardware_id or "")
        held = holds.row_of(db, key)
        if after.scrapped_at is not None or (held is not None and held["code"] == holds.UNFINISHED):
            rows |= _let_go(db, key, actor, str(facts.get("reason", "")))
        ledger.append(db, kind, body={"board": list(board)}, facts={**facts, **told}, rows=rows, actor=actor)
        return after

    return ledger.write(work)


def release(ledger: Ledger, actor: str, board: tuple[str, str, str], reason: str) -> None:
    """Take a board, given as (model, serial, hardware id), off the hold list; raises ``NotHeld``."""

    def work(db: Database) -> None:
        rows = _let_go(db, board, actor, reason)
        if not rows:
            raise NotHeld
        facts = {"reason": reason, "old": rows["holds"]["code"]}
        ledger.append(db, "release-hold", body={"board": list(board)}, facts=facts, rows=rows, actor=actor)

    ledger.write(work)


def hold(ledger: Ledger, board: BoardRow, code: str) -> bool:
    """Put a board that has passed on the hold list; False if it is there already, or its PASS stands no more."""

    def work(db: Database) -> bool:
        key = (board.model, board.serial)
        now = db.conn.execute(BOARD, key).fetchone()
        cycle = board.passed_cycle
        if now is None or BoardRow(*now).passed_cycle != cycle or cycle is None:
            return False
        row = CycleRow(*db.conn.execute(CYCLE, [cycle]).fetchone())
        held = holds.row_of(db, (*key, row.hardware_id or ""))
        if held is not None and held["released_at"] is None:
            return False
        rows: Rows = {"holds": holds.held(row, code, clock.now_us())}
        ledger.append(db, "hold", body={"board": [*key, row.hardware_id or ""]}, facts={"code": code}, rows=rows)
        return True

    return ledger.write(work)


def passed_since(reader: Reader, since: int, after: int) -> list[BoardRow]:
    """Return the boards whose PASS stands and closed since an instant, behind that of cycle ``after``, oldest first."""
    names = ", ".join(f"boards.{name}" for name in BoardRow.__dataclass_fields__)
    sql = f"""SELECT {names} FROM boards JOIN cycles ON cycles.id = passed_cycle
        WHERE closed_at >= ? AND passed_cycle > ? ORDER BY passed_cycle"""
    with reader.rows(sql, [since, after]) as rows:
        return [BoardRow(*row) for row in rows]


def _let_go(db: Database, board: tuple[str, str, str], actor: str, reason: str) -> Rows:
    """Return the row of a board that is held no longer; nothing if it was not."""
    after = holds.let_go(holds.row_of(db, board), clock.now_us(), actor, reason)
    return {"holds": after} if after else {}


def clients(reader: Reader, board: BoardRow) -> frozenset[str]:
    """Return the RIDs of the fleet clients that this station has made for a number, and not for somebody else's."""
    sql = f"""SELECT DISTINCT rid FROM cycles
        WHERE serial = ? AND model = ? AND rid IS NOT NULL AND coalesce(error, '') NOT IN ({THEIRS})"""
    with reader.rows(sql, [board.serial, board.model]) as rows:
        return frozenset(rid for (rid,) in rows)


def listed(reader: Reader, board: BoardRow) -> bool:
    """Tell whether this station has listed a number in the fleet."""
    sql = """SELECT 1 FROM events WHERE cycle IN (SELECT id FROM cycles WHERE serial = ? AND model = ?)
        AND kind = 'settle' AND json_extract(body, '$.facts.move') = 'add' LIMIT 1"""
    with reader.rows(sql, [board.serial, board.model]) as rows:
        return bool(rows)


# --------------------------------------------------------------------------- work orders


def keep_order(ledger: Ledger, kind: str, actor: str, order: WorkOrder, facts: Facts) -> None:
    """Record what becomes of a work order."""
    ledger.act(kind, actor, {"work_order": order.id, **facts}, {"work_orders": asdict(order)})


def order(reader: Reader, number: str) -> WorkOrder | None:
    """Return one work order; None if it was never taken."""
    with reader.rows(f"{_ORDER} WHERE id = ?", [number]) as rows:
        return WorkOrder(*rows[0]) if rows else None


def orders(reader: Reader) -> list[WorkOrder]:
    """Return every work order, the one that was taken last first."""
    with reader.rows(f"{_ORDER} ORDER BY taken_at DESC") as rows:
        return [WorkOrder(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a work order is, in boards."""

    passed: int
    """Boards whose PASS stands."""
    pending: int
    """Good, and the fleet has yet to be told."""
    running: int
    held: int
    """On the hold list, the pending ones among them."""


def progress(reader: Reader, number: str) -> Progress:
    """Return how far a work order is."""
    sql = """SELECT
        (SELECT COUNT(*) FROM boards JOIN cycles ON cycles.id = passed_cycle WHERE work_order = ?1),
        (SELECT COUNT(*) FROM cycles WHERE work_order = ?1 AND closed_at IS NULL AND released_at IS NOT NULL),
        (SELECT COUNT(*) FROM cycles WHERE work_order = ?1 AND released_at IS NULL),
        (SELECT COUNT(*) FROM holds JOIN cycles ON cycles.id = holds.cycle
          WHERE work_order = ?1 AND holds.released_at IS NULL)"""
    with reader.rows(sql, [number]) as rows:
        return Progress(*rows[0])
