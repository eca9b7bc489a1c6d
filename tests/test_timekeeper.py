"""What speaks against a clock, how much, and when that is over."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from moved_clock import MovedClock

from station import clock
from station.clock import Ahead
from station.ledger.chain import canonical
from station.timekeeper import Doubt, Doubts, Timekeeper, recalled, recorded, told

SECOND = 1_000_000


def near(doubts: Doubts) -> dict[str, float | None]:
    """Doubts with their measure in whole seconds: the real clock goes on during a test."""
    return {str(doubt): by and round(by / 1000) for doubt, by in doubts.items()}


def judged(keeper: Timekeeper) -> dict[str, float | None]:
    return near(keeper.judge(clock.read()))


def fleet(seconds: float, trip_s: float = 0.0) -> Ahead:
    """What is known of a fleet whose clock is so far ahead of ours as it is now, by an answer that took so long."""
    ahead = clock.read().ahead + round(seconds * SECOND)
    return Ahead(ahead - round(trip_s * SECOND), ahead + round(trip_s * SECOND))


def test_nothing_speaks_against_a_clock_that_goes_on(wall: MovedClock) -> None:
    keeper = Timekeeper(5)
    keeper.wrote(clock.now_us())
    keeper.compare(fleet(0))
    wall.slept_s = 1e6
    assert judged(keeper) == {}


@pytest.mark.parametrize(("state", "doubted"), [("synced", {}), ("unknown", {}), ("unsynced", {"unsynced": None})])
def test_the_kernels_word_is_taken(state: str, doubted: object, wall: MovedClock) -> None:
    wall.state = state
    assert judged(Timekeeper(5)) == doubted


@pytest.mark.parametrize(
    ("seconds", "doubted"), [(4, {}), (-4, {}), (6, {"jumped": 6}), (-6, {"jumped": -6}), (1e9, {"jumped": 1e9})]
)
def test_a_jump_in_either_direction_is_measured(seconds: float, doubted: object, wall: MovedClock) -> None:
    keeper = Timekeeper(5)
    wall.move(seconds)
    assert judged(keeper) == doubted


def test_many_small_steps_are_a_jump_too_where_nobody_vouches(wall: MovedClock) -> None:
    wall.state = "unsynced"
    keeper = Timekeeper(5)
    for _ in range(4):
        wall.move(2)
        keeper.settle(clock.read())
    assert judged(keeper) == {"unsynced": None, "jumped": 8}


def test_a_clock_behind_the_ledger_is_so_until_it_has_caught_up(wall: MovedClock) -> None:
    wall.state = "unknown"
    keeper = Timekeeper(5)
    keeper.wrote(clock.now_us() + 3 * SECOND)
    keeper.wrote(clock.now_us())  # an event of the clock as it is now makes nothing better
    assert judged(keeper) == {"behind": 3}
    keeper.settle(clock.read())
    assert judged(keeper) == {"behind": 3}
    wall.slept_s = 4
    assert judged(keeper) == {}


@pytest.mark.parametrize(
    ("ahead_s", "trip_s", "doubted"),
    [
        (4.9, 0, {}),
        (-4.9, 0, {}),
        (6, 0, {"fleet-differs": -6}),
        (-6, 0, {"fleet-differs": 6}),
        (6, 2, {}),
        (-6, 2, {}),
        (60, 2, {"fleet-differs": -58}),
        (-60, 2, {"fleet-differs": 58}),
    ],
)
def test_the_fleets_clock_differs_by_more_than_tolerance_and_trip(
    ahead_s: float, trip_s: float, doubted: object, wall: MovedClock
) -> None:
    keeper = Timekeeper(5)
    keeper.compare(fleet(ahead_s, trip_s))
    assert judged(keeper) == doubted


def test_a_fleet_that_does_not_tell_takes_nothing_back(wall: MovedClock) -> None:
    keeper = Timekeeper(5)
    keeper.compare(fleet(60))
    keeper.compare(None)
    assert judged(keeper) == {"fleet-differs": -60}


def test_a_slow_answer_takes_nothing_back_and_another_one_does(wall: MovedClock) -> None:
    keeper = Timekeeper(5)
    keeper.compare(fleet(60))
    keeper.compare(fleet(50, trip_s=100))
    assert judged(keeper) == {"fleet-differs": -60}
    keeper.compare(fleet(0, trip_s=1))
    assert judged(keeper) == {}


def test_a_clock_that_is_set_is_compared_with_the_fleets_at_once(wall: MovedClock) -> None:
    wall.state = "unknown"
    keeper = Timekeeper(5)
    keeper.compare(fleet(0))
    wall.move(-3600)
    assert judged(keeper) == {"jumped": -3600, "fleet-differs": -3600}


def vouched_by_the_kernel(keeper: Timekeeper, wall: MovedClock) -> None:
    wall.state = "synced"


def vouched_by_the_fleet(keeper: Timekeeper, wall: MovedClock) -> None:
    keeper.compare(fleet(0))


@pytest.mark.parametrize("vouch", [vouched_by_the_kernel, vouched_by_the_fleet])
def test_a_doubt_ends_when_somebody_vouches_for_the_clock_as_it_is(
    vouch: Callable[[Timekeeper, MovedClock], None], wall: MovedClock
) -> None:
    wall.state = "unsynced"
    keeper = Timekeeper(5)
    keeper.wrote(clock.now_us())
    keeper.compare(fleet(0))
    wall.move(-3600)
    keeper.settle(clock.read())
    assert judged(keeper).keys() == {"unsynced", "jumped", "behind", "fleet-differs"}
    vouch(keeper, wall)
    assert judged(keeper).keys() >= {"jumped", "behind"}  # told at least once
    keeper.settle(clock.read())
    assert judged(keeper).keys() <= {"unsynced", "fleet-differs"}


def test_a_jump_back_to_where_it_was_ends_the_doubt(wall: MovedClock) -> None:
    wall.state = "unsynced"
    keeper = Timekeeper(5)
    wall.move(3600)
    keeper.settle(clock.read())
    wall.move(-3601)
    assert judged(keeper) == {"unsynced": None}


def test_doubts_are_recorded_without_floats_and_recalled() -> None:
    doubts = {Doubt.UNSYNCED: None, Doubt.JUMPED: -5250, Doubt.FLEET_DIFFERS: 60_000}
    body = recorded(doubts)
    assert canonical(body) == (
        '{"clock":["unsynced","jumped","fleet-differs"],"clock_ms":{"fleet-differs":60000,"jumped":-5250}}'
    )
    assert recalled(body) == doubts
    assert recalled({"facts": {}}) is None and recalled(recorded({})) == {}


@pytest.mark.parametrize(
    ("doubts", "words"),
    [
        ({Doubt.UNSYNCED: None, Doubt.JUMPED: -5250}, "nothing keeps it right, set back by 5.25 s"),
        ({Doubt.JUMPED: 3_600_000}, "set forward by 3600 s"),
        ({Doubt.BEHIND: 100}, "0.1 s behind what the ledger holds"),
        ({Doubt.FLEET_DIFFERS: -90_000}, "90 s behind the fleet's"),
        ({Doubt.FLEET_DIFFERS: 90_000}, "90 s ahead of the fleet's"),
        ({}, ""),
    ],
)
def test_doubts_in_words(doubts: Doubts, words: str) -> None:
    assert told(doubts) == words
