"""The hands of a rehearsal: whatever a person at the screen does meanwhile, every board comes and goes."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from engine_floor import LIMIT_S

from station import robot as robots
from station import settings
from station.bench import Bench
from station.build import build
from station.model import Finished, Phase, SlotView
from station.rehearsal import Plan, RemoteFarEnd
from station.robot import Robot

DWELL_S = 0.6


class Hasty:
    """Somebody who starts a slot the first time that it is seen to be empty, before the next board is in."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.finished: list[Finished] = []
        self._once = threading.Lock()

    def slot_changed(self, view: SlotView) -> None:
        if view.phase is Phase.EMPTY and view.last and self._once.acquire(blocking=False):
            assert self.bench.start_cycle(view.slot) is None

    def cycle_finished(self, finished: Finished) -> None:
        self.finished.append(finished)


def test_a_slot_that_was_started_while_it_was_empty_gets_its_next_board(tmp_path: Path) -> None:
    plan = Plan(tmp_path, slots=1, boards=3, baud=0, boot_s=0.02, save_s=0.01)
    with closing(RemoteFarEnd(plan)) as far_end:
        far_end.wait()
        bench = build(settings.load(plan.config))
        hasty, robot = Hasty(bench), Robot(far_end, plan.slot_names, DWELL_S)
        bench.subscribe(hasty)
        bench.subscribe(robot)
        try:
            bench.start()
            robot.start()
            assert robot.done.wait(LIMIT_S), hasty.finished
        finally:
            robot.stop()
            bench.stop()
    assert [finished.error for finished in hasty.finished] == [None, "board-unseen", None, None]


class Pile:
    """A far end with a pile of boards, which notes what becomes of each order."""

    def __init__(self, boards: int) -> None:
        self.left = boards
        self.held: set[str] = set()
        self.orders: list[tuple[str, bool]] = []
        self.changed = threading.Condition()

    def ask(self, order: str) -> bool:
        verb, slot = order.split()
        with self.changed:
            done = slot in self.held
            if verb == "remove":
                self.held.discard(slot)
            elif not done and self.left:
                self.left -= 1
                self.held.add(slot)
                done = True
            self.orders.append((order, done))
            self.changed.notify_all()
        return done

    def wait(self, *orders: tuple[str, bool]) -> None:
        """Return once these, in all, were given."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.orders) >= len(orders), LIMIT_S)
            assert self.orders == list(orders)


def shown(slot: str, phase: Phase, code: str | None = None) -> SlotView:
    return SlotView(slot, phase, code=code)


def test_a_verdict_that_stays_though_its_board_was_taken_out_is_followed_by_the_next_board(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(robots, "_STAYS_S", 0.05)
    pile: Any = Pile(2)
    robot = Robot(pile, ["1"], 0)
    robot.start()
    robot.slot_changed(shown("1", Phase.REMOVE, "board-silent"))
    seen = [("insert 1", True), ("remove 1", True), ("remove 1", False), ("insert 1", True)]
    pile.wait(*seen)
    robot.slot_changed(shown("1", Phase.RUNNING))
    robot.slot_changed(shown("1", Phase.REMOVE))
    assert robot.done.wait(LIMIT_S)
    pile.wait(*seen, ("remove 1", True), ("remove 1", False), ("insert 1", False))


def test_a_board_that_is_worked_on_is_not_taken_out() -> None:
    pile: Any = Pile(2)
    robot = Robot(pile, ["1", "2"], 0.05)
    robot.slot_changed(shown("1", Phase.REMOVE, "board-silent"))
    robot.slot_changed(shown("1", Phase.RUNNING))
    robot.slot_changed(shown("2", Phase.REMOVE, "board-silent"))
    robot.start()
    pile.wait(("insert 1", True), ("insert 2", True), ("remove 2", True))
    robot.stop()
