"""Which slots have shown in this shift that they can tell good from bad."""

from __future__ import annotations

from station.ledger.read import Reader

_SHOWN = {"good": "PASS", "bad": "FAIL"}
"""What a golden unit has to end with."""


def missing(reader: Reader, slot: str, since: int) -> tuple[str, ...]:
    """Return the kinds of golden units that a slot has yet to be tried with since an instant, UTC microseconds."""
    sql = "SELECT golden, outcome FROM cycles WHERE slot = ? AND closed_at >= ? AND golden IS NOT NULL ORDER BY id"
    with reader.rows(sql, [slot, since]) as rows:
        last = dict(rows)  # of each kind, the last one counts
    return tuple(kind for kind, outcome in _SHOWN.items() if last.get(kind) != outcome)
