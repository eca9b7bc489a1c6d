"""Who fetches the key, and when the fleet is told: on-line, in the field, and after the board has left."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from engine_cycle import PowerCut, cycle, patient, power_cut, taken_up
from engine_world import HARDWARE, MODEL, SERIAL, STATION, TameBoard, World, rows, write_recipe

from drivers.board import Identity
from drivers.errors import BoardPulled, CommitFailed
from station import recipe as recipes
from station import steps
from station.evidence import mark
from station.fleet.client import Reply, Request, Unanswered
from station.ledger.figures import counters
from station.model import Closing, Outcome, Step
from station.outbox import Outbox

NO_KEY = ('fleet_key = "{cik}"\n', "")
ON_LINE = ('activate = "station"', 'activate = "on-line"\nfetch_s = 1'), NO_KEY
FIELD = ('activate = "station"', 'activate = "field"\nwindow_h = 24\nreenabled_by = "the installer"'), NO_KEY
DEFERRED = (FIELD[0][0], FIELD[0][1] + "\ndeferred = true"), NO_KEY, ('fleet_rid = "{rid}"\n', "")
HOUR = 3_600_000_000


def use(world: World, *changes: tuple[str, str]) -> None:
    """Make another product."""
    world.recipe = recipes.load(write_recipe(world.folder, *changes))


def fetching(world: World) -> TameBoard:
    """A board that fetches its key after its restart."""
    return TameBoard(faults={"restart": [lambda: world.stranger().device.activate(MODEL, SERIAL)]})


# --------------------------------------------------------------------------- on-line


def test_a_board_that_fetches_its_key_in_the_slot_passes(world: World) -> None:
    use(world, *ON_LINE)
    one = cycle(world, fetching(world))
    assert one.run() == Closing(Outcome.PASS)
    entry = world.entry()
    assert entry is not None and entry.phase == "activated"
    assert world.client.asked == ["add", "enable"] and world.keys() == []


def test_a_pass_waits_until_the_fleet_says_activated(world: World) -> None:
    use(world, *ON_LINE)
    row = world.open_cycle()
    case = world.case(row, TameBoard())
    rests: list[float] = []

    def rest(seconds: float, code: str | None) -> None:
        rests.append(seconds)
        if len(rests) == 2:
            world.stranger().device.activate(MODEL, SERIAL)

    case.rest = rest
    case.known = case.known.after(Step.IDENTIFY, steps.identify(case))
    for step in (Step.REGISTER, Step.ENABLE):
        case.known = case.known.after(step, steps.STEPS[step](case))
    assert steps.verify_fleet(case) == {"rid": case.known.rid, "status": "activated"}
    assert len(rests) == 2


def test_a_board_that_was_changed_while_it_should_fetch_its_key_does_not_stand_under_its_pass(world: World) -> None:
    use(world, *ON_LINE)
    one = cycle(world, TameBoard())

    def changed(seconds: float, code: str | None) -> None:
        world.stranger().device.activate(MODEL, SERIAL)  # where it is now
        one._case.board = TameBoard("SIM-00000002", "02:00:00:00:00:02")
        one._case.seen = 0.0

    one._case.rest = changed
    closing = one.run()
    assert (closing.outcome, closing.code) == (Outcome.ABORTED, "board-swapped")


def test_a_board_that_never_fetches_its_key_fails_and_is_disabled(world: World) -> None:
    use(world, *ON_LINE)
    one = cycle(world, TameBoard())
    closing = one.run()
    assert (closing.outcome, closing.code, closing.details["disable"]) == (Outcome.FAIL, "not-activated", "disable")
    entry = world.entry()
    assert entry is not None and entry.phase == "expired"


def test_a_board_that_is_pulled_while_it_should_fetch_its_key_is_aborted(world: World) -> None:
    use(world, *ON_LINE)
    one = cycle(world, TameBoard())

    def pulled(seconds: float, code: str | None) -> None:
        raise BoardPulled("gone")

    one._case.rest = pulled
    assert one.run().code == "board-pulled"


def test_a_board_that_fetched_its_key_though_the_answer_to_its_enabling_was_lost_is_for_people(world: World) -> None:
    use(world, *ON_LINE)

    def lost(request: Request) -> Reply:
        world.client.send(request)
        world.stranger().device.activate(MODEL, SERIAL)
        raise Unanswered("cut", request.asked)

    world.client.instead("enable", lost)
    one = cycle(world, TameBoard(), patient)
    closing = one.run()
    assert (closing.outcome, closing.code) == (Outcome.ERROR, "serial-unproven")
    entry = world.entry()
    assert entry is not None and entry.phase == "activated", "nobody knows whose it is, so nobody's it is to kill"


# --------------------------------------------------------------------------- in the field


def test_the_record_of_a_board_for_the_field_holds_its_window(world: World) -> None:
    use(world, *FIELD)
    one = cycle(world, TameBoard())
    assert one.run() == Closing(Outcome.PASS)
    facts = closing_facts(world, one.row.id)
    assert facts["expires_at"] - facts["enabled_at"] == 24 * HOUR
    assert one.row.opened_at <= facts["enabled_at"] <= one.row.closed_at  # type: ignore[operator]
    assert facts["status"] == "notactivated"


def test_the_window_of_an_enabling_whose_answer_was_lost_began_with_the_call(world: World) -> None:
    use(world, *FIELD)
    world.client.instead("enable", cut_after(world))
    one = cycle(world, TameBoard())
    with pytest.raises(PowerCut):
        one.run()
    begun = world.reader.intended_at(one.row.id, Step.ENABLE)
    again = taken_up(world, one.row.id, TameBoard())
    assert again.run() == Closing(Outcome.PASS)
    assert closing_facts(world, one.row.id)["enabled_at"] == begun


# --------------------------------------------------------------------------- deferred


def test_a_board_leaves_before_the_fleet_is_told_and_closes_once_as_pass(world: World) -> None:
    use(world, *DEFERRED)
    world.client.away = True
    one = cycle(world, TameBoard())
    assert one.run() == Closing(Outcome.PENDING)
    pending = world.reader.cycle(one.row.id)
    assert pending.released_at and pending.closed_at is None and pending.duration_ms is not None
    assert world.reader.pending() == [pending] and counters(world.reader, 0).pending == 1
    told = deliver(world)
    assert told == [(one.row.id, Closing(Outcome.PASS))]
    closed = world.reader.cycle(one.row.id)
    assert (closed.outcome, closed.released_at, closed.duration_ms) == (
        "PASS",
        pending.released_at,
        pending.duration_ms,
    )
    assert world.reader.pending() == [] and world.client.asked == ["add", "enable"]
    assert deliver(world) == []
    assert world.kinds(one.row.id) == [
        "open",
        *(f"{kind} {step}" for step in ("identify", "configure", "verify-board") for kind in ("intend", "settle")),
        "release",
        *(f"{kind} {step}" for step in ("register", "enable", "verify-fleet") for kind in ("intend", "settle")),
        "close",
    ]


@pytest.mark.parametrize("call", ["add", "enable"])
@pytest.mark.parametrize("took_effect", [True, False])
def test_a_delivery_that_is_cut_arrives_once(call: str, took_effect: bool, world: World) -> None:
    use(world, *DEFERRED)
    one = cycle(world, TameBoard())
    one.run()
    world.client.instead(call, cut_after(world) if took_effect else cut_before)
    with pytest.raises(PowerCut):
        deliver(world)
    assert deliver(world) == [(one.row.id, Closing(Outcome.PASS))]
    entry = world.entry()
    assert entry is not None and world.clients_of() == 1 and entry.rid == world.reader.cycle(one.row.id).rid


@pytest.mark.parametrize("call", ["add", "enable"])
def test_an_answer_that_is_lost_leaves_the_board_pending_until_the_next_round(call: str, world: World) -> None:
    use(world, *DEFERRED)
    one = cycle(world, TameBoard())
    one.run()
    world.client.lose_answer(call)
    assert deliver(world) == [] and len(world.reader.pending()) == 1
    assert deliver(world) == [(one.row.id, Closing(Outcome.PASS))] and world.clients_of() == 1


def test_a_conflict_at_delivery_names_the_box(world: World) -> None:
    use(world, *DEFERRED)
    one = cycle(world, TameBoard())
    one.run()
    world.stranger().serials.add(MODEL, SERIAL, "st=another;hw=0000000000000000")
    world.stranger().serials.enable(MODEL, SERIAL, world.grant.owner_rid)
    before = world.entry()
    ((number, closing),) = deliver(world)
    assert (number, closing.outcome, closing.code) == (one.row.id, Outcome.FAIL, "serial-taken")
    assert closing.details["slot"] == "1" and closing.details["opened_at"].endswith("Z")
    assert world.entry() == before, "somebody else's number was touched"


def test_a_pending_board_that_is_put_in_again_is_not_begun(world: World) -> None:
    use(world, *DEFERRED)
    board = TameBoard()
    first = cycle(world, board)
    first.run()
    again = cycle(world, board)
    closing = again.run()
    assert (closing.outcome, closing.code) == (Outcome.ABORTED, "already-pending")
    assert deliver(world) == [(first.row.id, Closing(Outcome.PASS))]


@pytest.mark.parametrize("away", [True, False])
def test_a_board_that_met_a_conflict_once_it_had_left_is_not_called_good_again(away: bool, world: World) -> None:
    use(world, *DEFERRED)
    cycle(world, TameBoard()).run()
    world.stranger().serials.add(MODEL, SERIAL, "st=another-station;hw=0123456789abcdef")
    world.stranger().serials.enable(MODEL, SERIAL, world.grant.owner_rid)
    assert [ending.code for _, ending in deliver(world)] == ["serial-taken"]
    world.client.away = away
    ending = cycle(world, TameBoard()).run()
    assert ending == Closing(Outcome.PENDING) if away else ending.code == "serial-taken"


def test_a_product_that_was_changed_since_is_delivered_by_its_own_recipe(world: World) -> None:
    use(world, *DEFERRED)
    one = cycle(world, TameBoard())
    one.run()
    use(world, ('version = "7"', 'version = "8"'))
    assert deliver(world) == [(one.row.id, Closing(Outcome.PASS))]


def test_a_fleet_that_refuses_the_station_stops_the_line_and_loses_no_board(world: World) -> None:
    use(world, *DEFERRED)
    one = cycle(world, TameBoard())
    one.run()
    refused: list[str] = []
    world.token = "0" * 40
    outcome = Outbox(world.office, lambda fault: refused.append(fault.code)).deliver()
    assert (outcome.delivered, outcome.left) == (0, 1) and refused == ["fleet-not-allowed"] and outcome.why
    world.token = world.grant.token
    assert deliver(world) == [(one.row.id, Closing(Outcome.PASS))]


def test_what_was_said_is_kept_until_the_board_has_passed(world: World) -> None:
    use(world, *DEFERRED)
    one = cycle(world, TameBoard())
    one._case.transcript = lambda: "0.000 > hello\n"
    one.run()
    assert world.reader.transcript(one.row.id)
    deliver(world)
    assert world.reader.transcript(one.row.id) == ""


def test_a_board_that_fails_before_it_is_released_is_the_fleets_business_never(world: World) -> None:
    use(world, *DEFERRED)
    board = TameBoard(faults={"read": [power_cut]})
    one = cycle(world, board)
    with pytest.raises(PowerCut):
        one.run()
    board.serial = "SIM-00000002"
    assert taken_up(world, one.row.id, board).run().code == "board-swapped"
    assert deliver(world) == [] and world.entry() is None


def deliver(world: World) -> list[tuple[int, Closing]]:
    """The fleet answers; return what became of each cycle."""
    world.client.away = False
    told: list[tuple[int, Closing]] = []
    Outbox(world.office, refused=lambda fault: None).deliver(lambda row, ending: told.append((row.id, ending)))
    return told


def closing_facts(world: World, number: int) -> Any:
    ((body,),) = rows(world.folder / "ledger.db", "SELECT body FROM events WHERE cycle = ? AND kind = 'close'", number)
    return json.loads(body)["facts"]


def cut_before(request: Request) -> Reply:
    raise PowerCut


def cut_after(world: World) -> Callable[[Request], Reply]:
    def cut(request: Request) -> Reply:
        world.client.send(request)
        raise PowerCut

    return cut


def test_a_number_that_was_listed_for_another_board_passes_nobody_and_is_left_to_that_one(world: World) -> None:
    """Its mark can't be read before the number is enabled."""
    use(world, *FIELD)
    world.stranger().serials.add(MODEL, SERIAL, "st=another-station;hw=0123456789abcdef")
    board = TameBoard()
    one = cycle(world, board)
    closing = one.run()
    assert (closing.outcome, closing.code) == (Outcome.FAIL, "serial-taken")
    entry = world.entry()
    assert entry is not None and entry.phase == "notactivated" and board.flash == {}
    assert world.client.asked == ["add", "enable"] or world.client.asked == ["enable"]
    again = cycle(world, board, slot="2").run()
    assert again.code == "serial-taken" and "disable" not in world.client.asked


def test_a_board_that_another_station_has_listed_is_finished_there(world: World) -> None:
    """It may be using the number at this moment, for a board that is this one down to the hardware id."""
    use(world, *FIELD)
    mine = mark(STATION, Identity(SERIAL, HARDWARE))
    world.stranger().serials.add(MODEL, SERIAL, mine.replace(STATION, "another-station"))
    board = TameBoard()
    closing = cycle(world, board).run()
    assert (closing.outcome, closing.code) == (Outcome.ABORTED, "begun-elsewhere")
    entry = world.entry()
    assert entry is not None and entry.phase == "notactivated" and board.flash == {}
    again = cycle(world, board, slot="2").run()
    assert again.code == "begun-elsewhere" and world.client.asked == ["enable"]


def test_what_only_boards_without_hardware_id_share_moves_no_number(world: World) -> None:
    use(world, *FIELD)
    mine = mark(STATION, Identity(SERIAL, ""))
    world.stranger().serials.add(MODEL, SERIAL, mine.replace(STATION, "another-station"))
    assert cycle(world, TameBoard(hardware_id="")).run().code == "serial-taken"


def test_what_was_never_sent_is_not_adopted_later(world: World) -> None:
    use(world, *DEFERRED)
    assert cycle(world, TameBoard()).run() == Closing(Outcome.PENDING)
    box = Outbox(world.office, refused=lambda fault: None)
    world.client.leave_after("add")
    box.deliver()
    world.stranger().serials.enable(MODEL, SERIAL, world.grant.owner_rid)
    world.client.away = False
    endings: list[Closing] = []
    box.deliver(lambda row, ending: endings.append(ending))
    assert [ending.code for ending in endings] == ["begun-elsewhere"] and world.client.asked == ["add"]


def test_what_was_never_sent_is_not_taken_for_ours_by_a_retest(world: World) -> None:
    use(world, *FIELD)
    world.client.leave_after("add")
    assert cycle(world, TameBoard()).run().code == "fleet-unreachable"
    world.client.away = False
    world.stranger().serials.enable(MODEL, SERIAL, world.grant.owner_rid)
    closing = cycle(world, TameBoard(faults={"configure": [CommitFailed("worn")]}), slot="2").run()
    assert closing.code == "begun-elsewhere" and world.client.asked == ["add"]


@pytest.mark.parametrize("lost", [True, False])
def test_a_board_that_left_and_fetched_its_key_before_the_last_look_lives(lost: bool, world: World) -> None:
    use(world, *DEFERRED)
    assert cycle(world, TameBoard()).run() == Closing(Outcome.PENDING)
    box = Outbox(world.office, refused=lambda fault: None)
    world.client.lose_answer("enable") if lost else world.client.leave_after("enable")
    box.deliver()
    key = world.stranger().device.activate(MODEL, SERIAL)
    world.client.away = False
    endings: list[Closing] = []
    box.deliver(lambda row, ending: endings.append(ending))
    assert [ending.code or ending.outcome for ending in endings] == ["serial-unproven" if lost else "PASS"]
    assert world.stranger().device.contents(MODEL, key) == [], "its key works"


def test_the_window_of_a_client_that_an_earlier_cycle_has_made_is_not_told_too_late(world: World) -> None:
    use(world, *FIELD)
    world.client.leave_after("enable")
    first = cycle(world, TameBoard(faults={"configure": [CommitFailed("worn")]}))
    assert first.run().details["disable"] == "fleet-unreachable"
    world.client.away = False
    world.client.lose_call("regenerate")
    second = cycle(world, TameBoard(), patient, slot="2")
    assert second.run() == Closing(Outcome.PASS)
    assert world.client.asked == ["add", "enable", "regenerate", "regenerate"]
    assert closing_facts(world, second.row.id)["enabled_at"] >= second.row.opened_at, "a new window, with a new client"


@pytest.mark.parametrize(("hardware", "code"), [(HARDWARE, "pass-not-on-board"), ("", "pass-unproven")])
def test_a_board_like_one_that_waits_for_the_fleet_is_not_called_good_by_its_number(
    world: World, hardware: str, code: str
) -> None:
    use(world, *DEFERRED)
    board = TameBoard(hardware_id=hardware)
    assert cycle(world, board).run() == Closing(Outcome.PENDING)
    assert cycle(world, TameBoard(hardware_id=hardware), slot="2").run().code == code
    if hardware:
        assert cycle(world, board, slot="2").run().code == "already-pending"
