"""What a ledger says of the clock that its records are stamped with."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from ledger_audit import audit
from ledger_floor import STATION, board, closed, opened
from moved_clock import MovedClock

from station import clock
from station.clock import Ahead
from station.ledger import Ledger, Reader
from station.ledger.archive import Archive
from station.model import Outcome
from station.timekeeper import Timekeeper


@pytest.fixture
def keeper(wall: MovedClock) -> Timekeeper:
    return Timekeeper(5)


@pytest.fixture
def ledger(path: Path, keeper: Timekeeper) -> Any:
    """A ledger whose clock is judged by ``keeper``; however wrong that is, the chain is whole afterwards."""
    with closing(Ledger(path, STATION, keeper)) as ledger:
        yield ledger
    audit(path)


def judged(path: Path) -> list[tuple[str, list[str], dict[str, int]]]:
    """The events that say what the clock was worth: kind, doubts, and their measures in whole seconds."""
    found = []
    for event in audit(path):
        if "clock" in (body := event["body"]):
            found.append((event["kind"], body["clock"], {k: round(ms / 1000) for k, ms in body["clock_ms"].items()}))
    return found


def test_start_open_and_close_say_that_the_clock_was_right(ledger: Ledger, path: Path) -> None:
    ledger.note("start", {})
    board(ledger, "SN1", Outcome.PASS)
    ledger.note("stop", {})
    assert judged(path) == [("start", [], {}), ("open", [], {}), ("close", [], {})]


def test_every_doubt_is_in_each_record(ledger: Ledger, keeper: Timekeeper, path: Path, wall: MovedClock) -> None:
    ledger.note("start", {})
    ahead = clock.read().ahead
    keeper.compare(Ahead(ahead, ahead))
    wall.state = "unsynced"
    wall.move(-3600)
    closed(ledger, opened(ledger), Outcome.FAIL)
    doubted = ["unsynced", "jumped", "behind", "fleet-differs"]
    amounts = {"jumped": -3600, "behind": 3600, "fleet-differs": -3600}
    assert judged(path)[1:] == [("open", doubted, amounts), ("close", doubted, amounts)]
    assert [event["clock"] for event in audit(path)][-1] == "unsynced"


def test_an_event_behind_the_one_before_is_legal_and_the_records_are_ordered_as_they_were_written(
    ledger: Ledger, path: Path, wall: MovedClock
) -> None:
    row = opened(ledger)
    wall.move(-3600)
    closed(ledger, row, Outcome.FAIL)
    events = audit(path)
    assert [event["kind"] for event in events] == ["recipe", "open", "intend", "close"]
    assert events[-1]["at"] < events[0]["at"]
    assert [event["body"]["uptime_us"] for event in events] == sorted(e["body"]["uptime_us"] for e in events)


def test_a_jump_while_a_cycle_was_open_is_in_its_close_though_the_clock_was_vouched_for_since(
    ledger: Ledger, keeper: Timekeeper, path: Path, wall: MovedClock
) -> None:
    row = opened(ledger)
    wall.move(60)
    keeper.settle(clock.read())
    opened(ledger, "2")
    closed(ledger, row, Outcome.FAIL)
    assert judged(path) == [("open", [], {}), ("open", [], {}), ("close", ["jumped"], {"jumped": 60})]


def test_a_jump_between_two_runs_is_in_the_close_and_not_in_the_start(
    ledger: Ledger, path: Path, wall: MovedClock
) -> None:
    row = opened(ledger)
    ledger.close()
    wall.move(60)
    with closing(Ledger(path, STATION, Timekeeper(5))) as again:
        again.note("start", {})
        closed(again, row, Outcome.FAIL)
    assert judged(path)[1:] == [("start", [], {}), ("close", ["jumped"], {"jumped": 60})]


def test_the_uptime_of_another_boot_tells_of_no_jump(ledger: Ledger, path: Path, wall: MovedClock) -> None:
    row = opened(ledger)
    ledger.close()
    wall.boot, wall.slept_s = "f" * 32, -1000.0
    wall.move(1060)
    with closing(Ledger(path, STATION, Timekeeper(5))) as again:
        closed(again, row, Outcome.FAIL)
    assert judged(path)[-1] == ("close", [], {})


@pytest.mark.parametrize("last", ["note", "close"])
def test_a_ledger_of_the_future_is_known_at_the_next_start(
    last: str, ledger: Ledger, path: Path, wall: MovedClock
) -> None:
    wall.move(86400)
    board(ledger, "SN1", Outcome.PASS)
    wall.move(-86400 if last == "close" else 0)  # events of the right time come after the wrong verdict
    ledger.note("stop", {})
    ledger.close()
    wall.move(-86400 if last == "note" else 0)
    with closing(Ledger(path, STATION, Timekeeper(5))) as again:
        again.note("start", {})
    assert judged(path)[-1] == ("start", ["behind"], {"behind": 86400})


def test_the_age_of_a_cycle_is_measured_by_the_uptime_and_after_a_boot_by_the_clock(
    ledger: Ledger, path: Path, wall: MovedClock
) -> None:
    row = opened(ledger)
    with closing(Reader(path)) as reader:
        wall.slept_s += 30
        wall.move(-3600)
        assert reader.past(row).age_s == pytest.approx(30, abs=5)
        wall.boot = "f" * 32
        assert reader.past(row).age_s == 0, "nobody was there before the beginning"
        wall.move(7200)
        assert reader.past(row).age_s == pytest.approx(3630, abs=5)
        wall.boot = ""
        assert reader.past(row).age_s == pytest.approx(3630, abs=5)


def test_the_time_between_events_is_measured_by_the_uptime(ledger: Ledger, path: Path, wall: MovedClock) -> None:
    row = opened(ledger)
    wall.slept_s += 10
    wall.move(-3600)
    row = closed(ledger, row, Outcome.FAIL)
    wall.slept_s += 20
    ledger.removed(row)
    with closing(Archive(path)) as archive:
        moments = archive.attempt(row.id).moments
    assert [round(moment.since / 1e6) for moment in moments] == [0, 0, 10, 30]
    assert [moment.doubts and [*moment.doubts] for moment in moments] == [{}, None, ["jumped", "behind"], None]
