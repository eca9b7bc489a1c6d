"""The figures of a line, each defined once.

*Counted* is a cycle that ended PASS or FAIL, was no golden unit's, and was not
made by a rework that was granted.  A board's first attempt is its first cycle
that ended so, if that is counted; and so is each FAIL that never learnt a
serial number.  ``docs/figures.md`` says it in words.
"""

from __future__ import annotations

from station.ledger.read import Reader
from station.model import Counters, Outcome

_NEVER = 1 << 62

_FIRST = """outcome IN ('PASS', 'FAIL') AND golden IS NULL AND rework IS NULL AND (serial IS NULL OR NOT EXISTS (
    SELECT 1 FROM cycles earlier WHERE earlier.serial = cycles.serial AND earlier.model = cycles.model
      AND earlier.id < cycles.id AND earlier.outcome IN ('PASS', 'FAIL')))"""


def counters(reader: Reader, since: int, until: int | None = None) -> Counters:
    """Return the figures of the cycles closed since an instant, and before another one (UTC microseconds).

    First-pass yield: of the first attempts that closed in this time, the part that passed.
    """
    sql = f"""SELECT COUNT(*), COALESCE(SUM(outcome = 'PASS'), 0), COALESCE(SUM(first), 0),
          COALESCE(SUM(first AND outcome = 'PASS'), 0),
          (SELECT COUNT(*) FROM cycles WHERE closed_at IS NULL AND released_at IS NOT NULL)
        FROM (SELECT outcome, {_FIRST} AS first FROM cycles
          WHERE closed_at >= ? AND closed_at < ? AND golden IS NULL)"""
    with reader.rows(sql, [since, _NEVER if until is None else until]) as rows:
        return Counters(*rows[0])


def first_attempts(reader: Reader, after: int, count: int) -> list[bool]:
    """Return of the newest first attempts, at most ``count``, whether each passed, newest first.

    Only of cycles with a number above ``after``.
    """
    sql = f"SELECT outcome = 'PASS' FROM cycles WHERE id > ? AND {_FIRST} ORDER BY closed_at DESC, id DESC LIMIT ?"
    with reader.rows(sql, [after, count]) as rows:
        return [bool(passed) for (passed,) in rows]


def streak(reader: Reader, after: int, count: int, slot: str | None = None) -> str | None:
    """Return the code with which all of the newest ``count`` cycles ended, in one slot or in all; None if they differ.

    An ABORTED is the people's and is passed over; a PASS ends every streak.
    """
    of_slot = "AND slot = ?" if slot is not None else ""
    sql = f"""SELECT outcome, error FROM cycles
        WHERE id > ? AND outcome IN ('PASS', 'FAIL', 'ERROR') AND golden IS NULL {of_slot}
        ORDER BY {"id" if slot is not None else "closed_at DESC, id"} DESC LIMIT ?"""
    with reader.rows(sql, [after, *([slot] if slot is not None else []), count]) as rows:
        codes = {error for outcome, error in rows if outcome != Outcome.PASS}
        alike = len(rows) == count and len(codes) == 1 and all(outcome != Outcome.PASS for outcome, _ in rows)
        return str(codes.pop()) if alike else None
