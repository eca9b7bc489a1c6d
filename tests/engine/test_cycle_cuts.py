"""A cycle that is cut at any point is gone on with, and whatever was half done is looked at first."""

from __future__ import annotations

from typing import Any

import pytest
from engine_cycle import (
    PowerCut,
    assert_dead_in_the_fleet,
    cycle,
    power_cut,
    taken_up,
)
from engine_world import STEPS_OF_A_PASS, TameBoard, World
from moved_clock import MovedClock

from drivers.errors import BoardPulled, CommitFailed
from station.errors import DatabaseFailed
from station.fleet.client import Reply, Request
from station.ledger import CycleRow
from station.model import Outcome, Step

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


def test_a_duration_spans_runs_of_the_station_and_is_not_read_off_the_clock(world: World, wall: MovedClock) -> None:
    board = TameBoard(faults={"configure": [power_cut]})
    one = cycle(world, board)
    with pytest.raises(PowerCut):
        one.run()
    wall.slept_s += 20
    wall.move(-3600)
    again = taken_up(world, one.row.id, board)
    wall.move(7200)
    assert again.run().outcome is Outcome.PASS
    assert again.row.duration_ms == pytest.approx(20_000, abs=5_000)


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


def test_a_cut_after_the_last_step_repeats_that_and_reads_the_board_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = TameBoard()
    one = cycle(world, board)
    with monkeypatch.context() as patched:
        patched.setattr(world.ledger, "close_cycle", lambda *_, **__: power_cut())
        with pytest.raises(PowerCut):
            one.run()
    again = taken_up(world, one.row.id, board)
    assert again.run().outcome is Outcome.PASS
    again_read = ["intend verify-board", "settle verify-board", "intend verify-fleet"]
    assert world.kinds(one.row.id)[-6:] == ["resume", *again_read, "settle verify-fleet", "close"]


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


@pytest.mark.parametrize("commit", range(7))
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


@pytest.mark.parametrize("hardware", ["02:00:00:00:00:01", ""])
def test_a_board_that_is_alike_is_read_before_it_passes_in_place_of_another(world: World, hardware: str) -> None:
    """The station was cut after it had read the board; when it comes back, the board's twin is in the slot."""
    one = cycle(world, TameBoard(hardware_id=hardware))

    def cut(row: CycleRow, step: Step, code: str) -> None:
        if step is Step.VERIFY_FLEET:
            power_cut()

    one._publish = cut
    with pytest.raises(PowerCut):
        one.run()
    assert world.reader.cycle(one.row.id).step == "verify-fleet"
    closing = taken_up(world, one.row.id, TameBoard(hardware_id=hardware)).run()
    assert (closing.outcome, closing.code) == (Outcome.FAIL, "readback-differs")
    assert_dead_in_the_fleet(world)
