"""Hostile text is shown, never obeyed, and everything fits its cells."""

from __future__ import annotations

import pytest

from station.tui.fit import head, literal, minutes, tail, visible, wrapped

HOSTILE = "\x1b[31m[bold]\r\n\t\x00\x7fé\u202e\U0001f600=cmd()"


def test_what_a_board_said_becomes_printable_ascii():
    assert literal(HOSTILE) == r"\x1b[31m[bold]\x0d\x0a\x09\x00\x7f\xe9\u202e\U0001f600=cmd()"


def test_our_own_letters_stay_and_what_cannot_be_seen_does_not():
    assert visible("Prüfling entnehmen → weiter") == "Prüfling entnehmen → weiter"
    assert visible("a\x1b[2Jb\u202ec\u0301") == r"a\x1b[2Jb\u202ec\u0301"


@pytest.mark.parametrize(
    ("said", "width", "shown"),
    [
        ("G1-00000042", 11, "G1-00000042"),
        ("G1-00000042", 6, "←00042"),
        ("G1-00000042", 1, "←"),
        ("G1-00000042", 0, ""),
        ("ab\x1b", 5, "←\\x1b"),
        ("ab\x1b", 6, "ab\\x1b"),
        ("", 4, ""),
    ],
)
def test_the_tail_of_a_serial_number_shows(said, width, shown):
    assert tail(said, width) == shown


def test_ten_thousand_characters_are_cut_to_the_width():
    assert tail("x" * 9_990 + "0123456789", 8) == "←3456789"


def test_names_are_cut_at_the_end():
    assert head("line-3", 6) == "line-3"
    assert head("line-3", 4) == "lin→"
    assert head("line-3", 0) == ""


def test_sentences_wrap_and_show_where_they_were_cut():
    sentence = "Check the cable and the power."
    assert wrapped(sentence, 12, 5) == ["Check the", "cable and", "the power."]
    assert wrapped(sentence, 12, 2) == ["Check the", "cable and→"]
    assert wrapped(sentence, 12, 0) == []
    assert wrapped("x" * 30, 12, 2) == ["x" * 12, "x" * 11 + "→"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00"), (59.99, "0:59"), (60, "1:00"), (3599.9, "59:59"), (3600, "1:00:00"), (-1, "0:00")],
)
def test_durations_never_run_ahead(seconds, shown):
    assert minutes(seconds) == shown
