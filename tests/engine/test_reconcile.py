"""The table is total, and its dangerous moves need the right claim and the right standing."""

from __future__ import annotations

from enum import StrEnum
from itertools import product
from typing import Any

import pytest
from reconcile_page import PAGE, page

from drivers.errors import Blame
from station import words
from station.model import Step
from station.reconcile import FLEET, HELD, KNOWN, Row, admit, attend, decide
from station.situation import STOPS, Claim, Found, Hardware, Held, Move, Ours, Situation

COLUMNS: tuple[tuple[tuple[Row, ...], tuple[type[StrEnum], ...]], ...] = (
    (HELD, (Step, Ours, Held)),
    (KNOWN, (Step, Ours, Hardware)),
    (FLEET, (Step, Ours, Found, Claim)),
)
SITUATIONS = [Situation(*values) for values in product(Step, Held, Ours, Hardware, Found, Claim)]
MOVES = {situation: decide(situation) for situation in SITUATIONS}

LIVING = (Found.NOTACTIVATED, Found.ACTIVATED, Found.EXPIRED)
CHANGING = (Step.REGISTER, Step.ENABLE, Step.ACTIVATE)
BY_RID = (Claim.CLIENT, Claim.UNMARKED, Claim.RENEWED)
CLOSED = (Ours.FAIL, Ours.ERROR, Ours.ABORTED, Ours.REWORK)

ALLOWED = {
    Step.IDENTIFY: {Move.PROCEED},
    Step.LABEL: {Move.PROCEED},
    Step.REGISTER: {Move.ADD, Move.PROCEED},
    Step.ENABLE: {Move.ENABLE, Move.ADOPT, Move.REGENERATE},
    Step.ACTIVATE: {Move.ACTIVATE, Move.REGENERATE},
    Step.CONFIGURE: {Move.PROCEED},
    Step.VERIFY_BOARD: {Move.PROCEED},
    Step.VERIFY_FLEET: {Move.PROCEED},
    Step.DISABLE: {Move.DISABLE, Move.PROCEED},
}
"""What each step knows how to do, besides stopping and waiting."""


def seen(
    step: Step,
    ours: Ours,
    found: Found,
    claim: Claim,
    *,
    held: Held = Held.SAME,
    hardware: Hardware = Hardware.SAME,
) -> Move:
    """The move of a board that is here and is the one it was."""
    return MOVES[Situation(step, held, ours, hardware, found, claim)]


def matching(table: tuple[Row, ...], values: tuple[Any, ...]) -> list[Row]:
    return [row for row in table if all(value in column for value, column in zip(values, row.columns, strict=True))]


@pytest.mark.parametrize(("table", "columns"), COLUMNS, ids=["held", "known", "fleet"])
def test_exactly_one_row_matches_whatever_is_found(table: tuple[Row, ...], columns: tuple[type[StrEnum], ...]) -> None:
    for values in product(*columns):
        assert len(matching(table, values)) == 1, values


@pytest.mark.parametrize(("table", "columns"), COLUMNS, ids=["held", "known", "fleet"])
def test_no_row_is_idle(table: tuple[Row, ...], columns: tuple[type[StrEnum], ...]) -> None:
    used = [row for values in product(*columns) for row in matching(table, values)]
    assert all(row in used for row in table)


def test_every_situation_has_one_move_and_one_sentence() -> None:
    assert len(MOVES) == 9 * 4 * 10 * 4 * 7 * 10
    for move in set(MOVES.values()):
        assert words.advice(move.code) and f"[{move.code}]" not in words.advice(move.code)


def test_every_move_occurs() -> None:
    assert set(MOVES.values()) | {Move.GO_ON} == set(Move)


def test_every_step_is_told_only_what_it_knows_how_to_do() -> None:
    for situation, move in MOVES.items():
        stops = move in STOPS or move is Move.WAIT
        assert move in ALLOWED[situation.step] or (stops and situation.step is not Step.DISABLE)


# --------------------------------------------------------------------------- what can harm a good board


def test_only_a_claimed_client_is_regenerated_disabled_or_adopted() -> None:
    for situation, move in MOVES.items():
        if move in (Move.REGENERATE, Move.DISABLE, Move.ADOPT) and situation.claim not in BY_RID:
            # Who listed a number has not enabled it for certain, and never activated it.
            assert situation.claim is Claim.MARK and situation.found is not Found.ACTIVATED


def test_nothing_is_adopted_but_what_a_lost_call_may_have_made_for_the_board_that_is_here() -> None:
    for situation, move in MOVES.items():
        if move is Move.ADOPT:
            assert situation.claim is Claim.RENEWED or (situation.ours is Ours.OPEN and situation.claim is Claim.MARK)
            assert situation.held is Held.SAME and situation.hardware in (Hardware.SAME, Hardware.UNKNOWN)


def test_a_key_is_regenerated_only_after_a_lost_answer_or_a_board_of_ours_that_did_not_pass() -> None:
    for situation, move in MOVES.items():
        if move is Move.REGENERATE:
            lapsed = situation.step is Step.ACTIVATE and situation.found is Found.EXPIRED and situation.claim in BY_RID
            assert situation.ours is Ours.OPEN or situation.ours in CLOSED or lapsed
            assert situation.held is Held.SAME and situation.hardware in (Hardware.SAME, Hardware.UNKNOWN)


def test_without_a_mark_a_lost_answer_is_the_supervisors_unless_we_have_disabled_the_client() -> None:
    for step in (Step.ENABLE, Step.ACTIVATE):
        assert seen(step, Ours.OPEN, Found.ACTIVATED, Claim.UNMARKED) is Move.STOP_UNPROVEN
    assert seen(Step.ENABLE, Ours.OPEN, Found.NOTACTIVATED, Claim.UNMARKED) is Move.STOP_UNPROVEN
    assert seen(Step.ENABLE, Ours.OPEN, Found.NOTACTIVATED, Claim.DOUBT) is Move.STOP_UNPROVEN
    assert seen(Step.ENABLE, Ours.OPEN, Found.EXPIRED, Claim.UNMARKED) is Move.REGENERATE


def test_a_living_client_of_somebody_else_stops_every_step_but_disable_which_leaves_it_alone() -> None:
    for found, claim, ours in product(LIVING, (Claim.OTHER, Claim.NONE), (Ours.NOTHING, Ours.OPEN, *CLOSED)):
        for step in CHANGING:
            assert seen(step, ours, found, claim) is Move.STOP_TAKEN
        assert seen(Step.DISABLE, ours, found, claim) is Move.PROCEED


def test_nothing_is_done_by_a_client_that_another_has_listed_and_nobody_passes_by_it() -> None:
    for situation, move in MOVES.items():
        working = situation.held is Held.SAME and situation.ours in (Ours.OPEN, *CLOSED)
        if situation.claim in (Claim.FOREIGN, Claim.ELSEWHERE) and situation.found in LIVING and working:
            if situation.step is Step.DISABLE:
                assert move is Move.PROCEED
            elif situation.step is not Step.IDENTIFY:
                assert move in STOPS


def test_what_our_records_may_have_lost_is_held_whatever_is_known_and_never_changed() -> None:
    for situation, move in MOVES.items():
        if situation.claim is Claim.FORGOTTEN and situation.found in LIVING:
            assert move not in (Move.REGENERATE, Move.DISABLE, Move.ADOPT, Move.ENABLE, Move.ACTIVATE)
            if situation.step in CHANGING and situation.held is Held.SAME and situation.ours in (Ours.OPEN, *CLOSED):
                assert move is Move.STOP_FORGOTTEN or admit(situation.step, situation.ours, situation.hardware) is move


def test_what_lives_by_a_pass_or_by_another_cycle_is_not_disabled() -> None:
    for situation, move in MOVES.items():
        if situation.step is Step.DISABLE and situation.ours in (Ours.PASS, Ours.PENDING, Ours.ELSEWHERE):
            assert move is Move.PROCEED


# --------------------------------------------------------------------------- the rows that people ask about


def test_an_open_cycle_without_an_answer_takes_up_what_its_call_has_made() -> None:
    assert seen(Step.ENABLE, Ours.OPEN, Found.NOTACTIVATED, Claim.MARK) is Move.ADOPT
    assert seen(Step.ACTIVATE, Ours.OPEN, Found.NOTACTIVATED, Claim.CLIENT) is Move.ACTIVATE


def test_a_key_that_was_lost_on_its_way_is_made_anew() -> None:
    assert seen(Step.ACTIVATE, Ours.OPEN, Found.ACTIVATED, Claim.CLIENT) is Move.REGENERATE


@pytest.mark.parametrize("ours", CLOSED)
def test_a_board_of_ours_that_did_not_pass_is_a_new_attempt(ours: Ours) -> None:
    for found in (Found.NOTACTIVATED, Found.EXPIRED):
        assert seen(Step.REGISTER, ours, found, Claim.CLIENT) is Move.PROCEED
        assert seen(Step.ENABLE, ours, found, Claim.CLIENT) is Move.REGENERATE


def test_a_retest_cut_at_any_step_goes_on_as_a_retest() -> None:
    """The first call of a resumed step stands as unanswered, whatever it was before."""
    assert seen(Step.REGISTER, Ours.OPEN, Found.EXPIRED, Claim.CLIENT) is Move.PROCEED
    assert seen(Step.ENABLE, Ours.OPEN, Found.EXPIRED, Claim.CLIENT) is Move.REGENERATE


def test_a_pass_of_ours_is_blocked_and_one_that_the_fleet_does_not_hold_is_held() -> None:
    for found, claim in product(Found, Claim):
        move = Move.STOP_HOLD
        if claim in BY_RID and found in (Found.NOTACTIVATED, Found.ACTIVATED, Found.LOCKED):
            move = Move.STOP_LOCKED if found is Found.LOCKED else Move.STOP_PASSED
        assert seen(Step.IDENTIFY, Ours.PASS, found, claim) is move


@pytest.mark.parametrize(
    ("held", "move"),
    [(Held.NONE, Move.STOP_LEFT), (Held.ANOTHER, Move.STOP_SWAPPED), (Held.SILENT, Move.STOP_SILENT)],
)
@pytest.mark.parametrize("step", [step for step in Step if step is not Step.DISABLE])
def test_an_open_cycle_whose_board_is_not_here(step: Step, held: Held, move: Move) -> None:
    for hardware, found, claim in product(Hardware, Found, Claim):
        assert seen(step, Ours.OPEN, found, claim, held=held, hardware=hardware) is move
    assert attend(step, Ours.OPEN, held) is move


def test_nobody_is_worked_on_where_nobody_is() -> None:
    for situation, move in MOVES.items():
        if situation.held is not Held.SAME and situation.step is not Step.DISABLE:
            assert move is Move.WAIT or situation.ours is Ours.OPEN


@pytest.mark.parametrize("ours", list(Ours))
@pytest.mark.parametrize("hardware", list(Hardware))
def test_admission(ours: Ours, hardware: Hardware) -> None:
    move = admit(Step.IDENTIFY, ours, hardware)
    if ours is Ours.ELSEWHERE:
        assert move is Move.STOP_TWO_SLOTS
    elif hardware in (Hardware.OTHER, Hardware.RENAMED):
        assert move is (Move.STOP_OTHER_HARDWARE if hardware is Hardware.OTHER else Move.STOP_OTHER_SERIAL)
    elif ours is Ours.SCRAPPED:
        assert move is Move.STOP_SCRAPPED
    elif ours in (Ours.PASS, Ours.PENDING) and hardware is Hardware.UNKNOWN:
        assert move is Move.STOP_PASS_UNPROVEN
    elif ours is Ours.PENDING:
        assert move is Move.STOP_PENDING
    else:
        assert move is Move.GO_ON


def test_a_stop_is_never_the_stations_fault_but_for_lost_records() -> None:
    blamed = {fault.blame for move, fault in STOPS.items() if move is not Move.STOP_FORGOTTEN}
    assert blamed == {Blame.BOARD, Blame.PEOPLE, Blame.FLEET}


def test_the_page_shows_the_tables_as_they_are() -> None:
    assert PAGE.read_text() == page(), "run: python tests/engine/reconcile_page.py"
