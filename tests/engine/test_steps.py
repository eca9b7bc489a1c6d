"""The steps against the real fleet server: what they establish, after lost answers too, and whom they spare."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from engine_world import HARDWARE, MODEL, SERIAL, STATION, TameBoard, World, write_recipe

from drivers.board import Identity
from station import recipe as recipes
from station import steps
from station.errors import Judgement
from station.fleet.client import SerialStatus, Unanswered, Unreachable
from station.ledger import History
from station.model import Known, Outcome, Step
from station.reconcile import (
    AlreadyPassed,
    SerialLocked,
    SerialOrphaned,
    SerialTaken,
    SerialUnlisted,
    SerialVanished,
    mark,
)
from station.steps import Case

OURS = mark(STATION, Identity(SERIAL, HARDWARE))
FAILED_BEFORE = History(hardware_of_serial=HARDWARE, serial_of_hardware=SERIAL, closed=(Outcome.FAIL,))


def taken(case: Case, *planned: Step) -> dict[Step, Any]:
    """Take steps one after the other, as a cycle does, and return their facts."""
    facts = {}
    for step in planned:
        facts[step] = steps.STEPS[step](case)
        case.known = case.known.after(step, facts[step])
        case.unanswered = False
    return facts


def run_again(case: Case, step: Step) -> Any:
    """Run a step whose answer gets lost, and run it again as a cycle does."""
    with pytest.raises(Unanswered):
        steps.STEPS[step](case)
    return taken(case, step)[step]


def hide_mark(world: World) -> None:
    """Let somebody else's text stand beside the serial number."""
    world.server._store.write(lambda db: db.execute("UPDATE serials SET extra = 'st=somebody-else;hw=00'"))


# --------------------------------------------------------------------------- all is well


def test_a_new_board_goes_through_all_steps(world: World) -> None:
    case, board = world.identified(), TameBoard()
    case.board = board
    facts = taken(case, *world.recipe.plan[1:])
    entry = world.entry()
    assert entry is not None
    assert facts[Step.REGISTER] == {"found": "unknown", "move": "add"}
    assert facts[Step.ENABLE] == {"rid": entry.rid, "found": "unused", "move": "enable"}
    assert facts[Step.ACTIVATE]["move"] == "activate"
    assert facts[Step.VERIFY_BOARD]["restarted"] is True
    assert facts[Step.VERIFY_FLEET] == {"rid": entry.rid, "status": "activated"}
    assert (entry.extra, entry.phase) == (OURS, "activated")
    assert board.flash == {"fleet_key": entry.cik, "fleet_rid": entry.rid, "label": f"acme {MODEL} {SERIAL}"}
    assert world.keys() == [entry.cik]
    assert world.client.asked == ["add", "enable", "activate"]


def test_facts_hold_digests_and_never_the_key(world: World) -> None:
    case = world.identified()
    facts = taken(case, *world.recipe.plan[1:])
    (key,) = world.keys()
    assert key not in repr(facts) and key not in repr(case.known) and key not in repr(case.known.record())
    written = facts[Step.CONFIGURE]["settings"]
    assert written == facts[Step.VERIFY_BOARD]["settings"]
    assert written["fleet_key"] == facts[Step.ACTIVATE]["key_fingerprint"]
    assert written["fleet_key"].startswith("hmac-sha256:")
    assert written["label"].startswith("sha256:")


def test_the_key_is_hidden_from_the_link_before_it_is_written(world: World) -> None:
    hidden: list[str] = []
    board = TameBoard(faults={"configure": [lambda: seen.extend(hidden)]})
    seen: list[str] = []
    case = world.identified(board)
    case.hide = hidden.append
    taken(case, Step.REGISTER, Step.ENABLE, Step.ACTIVATE, Step.CONFIGURE)
    assert seen == world.keys()


def test_a_board_that_is_activated_in_the_field_leaves_the_line_enabled(world: World) -> None:
    changes = ('activate = "station"', 'activate = "field"'), ('fleet_key = "{cik}"\n', "")
    recipe = recipes.load(write_recipe(world.folder, *changes))
    assert Step.ACTIVATE not in recipe.plan
    facts = taken(world.identified(recipe=recipe), *recipe.plan[1:])
    assert facts[Step.VERIFY_FLEET]["status"] == "notactivated"
    assert world.client.asked == ["add", "enable"]


# --------------------------------------------------------------------------- lost answers


@pytest.mark.parametrize("took_effect", [True, False])
@pytest.mark.parametrize("step", [Step.REGISTER, Step.ENABLE, Step.ACTIVATE])
def test_after_a_lost_answer_the_step_ends_right(step: Step, took_effect: bool, world: World) -> None:
    call = {Step.REGISTER: "add", Step.ENABLE: "enable", Step.ACTIVATE: "activate"}[step]
    case = world.identified()
    plan = world.recipe.plan
    taken(case, *plan[1 : plan.index(step)])
    (world.client.lose_answer if took_effect else world.client.lose_call)(call)
    run_again(case, step)
    taken(case, *plan[plan.index(step) + 1 :])
    entry = world.entry()
    assert entry is not None
    assert world.clients_of() == 1
    assert case.known.rid == entry.rid
    assert world.keys() == [entry.cik], "the key in escrow is not the fleet's"
    assert entry.phase == "activated"


def test_what_is_done_about_each_lost_answer(world: World) -> None:
    case = world.identified()
    world.client.lose_answer("add")
    assert run_again(case, Step.REGISTER) == {"found": "unused", "move": "proceed"}
    world.client.lose_answer("enable")
    assert run_again(case, Step.ENABLE)["move"] == "adopt"
    world.client.lose_answer("activate")
    assert run_again(case, Step.ACTIVATE)["move"] == "regenerate"
    assert world.client.asked == ["add", "enable", "activate", "regenerate", "activate"]


@pytest.mark.parametrize("took_effect", [True, False])
def test_a_lost_answer_to_a_regeneration_costs_no_client(took_effect: bool, world: World) -> None:
    first = world.identified()
    taken(first, Step.REGISTER, Step.ENABLE, Step.ACTIVATE)
    world.client.asked.clear()
    world.escrow.erase(first.number)
    case = replace(first, known=Known(first.identity), history=lambda identity: FAILED_BEFORE)
    (world.client.lose_answer if took_effect else world.client.lose_call)("regenerate")
    taken(case, Step.REGISTER)
    assert run_again(case, Step.ENABLE)["move"] == ("adopt" if took_effect else "regenerate")
    taken(case, Step.ACTIVATE)
    entry = world.entry()
    assert entry is not None and world.keys() == [entry.cik] and world.clients_of() == 1


@pytest.mark.parametrize("took_effect", [True, False])
def test_a_lost_answer_to_a_disable_is_looked_after(took_effect: bool, world: World) -> None:
    case = world.identified()
    taken(case, Step.REGISTER, Step.ENABLE, Step.ACTIVATE)
    (world.client.lose_answer if took_effect else world.client.lose_call)("disable")
    facts = run_again(case, Step.DISABLE)
    assert facts["move"] == ("proceed" if took_effect else "disable")
    entry = world.entry()
    assert entry is not None and entry.phase == "expired"


def test_a_call_that_arrives_late_costs_one_more_look(world: World) -> None:
    """M46 gets no answer, M43 still says unused, and only then the first M46 arrives."""
    case = world.identified()
    taken(case, Step.REGISTER)
    world.client.lose_call("enable")
    world.client.before("enable", lambda: world.stranger().serials.enable(MODEL, SERIAL, case.owner))
    assert run_again(case, Step.ENABLE)["move"] == "adopt"
    assert world.clients_of() == 1


def test_what_was_never_sent_is_no_unanswered_call(world: World) -> None:
    case = world.identified()
    taken(case, Step.REGISTER)
    world.client.refuse_connection("enable")
    with pytest.raises(Unreachable):
        steps.enable(case)
    assert case.unanswered is False
    world.client.lose_call("enable")
    with pytest.raises(Unanswered):
        steps.enable(case)
    world.client.refuse_connection("enable")
    with pytest.raises(Unreachable):
        steps.enable(case)
    assert case.unanswered is True, "a later certainty must not hide an earlier doubt"


def test_a_key_in_escrow_is_taken_without_asking_the_fleet(world: World) -> None:
    """The station fell between the escrow and the ledger: the second run finds the first one's key."""
    case = world.identified()
    taken(case, Step.REGISTER, Step.ENABLE, Step.ACTIVATE)
    (key,) = world.keys()
    world.client.asked.clear()
    again = taken(replace(case, unanswered=True), Step.ACTIVATE)[Step.ACTIVATE]
    assert again["move"] == "proceed"
    assert world.client.asked == [] and world.keys() == [key]


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
        with pytest.raises(SerialTaken):
            steps.STEPS[step](case)
    assert steps.disable(case)["move"] == "proceed"
    assert world.client.asked == []
    assert world.entry() == before


def test_our_mark_alone_allows_nothing_without_a_history(world: World) -> None:
    """A mark can be copied, and a ledger be lost: without either, the number is somebody's."""
    stranger = world.stranger()
    stranger.serials.add(MODEL, SERIAL, OURS)
    stranger.serials.enable(MODEL, SERIAL, world.grant.owner_rid)
    case = world.identified()
    for step in (Step.REGISTER, Step.ENABLE):
        with pytest.raises(SerialTaken):
            steps.STEPS[step](case)
    assert world.client.asked == []


def test_a_lost_answer_does_not_make_a_strangers_client_ours(world: World) -> None:
    case = world.identified()
    taken(case, Step.REGISTER)
    hide_mark(world)
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
    case = replace(first, known=Known(first.identity), history=lambda identity: FAILED_BEFORE)
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
    case = replace(first, known=Known(first.identity), history=lambda identity: FAILED_BEFORE, unanswered=True)
    facts = taken(case, Step.REGISTER, Step.ENABLE)
    assert [facts[Step.REGISTER]["move"], facts[Step.ENABLE]["move"]] == ["proceed", "regenerate"]


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


# --------------------------------------------------------------------------- the board's own steps


@pytest.mark.parametrize("serial", ["", "SIM-1", "SIM-000000011", "[bold]SIM", "SIM-0000000\n", "x" * 10_000])
def test_a_malformed_serial_number_is_told_with_what_was_expected(serial: str, world: World) -> None:
    case = world.case(world.open_cycle(), TameBoard(serial))
    with pytest.raises(steps.SerialMalformed) as raised:
        steps.identify(case)
    assert repr(serial[:128]) in raised.value.text and repr("SIM-[0-9]{8}") in raised.value.text
    assert raised.value.details == {"serial": serial[:128]}


def test_identify_asks_the_ledger(world: World) -> None:
    case = world.identified(history=replace(FAILED_BEFORE, closed=(Outcome.PASS,), passed=True))
    with pytest.raises(AlreadyPassed):
        steps.identify(case)


@pytest.mark.parametrize(
    "other", [TameBoard("SIM-00000002"), TameBoard(SERIAL, "02:00:00:00:00:02"), TameBoard("x" * 5000, "y" * 5000)]
)
def test_another_board_is_recognised_as_another(other: TameBoard, world: World) -> None:
    case = world.identified()
    case.board = other
    with pytest.raises(steps.BoardSwapped) as raised:
        steps.recognise(case)
    assert raised.value.details == {"serial": SERIAL, "found": other.serial[:128]}
    assert len(raised.value.text) < 500


def test_a_setting_that_reads_back_differently_is_named_and_a_secret_is_not_shown(world: World) -> None:
    board = TameBoard()
    case = world.identified(board)
    taken(case, Step.REGISTER, Step.ENABLE, Step.ACTIVATE, Step.CONFIGURE)
    (key,) = world.keys()
    board.flash["fleet_key"], board.flash["label"] = key[:-1], "acme"
    with pytest.raises(steps.ReadbackDiffers) as raised:
        steps.verify_board(case)
    assert raised.value.details == {"settings": "fleet_key, label"}
    assert f"label is 'acme', expected 'acme {MODEL} {SERIAL}'" in raised.value.text
    assert "fleet_key (a secret, 40 characters written, 39 read)" in raised.value.text
    assert key[:-1] not in raised.value.text


def test_a_lost_key_is_said_so(world: World) -> None:
    case = world.identified()
    taken(case, Step.REGISTER, Step.ENABLE, Step.ACTIVATE)
    world.escrow.erase(case.number)
    with pytest.raises(steps.KeyLost):
        steps.configure(case)


def test_every_judgement_has_its_words() -> None:
    from station.words.en import WORDS

    def below(kind: type[Judgement]) -> set[str]:
        return {kind.code} if hasattr(kind, "code") else set().union(*(below(k) for k in kind.__subclasses__()))

    assert below(Judgement) <= set(WORDS)
