"""Boards that may not leave the house, and why: the hold list.

A board is on it while it is PENDING; when it met a number or a state in the
fleet that is not its own; and when its last cycle came to no verdict.  It
leaves the list by a later verdict of the station, or by a supervisor's word.
A row is the last word on one board: what is released stays in it, with who
has done it and why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from station.ledger.read import CycleRow, Reader
from station.model import Closing, Outcome

if TYPE_CHECKING:
    from sqlite_utils import Database

PENDING = "pending"
"""The code of a board that is good and of which the fleet has yet to be told."""

UNFINISHED = "decision-unfinished"
"""The code of a board under which the fleet is being changed, by a rework or a scrap that is not in the records yet."""

CONFLICTS = frozenset(
    {
        "serial-taken",
        "begun-elsewhere",
        "serial-unproven",
        "not-in-records",
        "serial-in-two-slots",
        "serial-on-other-hardware",
        "hardware-has-other-serial",
        "serial-vanished",
        "serial-orphaned",
        "serial-locked",
        "pass-unproven",
        "pass-not-in-fleet",
        "pass-not-on-board",
        "fleet-conflict",
        "fleet-disagrees",
    }
)
"""What a board is held for whatever its outcome was: somebody has to find out which board is which."""

_DECIDED = frozenset({"already-passed", "already-pending", "attempts-used-up", "scrapped", "golden-due"})
"""What stops a board whose state is known, so that the stop changes nothing about it."""


_STATION = "station"
"""Who lets a board go by a verdict."""


@dataclass(frozen=True, slots=True)
class Hold:
    """One board of the hold list."""

    model: str
    serial: str
    hardware_id: str
    code: str
    cycle: int
    held_at: int
    """UTC microseconds."""
    slot: str
    work_order: str | None
    operator: str | None


def held(cycle: CycleRow, code: str, now: int) -> dict[str, Any]:
    """Return the row of a cycle's board that is held from now on: PENDING, or for what turned out later."""
    assert cycle.serial is not None
    return _row(cycle, cycle.serial, cycle.hardware_id or "", code, now)


def after_close(
    cycle: CycleRow, closing: Closing, held: Mapping[str, Any] | None, passed: int | None, now: int
) -> dict[str, Any] | None:
    """Return the row of a cycle's board once it is closed; None if nothing changes.

    ``held`` is the row as it is, ``passed`` the cycle of a PASS of the board that stands.
    """
    serial, hardware = board_of(cycle, closing)
    if serial is None or cycle.golden:
        return None
    code = closing.code or ""
    if closing.outcome is Outcome.PASS:
        return let_go(held, now, _STATION, "PASS")
    if code in CONFLICTS:
        return _row(cycle, serial, hardware, code, now)
    if code in _DECIDED:
        return None
    if closing.outcome is Outcome.FAIL:
        waits = held is not None and held["code"] not in CONFLICTS
        return let_go(held, now, _STATION, "FAIL") if waits else None
    return _row(cycle, serial, hardware, code, now) if passed is None else None


def row_of(db: Database, board: tuple[str, str | None, str]) -> dict[str, Any] | None:
    """Return the row of a board, given as (model, serial, hardware id), released or not; None if it was never held."""
    found = db.conn.execute("SELECT * FROM holds WHERE model = ? AND serial = ? AND hardware_id = ?", board)
    row = found.fetchone()
    return dict(zip([name for name, *_ in found.description], row, strict=True)) if row else None


def let_go(held: Mapping[str, Any] | None, now: int, by: str, reason: str) -> dict[str, Any] | None:
    """Return the row of a board that is held no longer; None if it was not."""
    if held is None or held["released_at"] is not None:
        return None
    return {**held, "released_at": now, "released_by": by, "reason": reason}


def board_of(cycle: CycleRow, closing: Closing) -> tuple[str | None, str]:
    """Return serial number and hardware id of a cycle's board; a stop of identify names them, too."""
    if cycle.serial is not None:
        return cycle.serial, cycle.hardware_id or ""
    return closing.details.get("serial"), closing.details.get("hardware_id") or ""


def _row(cycle: CycleRow, serial: str, hardware: str, code: str, now: int) -> dict[str, Any]:
    free = dict.fromkeys(("released_at", "released_by", "reason"))
    named = {"model": cycle.model, "serial": serial, "hardware_id": hardware}
    return {**named, "code": code, "cycle": cycle.id, "held_at": now, **free}


def holds(reader: Reader, serial: str | None = None, work_order: str | None = None) -> list[Hold]:
    """Return the boards that are held, oldest first: all, those of a serial number, or those of a work order."""
    sql = f"""SELECT {", ".join(f"{_TABLE.get(name, 'holds')}.{name}" for name in Hold.__dataclass_fields__)}
        FROM holds JOIN cycles ON cycles.id = holds.cycle
        WHERE holds.released_at IS NULL AND (?1 IS NULL OR holds.serial = ?1)
          AND (?2 IS NULL OR cycles.work_order = ?2) ORDER BY held_at, holds.cycle"""
    with reader.rows(sql, [serial, work_order]) as rows:
        return [Hold(*row) for row in rows]


_TABLE = dict.fromkeys(("slot", "work_order", "operator"), "cycles")
