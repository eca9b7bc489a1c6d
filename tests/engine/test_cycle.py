"""Intend, act, settle, close: what the ledger holds of a cycle, and how each thing that can go wrong ends it."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from engine_cycle import (
    assert_dead_in_the_fleet,
    closing_event,
    cycle,
    impatient,
    patient,
)
from engine_world import HARDWARE, MODEL, SERIAL, STEPS_OF_A_PASS, TameBoard, World, write_recipe

from drivers.errors import BoardSilent, Cancelled, CommitFailed, Fault, PortLost
from station import recipe as recipes
from station.cycle import Cycle
from station.errors import StationError
from station.fleet.client import NotAllowed, Reply, Request, Unanswered
from station.ledger import CycleRow, Reader
from station.model import Closing, Outcome, Step


class Bystander:
    """Notes what a cycle publishes, and what the ledger held at that moment."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.shown: list[Step] = []
        self.recorded: list[str | None] = []

    def __call__(self, row: CycleRow, step: Step, code: str) -> None:
        self.shown.append(step)
        self.recorded.append(self._reader.cycle(row.id).step)


# --------------------------------------------------------------------------- the order of things


def test_every_step_is_intended_before_and_settled_after(world: World) -> None:
    row = world.open_cycle()
    bystander = Bystander(world.reader)
    board = TameBoard(faults={"configure": [lambda: acting.append(bystander.shown[-1])]})
    acting: list[Step] = []
    one = Cycle(row, world.case(row, board), world.ledger, impatient, bystander)
    assert one.run() == Closing(Outcome.PASS)
    assert world.kinds(row.id) == STEPS_OF_A_PASS
    assert tuple(bystander.shown) == world.recipe.plan
    assert bystander.recorded == [str(step) for step in world.recipe.plan], "a step was shown before it was intended"
    assert acting == [Step.CONFIGURE], "a step acted before it was shown"


def test_the_intent_is_on_the_disk_when_the_step_acts(world: World) -> None:
    seen: list[str] = []
    board = TameBoard(faults={"configure": [lambda: seen.extend(world.kinds(1))]})
    cycle(world, board).run()
    assert seen[-1] == "intend configure" and "settle configure" not in seen


def test_settling_and_the_next_intent_are_one_commit_and_so_is_the_verdict(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[list[str]] = []
    write = world.ledger.write

    def counting(work: Any) -> Any:
        result = write(work)
        commits.append(world.kinds(1))
        return result

    one = cycle(world, TameBoard())
    monkeypatch.setattr(world.ledger, "write", counting)
    one.run()
    assert commits == [STEPS_OF_A_PASS[:end] for end in (4, 6, 8, 10, 12, 14, 16)]


def test_the_record_of_a_pass_is_whole(world: World) -> None:
    board = TameBoard()
    one = cycle(world, board)
    one.run()
    entry = world.entry()
    assert entry is not None
    event = closing_event(world, one.row.id)
    record = event["facts"]
    assert record["identity"] == {
        "serial": SERIAL,
        "hardware_id": HARDWARE,
        "firmware": "fw 1",
        "hardware_revision": "",
    }
    assert (record["rid"], record["status"], record["restarted"]) == (entry.rid, "activated", True)
    assert set(record["settings"]) == set(world.recipe.config)
    assert all(value["expected"] == value["read"] for value in record["settings"].values())
    row = world.reader.cycle(one.row.id)
    assert (row.serial, row.rid, row.outcome, row.error, row.attempt) == (SERIAL, entry.rid, "PASS", None, 1)
    assert row.recipe == world.recipe.sha256 and event["software"]
    assert world.keys() == [], "the key outlived its cycle"


# --------------------------------------------------------------------------- what goes wrong

BOARD_FAULTS = [
    ("identify", BoardSilent("nobody"), Outcome.FAIL, "board-silent", Step.IDENTIFY),
    ("configure", CommitFailed("flash worn"), Outcome.FAIL, "board-commit-failed", Step.DISABLE),
    ("restart", BoardSilent("dead"), Outcome.FAIL, "board-silent", Step.DISABLE),
    ("read", PortLost("gone"), Outcome.ABORTED, "board-pulled", Step.DISABLE),
    ("identify", PortLost("gone"), Outcome.ABORTED, "board-pulled", Step.IDENTIFY),
]


@pytest.mark.parametrize(("method", "fault", "outcome", "code", "last"), BOARD_FAULTS)
def test_a_fault_of_the_board_ends_the_cycle(
    method: str, fault: Fault, outcome: Outcome, code: str, last: Step, world: World
) -> None:
    one = cycle(world, TameBoard(faults={method: [fault]}))
    closing = one.run()
    assert (closing.outcome, closing.code, closing.text) == (outcome, code, fault.text)
    row = world.reader.cycle(one.row.id)
    assert (row.outcome, row.error, row.step) == (outcome, code, last)
    if last is Step.DISABLE:
        assert_dead_in_the_fleet(world)
        assert closing_event(world, row.id)["details"]["disable"] == "disable"
    else:
        assert world.entry() is None and world.client.asked == []


def test_a_lost_adapter_is_no_pulled_board_where_the_port_is_the_fixtures(world: World) -> None:
    world.recipe = recipes.load(write_recipe(world.folder, ('presence = "port"', 'presence = "probe"')))
    closing = cycle(world, TameBoard(faults={"configure": [PortLost("gone")]})).run()
    assert (closing.outcome, closing.code) == (Outcome.ERROR, "port-lost")


def test_a_record_says_of_which_settings_only_the_length_was_read(world: World) -> None:
    value, length = "(?P<value>.*)' }", "(?P<length>.*)', length_is_enough = true }"
    world.recipe = recipes.load(write_recipe(world.folder, (value, length)))
    one = cycle(world, TameBoard())
    assert one.run().outcome is Outcome.PASS
    settings = closing_event(world, one.row.id)["facts"]["settings"]
    assert {value["proof"] for value in settings.values()} == {"length"}


def test_a_board_swapped_before_the_read_back_is_aborted(world: World) -> None:
    board = TameBoard()

    def swap() -> None:
        board.serial = "SIM-00000002"

    board.faults["restart"] = [swap]
    closing = cycle(world, board).run()
    assert (closing.outcome, closing.code) == (Outcome.ABORTED, "board-swapped")
    assert_dead_in_the_fleet(world)


def test_a_malformed_serial_number_is_a_recorded_fail(world: World) -> None:
    one = cycle(world, TameBoard("=cmd|'x'"))
    closing = one.run()
    assert (closing.outcome, closing.code) == (Outcome.FAIL, "serial-malformed")
    event = closing_event(world, one.row.id)
    assert event["details"] == {"serial": "=cmd|'x'"}
    assert repr("=cmd|'x'") in event["text"] and "SIM-[0-9]{8}" in event["text"]
    assert world.reader.cycle(one.row.id).serial is None


def test_the_unforeseen_is_an_error_with_a_traceback_in_the_journal(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble() -> None:
        raise ZeroDivisionError("oops")

    with caplog.at_level(logging.ERROR):
        closing = cycle(world, TameBoard(faults={"configure": [stumble]})).run()
    assert (closing.outcome, closing.code, closing.text) == (Outcome.ERROR, "internal", "ZeroDivisionError: oops")
    assert "in stumble" in caplog.text
    assert_dead_in_the_fleet(world)


def test_a_strangers_number_fails_the_board_and_stays_alive(world: World) -> None:
    stranger = world.stranger()
    stranger.serials.add("widget-1", SERIAL, "st=other;hw=1")
    stranger.serials.enable("widget-1", SERIAL, world.grant.owner_rid)
    stranger.device.activate("widget-1", SERIAL)
    before = world.entry()
    closing = cycle(world, TameBoard()).run()
    assert (closing.outcome, closing.code) == (Outcome.FAIL, "serial-taken")
    assert "disable" not in closing.details
    assert world.entry() == before and world.client.asked == []


def test_a_board_that_lives_by_a_client_that_we_had_taken_for_ours_goes_on_living(world: World) -> None:
    """Another station enabled it while our own call was lost, and is quicker to fetch the key."""
    keys: list[str] = []

    def lost(request: Request) -> Reply:
        world.stranger().serials.enable(MODEL, SERIAL, world.grant.owner_rid)
        raise Unanswered("the line was cut", request.asked)

    world.client.instead("enable", lost)
    world.client.before("activate", lambda: keys.append(world.stranger().device.activate(MODEL, SERIAL)))
    board = TameBoard()
    for code in ("serial-taken", "begun-elsewhere"):  # once more, it is no more ours than before
        closing = cycle(world, board, patient).run()
        assert closing.code == code
        assert "disable" not in closing.details
        entry = world.entry()
        assert entry is not None and [entry.cik] == keys and entry.phase == "activated"
    assert world.client.asked == ["add", "enable", "activate"]


def test_an_enable_that_never_was_answered_is_disabled_at_the_end(world: World) -> None:
    """Nobody knows whether the number lives, so it is looked at; and it does."""
    world.client.lose_answer("enable")
    closing = cycle(world, TameBoard(), impatient).run()
    assert (closing.outcome, closing.code) == (Outcome.ERROR, "fleet-unanswered")
    assert closing.details["disable"] == "disable"
    assert_dead_in_the_fleet(world)


def test_a_verdict_stands_where_the_fleet_does_not_let_us_disable(world: World) -> None:
    def refused(request: Request) -> Reply:
        raise Unanswered("away", request.asked)

    world.client.instead("disable", refused)
    one = cycle(world, TameBoard(faults={"configure": [CommitFailed("worn")]}))
    closing = one.run()
    assert (closing.outcome, closing.code) == (Outcome.FAIL, "board-commit-failed")
    assert closing.details["disable"] == "fleet-unanswered"
    assert world.reader.cycle(one.row.id).outcome == "FAIL" and world.keys() == []


# --------------------------------------------------------------------------- the fleet is away, or refuses us


def test_a_fleet_that_is_away_is_waited_for(world: World) -> None:
    held: list[str] = []

    def hold(fault: StationError, waited: float) -> None:
        assert waited >= 0
        held.append(fault.code)

    for _ in range(3):
        world.client.lose_call("enable")
    assert cycle(world, TameBoard(), hold).run().outcome is Outcome.PASS
    assert held == ["fleet-unanswered"] * 3
    assert world.clients_of() == 1
    assert world.kinds(1) == STEPS_OF_A_PASS, "a repeated try is no new intent"


def test_when_patience_is_over_the_cycle_is_an_error(world: World) -> None:
    world.client.lose_call("add")
    closing = cycle(world, TameBoard()).run()
    assert (closing.outcome, closing.code) == (Outcome.ERROR, "fleet-unanswered")


def test_a_refusal_of_the_station_is_waited_for_and_ends_no_cycle(world: World) -> None:
    held: list[type[StationError]] = []

    def refused(request: Request) -> Reply:
        raise NotAllowed("no", request.asked, 403)

    world.client.instead("enable", refused)
    one = cycle(world, TameBoard(), lambda fault, waited: held.append(type(fault)))
    assert one.run().outcome is Outcome.PASS
    assert held == [NotAllowed]


def test_stopping_leaves_the_cycle_open(world: World) -> None:
    one = cycle(world, TameBoard(faults={"configure": [Cancelled("stop")]}))
    with pytest.raises(Cancelled):
        one.run()
    assert world.reader.open_cycles() == [one.row.id]
    assert world.keys() != [], "the key is still needed"
    entry = world.entry()
    assert entry is not None and entry.phase == "activated"


def test_stopping_while_the_fleet_is_waited_for_leaves_the_cycle_open(world: World) -> None:
    def stop(fault: StationError, waited: float) -> None:
        raise Cancelled("stop")

    world.client.lose_call("enable")
    one = cycle(world, TameBoard(), stop)
    with pytest.raises(Cancelled):
        one.run()
    assert world.reader.open_cycles() == [one.row.id]
