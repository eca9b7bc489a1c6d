"""Whose a serial number is: somebody else's is left alone, our own may be taken up again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from engine_steps import FAILED_BEFORE, OURS, failed_after_enable, hide_mark, taken
from engine_world import MODEL, SERIAL, World, write_recipe

from drivers.errors import Blame
from station import recipe as recipes
from station import steps
from station.fleet.client import SerialStatus, Unanswered
from station.judgements import (
    BegunElsewhere,
    NotInRecords,
    SerialLocked,
    SerialOrphaned,
    SerialTaken,
    SerialUnlisted,
    SerialUnproven,
    SerialVanished,
)
from station.ledger import History
from station.model import Known, Step

# --------------------------------------------------------------------------- somebody else's


def test_a_definite_conflict_at_enable_stops_and_touches_nothing(world: World) -> None:
    case = world.identified()
    taken(case, Step.REGISTER)
    stranger = world.stranger()
    theirs: list[str] = []

    def be_first() -> None:
        theirs.append(stranger.serials.enable(MODEL, SERIAL, case.owner))
        theirs.append(stranger.device.activate(MODEL, SERIAL))

    world.client.before("enable", be_first)
    with pytest.raises(SerialTaken):
        steps.enable(case)
    entry = world.entry()
    assert entry is not None and [entry.rid, entry.cik, entry.phase] == [*theirs, "activated"]
    assert world.client.asked == ["add", "enable"]


def test_a_definite_conflict_at_activate_stops_and_touches_nothing(world: World) -> None:
    """Activation needs no credential: whoever knows the number may have been there first."""
    case = world.identified()
    taken(case, Step.REGISTER, Step.ENABLE)
    key: list[str] = []
    world.client.before("activate", lambda: key.append(world.stranger().device.activate(MODEL, SERIAL)))
    with pytest.raises(SerialTaken):
        steps.activate(case)
    entry = world.entry()
    assert entry is not None and [entry.cik] == key and entry.phase == "activated"
    assert world.client.asked == ["add", "enable", "activate"] and world.keys() == []


@pytest.mark.parametrize("history", [History(), FAILED_BEFORE])
@pytest.mark.parametrize("unanswered", [False, True])
@pytest.mark.parametrize("extra", ["", "st=another-station;hw=c27c02f297b7a634", "st=9f2c41d07a3e4b56;hw=0000"])
@pytest.mark.parametrize("phase", ["notactivated", "activated", "expired"])
def test_somebody_elses_living_number_is_left_alone(
    phase: str, extra: str, unanswered: bool, history: History, world: World
) -> None:
    stranger = world.stranger()
    stranger.serials.add(MODEL, SERIAL, extra)
    stranger.serials.enable(MODEL, SERIAL, world.grant.owner_rid)
    if phase == "activated":
        stranger.device.activate(MODEL, SERIAL)
    elif phase == "expired":
        stranger.serials.disable(MODEL, SERIAL)
    before = world.entry()
    case = world.identified(history=history)
    for step in (Step.REGISTER, Step.ENABLE, Step.ACTIVATE):
        case.unanswered = unanswered
        with pytest.raises(BegunElsewhere if "hw=c27c02f297b7a634" in extra else (SerialTaken, SerialUnproven)):
            steps.STEPS[step](case)
    assert steps.disable(case)["move"] == "proceed"
    assert world.client.asked == []
    assert world.entry() == before


@pytest.mark.parametrize("doubt", ["unanswered", "retest"])
def test_another_station_that_passed_the_number_under_our_mark_is_left_alone(doubt: str, world: World) -> None:
    """We listed the number and lost the answer to its enabling; another station found it unused, and passed it."""
    case = world.identified()
    taken(case, Step.REGISTER)
    world.client.lose_call("enable")
    with pytest.raises(Unanswered):
        steps.enable(case)
    stranger = world.stranger()
    stranger.serials.enable(MODEL, SERIAL, world.grant.owner_rid)
    stranger.device.activate(MODEL, SERIAL)
    before = world.entry()
    if doubt == "retest":
        case = replace(case, unanswered=False, history=lambda identity: replace(FAILED_BEFORE, doubtful_since=1))
    world.client.asked.clear()
    for step in (Step.REGISTER, Step.ENABLE):
        with pytest.raises(SerialUnproven):
            steps.STEPS[step](case)
    assert steps.disable(case)["move"] == "proceed"
    assert world.client.asked == [] and world.entry() == before


def test_a_refusal_is_no_licence_to_try_again(world: World) -> None:
    """With a lost ledger our own mark stands beside a good board's number; refused once, it is refused for ever."""
    first = world.identified()
    taken(first, Step.REGISTER, Step.ENABLE, Step.ACTIVATE)
    before = world.entry()
    world.client.asked.clear()
    case = replace(first, known=Known(first.identity), history=lambda identity: FAILED_BEFORE)
    with pytest.raises(BegunElsewhere):
        steps.register(case)
    assert world.client.asked == [] and world.entry() == before


def test_a_lost_answer_on_a_number_without_a_mark_goes_to_the_supervisor(world: World) -> None:
    world.stranger().serials.add(MODEL, SERIAL, "batch 7")
    case = world.identified()
    taken(case, Step.REGISTER)
    world.client.lose_answer("enable")
    with pytest.raises(Unanswered):
        steps.enable(case)
    with pytest.raises(SerialUnproven) as raised:
        steps.enable(case)
    assert raised.value.blame is Blame.FLEET


def test_our_mark_alone_allows_nothing_without_a_history(world: World) -> None:
    """A mark can be copied, and a ledger be lost: without either, the number may be anybody's."""
    stranger = world.stranger()
    stranger.serials.add(MODEL, SERIAL, OURS)
    stranger.serials.enable(MODEL, SERIAL, world.grant.owner_rid)
    case = world.identified()
    with pytest.raises(NotInRecords):
        steps.register(case)
    with pytest.raises(BegunElsewhere):
        steps.enable(case)
    assert world.client.asked == []


def test_a_lost_answer_does_not_make_a_strangers_client_ours(world: World) -> None:
    case = world.identified()
    taken(case, Step.REGISTER)
    hide_mark(world, "st=somebody-else;hw=00")
    world.client.lose_call("enable")
    stranger = world.stranger()
    with pytest.raises(Unanswered):
        steps.enable(case)
    stranger.serials.enable(MODEL, SERIAL, case.owner)
    with pytest.raises(SerialTaken):
        steps.enable(case)
    assert world.client.asked == ["add", "enable"]


# --------------------------------------------------------------------------- retests


def test_a_retest_regenerates_our_own_dead_client(world: World) -> None:
    first = world.identified()
    taken(first, Step.REGISTER, Step.ENABLE, Step.ACTIVATE, Step.DISABLE)
    before = world.entry()
    world.escrow.erase(first.number)
    case = replace(first, known=Known(first.identity), history=lambda identity: failed_after_enable(first))
    world.client.asked.clear()
    facts = taken(case, Step.REGISTER, Step.ENABLE, Step.ACTIVATE)
    after = world.entry()
    assert before is not None and after is not None
    assert facts[Step.REGISTER]["move"] == "proceed" and facts[Step.ENABLE]["move"] == "regenerate"
    assert world.client.asked == ["regenerate", "activate"]
    assert after.rid == before.rid == case.known.rid and after.cik != before.cik
    assert world.keys() == [after.cik]


def test_a_retest_knows_its_client_by_the_ledger_where_the_mark_was_changed(world: World) -> None:
    first = world.identified()
    rid = taken(first, Step.REGISTER, Step.ENABLE)[Step.ENABLE]["rid"]
    hide_mark(world)
    history = replace(FAILED_BEFORE, rids=frozenset({rid}))
    case = replace(first, known=Known(first.identity), history=lambda identity: history)
    assert taken(case, Step.REGISTER, Step.ENABLE)[Step.ENABLE]["move"] == "regenerate"


def test_a_retest_that_was_cut_while_registering_goes_on(world: World) -> None:
    first = world.identified()
    taken(first, Step.REGISTER, Step.ENABLE, Step.ACTIVATE, Step.DISABLE)
    world.escrow.erase(first.number)
    history = failed_after_enable(first)
    case = replace(first, known=Known(first.identity), history=lambda identity: history, unanswered=True)
    facts = taken(case, Step.REGISTER, Step.ENABLE)
    assert [facts[Step.REGISTER]["move"], facts[Step.ENABLE]["move"]] == ["proceed", "regenerate"]


def test_a_window_that_was_over_before_the_key_was_fetched_is_opened_again(world: World) -> None:
    """Nobody has a key of it, and nobody else has made it."""
    first = world.identified()
    taken(first, Step.REGISTER, Step.ENABLE)
    world.stranger().serials.disable(MODEL, SERIAL)
    facts = steps.activate(first)
    entry = world.entry()
    assert facts["move"] == "regenerate" and entry is not None and entry.phase == "activated"
    assert world.keys() == [entry.cik] and world.client.asked == ["add", "enable", "regenerate", "activate"]


# --------------------------------------------------------------------------- other findings


def test_a_listed_number_is_never_added(world: World) -> None:
    recipe = recipes.load(write_recipe(world.folder, ('register = "station"', 'register = "listed"')))
    case = world.identified(recipe=recipe)
    with pytest.raises(SerialUnlisted):
        steps.register(case)
    assert world.client.asked == [] and world.entry() is None
    world.stranger().serials.add(MODEL, SERIAL, "lot 7")
    facts = taken(case, *recipe.plan[1:])
    assert facts[Step.REGISTER]["move"] == "proceed" and facts[Step.VERIFY_FLEET]["status"] == "activated"
    assert world.client.asked == ["enable", "activate"]


def test_an_orphaned_number_is_the_administrators(world: World) -> None:
    case = world.identified()
    taken(case, Step.REGISTER)
    world.server._store.write(lambda db: db.execute("UPDATE serials SET rid = ?", ["0" * 40]))
    for step in (Step.REGISTER, Step.ENABLE, Step.ACTIVATE):
        with pytest.raises(SerialOrphaned):
            steps.STEPS[step](case)
    assert steps.disable(case)["move"] == "proceed"
    assert world.client.asked == ["add"]


def test_a_locked_number_is_the_administrators(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    case = world.identified()
    info = world.client.serials.info
    taken(case, Step.REGISTER, Step.ENABLE)
    monkeypatch.setattr(world.client.serials, "info", lambda m, s: replace(info(m, s), status=SerialStatus.LOCKED))
    for step in (Step.REGISTER, Step.ENABLE, Step.ACTIVATE):
        with pytest.raises(SerialLocked):
            steps.STEPS[step](case)
    assert world.client.asked == ["add", "enable"]
    assert steps.disable(case)["move"] == "disable", "so that it is dead once it is unlocked"
    assert world.client.asked == ["add", "enable", "disable"]


def test_a_number_that_vanishes_between_two_steps(world: World) -> None:
    case = world.identified()
    taken(case, Step.REGISTER)
    world.stranger().serials.delete(MODEL, SERIAL)
    for step in (Step.ENABLE, Step.ACTIVATE):
        with pytest.raises(SerialVanished):
            steps.STEPS[step](case)
    assert world.client.asked == ["add"]


def test_the_fleet_has_the_last_word(world: World) -> None:
    case = world.identified()
    taken(case, Step.REGISTER, Step.ENABLE, Step.ACTIVATE)
    world.stranger().serials.disable(MODEL, SERIAL)
    with pytest.raises(steps.FleetDisagrees, match=r"says expired .*, expected activated"):
        steps.verify_fleet(case)
    world.stranger().serials.delete(MODEL, SERIAL)
    with pytest.raises(steps.FleetDisagrees, match="says unknown"):
        steps.verify_fleet(case)
