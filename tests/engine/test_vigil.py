"""A clock that is wrong is noticed, flagged, and stops the line where the settings say so, until it is right again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from engine_floor import Floor
from lying_fleet import LyingFleet
from moved_clock import MovedClock

from station.model import Outcome, Phase

CODE = "clock-wrong"


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often."""
    monkeypatch.setattr("station.line._WATCH_S", 0.02)


def wanting(floor: Floor, *stops: str, tolerance_s: int = 5) -> None:
    """Say in the settings what stops the line."""
    table = f"[clock]\ntolerance_s = {tolerance_s}\nstops = {list(stops)}\n"
    floor.amend("station.toml", "[[slots]]", f"{table}[[slots]]")


def doubts(floor: Floor, kind: str) -> list[str]:
    """The doubts of each event of a kind, oldest first, as JSON."""
    return [row[0] for row in floor.ledger("SELECT json_extract(body, '$.clock') FROM events WHERE kind = ?", kind)]


def line_events(floor: Floor) -> list[str]:
    return [kind for (kind,) in floor.ledger("SELECT kind FROM events WHERE kind LIKE 'line-%' ORDER BY id")]


def stopped(floor: Floor) -> str | None:
    assert floor.bench is not None
    return floor.bench.line().stopped_code


def noted(floor: Floor, *expected: str) -> Callable[[], Any]:
    return lambda: doubts(floor, "clock") == list(expected)


@pytest.mark.parametrize("seconds", [3600, -3600])
def test_a_jump_is_noticed_though_nothing_else_happens_and_stops_nobody(
    seconds: int, floor: Floor, wall: MovedClock
) -> None:
    watcher = floor.start()
    wall.state = "unsynced"
    watcher.wait_for(noted(floor, '["unsynced"]'))
    wall.move(seconds)
    behind = ["behind"] if seconds < 0 else []
    words = '","'.join(["unsynced", "jumped", *behind, "fleet-differs"])
    watcher.wait_for(noted(floor, '["unsynced"]', f'["{words}"]'))
    floor.insert()
    assert watcher.wait_finished().outcome is Outcome.PASS
    assert doubts(floor, "open") == doubts(floor, "close") == [f'["{words}"]']
    wall.move(-seconds)
    # After a jump forward the ledger holds what is to come, until the fleet vouches for the clock as it is now.
    ahead = ['["unsynced","behind"]'] if seconds > 0 else []
    watcher.wait_for(noted(floor, '["unsynced"]', f'["{words}"]', *ahead, '["unsynced"]'))
    assert line_events(floor) == []


def test_a_clock_that_jumped_stops_the_line_once_and_boards_wait_until_it_is_right(
    floor: Floor, wall: MovedClock
) -> None:
    wanting(floor, "jumped", "fleet-differs")
    watcher = floor.start()
    wall.state = "unsynced"
    wall.move(3600)
    watcher.wait_for(lambda: stopped(floor) == CODE)
    floor.insert()
    view = watcher.wait_phase("1", Phase.HELD)
    assert "clock is wrong" in view.note and floor.events("open") == []
    ((text,),) = floor.ledger("SELECT json_extract(body, '$.facts.text') FROM events WHERE kind = 'line-stop'")
    assert "set forward by 3600" in text and "ahead of the fleet's" in text
    wall.move(-3600)
    assert watcher.wait_finished().outcome is Outcome.PASS
    assert line_events(floor) == ["line-stop", "line-run"]
    assert doubts(floor, "open") == ['["unsynced"]']


def test_a_running_cycle_ends_as_it_would_and_is_flagged(floor: Floor, wall: MovedClock) -> None:
    wanting(floor, "jumped")
    watcher = floor.start()
    assert floor.client is not None

    def jump() -> None:
        wall.state = "unsynced"
        wall.move(-60)
        watcher.wait_for(lambda: stopped(floor) == CODE)

    floor.client.before("enable", jump)
    floor.insert()
    assert watcher.wait_finished().outcome is Outcome.PASS
    assert stopped(floor) == CODE
    assert doubts(floor, "open") == ["[]"]
    assert doubts(floor, "close") == ['["unsynced","jumped","behind","fleet-differs"]']
    assert 0 <= watcher.finished[0].duration_s < 60


def test_a_clock_that_the_kernel_vouches_for_lets_the_line_run_again(floor: Floor, wall: MovedClock) -> None:
    wanting(floor, "jumped", "behind")
    watcher = floor.start()
    wall.state = "unsynced"
    wall.move(-60)
    watcher.wait_for(lambda: stopped(floor) == CODE)
    wall.state = "synced"
    watcher.wait_for(lambda: stopped(floor) is None)
    assert line_events(floor) == ["line-stop", "line-run"]


@pytest.mark.parametrize("ahead_s", [60, -60])
def test_a_fleet_with_another_time_stops_the_line_until_they_agree(
    ahead_s: float, floor: Floor, wall: MovedClock
) -> None:
    with LyingFleet(floor.server.url) as fleet:
        floor.write_settings(url=fleet.url)
        wanting(floor, "fleet-differs")
        watcher = floor.start()
        floor.insert()
        assert watcher.wait_finished().outcome is Outcome.PASS
        fleet.ahead_s = ahead_s
        watcher.wait_for(lambda: stopped(floor) == CODE)
        fleet.ahead_s = None
        watcher.wait_for(noted(floor, '["fleet-differs"]'))
        assert stopped(floor) == CODE, "garbage heals nothing"
        fleet.ahead_s = 0
        watcher.wait_for(lambda: stopped(floor) is None)
        floor.stop()
    assert line_events(floor) == ["line-stop", "line-run"]


def test_a_fleet_that_tells_no_time_is_as_good_as_any(floor: Floor, wall: MovedClock) -> None:
    with LyingFleet(floor.server.url) as fleet:
        fleet.ahead_s = None
        floor.write_settings(url=fleet.url)
        wanting(floor, "unsynced", "jumped", "behind", "fleet-differs")
        watcher = floor.start()
        floor.insert()
        assert watcher.wait_finished().outcome is Outcome.PASS
        floor.stop()
    assert line_events(floor) == [] and doubts(floor, "start") == doubts(floor, "close") == ["[]"]


def test_a_wrong_clock_at_the_start_is_in_its_record_and_no_board_is_begun(floor: Floor, wall: MovedClock) -> None:
    floor.start()
    floor.stop()
    wanting(floor, "behind")
    wall.state = "unknown"
    wall.move(-86400)
    floor.server.stop()  # nobody vouches for the clock, and nobody waits for it
    watcher = floor.start()
    assert stopped(floor) == CODE
    floor.insert()
    assert watcher.wait_phase("1", Phase.HELD)
    assert doubts(floor, "start") == ["[]", '["behind"]'] and floor.events("open") == []


def test_an_unsynced_clock_stops_only_whoever_wants_that(floor: Floor, wall: MovedClock) -> None:
    wall.state = "unsynced"
    watcher = floor.start()
    floor.insert()
    assert watcher.wait_finished().outcome is Outcome.PASS
    floor.stop()
    assert line_events(floor) == [] and doubts(floor, "clock") == [], "the start has said it"
    wanting(floor, "unsynced")
    floor.start()
    assert stopped(floor) == CODE
