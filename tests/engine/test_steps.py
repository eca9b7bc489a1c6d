"""The steps against the real fleet server: what they establish, and how they judge a board."""

from __future__ import annotations

from dataclasses import replace

import pytest
from engine_steps import FAILED_BEFORE, OURS, taken
from engine_world import MODEL, SERIAL, TameBoard, World, write_recipe

from station import recipe as recipes
from station import steps
from station.case import KeyLost
from station.errors import Judgement
from station.fleet.client import Unreachable
from station.judgements import AlreadyPassed, AlreadyPending, BoardSwapped, PassNotInFleet, PassUnproven
from station.model import Known, Outcome, Step

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
    changes = (
        ('activate = "station"', 'activate = "field"\nwindow_h = 24\nreenabled_by = "the installer"'),
        ('fleet_key = "{cik}"\n', ""),
    )
    recipe = recipes.load(write_recipe(world.folder, *changes))
    assert Step.ACTIVATE not in recipe.plan
    facts = taken(world.identified(recipe=recipe), *recipe.plan[1:])
    assert facts[Step.VERIFY_FLEET]["status"] == "notactivated"
    assert world.client.asked == ["add", "enable"]


# --------------------------------------------------------------------------- the board's own steps


@pytest.mark.parametrize("serial", ["", "SIM-1", "SIM-000000011", "[bold]SIM", "SIM-0000000\n", "x" * 10_000])
def test_a_malformed_serial_number_is_told_with_what_was_expected(serial: str, world: World) -> None:
    case = world.case(world.open_cycle(), TameBoard(serial))
    with pytest.raises(steps.SerialMalformed) as raised:
        steps.identify(case)
    assert repr(serial[:128]) in raised.value.text and repr("SIM-[0-9]{8}") in raised.value.text
    assert raised.value.details == {"serial": serial[:128]}


def test_a_board_that_has_passed_is_blocked_and_held_if_the_fleet_does_not_hold_it(world: World) -> None:
    case = world.identified()
    taken(case, *world.recipe.plan[1:])
    passed = replace(FAILED_BEFORE, closed=(Outcome.PASS,), passed_rid=case.known.rid)
    again = replace(case, known=Known(), history=lambda identity: passed)
    with pytest.raises(AlreadyPassed):
        steps.identify(again)
    world.stranger().serials.disable(MODEL, SERIAL)
    with pytest.raises(PassNotInFleet, match="expired"):
        steps.identify(again)
    world.client.away = True
    with pytest.raises(Unreachable):  # it is waited for
        steps.identify(again)


def test_a_board_whose_key_was_made_anew_after_its_pass_is_held(world: World) -> None:
    case = world.identified()
    taken(case, *world.recipe.plan[1:])
    passed = replace(FAILED_BEFORE, closed=(Outcome.PASS,), passed_rid=case.known.rid)
    world.stranger().serials.regenerate(MODEL, SERIAL)
    with pytest.raises(PassNotInFleet, match="notactivated"):
        steps.identify(replace(case, known=Known(), history=lambda identity: passed))


def test_a_passed_number_on_a_board_without_hardware_id_may_be_another_boards(world: World) -> None:
    case = world.identified(TameBoard(hardware_id=""))
    taken(case, *world.recipe.plan[1:])
    passed = replace(FAILED_BEFORE, hardware_of_serial="", closed=(Outcome.PASS,), passed_rid=case.known.rid)
    with pytest.raises(PassUnproven, match="nothing tells whether it was this board"):
        steps.identify(replace(case, known=Known(), history=lambda identity: passed))


def test_a_board_that_waits_for_the_fleet_is_not_begun_again(world: World) -> None:
    case = world.identified(history=replace(FAILED_BEFORE, closed=(), open_in="2", pending=True))
    with pytest.raises(AlreadyPending):
        steps.identify(case)


@pytest.mark.parametrize(
    "other", [TameBoard("SIM-00000002"), TameBoard(SERIAL, "02:00:00:00:00:02"), TameBoard("x" * 5000, "y" * 5000)]
)
def test_another_board_is_recognised_as_another(other: TameBoard, world: World) -> None:
    case = world.identified()
    case.board = other
    with pytest.raises(BoardSwapped) as raised:
        case.recognise()
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
    with pytest.raises(KeyLost):
        steps.configure(case)


def test_every_judgement_has_its_words() -> None:
    from station.words.en import WORDS

    def below(kind: type[Judgement]) -> set[str]:
        return {kind.code} if hasattr(kind, "code") else set().union(*(below(k) for k in kind.__subclasses__()))

    assert below(Judgement) <= set(WORDS)
