"""Cycles on an ``engine_world``, with lines that are patient or not, and power cuts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from engine_world import World, rows

from station.cycle import Cycle
from station.errors import StationError


def impatient(fault: StationError, waited: float) -> None:
    """A line whose patience is over at once."""
    raise fault


def patient(fault: StationError, waited: float) -> None:
    """A line that always tries once more."""


class PowerCut(BaseException):
    """The process dies here, as far as the cycle can tell."""


def power_cut() -> None:
    raise PowerCut


def cycle(world: World, board: Any, hold: Callable[..., None] = impatient, slot: str = "1") -> Cycle:
    row = world.open_cycle(slot)
    return Cycle(row, world.case(row, board), world.ledger, hold, lambda row, step, code: None)


def taken_up(world: World, number: int, board: Any, hold: Callable[..., None] = impatient) -> Cycle:
    """What a restarted station makes of an open cycle."""
    row = world.reader.cycle(number)
    again = Cycle(row, world.case(row, board), world.ledger, hold, lambda row, step, code: None)
    again.take_up(world.reader.past(row))
    return again


def closing_event(world: World, number: int) -> dict[str, Any]:
    ((body,),) = rows(world.folder / "ledger.db", "SELECT body FROM events WHERE cycle = ? AND kind = 'close'", number)
    found: dict[str, Any] = json.loads(body)
    return found


def assert_dead_in_the_fleet(world: World) -> None:
    entry = world.entry()
    assert entry is not None and entry.phase == "expired"
    assert world.keys() == []
