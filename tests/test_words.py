"""Every code has its words, and no words are left without a code."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import drivers
import station
from drivers.errors import Blame, Fault
from station import words
from station.cycle import BY_HAND, SCAN_LABEL
from station.errors import BadInput, Judgement
from station.ledger.holds import UNFINISHED
from station.situation import Move
from station.views import GIVEN_UP
from station.words import en

LANGUAGES = {"en": en.WORDS}
STATES = {
    "slot-empty",
    "slot-remove",
    "slot-start",
    "slot-next",
    "slot-adapter",
    "fleet-asked",
    "boards-recalled",
    GIVEN_UP,
    BY_HAND,
    SCAN_LABEL,
    UNFINISHED,
    "golden-good-failed",
    "golden-bad-failed",
}
"""What a slot says that is nobody's fault."""
MOVES = {move.code for move in Move}
"""What it says of what is done about a situation."""
SCREEN = 110
"""The most characters that a tile has room for."""


def faults() -> list[type[Fault]]:
    """Return every fault of the station and the drivers, wherever it is defined; the screen defines none."""
    for package in (drivers, station):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.startswith(("station.tui", "station.cli", "station.__main__")):
                importlib.import_module(module.name)
    return sorted(below(Fault), key=lambda fault: fault.__name__)


def below(root: type[Fault]) -> Iterator[type[Fault]]:
    for fault in root.__subclasses__():
        # None that a test has made up, nor what only a command line says, in its own words.
        if fault.__module__.startswith(("station.", "drivers.")) and not fault.__module__.startswith("station.cli."):
            yield fault
            yield from below(fault)


ALL = faults()
CODED = [fault for fault in ALL if hasattr(fault, "code")]


def test_faults_are_found_where_they_are_defined() -> None:
    names = {fault.__name__ for fault in ALL}
    assert {"BoardSilent", "DatabaseFailed", "BoardPulled", "KeyLost", "SerialTaken", "NotAllowed"} <= names


@pytest.mark.parametrize("fault", ALL, ids=lambda fault: fault.__name__)
def test_whatever_can_be_raised_has_a_code_and_a_side(fault: type[Fault]) -> None:
    if list(below(fault)) and not hasattr(fault, "code"):
        return  # a branch of the tree; its leaves are looked at
    assert isinstance(fault.code, str) and fault.code == fault.code.lower()
    assert isinstance(fault.blame, Blame)


def test_a_code_means_one_thing() -> None:
    own = [fault.code for fault in ALL if "code" in vars(fault)]
    assert len(own) == len(set(own))


def test_judgements_and_bad_input_take_sides() -> None:
    assert all(isinstance(fault.blame, Blame) for fault in below(Judgement))
    assert {fault.blame for fault in below(BadInput)} == {Blame.STATION}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_words_and_no_words_are_left_over(language: str) -> None:
    assert set(LANGUAGES[language]) == {fault.code for fault in CODED} | STATES | MOVES


@pytest.mark.parametrize(
    ("code", "text"),
    [(code, text) for table in LANGUAGES.values() for code, text in table.items()],
    ids=lambda x: x[:30],
)
def test_words_are_short_whole_sentences(code: str, text: str) -> None:
    assert len(text) <= SCREEN
    assert text.isprintable() and text.isascii() and text == text.strip()
    assert text[0].isupper() and text.endswith((".", "?"))


def test_a_code_that_nobody_knows_is_named() -> None:
    assert words.advice("board-silent") == en.WORDS["board-silent"]
    assert words.advice("board-on-fire") == f"{en.WORDS['internal']} [board-on-fire]"
