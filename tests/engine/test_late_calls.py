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
from station.ledger.calls import astray_s
from station.ledger.decisions import amend
from station.model import Closing, Delivery, Outcome
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
    found = astray_s(world.reader, world.recipe.fleet.model, SERIAL)
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


def test_of_two_lost_calls_an_effect_that_was_seen_settles_only_the_older_one(world: World, time: Time) -> None:
    cycle(world, worn()).run()
    kept: list[Request] = []

    def first(request: Request) -> Reply:
        time.gone += 30
        kept.append(request)
        raise Unanswered("the line was cut", request.asked)

    def second(request: Request) -> Reply:
        time.gone += 30
        kept.append(request)
        arrive(world, [kept.pop(0)])  # they queue
        raise Unanswered("the line was cut", request.asked)

    world.client.instead("regenerate", first)
    world.client.instead("regenerate", second)
    one = cycle(world, TameBoard(), patient, slot="2")
    one._case.rest = time.rest
    began = time.gone
    assert one.run() == Closing(Outcome.PASS)
    assert time.gone - began >= 30 + LATE_S - 1, "the second one began after 30 s" and kept


@pytest.mark.parametrize("lost", ["enable", "regenerate"])
def test_a_number_that_a_lost_call_may_give_a_life_later_stays_owed(world: World, time: Time, lost: str) -> None:
    if lost == "regenerate":
        cycle(world, worn()).run()
    kept = astray(world, lost)
    one = cycle(world, TameBoard(), slot="2")
    closing = one.run()
    assert closing.outcome is Outcome.ERROR and closing.details["disable"] == "late-call"
    box = Outbox(world.office, refused=lambda fault: None)
    told = box.deliver()
    assert (told.delivered, told.left) == (0, 1) and "still be carried out" in told.why
    time.gone += LATE_S / 2
    arrive(world, kept)
    entry = world.entry()
    assert entry is not None and entry.phase == "notactivated"
    assert box.deliver().left == 1
    entry = world.entry()
    assert entry is not None and entry.phase == "expired", "it is disabled at once, and looked at again"
    time.gone += LATE_S
    assert box.deliver() == Delivery(1, 0, "")


def test_a_key_that_a_lost_call_has_renewed_is_not_renewed_again_once_the_board_has_left(world: World) -> None:
    field = 'activate = "field"\nwindow_h = 24\nreenabled_by = "the installer"\ndeferred = true'
    no_key = ('fleet_key = "{cik}"\n', ""), ('fleet_rid = "{rid}"\n', "")
    world.recipe = recipes.load(write_recipe(world.folder, ('activate = "station"', field), *no_key))
    box = Outbox(world.office, refused=lambda fault: None)
    cycle(world, TameBoard()).run()
    assert box.deliver().delivered == 1
    first = world.entry()
    assert first is not None
    amend(world.ledger, "rework", "boss", (MODEL, SERIAL), {}, lambda row: replace(row, passed_cycle=None, reworked=1))
    world.stranger().serials.disable(MODEL, SERIAL)
    two = cycle(world, TameBoard(), slot="2")
    assert two.run() == Closing(Outcome.PENDING)
    world.client.lose_answer("regenerate")
    assert box.deliver().left == 1
    key = world.stranger().device.activate(MODEL, SERIAL)  # the board, with its user
    assert box.deliver().delivered == 1
    entry = world.entry()
    assert entry is not None and (entry.cik, entry.phase) == (key, "activated")
    assert world.reader.cycle(two.row.id).outcome == "PASS"
    ((facts,),) = rows(
        world.folder / "ledger.db",
        "SELECT json_extract(body, '$.facts') FROM events WHERE cycle = ? AND kind = 'settle'"
        " AND json_extract(body, '$.step') = 'enable'",
        two.row.id,
    )
    assert '"move":"adopt"' in facts


def test_a_new_key_of_a_board_that_has_left_is_left_to_people_if_nothing_tells_whose_it_is(world: World) -> None:
    field = 'activate = "field"\nwindow_h = 24\nreenabled_by = "the installer"\ndeferred = true'
    no_key = ('fleet_key = "{cik}"\n', ""), ('fleet_rid = "{rid}"\n', "")
    world.recipe = recipes.load(write_recipe(world.folder, ('activate = "station"', field), *no_key))
    box = Outbox(world.office, refused=lambda fault: None)
    cycle(world, TameBoard()).run()
    box.deliver()
    amend(world.ledger, "rework", "boss", (MODEL, SERIAL), {}, lambda row: replace(row, passed_cycle=None, reworked=1))
    two = cycle(world, TameBoard(), slot="2")
    two.run()
    world.client.lose_answer("regenerate")  # of a number that was alive before
    box.deliver()
    box.deliver()
    row = world.reader.cycle(two.row.id)
    assert row.error == "serial-unproven"


def test_a_board_that_was_changed_while_the_fleet_was_waited_for_gets_nobody_elses_pass(
    world: World, time: Time
) -> None:
    board = TameBoard()

    def changed(request: Request) -> Reply:
        board.serial, board.hardware_id = "SIM-00000002", "02:00:00:00:00:02"
        time.gone += 1
        raise Unanswered("the line was cut", request.asked)

    world.client.before("activate", lambda: world.client.instead("info", changed))
    closing = cycle(world, board, patient).run()
    assert closing.code == "board-swapped"
    entry = world.entry()
    assert entry is not None and entry.phase == "expired"


@pytest.mark.parametrize("both", [True, False])
def test_a_key_is_proved_where_a_lost_call_may_have_made_another(world: World, time: Time, both: bool) -> None:
    cycle(world, worn()).run()
    renewed, fetched = astray(world, "regenerate"), astray(world, "activate")
    one = cycle(world, TameBoard(), patient, slot="2")

    def rest(seconds: float, code: str | None) -> None:
        if both and renewed:
            arrive(world, renewed)
            arrive(world, fetched)
        time.rest(seconds, code)

    one._case.rest = rest
    closing = one.run()
    entry = world.entry()
    assert entry is not None
    if both:  # the fleet says activated, by nobody
        assert closing.code == "fleet-disagrees" and "key" in (closing.text or "") and entry.phase == "expired"
    else:
        assert closing == Closing(Outcome.PASS) and entry.phase == "activated"
