"""``docs/figures.md``: its thirty cycles, taken through a ledger, give its figures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from datetime import time as hour
from pathlib import Path
from typing import Any

import pytest
from ledger_floor import MODEL, RECIPE, RID, STATION

from station import clock
from station.ledger import BoardRow, CycleRow, Ledger, Reader
from station.ledger.decisions import amend
from station.ledger.figures import counters, first_attempts, streak
from station.ledger.history import history as history_of
from station.model import Closing, Counters, Outcome, Step
from station.shifts import Shift, Shifts
from station.tui.figures import percent

PAGE = Path(__file__).parents[2] / "docs" / "figures.md"
SHIFTS = Shifts([("early", hour(6)), ("late", hour(14)), ("night", hour(22))])


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def tables() -> list[list[dict[str, str]]]:
    """The tables of the page, each as rows by heading."""
    found: list[list[dict[str, str]]] = []
    heading: list[str] = []
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            heading = []
        elif not heading:
            heading = cells
            found.append([])
        elif set(line) > {"|", "-"}:
            found[-1].append(dict(zip(heading, cells, strict=True)))
    return found


_, CYCLES, TOTALS = tables()


def instant(text: str) -> int:
    """``10-24 21:00:00+02:00`` of 2026 as UTC microseconds."""
    return round(datetime.fromisoformat(f"2026-{text}").timestamp() * 1e6)


class Replay:
    """Writes the page's cycles, each change at its time."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0
        monkeypatch.setattr(clock, "now_us", lambda: self.now)
        self.ledger = Ledger(path, STATION, shifts=SHIFTS)
        self.rows: dict[str, CycleRow] = {}

    def run(self) -> None:
        changes: list[tuple[int, int, Any, dict[str, str]]] = []
        for turn, told in enumerate(CYCLES):
            opened = instant(told["opened"])
            if told["how"] == "rework before":
                changes.append((opened - 1_000_000, turn, self.rework, told))
            changes.append((opened, turn, self.open, told))
            if told["how"].startswith("PENDING"):
                changes.append((opened + 20_000_000, turn, self.release, told))
            if told["closed"]:
                changes.append((instant(told["closed"]), turn, self.close, told))
        for self.now, _, change, told in sorted(changes, key=lambda one: one[:2]):
            change(told)

    def rework(self, told: dict[str, str]) -> None:
        def changes(row: BoardRow) -> BoardRow:
            return replace(row, reworked=row.last_cycle, passed_cycle=None)

        amend(self.ledger, "rework", "boss", (MODEL, told["serial"]), {}, changes)

    def open(self, told: dict[str, str]) -> None:
        row = self.ledger.open_cycle(told["slot"], RECIPE, Step.IDENTIFY)
        if told["serial"] != "-":
            identity = {"serial": told["serial"], "hardware_id": f"hw-{told['serial']}"}
            golden = {"golden": told["how"].split()[1]} if told["how"].startswith("golden") else {}
            row = self.ledger.settle(row, Step.IDENTIFY, {"identity": identity, **golden}, Step.ENABLE)
            row = self.ledger.settle(row, Step.ENABLE, {"rid": RID}, Step.VERIFY_BOARD)
        self.rows[told[""]] = row

    def release(self, told: dict[str, str]) -> None:
        row = self.rows[told[""]]
        self.rows[told[""]] = self.ledger.release(row, Step.VERIFY_BOARD, {}, 20_000, None)

    def close(self, told: dict[str, str]) -> None:
        outcome, _, code = told["ended"].partition(" ")
        row = self.rows[told[""]]
        took = (self.now - row.opened_at) // 1000 - int(told["waited"]) * 1000
        took = row.duration_ms if row.duration_ms is not None else took
        self.rows[told[""]] = self.ledger.close_cycle(row, Closing(Outcome(outcome), code or None), {}, took)


@pytest.fixture
def replayed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    replay = Replay(tmp_path / "ledger.db", monkeypatch)
    replay.run()
    reader = Reader(tmp_path / "ledger.db")
    yield reader
    reader.close()
    replay.ledger.close()


def test_each_shift_has_the_figures_of_the_page(replayed: Reader) -> None:
    ends = {"2026-10-24 late": "10-24 22:00:00+02:00", "2026-10-24 night": "10-25 06:00:00+01:00"}
    assert len(CYCLES) == 30 and len(TOTALS) == 3
    for told in TOTALS:
        label = told["shift"]
        some = next(instant(one["closed"]) for one in CYCLES if one["shift"] == label)
        shift = SHIFTS.at(some)
        assert shift.label == label
        until = instant(ends[label]) if label in ends else None
        found = counters(replayed, shift.began, until)
        wanted = [int(told[name]) for name in ("done", "passed", "first attempts", "of them passed")]
        assert found == Counters(*wanted, pending=1), label
        assert percent(found.first_passed, found.first) == told["FPY"]


def test_each_cycle_is_a_first_attempt_as_the_page_says(replayed: Reader) -> None:
    told = [(int(one[""]), one["first attempt"] == "passed") for one in CYCLES if one["first attempt"]]
    newest_first = sorted(told, key=lambda one: instant(CYCLES[one[0] - 1]["closed"]), reverse=True)
    assert first_attempts(replayed, 0, 100) == [passed for _, passed in newest_first]


def test_each_cycle_is_in_the_shift_of_the_page_and_took_as_long(replayed: Reader) -> None:
    for one in CYCLES:
        row = replayed.cycle(int(one[""]))
        assert (row.shift or "") == one["shift"]
    assert [replayed.cycle(number).duration_ms for number in (10, 18)] == [20_000, 30_000]


def test_golden_units_break_no_streak_and_make_none(replayed: Reader) -> None:
    assert streak(replayed, 25, 1) == "serial-malformed" and streak(replayed, 25, 2, "1") is None


def test_a_reworked_board_has_its_attempts_anew_and_the_rework_is_none(replayed: Reader) -> None:
    assert history_of(replayed, MODEL, "A05", "hw-A05", 0).attempts == 0, "its PASS was by rework"
    assert history_of(replayed, MODEL, "A08", "hw-A08", 0).attempts == 1
    assert history_of(replayed, MODEL, "A02", "hw-A02", 0).attempts == 2


# --------------------------------------------------------------------------- shifts


def test_without_shifts_a_day_is_the_calendars() -> None:
    assert Shifts().at(instant("10-25 23:59:59+01:00")) == Shift("2026-10-25", instant("10-25 00:00:00+02:00"))


def test_one_shift_goes_on_until_it_begins_again() -> None:
    only = Shifts([("day", hour(7))])
    assert only.at(instant("10-25 06:59:59+01:00")) == Shift("2026-10-24 day", instant("10-24 07:00:00+02:00"))


def test_a_beginning_that_comes_twice_counts_once_and_one_that_is_skipped_comes_with_the_jump() -> None:
    early = Shifts([("a", hour(2, 30)), ("b", hour(12))])
    second = instant("10-25 02:35:00+01:00")
    assert early.at(second) == Shift("2026-10-25 a", instant("10-25 02:30:00+02:00"))
    spring = early.at(instant("03-29 03:35:00+02:00"))
    assert spring.label == "2026-03-29 a" and spring.began <= instant("03-29 03:30:00+02:00")
    assert early.at(instant("03-29 01:59:00+01:00")).label == "2026-03-28 b"
