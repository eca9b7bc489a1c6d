"""Whose board may be in which slot when a station starts: a slot is where its port is, whatever it is called.

Between two runs the settings may have given a slot another name, or exchanged
the ports of two.  So each start records which port every slot has, and of
which cycle a board may be there; the next start looks a slot up by its port,
and by its name only if its port is new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from station.ledger import Reader
from station.model import Facts
from station.settings import SlotSettings


class Tenancy(NamedTuple):
    """Who may be where."""

    tenants: Mapping[str, int | None]
    """Slot -> the number of the cycle whose board may be in it, if that was not seen to leave; None: nobody's."""
    evicted: frozenset[str]
    """What slots were called that have an open cycle, and are none of today's slots any more."""
    record: Facts
    """What the next start needs to know."""


def tenancy(reader: Reader, slots: Sequence[SlotSettings]) -> Tenancy:
    """Compare today's slots with those of the last start."""
    before = reader.last_start()
    known: Mapping[str, Mapping[str, Any]] = before.get("slots", {})
    names, ports = {slot["port"]: name for name, slot in known.items()}, {slot.port for slot in slots}

    def called(slot: SlotSettings) -> str | None:
        """Return what the slot was called, None if it is new."""
        if slot.port in names:
            return names[slot.port]
        old_port = known.get(slot.name, {}).get("port")
        return None if old_port in ports else slot.name  # the old port is another slot's now, and so is its board

    def last(name: str | None) -> int | None:
        """Return the cycle of the last board in the slot of that name; of the one it came with, if it had no other."""
        if name is None:
            return None
        row = reader.last_cycle(name)
        if row is not None and (name not in known or row.id > before["cycles"]):
            return row.id
        return known[name]["cycle"] if name in known else None

    were = {slot.name: called(slot) for slot in slots}
    tenants = {name: last(was) for name, was in were.items()}
    stays = {name for name, was in were.items() if was == name}
    record = {slot.name: {"port": slot.port, "cycle": tenants[slot.name]} for slot in slots}
    return Tenancy(tenants, frozenset(reader.open_slots() - stays), {"slots": record, "cycles": reader.last_number()})
