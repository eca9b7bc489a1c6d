"""One serial number in more than one cycle: retests, boards that come again, numbers that are doubled."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from engine_cycle import (
    cycle,
    patient,
)
from engine_world import HARDWARE, MODEL, SERIAL, TameBoard, World, rows

from drivers.board import Identity
from drivers.errors import CommitFailed
from station.errors import EscrowFailed
from station.ledger import History
from station.model import Closing, Outcome, Step

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


def test_an_answer_lost_in_one_step_excuses_nothing_in_the_next(world: World) -> None:
    """Register was in doubt and is settled; the conflict at enable is somebody else's all the same."""
    world.client.lose_answer("add")
    world.client.before("enable", lambda: world.stranger().serials.enable(MODEL, SERIAL, world.grant.owner_rid))
    closing = cycle(world, TameBoard(), patient).run()
    assert (closing.outcome, closing.code) == (Outcome.FAIL, "serial-taken")
    assert world.client.asked == ["add", "enable"]
