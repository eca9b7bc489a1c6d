"""Who works here: the operators, as the ledger has them, and their PINs, which are no part of its trail."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from station.ledger.read import Reader
from station.model import Operator, Role
from station.pins import Hashed

if TYPE_CHECKING:
    from sqlite_utils import Database


class Roster:
    """Reads the operators of one ledger."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def all(self) -> list[Operator]:
        """Return every operator that there ever was, by id."""
        with self._reader.rows("SELECT id, name, role, active FROM operators ORDER BY id") as rows:
            return [Operator(who, name, Role(role), bool(active)) for who, name, role, active in rows]

    def get(self, who: str) -> Operator | None:
        """Return one operator, None if there is none of this id."""
        return next((operator for operator in self.all() if operator.id == who), None)

    def pin(self, who: str) -> tuple[Hashed | None, int, int]:
        """Return an operator's PIN (None without one), how often in a row it was wrong, and when it was tried last.

        UTC microseconds; 0 if never.
        """
        sql = "SELECT salt, hash, cost, block, lanes, wrong, tried_at FROM pins WHERE operator = ?"
        with self._reader.rows(sql, [who]) as rows:
            if not rows:
                return None, 0, 0
            *parts, wrong, tried_at = rows[0]
            return Hashed(*parts) if parts[0] is not None else None, wrong, tried_at


def keep_pin(who: str, pin: Hashed | None) -> Callable[[Database], None]:
    """Return the work that gives an operator a PIN, or takes it away; the tries begin anew."""

    def work(db: Database) -> None:
        db.conn.execute("DELETE FROM pins WHERE operator = ?", [who])
        if pin is not None:
            db.conn.execute(
                "INSERT INTO pins(operator, salt, hash, cost, block, lanes) VALUES (?, ?, ?, ?, ?, ?)",
                [who, pin.salt, pin.hash, pin.cost, pin.block, pin.lanes],
            )

    return work


def keep_try(who: str, wrong: int, at: int) -> Callable[[Database], None]:
    """Return the work that notes how often in a row an operator's PIN has been wrong."""

    def work(db: Database) -> None:
        db.conn.execute("UPDATE pins SET wrong = ?, tried_at = ? WHERE operator = ?", [wrong, at, who])

    return work
