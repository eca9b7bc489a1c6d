"""Answers that are not the fleet's own, and a fleet that is not ours: no board is lost to them, none is left alive."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from engine_cycle import assert_dead_in_the_fleet, cycle, impatient, patient
from engine_world import MODEL, SERIAL, TameBoard, World, rows, write_recipe

from drivers.errors import CommitFailed
from station import recipe as recipes
from station.cycle import LINE_WIDE
from station.errors import StationError
from station.fleet.client import NotFound, Reply, Request
from station.fleet.client.verdicts import judge
from station.fleet.server import init
from station.inquiry import ModelUnknown
from station.model import Closing, Outcome
from station.outbox import Outbox

FIELD = 'activate = "field"\nwindow_h = 24\nreenabled_by = "the installer"'
DEFERRED = (
    ('activate = "station"', FIELD + "\ndeferred = true"),
    ('fleet_key = "{cik}"\n', ""),
    ('fleet_rid = "{rid}"\n', ""),
)


def answer(status: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> Callable[[Request], Reply]:
    """What is said in place of the fleet, as the client reads it."""

    def say(request: Request) -> Reply:
        return judge(
            request, Reply(asked=request.asked, status=status, headers={"content-type": kind}, body=body), None
        )

    return say


nobody_there = answer(404, b"404 page not found\n")


def worn() -> TameBoard:
    return TameBoard(faults={"configure": [CommitFailed("worn")]})


def strangers_token(world: World) -> None:
    """From now on the station shows the token of another vendor of the same fleet."""
    world.token = init(world.fleet_db, "other").token


def our_token(world: World) -> None:
    world.token = world.grant.token


# --------------------------------------------------------------------------- in other words


@pytest.mark.parametrize("listed", [True, False])
def test_a_404_that_is_not_the_fleets_is_waited_for(listed: bool, world: World) -> None:
    """A proxy whose backend is gone says so of everything."""
    if listed:
        world.recipe = recipes.load(write_recipe(world.folder, ('register = "station"', 'register = "listed"')))
        world.stranger().serials.add(MODEL, SERIAL, "lot 7")
    for _ in range(4):  # two looks, and what the model is asked for behind each
        world.client.instead("info", nobody_there)
    faults: list[str] = []
    assert cycle(world, TameBoard(), lambda fault, waited: faults.append(fault.code)).run().outcome == "PASS"
    assert faults == ["fleet-garbled", "fleet-garbled"]


def test_a_404_in_other_words_counts_if_the_fleet_knows_the_model(world: World) -> None:
    """Not every fleet keeps to the document in what it says beside the status."""
    world.client.instead("info", nobody_there)
    assert cycle(world, TameBoard()).run().outcome == "PASS"


@pytest.mark.parametrize("call", ["info", "add", "enable", "activate"])
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b"bad gateway request", "text/plain"),
        (404, b"404 page not found\n", "text/plain"),
        (405, b"method not allowed here", "text/plain"),
        (409, b'{"error": "conflict"}', "application/json"),
        (413, b'{"message": "too large"}', "application/json"),
    ],
)
def test_a_refusal_in_other_words_is_nobodys_word(call: str, status: int, body: bytes, kind: str, world: World) -> None:
    world.client.instead(call, answer(status, body, kind))
    if (call, status) == ("info", 404):
        world.client.instead("info", answer(status, body, kind))
    faults: list[StationError] = []
    ending = cycle(world, TameBoard(), lambda fault, waited: faults.append(fault)).run()
    assert (ending, [fault.code for fault in faults]) == (Closing(Outcome.PASS), ["fleet-garbled"])
    assert str(status) in faults[0].text and world.clients_of() == 1


def test_a_proxy_that_has_passed_the_call_on_and_words_its_answer_otherwise_doubles_nothing(world: World) -> None:
    """The call took effect; what came back says that it did not."""

    def done_and_denied(request: Request) -> Reply:
        world.client.send(request)
        return answer(409, b'{"error": "try later"}', "application/json")(request)

    for call in ("add", "enable", "activate"):
        world.client.instead(call, done_and_denied)
    board = TameBoard()
    assert cycle(world, board, patient).run() == Closing(Outcome.PASS)
    entry = world.entry()
    assert entry is not None and world.clients_of() == 1 and board.flash["fleet_key"] == entry.cik


def test_a_refusal_to_disable_in_other_words_leaves_it_owed(world: World) -> None:
    world.client.instead("disable", answer(404, b'{"error": "no route"}', "application/json"))
    one = cycle(world, worn())
    assert one.run().details["disable"] == "fleet-garbled"
    assert [row.id for row in world.reader.owed()] == [one.row.id]
    Outbox(world.office, refused=lambda fault: None).deliver()
    assert_dead_in_the_fleet(world)


def test_a_proxy_that_answers_everything_with_204_settles_no_disabling(world: World) -> None:
    def nothing(request: Request) -> Reply:
        return judge(request, Reply(asked=request.asked, status=204, headers={}, body=b""), None)

    world.client.before("activate", lambda: [world.client.instead("info", nothing) for _ in range(2)])
    faults: list[str] = []
    cycle(world, worn(), lambda fault, waited: faults.append(fault.code)).run()
    assert faults == ["fleet-garbled"]
    assert_dead_in_the_fleet(world)


# --------------------------------------------------------------------------- another vendor's token


def test_a_strangers_token_in_mid_cycle_stops_the_line_and_leaves_nothing_alive(world: World) -> None:
    faults: list[str] = []

    def hold(fault: StationError, waited: float) -> None:
        faults.append(fault.code)
        our_token(world)

    def swap_and_fail() -> None:
        strangers_token(world)
        raise CommitFailed("worn")

    board = TameBoard(faults={"configure": [swap_and_fail]})
    assert cycle(world, board, hold).run().details["disable"] == "disable"
    assert faults == ["model-unknown"] and ModelUnknown in LINE_WIDE
    assert_dead_in_the_fleet(world)


@pytest.mark.parametrize("call", ["add", "enable", "activate"])
def test_a_strangers_token_between_look_and_call_costs_no_board(call: str, world: World) -> None:
    faults: list[str] = []

    def hold(fault: StationError, waited: float) -> None:
        faults.append(fault.code)
        our_token(world)

    world.client.before(call, lambda: strangers_token(world))
    assert cycle(world, TameBoard(), hold).run() == Closing(Outcome.PASS)
    assert faults == ["model-unknown"]


@pytest.mark.parametrize("serial", ["listed", "station"])
def test_a_strangers_token_says_nothing_of_a_number(serial: str, world: World) -> None:
    """Nor of one that has passed before, which would be held, nor of one that is to be listed."""
    faults: list[str] = []
    board = TameBoard()

    def hold(fault: StationError, waited: float) -> None:
        faults.append(fault.code)
        our_token(world)

    if serial == "listed":
        world.recipe = recipes.load(write_recipe(world.folder, ('register = "station"', 'register = "listed"')))
        world.stranger().serials.add(MODEL, SERIAL, "lot 7")
    else:
        cycle(world, board).run()
    strangers_token(world)
    closing = cycle(world, board, hold).run()
    assert (closing.code, faults) == (None if serial == "listed" else "already-passed", ["model-unknown"])


def test_what_is_owed_stays_owed_under_a_strangers_token(world: World) -> None:
    world.client.leave_after("activate")
    one = cycle(world, worn())
    assert one.run().details["disable"] == "fleet-unreachable"
    world.client.away = False
    strangers_token(world)
    refused: list[StationError] = []
    told = Outbox(world.office, refused.append).deliver()
    assert (told.delivered, told.left, refused) == (0, 1, []) and "404" in told.why
    our_token(world)
    assert Outbox(world.office, refused.append).deliver().delivered == 1
    assert_dead_in_the_fleet(world)
    assert one.row.id not in [row.id for row in world.reader.owed()]


def test_a_token_that_is_refused_while_something_is_disabled_stops_the_line(world: World) -> None:
    world.client.leave_after("activate")
    cycle(world, worn()).run()
    world.client.away = False
    world.client.instead("disable", answer(401, b"HTTP/1.1 401 Unauthorized\r\n"))
    refused: list[StationError] = []
    told = Outbox(world.office, refused.append).deliver()
    assert (told.delivered, told.left) == (0, 1) and [fault.code for fault in refused] == ["fleet-not-allowed"]


@pytest.mark.parametrize("before_the_call", [True, False])
def test_a_pending_board_outlives_a_strangers_token(before_the_call: bool, world: World) -> None:
    """Asked for before the watch has seen anything, or swapped right after its good answer."""
    world.recipe = recipes.load(write_recipe(world.folder, *DEFERRED))
    assert cycle(world, TameBoard()).run() == Closing(Outcome.PENDING)
    strangers_token(world) if before_the_call else world.client.before("add", lambda: strangers_token(world))
    box = Outbox(world.office, refused=never)
    told = box.deliver()
    assert (told.delivered, told.left) == (0, 1) and "404" in told.why
    our_token(world)
    assert box.deliver().delivered == 1 and world.reader.pending() == []


def never(fault: StationError) -> None:
    """The line has no reason to stop."""
    raise fault


def test_a_product_that_the_fleet_does_not_know_any_more_holds_up_no_other(world: World) -> None:
    world.recipe = recipes.load(write_recipe(world.folder, *DEFERRED, ('model = "widget-1"', 'model = "old-widget"')))
    assert cycle(world, TameBoard()).run() == Closing(Outcome.PENDING)
    world.recipe = recipes.load(write_recipe(world.folder, *DEFERRED))
    assert cycle(world, TameBoard("SIM-00000002", "02:00:00:00:00:02"), slot="2").run() == Closing(Outcome.PENDING)
    told = Outbox(world.office, refused=never).deliver()
    assert (told.delivered, told.left) == (1, 1) and SERIAL in told.why


def test_a_board_that_did_not_pass_is_not_called_delivered(world: World) -> None:
    world.recipe = recipes.load(write_recipe(world.folder, *DEFERRED))
    cycle(world, TameBoard()).run()
    world.stranger().serials.add(MODEL, SERIAL, "st=another;hw=0123456789abcdef")
    world.stranger().serials.enable(MODEL, SERIAL, world.grant.owner_rid)
    told = Outbox(world.office, refused=never).deliver()
    assert (told.delivered, told.left) == (0, 0) and SERIAL in told.why
    assert rows(world.folder / "ledger.db", "SELECT error FROM cycles") == [("serial-taken",)]


def test_a_number_that_goes_while_it_is_enabled_is_the_boards_own_fault(world: World) -> None:
    world.client.instead("enable", answer(404, b"HTTP/1.1 404 Not Found\r\n"))
    closing = cycle(world, TameBoard(), impatient).run()
    assert closing.code == NotFound.code
