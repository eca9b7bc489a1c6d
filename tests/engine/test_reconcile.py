"""The table is total, and its dangerous moves need the right claim and the right standing."""

from __future__ import annotations

from itertools import product

import pytest

from drivers.board import Identity
from drivers.errors import Blame
from station.ledger import History
from station.model import Outcome, Step
from station.reconcile import (
    STOPS,
    TABLE,
    AlreadyPassed,
    Claim,
    Found,
    HardwareHasOtherSerial,
    Move,
    SerialInTwoSlots,
    SerialOnOtherHardware,
    Standing,
    admit,
    decide,
    mark,
)

STEPS = (Step.REGISTER, Step.ENABLE, Step.ACTIVATE, Step.DISABLE)
SITUATIONS = list(product(STEPS, Found, Claim, Standing))
MOVES = {situation: decide(*situation) for situation in SITUATIONS}

ALLOWED = {
    Step.REGISTER: {Move.ADD, Move.PROCEED},
    Step.ENABLE: {Move.ENABLE, Move.ADOPT, Move.REGENERATE},
    Step.ACTIVATE: {Move.ACTIVATE, Move.REGENERATE},
    Step.DISABLE: {Move.DISABLE, Move.PROCEED},
}
"""What each step knows how to do, besides stopping."""


@pytest.mark.parametrize("situation", SITUATIONS, ids="-".join)
def test_exactly_one_row_matches(situation: tuple[Step, Found, Claim, Standing]) -> None:
    step, found, claim, standing = situation
    matching = [
        row
        for row in TABLE
        if step in row.steps and found in row.found and claim in row.claims and standing in row.standings
    ]
    assert len(matching) == 1


def test_every_step_is_told_only_what_it_knows_how_to_do() -> None:
    for (step, *_), move in MOVES.items():
        assert move in ALLOWED[step] or (move in STOPS and step is not Step.DISABLE)


def test_only_a_claimed_client_is_regenerated_disabled_or_adopted() -> None:
    for (_, found, claim, standing), move in MOVES.items():
        if move in (Move.REGENERATE, Move.DISABLE, Move.ADOPT) and claim is not Claim.CLIENT:
            # Who listed a number has not enabled it for certain, and never activated it.
            assert claim is Claim.MARK and standing is not Standing.NEW and found is not Found.ACTIVATED


def test_nothing_new_to_us_is_regenerated_or_adopted() -> None:
    standings = {standing for (*_, standing), move in MOVES.items() if move in (Move.REGENERATE, Move.ADOPT)}
    assert standings == {Standing.UNANSWERED, Standing.RETEST}
    assert {s for (*_, s), move in MOVES.items() if move is Move.ADOPT} == {Standing.UNANSWERED}


def test_a_living_client_of_somebody_else_stops_every_step_but_disable_which_leaves_it_alone() -> None:
    living = (Found.NOTACTIVATED, Found.ACTIVATED, Found.EXPIRED)
    for step, found, claim, standing in product(STEPS, living, (Claim.OTHER, Claim.NONE), Standing):
        move = decide(step, found, claim, standing)
        unproven = claim is Claim.NONE and standing is not Standing.NEW and step in (Step.REGISTER, Step.ENABLE)
        assert move is (Move.PROCEED if step is Step.DISABLE else Move.STOP_UNPROVEN if unproven else Move.STOP_TAKEN)


def test_a_retest_cut_at_any_step_goes_on_as_a_retest() -> None:
    """The first call of a resumed step stands as unanswered, whatever it was before."""
    assert decide(Step.REGISTER, Found.EXPIRED, Claim.CLIENT, Standing.UNANSWERED) is Move.PROCEED
    assert decide(Step.ENABLE, Found.EXPIRED, Claim.CLIENT, Standing.UNANSWERED) is Move.REGENERATE


def test_every_move_and_every_stop_occurs() -> None:
    assert set(MOVES.values()) == set(Move)


def test_mark_names_station_and_hardware_without_a_comma() -> None:
    one = mark("9f2c41d07a3e4b56", Identity("A,1", "02:00:00:00:00:01"))
    assert one == "st=9f2c41d07a3e4b56;hw=c27c02f297b7a634"  # the first 16 digits of the SHA-256, by sha256sum(1)
    assert one != mark("9f2c41d07a3e4b56", Identity("A,1", "02:00:00:00:00:02"))
    assert one == mark("9f2c41d07a3e4b56", Identity("B", "02:00:00:00:00:01"))


BOARD = Identity("S1", "H1")


@pytest.mark.parametrize(
    ("open_in", "serials_hardware", "hardwares_serial", "passed"),
    list(product([None, "2"], [None, "H1", "H2"], [None, "S1", "S2"], [False, True])),
)
def test_admission(
    open_in: str | None, serials_hardware: str | None, hardwares_serial: str | None, passed: bool
) -> None:
    history = History(
        hardware_of_serial=serials_hardware,
        serial_of_hardware=hardwares_serial,
        closed=(Outcome.PASS,) if passed else (),
        passed=passed,
        open_in=open_in,
    )
    expected: tuple[type[Exception], Blame] | None = None
    if open_in:
        expected = SerialInTwoSlots, Blame.BOARD
    elif serials_hardware == "H2":
        expected = SerialOnOtherHardware, Blame.BOARD
    elif hardwares_serial == "S2":
        expected = HardwareHasOtherSerial, Blame.BOARD
    elif passed:
        expected = AlreadyPassed, Blame.PEOPLE
    if expected is None:
        admit(BOARD, history)
        return
    kind, blame = expected
    with pytest.raises(kind) as raised:
        admit(BOARD, history)
    assert raised.value.blame is blame  # type: ignore[attr-defined]
    assert raised.value.details["serial"] == "S1"  # type: ignore[attr-defined]
