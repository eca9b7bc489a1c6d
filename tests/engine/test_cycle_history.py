"""One serial number in more than one cycle: retests, boards that come again, numbers that are doubled."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from engine_cycle import PowerCut, cycle, patient, taken_up
from engine_world import HARDWARE, MODEL, SERIAL, TameBoard, World, rows, write_recipe

from drivers.board import Identity
from drivers.errors import Cancelled, CommitFailed
from station import recipe as recipes
from station.cycle import LINE_WIDE
from station.errors import EscrowFailed, StationError
from station.fleet.client import ModelInfo, Reply, Request
from station.ledger import History
from station.model import Closing, Outcome, Step
from station.steps import OwnerFull

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


def another_product(world: World) -> None:
    """Change over to a product that counts its boards alike."""
    world.client.models.create("other", ModelInfo(rid=world.grant.template_rid))
    change = (f'model = "{MODEL}"', 'model = "other"')
    world.recipe = recipes.load(write_recipe(world.folder, change))


def test_a_passed_board_that_has_lost_its_settings_is_no_good_board(world: World) -> None:
    board = TameBoard()
    assert cycle(world, board).run() == Closing(Outcome.PASS)
    assert cycle(world, board).run().code == "already-passed"
    del board.flash["fleet_rid"]
    closing = cycle(world, board).run()
    assert (closing.outcome, closing.code) == (Outcome.ABORTED, "pass-not-on-board")
    assert "1 of 2 settings are others: fleet_rid" in (closing.text or "")
    entry = world.entry()
    assert entry is not None and entry.phase == "activated", "people decide what becomes of it"


def test_two_products_that_count_alike_are_told_apart(world: World) -> None:
    assert cycle(world, TameBoard()).run().outcome is Outcome.PASS
    another_product(world)
    board = TameBoard(SERIAL, "02:00:00:00:00:99")
    alike = cycle(world, board)
    assert alike.run().outcome is Outcome.PASS
    assert alike.row.attempt == 1 and world.reader.passed() == 2
    assert cycle(world, board).run().code == "already-passed"


def test_they_may_be_worked_on_at_the_same_time(world: World) -> None:
    first = cycle(world, TameBoard(faults={"configure": [Cancelled("stop")]}))
    with pytest.raises(Cancelled):
        first.run()
    another_product(world)
    assert cycle(world, TameBoard(SERIAL, "02:00:00:00:00:99"), slot="2").run().outcome is Outcome.PASS


def test_a_board_that_has_passed_as_another_products_is_none_of_this_one(world: World) -> None:
    cycle(world, TameBoard(faults={"configure": [CommitFailed("worn")]})).run()
    another_product(world)
    assert cycle(world, TameBoard()).run().outcome is Outcome.PASS  # it failed as the other, and is nobody there
    world.recipe = recipes.load(write_recipe(world.folder))
    closing = cycle(world, TameBoard()).run()
    assert (closing.outcome, closing.code) == (Outcome.FAIL, "hardware-has-other-serial")
    assert closing.details["before"] == f"{SERIAL} of other"


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


def test_another_stations_fingerprint_of_a_secret_is_not_held_against_a_board(world: World) -> None:
    """The key of those fingerprints is in no backup: after a restore on a new machine it is another one."""
    board = TameBoard()
    assert cycle(world, board).run() == Closing(Outcome.PASS)
    world.escrow._digest_key = bytes(32)
    assert cycle(world, board).run().code == "already-passed"


def test_a_hardware_id_that_was_misheard_once_condemns_no_board(world: World) -> None:
    board = TameBoard(faults={"configure": [CommitFailed("worn")]})
    assert cycle(world, board).run().outcome is Outcome.FAIL
    right = board.hardware_id
    board.hardware_id = right.replace("2", "3", 1)
    board.faults["identify"] = [lambda: None, lambda: setattr(board, "hardware_id", right)]
    assert cycle(world, board).run() == Closing(Outcome.PASS)


def test_the_rid_is_taken_for_no_key(world: World) -> None:
    """Both are 40 hex digits, and an answer may be that to another call."""
    board = TameBoard()

    def mixed_up(request: Request) -> Reply:
        entry = world.entry()
        assert entry is not None and entry.rid is not None
        return replace(world.client.send(request), body=entry.rid.encode())

    world.client.instead("activate", mixed_up)
    assert cycle(world, board, patient).run() == Closing(Outcome.PASS)
    entry = world.entry()
    assert entry is not None and board.flash["fleet_key"] == entry.cik


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


def test_two_slots_that_identify_one_hardware_id_at_the_same_instant_do_not_both_go_on(world: World) -> None:
    other = world.open_cycle("2")
    first = cycle(world, TameBoard(), slot="1")
    history = first._case.history

    def overtaken(identity: Identity) -> History:
        seen = history(identity)
        cloned = {**asdict(identity), "serial": "SIM-00000002"}
        world.ledger.settle(other, Step.IDENTIFY, {"identity": cloned}, Step.REGISTER)
        return seen

    first._case.history = overtaken
    closing = first.run()
    assert (closing.outcome, closing.code) == (Outcome.FAIL, "hardware-has-other-serial")
    assert "SIM-00000001" in (closing.text or "") and "SIM-00000002" in (closing.text or "")
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


def test_a_call_that_was_lost_in_a_retest_is_made_again(world: World) -> None:
    """What the first cycle has made, without learning of it, is disabled by now; the mark shows that it is ours."""
    world.client.lose_answer("enable")
    assert cycle(world, TameBoard()).run().code == "fleet-unanswered"
    world.client.lose_call("regenerate")
    assert cycle(world, TameBoard(), patient, slot="2").run().outcome == "PASS"


def test_a_retest_that_is_cut_while_registering_after_a_lost_answer_goes_on(world: World) -> None:
    world.client.lose_answer("enable")
    assert cycle(world, TameBoard()).run().code == "fleet-unanswered"
    world.client.instead("info", cut_now)
    second = cycle(world, TameBoard(), slot="2")
    with pytest.raises(PowerCut):
        second.run()
    assert taken_up(world, second.row.id, TameBoard()).run().outcome == "PASS"


def test_a_lost_answer_to_the_activation_of_a_listed_number_stays_the_supervisors(world: World) -> None:
    """There is no mark beside it; he lists it anew once he knows."""
    world.recipe = recipes.load(write_recipe(world.folder, ('register = "station"', 'register = "listed"')))
    stranger = world.stranger()
    stranger.serials.add(MODEL, SERIAL, "lot 7")
    world.client.lose_answer("activate")
    for slot in "123":
        assert cycle(world, TameBoard(), patient, slot=slot).run().code == "serial-unproven"
    stranger.serials.delete(MODEL, SERIAL)
    stranger.serials.add(MODEL, SERIAL, "lot 7")
    assert cycle(world, TameBoard(), patient, slot="4").run().outcome == "PASS"


def cut_now(request: Request) -> Reply:
    raise PowerCut


def test_a_board_is_asked_again_who_it_is_before_it_is_written_to_if_the_fleet_took_its_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = TameBoard("SIM-00000002", "02:00:00:00:00:02")
    assert cycle(world, good).run().outcome == "PASS"
    before = dict(good.flash)
    board = TameBoard()

    def swapped() -> None:
        board.serial, board.hardware_id, board.flash = good.serial, good.hardware_id, good.flash
        monkeypatch.setattr("station.case._SWAP_S", -1.0)  # it is long ago by now

    world.client.before("activate", swapped)
    assert cycle(world, board, slot="2").run().code == "board-swapped"
    assert good.flash == before, "it still has its own key"


def test_an_owner_without_room_stops_the_line_and_fails_no_board(world: World) -> None:
    world.server._store.write(
        lambda db: db.execute("UPDATE clients SET room = 0 WHERE rid = ?", [world.grant.owner_rid])
    )
    held: list[str] = []

    def hold(fault: StationError, waited: float) -> None:
        held.append(fault.code)
        raise Cancelled("the station stops")

    with pytest.raises(Cancelled):
        cycle(world, TameBoard(), hold).run()
    assert held == ["owner-full"] and OwnerFull in LINE_WIDE


@pytest.mark.parametrize(("then", "today"), [("station", "field"), ("field", "station")])
def test_a_pass_is_judged_by_the_recipe_of_then(world: World, then: str, today: str) -> None:
    """What is not activated is dead if the station had fetched its key, and good if its user is to."""
    field = 'activate = "field"\nwindow_h = 24\nreenabled_by = "the installer"'
    changes = {"station": (), "field": (('activate = "station"', field), ('fleet_key = "{cik}"\n', ""))}
    world.recipe = recipes.load(write_recipe(world.folder, *changes[then]))
    board = TameBoard()
    assert cycle(world, board).run().outcome is Outcome.PASS
    if then == "station":
        world.stranger().serials.regenerate(MODEL, SERIAL)
    world.recipe = recipes.load(write_recipe(world.folder, *changes[today]))
    assert cycle(world, board).run().code == ("pass-not-in-fleet" if then == "station" else "already-passed")
