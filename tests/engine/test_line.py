"""The line stands still once for what concerns all slots, and waits for a fleet that is away."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from engine_world import MODEL, World

from drivers.errors import BoardPulled, Cancelled
from station.errors import DatabaseFailed, SettingsError, StationError
from station.fleet.client import Busy, Client, Garbled, NotAllowed, TokenUnusable, Unanswered
from station.inquiry import know_model
from station.line import Line
from station.model import FleetState

LIMIT_S = 30
"""Far more than anything here needs."""

AWAY = Unanswered("no answer", "GET /x")
NO_TOKEN = NotAllowed("401", "GET /x", 401)
FORBIDDEN = NotAllowed("403", "POST /x", 403)


class Notes:
    """What a line has recorded; can be waited for."""

    def __init__(self) -> None:
        self.all: list[tuple[str, str]] = []
        self._changed = threading.Condition()

    def __call__(self, kind: str, facts: dict[str, str]) -> None:
        with self._changed:
            self.all.append((kind, facts.get("code") or facts["state"]))
            self._changed.notify_all()

    def wait_for(self, *wanted: tuple[str, str]) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: set(wanted) <= set(self.all), LIMIT_S), self.all


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def line(notes: Notes) -> Iterator[Line]:
    made = Line(900, notes)
    yield made
    made.shut_down()


@pytest.fixture
def pool(line: Line) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as executor:
        yield executor
        line.shut_down()


def still_here() -> None:
    """A board that stays."""


def silent(pause: float) -> None:
    """Nobody is told when the next try is."""


def watching(pool: ThreadPoolExecutor, line: Line, client: Client, model: str = MODEL) -> Future[None]:
    return pool.submit(line.watch, lambda: know_model(client, model), lambda: None, lambda: None)


def test_the_first_reason_stays_and_is_noted_once(line: Line, notes: Notes) -> None:
    line.halt(DatabaseFailed("disk full"))
    line.halt(NO_TOKEN, heals=True)
    line.halt(DatabaseFailed("disk full"))
    assert line.stop is not None and (line.stop.code, line.stop.heals) == ("database-failed", False)
    assert notes.all == [("line-stop", "database-failed")]


def test_when_the_first_reason_is_over_the_next_one_holds(line: Line, notes: Notes) -> None:
    line.halt(NO_TOKEN, heals=True)
    line.halt(DatabaseFailed("disk full"))
    line.heal(NO_TOKEN.code)
    assert line.obstacle == "database-failed"
    line.heal("database-failed")
    assert line.stop is None
    assert notes.all == [
        ("line-stop", NO_TOKEN.code),
        ("line-run", NO_TOKEN.code),
        ("line-stop", "database-failed"),
        ("line-run", "database-failed"),
    ]


def test_a_reason_that_is_over_before_the_first_one_is_forgotten(line: Line, notes: Notes) -> None:
    line.halt(DatabaseFailed("disk full"))
    line.halt(NO_TOKEN, heals=True)
    line.heal(NO_TOKEN.code)
    line.heal("database-failed")
    assert line.stop is None
    assert notes.all == [("line-stop", "database-failed"), ("line-run", "database-failed")]


def test_a_note_that_fails_stops_nobody() -> None:
    def full(kind: str, facts: dict[str, str]) -> None:
        raise DatabaseFailed("disk full")

    line = Line(900, full)
    line.halt(DatabaseFailed("disk full"))
    assert line.stop is not None and line.stop.code == "database-failed"


def test_shutting_down_ends_every_wait(line: Line, pool: ThreadPoolExecutor) -> None:
    line.halt(NO_TOKEN, heals=True)
    waiting = [pool.submit(line.await_running), pool.submit(line.rest, LIMIT_S)]
    line.shut_down()
    for future in waiting:
        assert isinstance(future.exception(LIMIT_S), Cancelled)


def test_patience_ends_with_the_fault_itself(notes: Notes) -> None:
    line = Line(10, notes)
    with pytest.raises(Unanswered) as raised:
        line.wait_for_fleet(AWAY, 10, silent, still_here)
    assert raised.value is AWAY
    assert line.fleet[0] is FleetState.AWAY and line.stop is None


@pytest.mark.parametrize(
    ("fault", "waited", "pause"),
    [
        (AWAY, 0, 0.5),
        (AWAY, 8, 4),
        (AWAY, 800, 10),
        (Unanswered("x", "y", retry_after=7), 0, 7),
        (Busy("x", "y", retry_after=3600), 0, 60),
        (Garbled("x", "y"), 2, 1),
    ],
)
def test_the_next_try_is_told(
    fault: StationError, waited: float, pause: float, line: Line, pool: ThreadPoolExecutor
) -> None:
    told: list[float] = []

    def say(seconds: float) -> None:
        told.append(seconds)
        line.shut_down()  # nobody here wants to wait for it

    with pytest.raises(Cancelled):
        line.wait_for_fleet(fault, waited, say, still_here)
    assert told == [pause]


def test_a_good_answer_to_the_watch_ends_the_wait_early(line: Line, pool: ThreadPoolExecutor, world: World) -> None:
    fault = Unanswered("x", "y", retry_after=60)

    def say(pause: float) -> None:
        watching(pool, line, world.client)

    pool.submit(line.wait_for_fleet, fault, 0, say, still_here).result(LIMIT_S)
    assert line.fleet[0] is FleetState.OK and line.fleet[1] is not None


@pytest.mark.parametrize("fault", [NO_TOKEN, TokenUnusable("empty"), SettingsError("token file gone")])
def test_a_refused_station_waits_without_end_and_heals_with_a_good_answer(
    fault: StationError, line: Line, notes: Notes, pool: ThreadPoolExecutor, world: World
) -> None:
    waiting = [pool.submit(line.wait_for_fleet, fault, 1e9, silent, still_here) for _ in range(2)]
    notes.wait_for(("line-stop", fault.code))
    watching(pool, line, world.client)
    for future in waiting:
        assert future.result(LIMIT_S) is None
    assert line.stop is None
    assert [note for note in notes.all if note[0] != "fleet"] == [("line-stop", fault.code), ("line-run", fault.code)]


def test_a_forbidden_call_is_not_healed_by_good_answers_to_another(
    line: Line, notes: Notes, pool: ThreadPoolExecutor, world: World
) -> None:
    waiting = pool.submit(line.wait_for_fleet, FORBIDDEN, 0, silent, still_here)
    notes.wait_for(("line-stop", "fleet-not-allowed"))
    watching(pool, line, world.client)
    notes.wait_for(("fleet", "ok"))
    assert line.stop is not None and not waiting.done()
    line.shut_down()
    assert isinstance(waiting.exception(LIMIT_S), Cancelled)


def test_a_board_that_leaves_while_the_line_stands_still_is_not_waited_for(line: Line) -> None:
    def gone() -> None:
        raise BoardPulled("taken out")

    with pytest.raises(BoardPulled):
        line.wait_for_fleet(NO_TOKEN, 0, silent, gone)
    assert line.stop is not None


def test_the_watch_stops_the_line_for_a_wrong_token_and_lets_it_run_with_a_good_one(
    line: Line, notes: Notes, pool: ThreadPoolExecutor, world: World
) -> None:
    token = "0" * 40
    with Client(world.server.url, "acme", lambda: token) as client:
        watching(pool, line, client)
        notes.wait_for(("line-stop", "fleet-not-allowed"))
        assert line.fleet[0] is FleetState.REFUSED
        token = world.grant.token
        notes.wait_for(("line-run", "fleet-not-allowed"))
        assert (line.stop, line.fleet[0]) == (None, FleetState.OK)
        line.shut_down()


def test_the_watch_stops_the_line_for_an_unknown_model(
    line: Line, notes: Notes, pool: ThreadPoolExecutor, world: World
) -> None:
    watching(pool, line, world.client, "no-such-model")
    notes.wait_for(("line-stop", "model-unknown"))
    assert line.stop is not None and line.stop.heals


def test_the_watch_notes_a_fleet_that_goes_and_does_not_stop_the_line(
    line: Line, notes: Notes, pool: ThreadPoolExecutor, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("station.line._WATCH_S", 0.05)

    def say(pause: float) -> None:
        watching(pool, line, world.client)

    line.wait_for_fleet(Unanswered("x", "y", retry_after=60), 0, say, still_here)
    world.server.stop()
    notes.wait_for(("fleet", "away"))
    assert line.stop is None
