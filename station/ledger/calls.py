"""Calls to the fleet that got no answer, and what they may still do: each is in the ledger before it is made."""

from __future__ import annotations

import json
from collections.abc import Collection

from station import clock
from station.ledger.read import Reader
from station.model import Facts

KILLING = frozenset({"regenerate", "disable"})
"""The calls that kill a key."""

REVIVING = frozenset({"regenerate"})
"""The one that makes another, so that a number which was disabled comes to life."""


def astray_s(reader: Reader, model: str, serial: str, calls: Collection[str] = KILLING) -> float | None:
    """Return how many seconds ago the youngest call began that may still be carried out, and kill a number's key.

    ``calls`` are those that count.  None if there is none: each got an answer, or its effect was seen afterwards.
    An effect that was seen is that of the oldest that is open, for all anybody knows.
    """
    sql = """SELECT id, at, boot, json_extract(body, '$.uptime_us'), cycle, kind, json_extract(body, '$.facts')
        FROM events WHERE cycle IN (SELECT id FROM cycles WHERE serial = ? AND model = ?)
          AND kind IN ('call', 'settle', 'disable') ORDER BY id"""
    with reader.rows(sql, [serial, model]) as events:
        astray: dict[int, tuple[str, float]] = {}
        last: dict[int, tuple[int, Facts]] = {}
        for number, at, boot, uptime, cycle, kind, text in events:
            facts: Facts = json.loads(text)
            if cycle in last:
                made_number, made = last.pop(cycle)
                if facts.get("move") in _ANSWERED and kind != "call":
                    astray.pop(made_number, None)
                elif astray and _tells_of_effect(made, facts):
                    del astray[min(astray)]
            if kind == "call":
                last[cycle] = number, facts
                astray[number] = facts["call"], _since_s(at, boot, uptime)
        return min((since for call, since in astray.values() if call in calls), default=None)


def before_call(reader: Reader, cycle: int) -> str | None:
    """Return the number's state before the last call of a cycle that can kill its key; None if there was none."""
    sql = """SELECT json_extract(body, '$.facts.found') FROM events
        WHERE cycle = ? AND kind = 'call' ORDER BY id DESC LIMIT 1"""
    with reader.rows(sql, [cycle]) as rows:
        return str(rows[0][0]) if rows else None


def closed_s(reader: Reader, cycle: int) -> float:
    """Return how many seconds ago a cycle was closed; 0 for one that is open."""
    sql = """SELECT at, boot, json_extract(body, '$.uptime_us') FROM events
        WHERE cycle = ? AND kind = 'close'"""
    with reader.rows(sql, [cycle]) as rows:
        return _since_s(*rows[0]) if rows else 0.0


def _since_s(at: int, boot: str, uptime: int) -> float:
    """Return the seconds since an event: by the uptime, or by the clock if the machine was restarted."""
    same_boot = boot and boot == clock.boot_id()
    return max(0, clock.uptime_us() - uptime if same_boot else clock.now_us() - at) / 1e6


_ANSWERED = frozenset({"regenerate", "disable", "refused"})
"""What settles after a call that was answered."""


def _tells_of_effect(made: Facts, after: Facts) -> bool:
    """Tell whether the event after a call without an answer shows that it took effect, by what was found then."""
    before = made["found"]
    found = after.get("found", "notactivated" if after.get("move") == "activate" else None)
    if made["call"] == "regenerate":
        return bool(found == "notactivated" != before or (found == "activated" and before == "expired"))
    return bool(found == "expired" and before == "activated")  # a window that is over expires what was not activated
