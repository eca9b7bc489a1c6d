"""Intend, act, settle, close: what the ledger holds of a cycle, and how each thing that can go wrong ends it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
from engine_world import HARDWARE, SERIAL, STEPS_OF_A_PASS, TameBoard, World, rows, write_recipe

from drivers.board import Identity
from drivers.errors import BoardSilent, Cancelled, CommitFailed, Fault, PortLost
from station import recipe as recipes
from station.cycle import BoardPulled, Cycle
from station.errors import DatabaseFailed, EscrowFailed, StationError
from station.fleet.client import NotAllowed, Reply, Request, Unanswered
from station.ledger import CycleRow, History, Reader
from station.model import Closing, Outcome, Step


def impatient(fault: StationError, waited: float) -> None:
    """A line whose patience is over at once."""
    raise fault


def patient(fault: StationError, waited: float) -> None:
    """A line that always tries once more."""


class PowerCut(BaseException):
    """The process dies here, as far as the cycle can tell."""


def power_cut() -> None:
    raise PowerCut


class Bystander:
    """Notes what a cycle publishes, and what the ledger held at that moment."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.shown: list[Step] = []
        self.recorded: list[str | None] = []

    def __call__(self, row: CycleRow, step: Step) -> None:
        self.shown.append(step)
        self.recorded.append(self._reader.cycle(row.id).step)


def cycle(world: World, board: Any, hold: Callable[..., None] = impatient, slot: str = "1") -> Cycle:
    row = world.open_cycle(slot)
    return Cycle(row, world.case(row, board), world.ledger, hold, lambda row, step: None)


def taken_up(world: World, number: int, board: Any, hold: Callable[..., None] = impatient) -> Cycle:
    """What a restarted station makes of an open cycle."""
    row = world.reader.cycle(number)
    again = Cycle(row, world.case(row, board), world.ledger, hold, lambda row, step: None)
    again.take_up(world.reader.settled(number), world.reader.decided(number))
    return again


def closing_event(world: World, number: int) -> dict[str, Any]:
    ((body,),) = rows(world.folder / "ledger.db", "SELECT body FROM events WHERE cycle = ? AND kind = 'close'", number)
    found: dict[str, Any] = json.loads(body)
    return found


def assert_dead_in_the_fleet(world: World) -> None:
    entry = world.entry()
    assert entry is not None and entry.phase == "expired"
    assert world.keys() == []


# --------------------------------------------------------------------------- the order of things


def test_every_step_is_intended_before_and_settled_after(world: World) -> None:
    row = world.open_cycle()
    bystander = Bystander(world.reader)
    one = Cycle(row, world.case(row, TameBoard()), world.ledger, impatient, bystander)
    assert one.run() == Closing(Outcome.PASS)
    assert world.kinds(row.id) == STEPS_OF_A_PASS
    assert tuple(bystander.shown) == world.recipe.plan
    assert bystander.recorded == [str(step) for step in world.recipe.plan], "a step was shown before it was intended"


def test_the_intent_is_on_the_disk_when_the_step_acts(world: World) -> None:
    seen: list[str] = []
    board = TameBoard(faults={"configure": [lambda: seen.extend(world.kinds(1))]})
    cycle(world, board).run()
    assert seen[-1] == "intend configure" and "settle configure" not in seen


def test_settling_and_the_next_intent_are_one_commit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    commits: list[list[str]] = []
    write = world.ledger.write

    def counting(work: Any) -> Any:
        result = write(work)
        commits.append(world.kinds(1))
        return result

    one = cycle(world, TameBoard())
    monkeypatch.setattr(world.ledger, "write", counting)
    one.run()
    assert commits == [STEPS_OF_A_PASS[:end] for end in (4, 6, 8, 10, 12, 14, 15, 16)]


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
    assert "Traceback" in caplog.text and "stumble" in caplog.text
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


# --------------------------------------------------------------------------- power cuts


@pytest.mark.parametrize("method", ["identify", "configure", "restart", "read"])
def test_a_cycle_cut_in_a_board_step_goes_on_with_that_step(method: str, world: World) -> None:
    board = TameBoard(faults={method: [power_cut]})
    one = cycle(world, board)
    with pytest.raises(PowerCut):
        one.run()
    assert taken_up(world, one.row.id, board).run().outcome is Outcome.PASS
    assert world.client.asked == ["add", "enable", "activate"]
    kinds = world.kinds(one.row.id)
    assert kinds.count("resume") == 1
    assert [kind for kind in kinds if kind != "resume"] == STEPS_OF_A_PASS


@pytest.mark.parametrize("took_effect", [True, False])
@pytest.mark.parametrize("call", ["add", "enable", "activate"])
def test_a_cycle_cut_in_a_call_to_the_fleet_goes_on_and_knows_its_own_work(
    call: str, took_effect: bool, world: World
) -> None:
    def cut(request: Request) -> Reply:
        if took_effect:
            world.client.send(request)
        raise PowerCut

    world.client.instead(call, cut)
    board = TameBoard()
    one = cycle(world, board)
    with pytest.raises(PowerCut):
        one.run()
    assert taken_up(world, one.row.id, board).run().outcome is Outcome.PASS
    entry = world.entry()
    assert entry is not None and world.clients_of() == 1
    assert (board.flash["fleet_key"], board.flash["fleet_rid"]) == (entry.cik, entry.rid)


def test_a_cut_between_escrow_and_ledger_loses_no_key(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put = world.escrow.put

    def put_and_die(number: int, key: str) -> None:
        put(number, key)
        raise PowerCut

    board = TameBoard()
    one = cycle(world, board)
    monkeypatch.setattr(world.escrow, "put", put_and_die)
    with pytest.raises(PowerCut):
        one.run()
    assert taken_up(world, one.row.id, board).run().outcome is Outcome.PASS
    assert world.client.asked == ["add", "enable", "activate"]


def test_a_cut_after_the_last_step_repeats_only_that(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    board = TameBoard()
    one = cycle(world, board)
    with monkeypatch.context() as patched:
        patched.setattr(world.ledger, "close_cycle", lambda *_: power_cut())
        with pytest.raises(PowerCut):
            one.run()
    again = taken_up(world, one.row.id, board)
    assert again.run().outcome is Outcome.PASS
    assert world.kinds(one.row.id)[-3:] == ["resume", "settle verify-fleet", "close"]


@pytest.mark.parametrize("took_effect", [True, False])
def test_a_verdict_survives_a_cut_while_the_number_is_being_disabled(took_effect: bool, world: World) -> None:
    def cut(request: Request) -> Reply:
        if took_effect:
            world.client.send(request)
        raise PowerCut

    world.client.instead("disable", cut)
    board = TameBoard(faults={"configure": [CommitFailed("flash worn", sent="saveenv")]})
    one = cycle(world, board)
    with pytest.raises(PowerCut):
        one.run()
    assert world.reader.open_cycles() == [one.row.id]
    closing = taken_up(world, one.row.id, board).run()  # the board is well now, and that changes nothing
    assert (closing.outcome, closing.code, closing.text) == (Outcome.FAIL, "board-commit-failed", "flash worn")
    assert closing.details["sent"] == "saveenv"
    assert_dead_in_the_fleet(world)


def test_another_board_in_the_slot_of_a_cut_cycle_is_not_provisioned(world: World) -> None:
    board = TameBoard(faults={"configure": [power_cut]})
    one = cycle(world, board)
    with pytest.raises(PowerCut):
        one.run()
    other = TameBoard("SIM-00000002", "02:00:00:00:00:02")
    closing = taken_up(world, one.row.id, other).run()
    assert (closing.outcome, closing.code) == (Outcome.ABORTED, "board-swapped")
    assert other.flash == {}
    assert_dead_in_the_fleet(world)


@pytest.mark.parametrize("decided", [False, True])
def test_a_cut_cycle_whose_board_is_gone_is_abandoned(decided: bool, world: World) -> None:
    board = TameBoard(faults={"configure": [CommitFailed("worn") if decided else power_cut]})
    if decided:
        world.client.before("disable", power_cut)
    one = cycle(world, board)
    with pytest.raises(PowerCut):
        one.run()
    closing = taken_up(world, one.row.id, TameBoard()).abandon(BoardPulled("gone"))
    expected = (Outcome.FAIL, "board-commit-failed") if decided else (Outcome.ABORTED, "board-pulled")
    assert (closing.outcome, closing.code) == expected
    assert_dead_in_the_fleet(world)


# --------------------------------------------------------------------------- the ledger can't be written


@pytest.mark.parametrize("commit", range(8))
def test_without_a_ledger_there_is_no_verdict(commit: int, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    write, left = world.ledger.write, [commit]

    def failing(work: Any) -> Any:
        if not left[0]:
            raise DatabaseFailed("disk full")
        left[0] -= 1
        return write(work)

    board = TameBoard()
    one = cycle(world, board)
    with monkeypatch.context() as patched:
        patched.setattr(world.ledger, "write", failing)
        with pytest.raises(DatabaseFailed):
            one.run()
    assert world.reader.open_cycles() == [one.row.id] and world.reader.passed() == 0
    assert taken_up(world, one.row.id, board).run().outcome is Outcome.PASS
    entry = world.entry()
    assert entry is not None and board.flash["fleet_key"] == entry.cik and world.clients_of() == 1


def test_a_failed_disable_record_leaves_the_cycle_open(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> Any:
        raise DatabaseFailed("disk full")

    board = TameBoard(faults={"configure": [CommitFailed("worn")]})
    one = cycle(world, board)
    with monkeypatch.context() as patched:
        patched.setattr(world.ledger, "intend", full)
        with pytest.raises(DatabaseFailed):
            one.run()
    assert world.reader.open_cycles() == [one.row.id]


# --------------------------------------------------------------------------- one serial number, more than one cycle


def test_a_failed_board_may_be_tested_again_and_gets_a_new_key(world: World) -> None:
    board = TameBoard(faults={"configure": [CommitFailed("worn")]})
    assert cycle(world, board).run().outcome is Outcome.FAIL
    second = cycle(world, board)
    assert second.run().outcome is Outcome.PASS
    entry = world.entry()
    assert entry is not None and world.clients_of() == 1
    assert (entry.phase, board.flash["fleet_key"]) == ("activated", entry.cik)
    assert world.reader.cycle(second.row.id).attempt == 2
    assert world.client.asked == ["add", "enable", "activate", "disable", "regenerate", "activate"]


def test_a_board_that_has_passed_is_kept_out_and_keeps_its_life(world: World) -> None:
    board = TameBoard()
    cycle(world, board).run()
    before = world.entry()
    closing = cycle(world, board).run()
    assert (closing.outcome, closing.code) == (Outcome.ABORTED, "already-passed")
    assert world.entry() == before and world.client.asked == ["add", "enable", "activate"]
    assert world.reader.passed() == 1


def test_a_serial_number_on_other_hardware_is_a_fail_and_harms_nobody(world: World) -> None:
    cycle(world, TameBoard()).run()
    before = world.entry()
    closing = cycle(world, TameBoard(SERIAL, "02:00:00:00:00:99")).run()
    assert (closing.outcome, closing.code) == (Outcome.FAIL, "serial-on-other-hardware")
    assert closing.details["before"] == HARDWARE
    closing = cycle(world, TameBoard("SIM-00000002", HARDWARE)).run()
    assert (closing.outcome, closing.code) == (Outcome.FAIL, "hardware-has-other-serial")
    assert closing.details["before"] == SERIAL
    assert world.entry() == before and world.entry("SIM-00000002") is None


def test_the_same_serial_number_in_two_slots_stops_the_second(world: World) -> None:
    endings: list[Closing] = []
    second = cycle(world, TameBoard(), slot="2")
    first_board = TameBoard(faults={"configure": [lambda: endings.append(second.run())]})
    first = cycle(world, first_board)
    assert first.run().outcome is Outcome.PASS
    (ending,) = endings
    assert (ending.outcome, ending.code) == (Outcome.FAIL, "serial-in-two-slots")
    assert ending.details["slot"] == "1"
    assert world.client.asked == ["add", "enable", "activate"]


def test_two_slots_that_identify_at_the_same_instant_do_not_both_go_on(world: World) -> None:
    """Both have asked the ledger before either has settled: the ledger's own index decides."""
    other = world.open_cycle("2")
    first = cycle(world, TameBoard(), slot="1")
    history = first._case.history

    def overtaken(identity: Identity) -> History:
        seen = history(identity)
        if world.reader.cycle(other.id).serial is None:
            world.ledger.settle(other, Step.IDENTIFY, {"identity": asdict(identity)}, Step.REGISTER)
        return seen

    first._case.history = overtaken
    closing = first.run()
    assert (closing.outcome, closing.code) == (Outcome.FAIL, "serial-in-two-slots")
    assert world.client.asked == [] and world.reader.open_cycles() == [other.id]


def test_a_verdict_is_not_lost_with_the_key_that_could_not_be_erased(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stuck(number: int) -> None:
        raise EscrowFailed("read-only")

    one = cycle(world, TameBoard())
    monkeypatch.setattr(world.escrow, "erase", stuck)
    assert one.run().outcome is Outcome.PASS
    assert world.reader.cycle(one.row.id).outcome == "PASS"
    assert "its key is erased at the next start" in caplog.text


def test_no_key_is_in_the_ledger_or_its_log(world: World) -> None:
    board = TameBoard(faults={"read": [CommitFailed("once")]})
    cycle(world, board).run()
    cycle(world, board).run()
    keys = {cik for (cik,) in rows(world.fleet_db, "SELECT cik FROM clients")}
    for path in world.folder.glob("ledger.db*"):
        content = path.read_bytes()
        for secret in (*keys, world.grant.token, board.flash["fleet_key"]):
            assert secret.encode() not in content
