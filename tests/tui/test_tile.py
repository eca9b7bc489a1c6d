"""What a tile says, cell by cell."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tui_floor import ADVICE, PLAN, busy, closed, mixed

from station.model import Outcome, Phase, SlotView, Step
from station.tui.looks import PHASES, VERDICTS, look_of
from station.tui.tile import body, elapsed, position, progress

SAFE = set("─│┌┐└┘├┤┬┴┼═║╔╗╚╝╠╣╦╩╬█░▒■▲▶▼◀←↑→↓•·♦≤≥≈∞") | {chr(code) for code in range(0x20, 0x7F)}
"""What Debian's Lat15-Fixed16 console font draws, and nothing that it may not."""


@pytest.mark.parametrize("view", mixed(10), ids=lambda view: f"{view.phase}-{view.outcome}")
@pytest.mark.parametrize(("width", "rows"), [(9, 2), (9, 4), (19, 9), (39, 9), (80, 20), (298, 90)])
def test_every_state_says_its_word_and_symbol_in_exactly_its_cells(view, width, rows):
    lines = body(view, width, rows)
    assert len(lines) == rows
    assert {len(line) for line in lines} == {width}
    look = look_of(view)
    assert any(f"{look.symbol} {look.word}" in line for line in lines)
    assert set("".join(lines)) <= SAFE


def test_every_outcome_and_phase_has_a_look_of_its_own():
    looks = [*VERDICTS.values(), *PHASES.values()]
    assert set(VERDICTS) == set(Outcome)
    assert set(PHASES) == set(Phase)
    for part in ("word", "symbol", "style"):
        assert len({getattr(look, part) for look in looks}) == len(looks)


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.FAIL])
def test_a_verdict_says_what_is_wrong_with_its_port_as_well(outcome):
    view = replace(closed("1", outcome), note="The port is gone.")
    lines = " ".join(" ".join(body(view, 60, 12)).split())
    assert look_of(view).word in lines and f"{view.advice} {view.note}".strip() in lines


def test_a_verdict_stands_only_until_the_board_leaves():
    done = closed("1", Outcome.PASS)
    assert look_of(done).word == "PASS"
    assert look_of(replace(done, phase=Phase.EMPTY)).word == "EMPTY"
    assert look_of(replace(done, outcome=None)).word == "REMOVE"


def test_a_pass_is_spelled_large_and_work_is_not():
    assert "███ ███ ███ ███" in body(closed("1", Outcome.PASS), 19, 9)[1]
    assert not any("███ ███" in line for line in body(busy("1", Step.IDENTIFY), 60, 20))


def test_advice_comes_before_large_letters():
    lines = body(closed("1", Outcome.FAIL), 19, 9)
    assert " ".join(" ".join(lines).split()) == f"X FAIL G1-00000042 {ADVICE}"


def test_a_narrow_tile_names_the_step_that_failed_instead_of_half_a_sentence():
    lines = body(closed("1", Outcome.FAIL), 13, 4)
    assert [line.strip() for line in lines] == ["X FAIL", "G1-00000042", "4/7 activate", ""]


def test_a_running_slot_shows_serial_step_and_progress():
    lines = [line.strip() for line in body(busy("1", Step.CONFIGURE), 19, 4)]
    assert lines == ["→ BUSY", "G1-00000042", "5/7 configure", "██████████▒▒▒░░░░"]


def test_an_empty_slot_remembers_the_board_before():
    view = SlotView("1", last="G1-00000041 PASS")
    assert body(view, 25, 2)[1].strip() == "last: G1-00000041 PASS"
    assert body(view, 9, 2)[1] == "←041 PASS"
    assert body(SlotView("1"), 25, 2)[1].strip() == ""


@pytest.mark.parametrize("step", PLAN)
def test_the_position_in_the_plan(step):
    view = busy("1", step)
    assert position(view) == f"{PLAN.index(step) + 1}/7 {step}"
    bar = progress(view, 35)
    at = PLAN.index(step)
    assert bar == "█" * 5 * at + "▒" * 5 + "░" * 5 * (6 - at)


def test_a_step_outside_the_plan_has_a_name_but_no_position():
    view = busy("1", Step.DISABLE)
    assert position(view) == "disable"
    assert progress(view, 35) == ""


def test_time_runs_until_the_cycle_closes():
    view = busy("1", started=100.0)
    assert elapsed(view, 175.9) == "1:15"
    assert elapsed(replace(view, duration=80.0), 500.0) == "1:20"
    assert elapsed(SlotView("1"), 500.0) == ""


@pytest.mark.parametrize("serial", ["[red]X[/red]", "\x1b[2J\x1b[31m", "a" * 10_000, "\u202e\u0301\n\r", "=1+1"])
@pytest.mark.parametrize("width", [9, 19, 80])
def test_a_hostile_serial_number_stays_in_its_cells(serial, width):
    lines = body(closed("1", Outcome.PASS, serial=serial), width, 3)
    assert {len(line) for line in lines} == {width}
    assert set("".join(lines)) <= SAFE
