"""Large letters: full blocks only, as large as fits."""

from __future__ import annotations

import pytest

from station.tui.letters import spell
from station.tui.looks import PHASES, VERDICTS


def test_a_word_in_its_smallest_letters():
    assert spell("PASS", 15, 5) == [
        "███ ███ ███ ███",
        "█ █ █ █ █   █  ",
        "███ ███ ███ ███",
        "█   █ █   █   █",
        "█   █ █ ███ ███",
    ]


def test_points_grow_with_the_place():
    assert spell("I", 6, 10) == ["██████"] * 2 + ["  ██  "] * 6 + ["██████"] * 2


@pytest.mark.parametrize(("width", "height"), [(14, 9), (40, 4), (0, 0)])
def test_what_does_not_fit_is_not_spelled(width, height):
    assert spell("PASS", width, height) == []


def test_a_letter_that_is_missing_is_not_left_out():
    assert spell("PRÜFT", 200, 50) == []


@pytest.mark.parametrize("word", [look.word for look in (*VERDICTS.values(), *PHASES.values())])
@pytest.mark.parametrize(("width", "height"), [(27, 5), (78, 17), (298, 90), (80, 6)])
def test_every_word_fits_and_uses_blocks_only(word, width, height):
    lines = spell(word, width, height)
    assert 5 <= len(lines) <= height
    assert len({len(line) for line in lines}) == 1
    assert len(lines[0]) <= width
    assert set("".join(lines)) == {"█", " "}
