"""Calls of ours that got no answer and are carried out later: none of them kills a board that has passed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from engine_cycle import PowerCut, closing_event, cycle, patient, power_cut, taken_up
from engine_world import MODEL, SERIAL, TameBoard, World, rows, write_recipe

from drivers.errors import CommitFailed
from station import clock
from station import recipe as recipes
from station.case import LateCall
from station.fleet.client import Client, Reply, Request, Unanswered
from station.model import Closing, Outcome
from station.outbox import Outbox

LATE_S = 75.0


class Time:
    """The clock of a test: it goes on when somebody rests."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gone = 0.0
        for name, unit in (("monotonic", 1), ("uptime_us", 1_000_000), ("now_us", 1_000_000)):
            real = getattr(clock, name)
            monkeypatch.setattr(clock, name, lambda real=real, unit=unit: real() + type(real())(self.gone * unit))
        self.codes: list[str | None] = []

    def rest(self, seconds: float, code: str | None) -> None:
        assert 0 < seconds <= 0.5
        self.codes.append(code)
        self.gone += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch, world: World) -> Time:
    world.office = replace(world.office, late_s=LATE_S)
    return Time(monkeypatch)


def worn() -> TameBoard:
    return TameBoard(faults={"configure": [CommitFailed("worn")]})


def astray(world: World, name: str) -> list[Request]:
    """Let the next call of a procedure stay on its way; return where it is then."""
    kept: list[Request] = []

    def lost(request: Request) -> Reply:
        kept.append(request)
        raise Unanswered("the line was cut", request.asked)

    world.client.instead(name, lost)
    return kept


def arrive(world: World, kept: list[Request]) -> None:
    """What was on its way is carried out now."""
    Client.send(world.client, kept.pop())


def retest(world: World, time: Time) -> Closing:
    one = cycle(world, TameBoard(), slot="2")
    one._case.rest = time.rest
    return one.run()


def test_a_lost_disabling_is_outwaited_before_a_retest_passes(world: World, time: Time) -> None:
    kept = astray(world, "disable")
    assert cycle(world, worn()).run().details["disable"] == "fleet-unanswered"
    Outbox(world.office, refused=lambda fault: None).deliver()
    time.gone += 20
    assert retest(world, time) == Closing(Outcome.PASS)
    assert LATE_S - 1 < time.gone <= LATE_S and set(time.codes) == {LateCall.code} and kept


def test_a_lost_disabling_that_arrives_meanwhile_costs_a_retest_and_no_pass(world: World, time: Time) -> None:
    kept = astray(world, "disable")
    cycle(world, worn()).run()
    Outbox(world.office, refused=lambda fault: None).deliver()
    board = TameBoard(faults={"read": [lambda: arrive(world, kept)]})
    one = cycle(world, board, slot="2")
    one._case.rest = time.rest
    assert one.run().code == "fleet-disagrees"
    time.gone = LATE_S + 1
    before = time.gone
    assert retest(world, time) == Closing(Outcome.PASS) and time.gone == before


def test_a_lost_new_key_is_outwaited_in_the_cycle_that_asked_for_it(world: World, time: Time) -> None:
    cycle(world, worn()).run()
    kept = astray(world, "regenerate")
    one = cycle(world, TameBoard(), patient, slot="2")
    one._case.rest = time.rest
    assert one.run() == Closing(Outcome.PASS)
    assert LATE_S - 1 < time.gone <= LATE_S and kept
    entry = world.entry()
    assert entry is not None and entry.phase == "activated"


def test_a_new_key_whose_answer_was_lost_and_that_was_seen_is_not_waited_for(world: World, time: Time) -> None:
    cycle(world, worn()).run()
    world.client.lose_answer("regenerate")
    board = TameBoard()
    one = cycle(world, board, patient, slot="2")
    one._case.rest = time.rest
    assert one.run() == Closing(Outcome.PASS) and time.gone == 0
    entry = world.entry()
    assert entry is not None and (entry.phase, board.flash["fleet_key"]) == ("activated", entry.cik)


@pytest.mark.parametrize("in_the_outbox", [True, False])
def test_what_was_answered_is_not_waited_for(in_the_outbox: bool, world: World, time: Time) -> None:
    if in_the_outbox:
        world.client.leave_after("activate")
    cycle(world, worn()).run()
    world.client.away = False
    Outbox(world.office, refused=lambda fault: None).deliver()
    assert retest(world, time) == Closing(Outcome.PASS) and time.gone == 0
    calls = "SELECT json_extract(body, '$.facts.call') FROM events WHERE kind = 'call' ORDER BY id"
    assert rows(world.folder / "ledger.db", calls) == [("disable",), ("regenerate",)]


def test_a_lost_disabling_whose_effect_was_seen_is_not_waited_for(world: World, time: Time) -> None:
    world.client.lose_answer("disable")
    cycle(world, worn()).run()
    Outbox(world.office, refused=lambda fault: None).deliver()
    assert retest(world, time) == Closing(Outcome.PASS) and time.gone == 0


def test_a_call_that_a_power_cut_left_without_an_answer_is_outwaited(world: World, time: Time) -> None:
    cycle(world, worn()).run()
    world.client.before("regenerate", power_cut)
    one = cycle(world, TameBoard(), slot="2")
    with pytest.raises(PowerCut):
        one.run()
    again = taken_up(world, one.row.id, TameBoard())
    again._case.rest = time.rest
    assert again.run() == Closing(Outcome.PASS) and LATE_S - 1 < time.gone <= LATE_S


def test_a_machine_that_was_restarted_goes_by_the_clock(
    world: World, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    astray(world, "disable")
    cycle(world, worn()).run()
    monkeypatch.setattr(clock, "boot_id", lambda: "another boot")
    monkeypatch.setattr(clock, "uptime_us", lambda: 0)
    time.gone += 70
    found = world.reader.astray_s(world.recipe.fleet.model, SERIAL)
    assert found is not None and 70 <= found < 71
    assert retest(world, time) == Closing(Outcome.PASS) and LATE_S - 1 < time.gone <= LATE_S


def test_a_board_that_has_left_is_told_of_in_a_later_round(world: World, time: Time) -> None:
    field = 'activate = "field"\nwindow_h = 24\nreenabled_by = "the installer"\n'
    no_key = ('fleet_key = "{cik}"\n', "")
    world.recipe = recipes.load(write_recipe(world.folder, ('activate = "station"', field), no_key))
    astray(world, "disable")
    assert cycle(world, worn()).run().details["disable"] == "fleet-unanswered"
    later = ('activate = "station"', field + "deferred = true"), no_key, ('fleet_rid = "{rid}"\n', "")
    world.recipe = recipes.load(write_recipe(world.folder, *later))
    one = cycle(world, TameBoard(), slot="2")
    assert one.run() == Closing(Outcome.PENDING)
    box = Outbox(world.office, refused=lambda fault: None)
    told = box.deliver()
    assert (told.delivered, told.left) == (1, 1) and "still be carried out" in told.why
    assert "still be carried out" in box.deliver().why, "that the number need not be disabled any more tells nothing"
    time.gone += LATE_S
    assert box.deliver().delivered == 1 and closing_event(world, one.row.id)["rows"]["cycles"]["outcome"] == "PASS"


def test_another_number_waits_for_nothing(world: World, time: Time) -> None:
    astray(world, "disable")
    cycle(world, worn()).run()
    one = cycle(world, TameBoard("SIM-00000002", "02:00:00:00:00:02"), slot="2")
    one._case.rest = time.rest
    assert one.run() == Closing(Outcome.PASS) and time.gone == 0 and MODEL
