"""Which slots have shown in this shift that they can tell good from bad."""

from __future__ import annotations

from collections.abc import Iterable

from station.ledger.read import Reader

TRIED = "SELECT golden, outcome FROM cycles WHERE slot = ? AND closed_at >= ? AND golden IS NOT NULL ORDER BY id"
"""The golden units of a slot since an instant (UTC microseconds), in their order."""

_SHOWN = {"good": "PASS", "bad": "FAIL"}
"""What a golden unit has to end with."""


def missing(reader: Reader, slot: str, since: int) -> tuple[str, ...]:
    """Return the kinds of golden units that a slot has yet to be tried with since an instant, UTC microseconds."""
    with reader.rows(TRIED, [slot, since]) as rows:
        return due(rows)


def due(tried: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return the kinds that are missing among those that were tried; of each, the last one counts."""
    last = dict(tried)
    return tuple(kind for kind, outcome in _SHOWN.items() if last.get(kind) != outcome)
