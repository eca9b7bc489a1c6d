"""The fleet is away while eight boards are in their slots: they wait, in words, and all pass once it is back."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from engine_floor import Floor
from engine_world import rows
from proxy import Proxy
from weather import AWAY, FAIR, Asked, Fate, Kind

from station.model import Outcome, Phase, SlotView

pytestmark = pytest.mark.slow

SLOTS = 8
BEFORE = 5
"""Boards that are being worked on when the fleet goes; the others come while it is away."""
SOME_REQUESTS = 20
"""So many, of some 40, are answered before."""
BACK_S = 30.0
"""Within this all boards pass once the fleet is back."""
_LONGEST_PAUSE_S = 60
"""No next try is further away."""
SAYS = ("The fleet does not answer.", "The fleet can't be reached.")
NEXT_TRY = re.compile(r" Next try at (\d\d:\d\d:\d\d)\.$")


GOES = {Kind.CUT_BEFORE: "refuses", Kind.ANSWERED: "behind a gateway", Kind.SILENT: "silent"}
"""How a fleet is away."""


class Line(NamedTuple):
    """Eight slots, and the network between them and the fleet."""

    floor: Floor
    proxy: Proxy
    fates: list[Fate]
    """What becomes of every request; the last one counts."""


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    fates = [FAIR]

    def judge(asked: Asked) -> Fate:
        return fates[-1]

    with ExitStack() as held:
        floor = held.enter_context(closing(Floor(tmp_path, slots=SLOTS)))
        proxy = held.enter_context(Proxy(floor.server.url, judge))
        floor.write_settings(url=proxy.url)
        held.callback(floor.stop)
        yield Line(floor, proxy, fates)


def goes(line: Line, how: Kind) -> None:
    """Let the fleet go away in one of its ways."""
    match how:
        case Kind.CUT_BEFORE:
            line.proxy.down()
        case Kind.ANSWERED:  # a gateway before it
            line.fates.append(Fate(how, answer=AWAY))
        case Kind.SILENT:
            line.fates.append(Fate(how))


def comes_back(line: Line, how: Kind) -> None:
    if how is Kind.CUT_BEFORE:
        line.proxy.up()
    line.fates.append(FAIR)


def sit_out(line: Line, how: Kind, outage_s: float) -> None:
    """Put boards in, let the fleet go and come back; see that they wait meanwhile, and what comes of them."""
    floor = line.floor
    watcher = floor.start()
    for number in range(1, BEFORE + 1):
        floor.insert(str(number), number)
    line.proxy.wait_for(lambda asked: len(asked) >= SOME_REQUESTS)
    goes(line, how)
    until = time.monotonic() + outage_s
    for number in range(BEFORE + 1, SLOTS + 1):
        floor.insert(str(number), number)

    def shown() -> list[SlotView]:
        return list(floor.bench.views()) if floor.bench else []

    passed = {cycle.serial for cycle in watcher.finished}
    assert len(passed) < BEFORE, "nobody was being worked on when the fleet went"

    def waiting() -> list[SlotView]:
        return [view for view in watcher.views if NEXT_TRY.search(view.note) and view.serial not in passed]

    watcher.wait_for(lambda: len({view.slot for view in waiting()}) == SLOTS - len(passed))
    time.sleep(max(0.0, until - time.monotonic()))  # it is this time that is tried
    assert {cycle.serial for cycle in watcher.finished} == passed, "a board has passed without its fleet, or failed"
    still = [view for view in shown() if view.serial not in passed]
    assert {view.phase for view in still} == {Phase.RUNNING}
    assert all(view.note.startswith(SAYS) for view in still), "also while it is tried"
    for view in waiting():
        assert view.note.startswith(SAYS) and _within(outage_s, view.note)
    comes_back(line, how)
    back = time.monotonic()
    watcher.wait_finished(SLOTS)
    took_s = time.monotonic() - back
    assert [cycle.outcome for cycle in watcher.finished] == [Outcome.PASS] * SLOTS
    assert took_s < BACK_S
    floor.stop()
    assert_nothing_was_done_twice(line)


def _within(outage_s: float, note: str) -> bool:
    """Tell whether the next try that a slot has told of was in this outage, or is soon."""
    told = NEXT_TRY.search(note)
    now = datetime.now()
    moments = (now + timedelta(seconds=seconds) for seconds in range(-int(outage_s) - 60, _LONGEST_PAUSE_S + 1))
    return told is not None and told[1] in {f"{moment:%H:%M:%S}" for moment in moments}


def assert_nothing_was_done_twice(line: Line) -> None:
    floor = line.floor
    clients = rows(floor.fleet_db, "SELECT name, COUNT(*) FROM clients WHERE name LIKE 'SIM-%' GROUP BY name")
    assert sorted(clients) == [(f"SIM-{number:08d}", 1) for number in range(1, SLOTS + 1)]
    for number in range(1, SLOTS + 1):
        assert floor.entry(f"SIM-{number:08d}") == ("activated", floor.flash(number)["fleet_key"])
    assert floor.ledger("SELECT attempt, outcome, COUNT(*) FROM cycles") == [(1, "PASS", SLOTS)]
    assert floor.escrow() == ["digest.key"]
    assert floor.events("line-stop") == [], "a fleet that is away stops no line"
    # A key was regenerated at most where the answer that held it had been lost, and never any was disabled.
    asked = [one.body for one, fate in line.proxy.asked if one.method == "POST" and fate is FAIR]
    assert b"disable=true" not in asked
    lost = sum(count - 1 for _, count in rows(floor.fleet_db, "SELECT sn, COUNT(*) FROM activations GROUP BY sn"))
    assert asked.count(b"enable=true") == lost <= BEFORE


@pytest.mark.parametrize("how", list(GOES)[:2], ids=GOES.__getitem__)
def test_boards_wait_while_the_fleet_is_away_and_pass_when_it_is_back(how: Kind, line: Line) -> None:
    sit_out(line, how, 8)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "how", [Kind.CUT_BEFORE, Kind.ANSWERED, Kind.SILENT], ids=["refused", "by a gateway", "silent"]
)
def test_boards_wait_for_ten_minutes(how: Kind, line: Line) -> None:
    sit_out(line, how, 600)


def test_an_unknown_owner_stops_the_line_once_for_all_boards(line: Line) -> None:
    floor = line.floor
    floor.write_settings(owner="f" * 40, url=line.proxy.url)
    watcher = floor.start()
    for number in range(1, SLOTS + 1):
        floor.insert(str(number), number)
    words = "The fleet refuses this station."
    watcher.wait_for(lambda: floor.bench and all(view.note.startswith(words) for view in floor.bench.views()))
    floor.stop()
    assert watcher.finished == []
    assert len(floor.events("line-stop")) == 1
    assert floor.ledger("SELECT COUNT(*) FROM cycles WHERE closed_at IS NOT NULL") == [(0,)]
