"""The table has no hole: each of the 67 procedures, with each status that the API document gives it."""

from __future__ import annotations

from collections import Counter

from conformance_table import FIRST, NUMBERS, ROWS, STATUSES


def test_every_procedure_is_there() -> None:
    assert len(NUMBERS) == 67
    assert list(STATUSES) == NUMBERS
    assert {row.number for row in ROWS} == set(NUMBERS)


def test_every_documented_status_is_there() -> None:
    found: dict[str, set[int]] = {number: set() for number in NUMBERS}
    for row in ROWS:
        found[row.number].add(row.answer.status)
    assert {number: " ".join(map(str, sorted(codes))) for number, codes in found.items()} == STATUSES


def test_every_procedure_starts_with_a_success_that_the_client_asks_for_too() -> None:
    assert [number for number, row in FIRST.items() if row.answer.status >= 400 or row.call is None] == []


def test_every_success_shows_what_has_changed() -> None:
    changing = [row for number, row in FIRST.items() if row.ask.method != "GET"]
    assert [row.id for row in changing if not row.after] == []


def test_no_row_is_there_twice() -> None:
    assert [id for id, times in Counter(row.id for row in ROWS).items() if times > 1] == []
