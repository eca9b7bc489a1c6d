"""Golden units: each slot shows that it can tell good from bad, and nobody else ever hears of them."""

from __future__ import annotations

from typing import Any

import pytest
from engine_cycle import PowerCut, cycle, power_cut, taken_up
from engine_floor import Floor
from engine_world import SERIAL, TameBoard, World, rows, write_recipe

from station import clock
from station import recipe as recipes
from station.errors import RecipeError
from station.ledger.figures import counters
from station.ledger.golden import missing
from station.ledger.holds import holds
from station.model import Closing, Outcome

GOLDEN = ("[link]", '[golden]\ngood = ["GOLD-1"]\nbad = ["BAD-1"]\neach_shift = true\n[link]')
LABEL = "acme widget-1 {}"


@pytest.fixture
def world(world: World) -> World:
    world.recipe = recipes.load(write_recipe(world.folder, GOLDEN))
    return world


def good(label: str = LABEL.format("GOLD-1")) -> TameBoard:
    board = TameBoard("GOLD-1", "02:g")
    board.flash["label"] = label
    return board


def tried(world: World, board: TameBoard, due: str = "") -> Closing:
    one = cycle(world, board)
    one._case.golden_due = lambda: due
    return one.run()


def test_a_good_unit_passes_dry(world: World) -> None:
    board = good()
    before = dict(board.flash)
    sent = len(world.client.asked)
    assert tried(world, board) == Closing(Outcome.PASS)
    assert board.flash == before and len(world.client.asked) == sent and world.entry("GOLD-1") is None
    assert world.kinds(1) == [
        "open",
        "intend identify",
        "settle identify",
        "intend verify-board",
        "settle verify-board",
        "close",
    ]
    assert counters(world.reader, 0).done == 0 and world.reader.board("widget-1", "GOLD-1") is None
    row = world.reader.cycle(1)
    assert (row.golden, row.outcome, row.serial) == ("good", "PASS", "GOLD-1")
    assert tried(world, board) == Closing(Outcome.PASS), "as often as anybody likes"


def test_a_good_unit_that_fails_and_a_bad_one_that_passes_are_the_slots_fault(world: World) -> None:
    assert tried(world, good("another label")).code == "readback-differs"
    bad = TameBoard("BAD-1", "02:b")
    bad.flash["label"] = LABEL.format("BAD-1")
    closing = tried(world, bad)
    assert (closing.outcome, closing.code) == (Outcome.ERROR, "golden-bad-passed")
    assert missing(world.reader, "1", 0) == ("good", "bad")
    assert holds(world.reader) == [] and counters(world.reader, 0).done == 0
    assert world.client.asked == []


def test_a_slot_is_tried_once_it_has_passed_a_good_one_and_failed_a_bad_one(world: World) -> None:
    assert missing(world.reader, "1", 0) == ("good", "bad")
    tried(world, good())
    assert missing(world.reader, "1", 0) == ("bad",)
    assert tried(world, TameBoard("BAD-1", "02:b")).outcome is Outcome.FAIL
    assert missing(world.reader, "1", 0) == () and missing(world.reader, "2", 0) == ("good", "bad")
    assert missing(world.reader, "1", clock.now_us() + 1) == ("good", "bad"), "in the next shift"
    tried(world, good("worn"))
    assert missing(world.reader, "1", 0) == ("good",), "the last one counts"


def test_a_board_that_comes_too_early_is_told_what_is_due_and_nothing_happens_to_it(world: World) -> None:
    closing = tried(world, TameBoard(), "slot 1 was not tried yet")
    assert (closing.outcome, closing.code) == (Outcome.ABORTED, "golden-due")
    assert world.entry() is None and holds(world.reader) == []
    assert tried(world, TameBoard()).outcome is Outcome.PASS


def test_a_golden_cycle_that_was_cut_goes_on_dry(world: World) -> None:
    board = good()
    board.faults["restart"] = [power_cut]
    one = cycle(world, board)
    with pytest.raises(PowerCut):
        one.run()
    assert taken_up(world, one.row.id, board).run() == Closing(Outcome.PASS)
    assert world.client.asked == []


def test_where_the_fleet_is_told_later_a_golden_unit_is_not_pending(world: World) -> None:
    changes = (
        ('activate = "station"', 'activate = "field"\nwindow_h = 24\nreenabled_by = "service"\ndeferred = true'),
        ('fleet_key = "{cik}"\n', ""),
        ('fleet_rid = "{rid}"\n', ""),
    )
    world.recipe = recipes.load(write_recipe(world.folder, GOLDEN, *changes))
    assert tried(world, good()) == Closing(Outcome.PASS)
    assert world.reader.pending() == []


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ('good = ["A"]\nbad = ["A"]', "'A' is among the good and the bad ones"),
        ('good = ["A"]\neach_shift = true', "golden.bad: is missing; each_shift needs at least one"),
    ],
)
def test_golden_rules_that_can_not_be(world: World, table: str, complaint: str) -> None:
    with pytest.raises(RecipeError, match=complaint):
        recipes.load(write_recipe(world.folder, ("[link]", f"[golden]\n{table}\n[link]")))


def test_on_the_floor_a_shift_begins_with_golden_units(floor: Floor) -> None:
    floor.amend("widget.toml", *GOLDEN)
    watcher = floor.start()

    def insert(serial: str, count: int, **flash: str) -> Any:
        floor.insert(number=count, serial=serial)
        for name, value in flash.items():
            floor._boards["1"].memory.flash[name] = value
        finished = watcher.wait_finished(count)
        view = floor.bench and floor.bench.views()[0]
        floor.remove()
        watcher.wait_left("1")
        return finished, view

    finished, view = insert(SERIAL, 1)
    assert finished.error == "golden-due" and "slot 1 was not tried yet in shift" in view.advice
    finished, view = insert("BAD-1", 2)
    assert finished.outcome is Outcome.FAIL and view.advice.startswith("The bad golden unit failed, as it should.")
    assert rows(floor.folder / "state" / "ledger.db", "SELECT golden FROM cycles ORDER BY id") == [(None,), ("bad",)]
