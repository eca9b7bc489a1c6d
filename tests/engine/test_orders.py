"""Work orders, and the boards that may not leave: what people may do, and what keeps them from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from engine_cycle import cycle
from engine_floor import Floor
from engine_world import HARDWARE, MODEL, SERIAL, STATION, TameBoard, World, rows, write_recipe

from drivers.errors import BoardPulled, CommitFailed
from station import recipe as recipes
from station.comparing import compare
from station.ledger.holds import Hold, holds
from station.line import Line
from station.model import Operator, Outcome, Role
from station.operators import NotPermitted, Operators
from station.orders import (
    OrderClosed,
    OrderForeign,
    OrderFull,
    OrderMissing,
    OrderOpen,
    OrderUnfit,
    WorkOrders,
)
from station.outbox import Outbox
from station.rules import Rules
from station.settings import LineSettings, WorkOrderSettings
from station.supervision import BoardNotHeld, BoardOpen, Supervision

PIN = "2468"
BY = {"by": "boss", "pin": PIN}
LATER = (
    ('activate = "station"', 'activate = "field"\nwindow_h = 24\nreenabled_by = "service"\ndeferred = true'),
    ('fleet_key = "{cik}"\n', ""),
    ('fleet_rid = "{rid}"\n', ""),
)


@pytest.fixture
def operators(world: World) -> Operators:
    operators = Operators(world.ledger, world.reader)
    operators.add(Operator("boss", "Änne", Role.SUPERVISOR), PIN)
    operators.add(Operator("0042", "Kim", Role.TECHNICIAN), "", "boss", PIN)
    operators.sign_in("0042")
    return operators


@pytest.fixture
def supervision(world: World, operators: Operators) -> Iterator[Supervision]:
    line = Line(0, lambda kind, facts: None)
    rules = Rules(LineSettings(), world.ledger, world.reader, line, ["1"])
    yield Supervision(operators, world.ledger, world.reader, line, rules, world.recipe, world.client, STATION)


def orders_of(world: World, operators: Operators | None = None, **settings: Any) -> WorkOrders:
    operators = operators or Operators(world.ledger, world.reader)
    return WorkOrders(WorkOrderSettings(**settings), operators, world.ledger, world.reader, MODEL)


def made(world: World, orders: WorkOrders, board: TameBoard, slot: str = "1") -> Any:
    """Take a board through a cycle of the current work order."""
    one = cycle(world, board, slot=slot)
    assert orders.current is not None
    world.ledger.write(
        lambda db: db.execute("UPDATE cycles SET work_order = ? WHERE id = ?", [orders.current.id, one.row.id])
    )
    one.row = world.reader.cycle(one.row.id)
    return one.run()


def held(world: World) -> list[tuple[str, str]]:
    return [(one.serial, one.code) for one in holds(world.reader)]


def board(number: int, **more: Any) -> TameBoard:
    return TameBoard(f"SIM-{number:08d}", f"02:00:00:00:00:{number:02x}", **more)


# --------------------------------------------------------------------------- the hold list


def test_a_board_without_a_verdict_is_held_until_it_has_one(world: World) -> None:
    one = board(1, faults={"configure": [BoardPulled("gone")]})
    assert cycle(world, one).run().outcome is Outcome.ABORTED
    assert held(world) == [("SIM-00000001", "board-pulled")]
    assert cycle(world, one).run().outcome is Outcome.PASS
    assert held(world) == []
    sql = "SELECT code, released_by, reason FROM holds"
    assert rows(world.folder / "ledger.db", sql) == [("board-pulled", "station", "PASS")]


def test_a_fail_is_a_verdict_and_no_hold(world: World) -> None:
    one = board(1, faults={"configure": [BoardPulled("gone"), CommitFailed("worn")]})
    cycle(world, one).run()
    assert cycle(world, one).run().outcome is Outcome.FAIL
    assert held(world) == []


def test_a_conflict_stays_held_for_the_board_that_met_it(world: World) -> None:
    """Also one that was stopped while it was identified: the row names it."""
    good = board(1)
    cycle(world, good).run()
    other = TameBoard("SIM-00000001", "02:00:00:00:00:99")
    assert cycle(world, other).run().code == "serial-on-other-hardware"
    (one,) = holds(world.reader)
    assert (one.serial, one.hardware_id, one.code, one.cycle) == (
        "SIM-00000001",
        "02:00:00:00:00:99",
        "serial-on-other-hardware",
        2,
    )
    assert cycle(world, good).run().code == "already-passed"
    assert held(world) == [("SIM-00000001", "serial-on-other-hardware")], "of the good one all is known"


def test_a_board_that_passed_is_not_held_for_what_came_to_nothing(world: World) -> None:
    one = board(1)
    cycle(world, one).run()
    one.faults["identify"] = [BoardPulled("gone")]
    cycle(world, one).run()
    world.client.away = True
    assert cycle(world, one).run().outcome is Outcome.ERROR
    assert held(world) == []


def test_pending_boards_are_held_until_the_fleet_knows_them(world: World, supervision: Supervision) -> None:
    world.recipe = recipes.load(write_recipe(world.folder, *LATER))
    cycle(world, board(1)).run()
    assert held(world) == [("SIM-00000001", "pending")]
    with pytest.raises(BoardOpen):
        supervision.release("SIM-00000001", "I know it", **BY)
    Outbox(world.office, refused=lambda fault: None).deliver()
    assert held(world) == []


def test_a_delivery_that_met_a_conflict_is_held_with_its_box(world: World) -> None:
    world.recipe = recipes.load(write_recipe(world.folder, *LATER))
    cycle(world, TameBoard()).run()
    world.stranger().serials.add(MODEL, SERIAL)
    world.stranger().serials.enable(MODEL, SERIAL, world.grant.owner_rid)
    Outbox(world.office, refused=lambda fault: None).deliver()
    (one,) = holds(world.reader)
    assert isinstance(one, Hold) and (one.code, one.slot, one.hardware_id) == ("serial-taken", "1", HARDWARE)


def test_a_supervisor_takes_a_board_off_the_list_and_says_why(world: World, supervision: Supervision) -> None:
    cycle(world, board(1, faults={"configure": [BoardPulled("gone")]})).run()
    with pytest.raises(NotPermitted):
        supervision.release("SIM-00000001", "seen")
    with pytest.raises(BoardNotHeld):
        supervision.release("SIM-00000002", "seen", **BY)
    assert supervision.release("SIM-00000001", "crushed, in the bin", **BY)["released"] == ["board-pulled"]
    assert held(world) == []
    sql = "SELECT actor, json_extract(body, '$.facts.reason') FROM events WHERE kind = 'release-hold'"
    assert rows(world.folder / "ledger.db", sql) == [("boss", "crushed, in the bin")]
    with pytest.raises(BoardNotHeld):
        supervision.release("SIM-00000001", "again", **BY)


def test_a_scrapped_board_is_held_no_longer(world: World, supervision: Supervision) -> None:
    cycle(world, board(1, faults={"configure": [BoardPulled("gone")]})).run()
    supervision.scrap("SIM-00000001", "crushed", **BY)
    assert held(world) == []


def test_boards_that_the_fleet_knows_otherwise_than_they_passed_are_held(world: World) -> None:
    for number in (1, 2, 3):
        cycle(world, board(number)).run()
    world.stranger().serials.disable(MODEL, "SIM-00000002")
    world.stranger().serials.remove(MODEL, "SIM-00000003")
    asked = len(world.client.asked)
    told = compare(world.office, 30, 0)
    assert told == {
        "looked": 3,
        "held": [("SIM-00000002", "expired"), ("SIM-00000003", "unknown")],
        "after": 3,
        "done": True,
    }
    assert held(world) == [("SIM-00000002", "pass-not-in-fleet"), ("SIM-00000003", "pass-not-in-fleet")]
    assert len(world.client.asked) == asked, "it changes nothing"
    assert compare(world.office, 30, 0)["held"] == [], "they are held already"
    assert compare(world.office, 30, 2)["looked"] == 1


# --------------------------------------------------------------------------- work orders


def test_a_work_order_counts_its_boards_until_it_has_them_all(world: World) -> None:
    orders = orders_of(world)
    assert orders.obstacle is None
    told = orders.take("WO-4711", "2")
    assert (told["planned"], told["passed"], told["current"]) == (2, 0, True)
    assert made(world, orders, board(1)).outcome is Outcome.PASS
    assert made(world, orders, board(2, faults={"configure": [CommitFailed("worn")]})).outcome is Outcome.FAIL
    assert orders.obstacle is None
    assert made(world, orders, board(2)).outcome is Outcome.PASS
    assert orders.obstacle == OrderFull.code and orders.begin(lambda number: number) is None
    orders.take("WO-4711", "3")
    assert orders.obstacle is None and orders.begin(lambda number: number) == "WO-4711"


def test_what_is_being_made_counts_so_that_no_slot_makes_one_too_many(world: World) -> None:
    orders = orders_of(world)
    orders.take("WO-1", "1")
    opened = orders.begin(
        lambda number: world.ledger.open_cycle("1", world.recipe.edition, world.recipe.plan[0], None, number)
    )
    assert opened is not None and opened.work_order == "WO-1"
    assert orders.begin(lambda number: number) is None


def test_a_lot_with_boards_on_hold_stays_open(world: World, operators: Operators, supervision: Supervision) -> None:
    orders = orders_of(world, operators)
    orders.take("WO-1")
    made(world, orders, board(1))
    made(world, orders, board(2, faults={"configure": [BoardPulled("gone")]}))
    with pytest.raises(OrderOpen, match="1 of its boards on hold"):
        orders.close(**BY)
    supervision.release("SIM-00000002", "in the bin", **BY)
    with pytest.raises(NotPermitted):
        orders.close()
    told = orders.close(**BY)
    assert told["closed_at"] and told["passed"] == 1 and orders.current is None
    with pytest.raises(OrderClosed):
        orders.take("WO-1")
    with pytest.raises(OrderClosed):
        orders.close("WO-1", **BY)


def test_pending_boards_keep_a_lot_open(world: World) -> None:
    world.recipe = recipes.load(write_recipe(world.folder, *LATER))
    orders = orders_of(world)
    orders.take("WO-1", "1")
    assert made(world, orders, board(1)).outcome is Outcome.PENDING
    assert orders.obstacle == OrderFull.code
    with pytest.raises(OrderOpen):
        orders.close()
    Outbox(world.office, refused=lambda fault: None).deliver()
    assert orders.close()["passed"] == 1


@pytest.mark.parametrize(
    ("number", "planned"),
    [("", ""), ("a b", ""), ("x" * 33, ""), ("WO", "0"), ("WO", "-1"), ("WO", "9" * 9), ("WO", "²")],
)
def test_what_can_not_be_said_of_a_work_order_changes_nothing(world: World, number: str, planned: str) -> None:
    orders = orders_of(world)
    with pytest.raises(OrderUnfit):
        orders.take(number, planned)
    assert orders.current is None and orders.all() == []


def test_a_work_order_of_another_product_is_not_taken(world: World) -> None:
    orders_of(world).take("WO-1")
    other = WorkOrders(WorkOrderSettings(), Operators(world.ledger, world.reader), world.ledger, world.reader, "other")
    with pytest.raises(OrderForeign, match="is for widget-1; other is made here"):
        other.take("WO-1")
    assert other.current is None


def test_work_orders_are_known_after_a_restart_and_the_settings_name_one(world: World) -> None:
    orders = orders_of(world, id="WO-7", planned=5)
    orders.look()
    assert orders.current is not None and (orders.current.id, orders.current.planned) == ("WO-7", 5)
    orders.take("WO-8")
    again = orders_of(world, id="WO-7", planned=5)
    again.look()
    assert again.current is not None and again.current.id == "WO-8", "that was taken last"
    again.close()
    assert orders_of(world).current is not None, "WO-7 is open still"
    with pytest.raises(OrderMissing):
        orders_of(world).close("WO-9")


def test_a_line_that_needs_a_work_order_waits_for_one(floor: Floor) -> None:
    floor.amend("station.toml", "[fleet]", "[work_order]\nneeded = true\n[fleet]")
    watcher = floor.start()
    floor.insert()
    watcher.wait_note("No work order was scanned. Scan it first.")
    assert floor.ledger("SELECT COUNT(*) FROM cycles") == [(0,)] and floor.bench is not None
    floor.bench.orders.take("WO-1", "1")
    assert watcher.wait_finished().outcome is Outcome.PASS
    assert floor.ledger("SELECT work_order FROM cycles") == [("WO-1",)]
    watcher.wait_for(lambda: floor.bench and floor.bench.line().work_order == "WO-1 1/1")
    floor.remove()
    floor.insert(number=2)
    watcher.wait_note("This work order has all of its boards. Scan the next one.")
