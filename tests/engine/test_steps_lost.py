"""Lost answers: the next run of the step looks, and ends right."""

from __future__ import annotations

from dataclasses import replace

import pytest
from engine_cycle import patient
from engine_steps import failed_after_enable, run_again, taken
from engine_world import MODEL, SERIAL, TameBoard, World, write_recipe

from station import recipe as recipes
from station import steps
from station.cycle import Cycle
from station.fleet.client import Unanswered, Unreachable
from station.judgements import BoardSwapped, SerialUnproven
from station.model import Known, Outcome, Step

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
    case = replace(first, known=Known(first.identity), history=lambda identity: failed_after_enable(first))
    (world.client.lose_answer if took_effect else world.client.lose_call)("regenerate")
    taken(case, Step.REGISTER)
    assert run_again(case, Step.ENABLE)["move"] == "regenerate"
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


# --------------------------------------------------------------------------- for this board, and with a claim


@pytest.mark.parametrize("step", [Step.ENABLE, Step.ACTIVATE])
def test_what_a_lost_call_has_made_is_not_taken_up_for_another_board(step: Step, world: World) -> None:
    """While the answer was waited for, somebody changed the board."""
    board = TameBoard()
    case = world.identified(board)
    taken(case, *world.recipe.plan[1 : world.recipe.plan.index(step)])
    world.client.lose_answer(step.value)
    with pytest.raises(Unanswered):
        steps.STEPS[step](case)
    board.serial, board.hardware_id = "SIM-00000002", "02:00:00:00:00:02"
    with pytest.raises(BoardSwapped):
        steps.STEPS[step](case)
    assert "regenerate" not in world.client.asked


@pytest.mark.parametrize("step", [Step.ENABLE, Step.ACTIVATE])
def test_where_others_list_the_numbers_a_lost_answer_goes_to_the_supervisor(step: Step, world: World) -> None:
    recipe = recipes.load(write_recipe(world.folder, ('register = "station"', 'register = "listed"')))
    world.stranger().serials.add(MODEL, SERIAL, "lot 7")
    case = world.identified(recipe=recipe)
    taken(case, *recipe.plan[1 : recipe.plan.index(step)])
    world.client.lose_answer(step.value)
    with pytest.raises(Unanswered):
        steps.STEPS[step](case)
    before = world.entry()
    with pytest.raises(SerialUnproven):
        steps.STEPS[step](case)
    assert world.entry() == before


def test_a_key_that_was_lost_on_its_way_is_told_of(world: World) -> None:
    row, told = world.open_cycle(), []
    case = world.case(row, TameBoard())
    world.client.lose_answer("activate")
    one = Cycle(row, case, world.ledger, patient, lambda row, step, code: told.append((step, code)))
    assert one.run().outcome is Outcome.PASS
    said = dict(told)
    assert said[Step.ACTIVATE] == "" and said[Step.CONFIGURE] == said[Step.VERIFY_FLEET] == "move-regenerate"
