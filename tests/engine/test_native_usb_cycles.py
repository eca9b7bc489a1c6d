"""Boards with USB of their own on a whole station: each dialect, and all that can happen while the port is away."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from engine_floor import LIMIT_S
from engine_native import NativeFloor

from drivers.link import Link
from drivers.sim import simulated
from station.ledger.archive import Archive
from station.model import Outcome, Phase
from station.presence import Gate

Make = Callable[..., NativeFloor]

pytestmark = pytest.mark.slow


@pytest.fixture
def native(tmp_path: Path) -> Iterator[Make]:
    with ExitStack() as stack:
        yield lambda dialect, **options: stack.enter_context(closing(NativeFloor(tmp_path, dialect, **options)))


def cycles(floor: NativeFloor) -> list[tuple[str, str, str | None]]:
    return floor.ledger("SELECT serial, outcome, error FROM cycles ORDER BY id")


@pytest.mark.parametrize("dialect", simulated())
def test_a_board_passes_though_its_port_is_away_while_it_restarts(dialect: str, native: Make) -> None:
    floor = native(dialect)
    watcher = floor.start()
    floor.insert_native()
    finished = watcher.wait_finished()
    assert (finished.serial, finished.outcome, finished.error) == (floor.label().serial, Outcome.PASS, None)
    assert floor.away.is_set() and floor.wires["1"].path.exists()
    ((restarted,),) = floor.ledger(
        "SELECT json_extract(body, '$.facts.restarted') FROM events WHERE kind = 'settle'"
        " AND json_extract(body, '$.step') = 'verify-board'"
    )
    assert restarted
    assert watcher.wait_phase("1", Phase.REMOVE).outcome is Outcome.PASS
    floor.remove()
    watcher.wait_left("1")
    assert cycles(floor) == [(floor.label().serial, "PASS", None)]


@pytest.mark.parametrize("dialect", simulated())
def test_another_board_that_comes_back_is_told_nothing(dialect: str, native: Make) -> None:
    floor = native(dialect)
    floor.hold()
    watcher = floor.start()
    floor.insert_native()
    floor.wait_away()
    floor.remove()
    floor.insert_native(2)
    finished = watcher.wait_finished()
    assert (finished.serial, finished.outcome, finished.error) == (
        floor.label().serial,
        Outcome.ABORTED,
        "board-swapped",
    )
    assert floor.flash(2).keys() == floor._boards["1"].program(floor.label(2)).keys()
    assert floor.entry(floor.label(2).serial) is None


@pytest.mark.parametrize("dialect", simulated())
def test_a_board_that_never_comes_back_fails_and_is_shown_until_the_next_one(dialect: str, native: Make) -> None:
    floor = native(dialect, returns_s=0.3)
    floor.hold()
    watcher = floor.start()
    floor.insert_native()
    finished = watcher.wait_finished()
    assert (finished.outcome, finished.error) == (Outcome.FAIL, "board-does-not-return")
    entry = floor.entry(floor.label().serial)
    assert entry is not None and entry[0] == "expired"
    floor.remove()
    assert watcher.views[-1].phase is Phase.REMOVE and watcher.views[-1].code == "board-does-not-return"
    floor.let_go()
    floor.insert_native(2)
    assert watcher.wait_finished(2).outcome is Outcome.PASS


def test_a_board_that_was_pulled_and_comes_back_too_late_is_tried_again(native: Make) -> None:
    floor = native("shell", returns_s=0.3)
    floor.hold()
    watcher = floor.start()
    floor.insert_native()
    floor.wait_away()
    floor.remove()
    assert watcher.wait_finished().error == "board-does-not-return"
    floor.let_go()
    floor.insert_native()
    finished = watcher.wait_finished(2)
    assert (finished.outcome, finished.attempt) == (Outcome.PASS, 2)


def test_a_board_that_always_comes_back_too_late_is_tried_three_times(
    native: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = threading.Event()
    await_removal = Gate.await_removal

    def spied(gate: Gate, link: Link, *arguments: Any) -> bool:
        if not link.closed:
            seen.set()
        return await_removal(gate, link, *arguments)

    monkeypatch.setattr(Gate, "await_removal", spied)
    floor = native("shell", returns_s=0.2)
    floor.hold()
    watcher = floor.start()
    floor.insert_native()
    for attempt in (1, 2, 3):
        assert watcher.wait_finished(attempt).error == "board-does-not-return"
        floor.let_go()
        floor.hold()
    assert seen.wait(LIMIT_S), "it is back once more, and waited for to be taken out"
    assert watcher.views[-1].code == "board-does-not-return"
    floor.remove()
    watcher.wait_left("1")
    assert len(watcher.finished) == 3


@pytest.mark.parametrize("dialect", simulated())
def test_a_station_that_stops_in_the_gap_goes_on_afterwards(dialect: str, native: Make) -> None:
    floor = native(dialect)
    floor.hold()
    floor.start()
    floor.insert_native()
    floor.wait_away()
    floor.stop()
    assert floor.ledger("SELECT closed_at FROM cycles") == [(None,)]
    with closing(Archive(floor.folder / "state" / "ledger.db")) as archive:
        assert archive.attempt(1).transcript
    floor.let_go()
    finished = floor.start().wait_finished()
    assert (finished.serial, finished.outcome, finished.attempt) == (floor.label().serial, Outcome.PASS, 1)
    assert len(cycles(floor)) == 1


def test_a_station_that_is_killed_in_the_gap_goes_on_afterwards(native: Make) -> None:
    floor = native("line")
    floor.hold()
    floor.insert_native()
    command = [sys.executable, "-m", "station", "run", "--headless", "--config", str(floor.config)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as station:
        try:
            floor.wait_away()
        finally:
            station.send_signal(signal.SIGKILL)
    assert floor.ledger("SELECT closed_at FROM cycles") == [(None,)]
    floor.let_go()
    finished = floor.start().wait_finished()
    assert (finished.serial, finished.outcome, finished.attempt) == (floor.label().serial, Outcome.PASS, 1)
    assert len(cycles(floor)) == 1
