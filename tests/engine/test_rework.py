"""Boards that are tried again: how often, by whose word, and what becomes of what they had in the fleet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from engine_cycle import PowerCut, cycle, power_cut, taken_up
from engine_world import HARDWARE, MODEL, SERIAL, STATION, TameBoard, World, rows, write_recipe

from drivers.board import Identity
from drivers.errors import CommitFailed
from station import recipe as recipes
from station.evidence import mark
from station.fleet.client import NotFound, Refused, Reply, Request, Unanswered, Unreachable
from station.fleet.client.serial_range import RangeFormat, SerialRange
from station.ledger.calls import astray_s
from station.ledger.holds import holds
from station.line import Line
from station.model import Operator, Outcome, Role
from station.operators import NotPermitted, Operators, SignInMissing
from station.outbox import Outbox
from station.rules import Rules
from station.settings import LineSettings
from station.supervision import BoardAmbiguous, BoardOpen, BoardUnknown, ReasonMissing, ReasonUnknown, Supervision

PIN = "2468"
BY = {"by": "boss", "pin": PIN}


@pytest.fixture
def supervision(world: World) -> Iterator[Supervision]:
    """A supervisor, an engineer, and a technician who is signed in."""
    operators = Operators(world.ledger, world.reader)
    operators.add(Operator("boss", "Änne", Role.SUPERVISOR), PIN)
    operators.add(Operator("eng", "Toni", Role.ENGINEER), "1357", "boss", PIN)
    operators.add(Operator("0042", "Kim", Role.TECHNICIAN), "", "boss", PIN)
    operators.sign_in("0042")
    yield made(world, operators)


def made(world: World, operators: Operators | None = None) -> Supervision:
    operators = operators or Operators(world.ledger, world.reader)
    line = Line(0, lambda kind, facts: None)
    rules = Rules(LineSettings(), world.ledger, world.reader, line, ["1"])
    return Supervision(operators, world.ledger, world.reader, line, rules, world.recipe, world.client, STATION)


def worn(times: int = 1) -> TameBoard:
    """A board that fails so many times."""
    return TameBoard(faults={"configure": [CommitFailed("worn")] * times})


def events(world: World, kind: str) -> list[tuple[Any, ...]]:
    sql = "SELECT actor, json_extract(body, '$.facts') FROM events WHERE kind = ? ORDER BY id"
    return rows(world.folder / "ledger.db", sql, kind)


# --------------------------------------------------------------------------- attempts


def test_a_board_may_fail_so_often_and_no_more(world: World) -> None:
    board = worn(3)
    for _ in range(3):
        assert cycle(world, board).run().outcome is Outcome.FAIL
    closing = cycle(world, board).run()
    assert (closing.outcome, closing.code) == (Outcome.ABORTED, "attempts-used-up")
    assert "3 times" in (closing.text or "")
    assert cycle(world, board).run().code == "attempts-used-up", "that was no attempt"


def test_an_error_or_an_abort_is_no_attempt(world: World) -> None:
    board = worn(2)
    for _ in range(3):
        world.client.away = True
        assert cycle(world, board).run().outcome is Outcome.ERROR
        world.client.away = False
    for _ in range(2):
        assert cycle(world, board).run().outcome is Outcome.FAIL
    assert cycle(world, board).run().outcome is Outcome.PASS


def test_the_recipe_says_how_often(world: World) -> None:
    path = write_recipe(world.folder, ("[link]", "[rework]\nattempts = 1\n[link]"))
    world.recipe = recipes.load(path)
    board = worn()
    cycle(world, board).run()
    assert cycle(world, board).run().code == "attempts-used-up"


# --------------------------------------------------------------------------- rework


def test_a_rework_gives_new_attempts_and_a_technician_may_grant_it_unless_the_recipe_says_otherwise(
    world: World, supervision: Supervision
) -> None:
    board = worn(4)
    for _ in range(3):
        cycle(world, board).run()
    with pytest.raises(ReasonUnknown, match="there are: soldering, part replaced, cable or fixture, firmware, other"):
        supervision.rework(SERIAL, "because")
    assert supervision.rework(SERIAL, "soldering", "U3, pin 4") == {"model": MODEL, "serial": SERIAL, "attempts": 3}
    ((actor, facts),) = events(world, "rework")
    assert actor == "0042" and '"reason":"soldering"' in facts and "U3, pin 4" in facts
    assert '"old":{"reworked":null},"reason"' in facts and '"new":{"reworked":3}' in facts
    assert cycle(world, board).run().outcome is Outcome.FAIL
    assert cycle(world, board).run().outcome is Outcome.PASS


def test_without_people_a_rework_has_no_name(world: World) -> None:
    cycle(world, worn()).run()
    made(world).rework(SERIAL, "other")
    assert [actor for actor, _ in events(world, "rework")] == ["station"]


def test_the_recipe_may_ask_for_approval(world: World, supervision: Supervision) -> None:
    world.recipe = recipes.load(write_recipe(world.folder, ("[link]", "[rework]\napproval = true\n[link]")))
    supervision = made(world, supervision._operators)
    cycle(world, worn()).run()
    with pytest.raises(NotPermitted):
        supervision.rework(SERIAL, "other")
    supervision.rework(SERIAL, "other", by="eng", pin="1357")
    assert [actor for actor, _ in events(world, "rework")] == ["eng"]


def test_a_board_that_has_passed_is_worked_on_again_only_by_a_word_and_gets_a_new_key(
    world: World, supervision: Supervision
) -> None:
    board = TameBoard()
    cycle(world, board).run()
    first = world.entry()
    with pytest.raises(NotPermitted):
        supervision.rework(SERIAL, "firmware")
    with pytest.raises(SignInMissing):
        made(world).rework(SERIAL, "firmware")
    assert cycle(world, board).run().code == "already-passed"
    supervision.rework(SERIAL, "firmware", **BY)
    disabled = world.entry()
    assert disabled is not None and disabled.phase == "expired", "nobody passes it any more"
    assert world.reader.passed() == 0
    assert cycle(world, board).run().outcome is Outcome.PASS
    again = world.entry()
    assert first is not None and again is not None and (again.rid, again.phase) == (first.rid, "activated")
    assert again.cik != first.cik and board.flash["fleet_key"] == again.cik
    assert world.client.asked == ["add", "enable", "activate", "disable", "regenerate", "activate"]
    assert cycle(world, board).run().code == "already-passed", "the word was for once"


@pytest.mark.parametrize("at", ["regenerate", "activate"])
def test_a_rework_that_is_cut_is_gone_on_with(world: World, supervision: Supervision, at: str) -> None:
    board = TameBoard()
    cycle(world, board).run()
    supervision.rework(SERIAL, "firmware", **BY)
    world.client.before(at, power_cut)
    second = cycle(world, board)
    with pytest.raises(PowerCut):
        second.run()
    assert taken_up(world, second.row.id, board).run().outcome is Outcome.PASS
    entry = world.entry()
    assert entry is not None and board.flash["fleet_key"] == entry.cik and entry.phase == "activated"


def test_a_rework_that_fails_leaves_no_living_identity(world: World, supervision: Supervision) -> None:
    board = TameBoard()
    cycle(world, board).run()
    supervision.rework(SERIAL, "firmware", **BY)
    board.faults["configure"] = [CommitFailed("worn")]
    assert cycle(world, board).run().outcome is Outcome.FAIL
    entry = world.entry()
    assert entry is not None and entry.phase == "expired"
    assert cycle(world, board).run().outcome is Outcome.PASS


def test_a_rework_that_ends_before_the_fleet_was_asked_for_a_key_leaves_none_either(
    world: World, supervision: Supervision
) -> None:
    board = TameBoard()
    cycle(world, board).run()
    supervision.rework(SERIAL, "firmware", **BY)

    def refuse(request: Request) -> Reply:
        raise Refused("not today", request.asked, 400)

    world.client.instead("info", refuse)
    assert cycle(world, board).run().outcome is not Outcome.PASS
    entry = world.entry()
    assert entry is not None and entry.phase == "expired"
    assert cycle(world, board).run().outcome is Outcome.PASS


def test_a_board_that_had_fetched_its_key_gets_another_one_though_the_fleet_is_told_later(
    world: World, supervision: Supervision
) -> None:
    """By the time the fleet is told, nobody could say who has fetched the key, and when."""
    field = 'activate = "field"\nwindow_h = 24\nreenabled_by = "service"\ndeferred = true'
    changes = (('activate = "station"', field), ('fleet_key = "{cik}"\n', ""), ('fleet_rid = "{rid}"\n', ""))
    world.recipe = recipes.load(write_recipe(world.folder, *changes))
    box, board = Outbox(world.office, refused=lambda fault: None), TameBoard()
    cycle(world, board).run()
    box.deliver()
    old = world.stranger().device.activate(MODEL, SERIAL)
    supervision.rework(SERIAL, "firmware", **BY)
    assert cycle(world, board).run().outcome is Outcome.PENDING
    assert box.deliver().left == 0
    entry = world.entry()
    assert entry is not None and entry.phase == "notactivated" and world.reader.passed() == 1
    assert world.stranger().device.activate(MODEL, SERIAL) != old


def test_another_stations_client_outlives_a_rework_of_ours(world: World, supervision: Supervision) -> None:
    board = TameBoard()
    cycle(world, board).run()
    stranger = world.stranger()
    stranger.serials.remove(MODEL, SERIAL)
    stranger.serials.add(MODEL, SERIAL)
    stranger.serials.enable(MODEL, SERIAL, world.grant.owner_rid)
    before = world.entry()
    supervision.rework(SERIAL, "firmware", **BY)
    assert world.entry() == before


def test_a_board_that_was_begun_elsewhere_begins_anew_by_a_supervisors_word(
    world: World, supervision: Supervision
) -> None:
    mine = mark(STATION, Identity(SERIAL, HARDWARE))
    world.stranger().serials.add(MODEL, SERIAL, mine.replace(STATION, "another-station"))
    board = TameBoard()
    assert cycle(world, board).run().code == "begun-elsewhere"
    supervision.rework(SERIAL, "other", replaced=True, **BY)
    assert cycle(world, board).run().outcome is Outcome.PASS
    entry = world.entry()
    assert entry is not None and entry.extra == mine and board.flash["fleet_key"] == entry.cik


def test_a_lost_answer_after_a_removal_is_no_loss_of_our_records(world: World, supervision: Supervision) -> None:
    cycle(world, TameBoard()).run()
    new = TameBoard(SERIAL, "02:00:00:00:00:99")
    supervision.rework(SERIAL, "part replaced", replaced=True, **BY)
    world.client.lose_answer("enable")
    world.client.before("enable", lambda: setattr(world.client, "away", False))
    assert cycle(world, new).run().outcome is Outcome.ERROR
    assert cycle(world, new).run().outcome is Outcome.PASS


def test_a_new_main_board_begins_anew_under_the_old_number(world: World, supervision: Supervision) -> None:
    cycle(world, TameBoard()).run()
    new = TameBoard(SERIAL, "02:00:00:00:00:99")
    assert cycle(world, new).run().code == "serial-on-other-hardware"
    with pytest.raises(NotPermitted):
        supervision.rework(SERIAL, "part replaced", replaced=True, by="eng", pin="1357")
    supervision.rework(SERIAL, "part replaced", replaced=True, **BY)
    assert world.entry() is None
    assert cycle(world, new).run().outcome is Outcome.PASS
    entry = world.entry()
    assert entry is not None and new.flash["fleet_key"] == entry.cik and world.clients_of() == 2
    old = cycle(world, TameBoard()).run()
    assert old.code == "serial-on-other-hardware" and old.details["before"] == "02:00:00:00:00:99"


def test_a_fleet_that_is_away_leaves_everything_as_it_is(world: World, supervision: Supervision) -> None:
    cycle(world, TameBoard()).run()
    before = world.reader.board(MODEL, SERIAL)
    world.client.away = True
    for ask in (
        lambda: supervision.rework(SERIAL, "part replaced", replaced=True, **BY),
        lambda: supervision.rework(SERIAL, "firmware", **BY),
        lambda: supervision.scrap(SERIAL, "burnt", **BY),
    ):
        with pytest.raises(Unreachable):
            ask()
    assert world.reader.board(MODEL, SERIAL) == before and events(world, "rework") == events(world, "scrap") == []


@pytest.mark.parametrize("lose", ["lose_answer", "lose_call"])
def test_a_removal_without_an_answer_is_asked_for_again(world: World, supervision: Supervision, lose: str) -> None:
    cycle(world, TameBoard()).run()
    getattr(world.client, lose)("remove")
    with pytest.raises(Unanswered):
        supervision.scrap(SERIAL, "burnt", **BY)
    supervision.scrap(SERIAL, "burnt", **BY)
    assert world.entry() is None and cycle(world, TameBoard()).run().code == "scrapped"


# --------------------------------------------------------------------------- scrap


def test_a_scrapped_board_has_no_life_and_no_way_back_but_a_rework(world: World, supervision: Supervision) -> None:
    board = TameBoard()
    cycle(world, board).run()
    with pytest.raises(NotPermitted):
        supervision.scrap(SERIAL, "burnt", "eng", "1357")
    with pytest.raises(ReasonMissing):
        supervision.scrap(SERIAL, "", **BY)
    living = world.entry()
    assert living is not None
    supervision.scrap(SERIAL, "burnt", **BY)
    assert world.entry() is None and world.reader.passed() == 0
    assert rows(world.fleet_db, "SELECT cik FROM clients WHERE rid = ? AND phase <> 'expired'", living.rid) == []
    closing = cycle(world, board).run()
    assert (closing.outcome, closing.code) == (Outcome.ABORTED, "scrapped")
    assert world.entry() is None
    with pytest.raises(NotPermitted):
        supervision.rework(SERIAL, "other")
    supervision.rework(SERIAL, "other", **BY)
    assert cycle(world, board).run().outcome is Outcome.PASS


def test_a_number_of_a_range_is_disabled_and_stays_listed(world: World, supervision: Supervision) -> None:
    cycle(world, TameBoard()).run()

    def refuse(request: Request) -> Reply:
        raise NotFound("it is only in a range", request.asked, 404)

    world.client.instead("remove", refuse)
    supervision.scrap(SERIAL, "burnt", **BY)
    entry = world.entry()
    assert entry is not None and entry.phase == "expired"
    assert cycle(world, TameBoard()).run().code == "scrapped"
    assert astray_s(world.reader, MODEL, SERIAL) is None


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("enabled", [False, True])
def test_a_new_main_board_under_a_number_of_a_range(
    world: World, supervision: Supervision, lost: bool, enabled: bool
) -> None:
    """A range can't lose a single number (M39 answers 404): it is unused again, which is as good."""
    changes = (('register = "station"', 'register = "listed"'), ("SIM-[0-9]{8}", "[0-9]{8}"))
    world.recipe = recipes.load(write_recipe(world.folder, *changes))
    world.stranger().ranges.add(MODEL, [SerialRange(RangeFormat.BASE10, 1, 99999999, 8)])
    supervision._recipe = world.recipe
    old = TameBoard("00000042", "02:1")
    if not enabled:
        world.client.leave_after("info")
    cycle(world, old).run()
    world.client.away = False
    if lost:
        world.client.lose_answer("remove")
        with suppress(Unanswered):
            supervision.rework("00000042", "part replaced", replaced=True, **BY)
    supervision.rework("00000042", "part replaced", replaced=True, **BY)
    assert cycle(world, TameBoard("00000042", "02:2")).run().outcome is Outcome.PASS


def test_what_is_worked_on_is_decided_of_later(world: World, supervision: Supervision) -> None:
    def decide() -> None:
        for ask in (lambda: supervision.rework(SERIAL, "other"), lambda: supervision.scrap(SERIAL, "burnt", **BY)):
            with pytest.raises(BoardOpen):
                ask()

    assert cycle(world, TameBoard(faults={"configure": [decide]})).run().outcome is Outcome.PASS
    for ask in (lambda: supervision.rework("SIM-00000009", "other"), lambda: supervision.scrap("x" * 999, "y", **BY)):
        with pytest.raises(BoardUnknown):
            ask()


def test_hardware_is_named(world: World, supervision: Supervision) -> None:
    cycle(world, TameBoard()).run()
    supervision.scrap(SERIAL, "burnt", **BY)
    board = world.reader.board(MODEL, SERIAL)
    assert board is not None and board.hardware_id == HARDWARE and board.scrapped_at is not None


def test_another_stations_number_outlives_the_scrap_of_a_board_here(world: World, supervision: Supervision) -> None:
    """A second board with the number of one that has passed elsewhere."""
    stranger = world.stranger()
    stranger.serials.add(MODEL, SERIAL, "st=another-station;hw=0123456789abcdef")
    stranger.serials.enable(MODEL, SERIAL, world.grant.owner_rid)
    stranger.device.activate(MODEL, SERIAL)
    before = world.entry()
    assert cycle(world, TameBoard()).run().code == "serial-taken"
    supervision.scrap(SERIAL, "a copy", **BY)
    assert world.entry() == before
    assert cycle(world, TameBoard()).run().code == "scrapped"
    ((_, facts),) = events(world, "scrap")
    assert '"fleet":"left alone"' in facts


def test_a_good_board_is_not_scrapped_or_reworked_for_another_one_with_its_number(
    world: World, supervision: Supervision
) -> None:
    cycle(world, TameBoard()).run()
    before = world.entry()
    assert cycle(world, TameBoard(SERIAL, "02:00:00:00:00:99")).run().code == "serial-on-other-hardware"
    for ask in (
        lambda: supervision.scrap(SERIAL, "a copy", **BY),
        lambda: supervision.rework(SERIAL, "other", **BY),
    ):
        with pytest.raises(BoardAmbiguous, match="'02:00:00:00:00:99', which is held"):
            ask()
    assert world.entry() == before
    supervision.release(SERIAL, "a copy, in the bin", **BY)
    supervision.scrap(SERIAL, "burnt", **BY)
    assert world.entry() is None


@pytest.mark.parametrize("act", ["rework", "replaced", "scrap"])
@pytest.mark.parametrize("lost", [False, True])
def test_an_act_that_is_cut_after_the_fleet_was_changed_keeps_the_board_held_until_it_is_asked_for_again(
    world: World, supervision: Supervision, monkeypatch: pytest.MonkeyPatch, act: str, lost: bool
) -> None:
    """The records call it good, and nobody can live by it any more."""

    def ask() -> None:
        if act == "scrap":
            supervision.scrap(SERIAL, "burnt", **BY)
        else:
            supervision.rework(SERIAL, "firmware", replaced=act == "replaced", **BY)

    cycle(world, TameBoard()).run()
    with monkeypatch.context() as patched:
        patched.setattr("station.ledger.decisions.amend", lambda *_, **__: power_cut())
        if lost:
            world.client.lose_answer("disable" if act == "rework" else "remove")
        with pytest.raises((PowerCut, Unanswered)):
            ask()
    assert [one.code for one in holds(world.reader)] == ["decision-unfinished"] and world.reader.passed() == 1
    ask()
    assert holds(world.reader) == [] and world.reader.passed() == 0


def test_an_act_that_the_fleet_refuses_holds_nothing(world: World, supervision: Supervision) -> None:
    cycle(world, TameBoard()).run()

    def refuse(request: Request) -> Reply:
        raise Refused("not today", request.asked, 400)

    world.client.instead("disable", refuse)
    with pytest.raises(Refused):
        supervision.rework(SERIAL, "firmware", **BY)
    assert holds(world.reader) == [] and world.reader.passed() == 1
