"""``make bench``: how fast, as figures of one run on one machine; no test depends on them.

Rehearsals at 115,200 baud, with 1 KiB of settings in 16 keys.  The far end is
another process, so the CPU time is the station's own.

The first table is one slot, a row a dialect, with boards that need no time of
their own: what a cycle takes against what the wire and the fleet need for it,
which the far ends report.  What is more is the station's: its disk, its CPU,
its waiting.  A board is seen up to 50 ms after it came; that is told apart.

The second is many slots against as many times one, with boards that start and
save as slowly as real ones do.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drivers.sim import simulated
from station import settings
from station.build import build
from station.dedicated import keep_to_one_core, spare_collector
from station.model import Finished, FleetState, Outcome, Phase, SlotView
from station.rehearsal import Plan, RemoteFarEnd, shipped_recipe
from station.robot import Robot

_KEYS = 16
_BYTES = 1024
_BOARDS_A_SLOT = 24
_SLOTS = 32
_ROUNDS = 10
"""Boards a slot of the second table: the first ones are put in one after the other, which takes a moment."""

_CYCLE_LIMIT = 1.10
"""Times what the wire and the fleet need: what a cycle may take."""
_SLOTS_LIMIT = 0.95
"""Times so many single slots: what many slots have to do."""
_CPU_LIMIT_MS = 15.0
"""The station's own CPU time for one board, in a station at work: one slot alone is served from cold caches."""


def recipe(folder: Path, dialect: str) -> Path:
    """Write the dialect's rehearsal recipe with 1 KiB of settings in 16 keys."""
    text = shipped_recipe(f"rehearsal-{dialect}").read_text()
    known = {"fleet_key": "{cik}", "fleet_rid": "{rid}"}  # 40 digits each, once filled
    left = _BYTES - 40 * len(known)
    others = _KEYS - len(known)
    for index in range(others):
        length = left * (index + 1) // others - left * index // others
        known[f"setting_{index:02d}"] = ("abcdefghijklmnopqrstuvwxyz0123456789" * 3)[:length]
    config = "".join(f'{name} = "{value}"\n' for name, value in known.items())
    path = folder / f"bench-{dialect}.toml"
    path.write_text(re.sub(r"(?ms)^\[config\]\n.*", f"[config]\n{config}", text))
    return path


@dataclass
class Stopwatch:
    """Adds up the cycles of one run."""

    cycles: list[Finished] = field(default_factory=list)
    arrived: dict[str, float] = field(default_factory=dict)
    begun: dict[str, float] = field(default_factory=dict)
    unseen_s: float = 0.0
    """Seconds between a board's arrival and its cycle's beginning, summed over the boards."""

    def slot_changed(self, view: SlotView) -> None:
        """Note when a cycle begins."""
        if view.phase is Phase.RUNNING and view.slot in self.arrived:
            self.unseen_s += time.monotonic() - self.arrived.pop(view.slot)

    def cycle_finished(self, finished: Finished) -> None:
        """Take a cycle down."""
        self.cycles.append(finished)


class TimedFarEnd(RemoteFarEnd):
    """A far end that notes when it put a board in."""

    watch: Stopwatch

    def ask(self, order: str) -> Any:
        """Give an order; note when a board goes in."""
        if order.startswith("insert "):
            self.watch.arrived.setdefault(order.removeprefix("insert "), time.monotonic())
        return super().ask(order)


@dataclass(frozen=True)
class Run:
    """The figures of one run; seconds and milliseconds are per board."""

    boards: int
    passed: int
    rate: float
    """Boards a second, from the first one's arrival to the last one's leaving."""
    cpu_ms: float
    cycle_s: float
    unseen_s: float
    wire_s: float
    far_end_s: float
    """The wire carried something, or the board was at work."""
    fleet_s: float


def measure(dialect: str, slots: int, boards_a_slot: int, boot_s: float, save_s: float) -> Run:
    """Run one rehearsal."""
    watch = Stopwatch()
    with ExitStack() as held:
        held.callback(os.sched_setaffinity, 0, os.sched_getaffinity(0))  # the next far end may use all cores again
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="station-bench-")))
        plan = Plan(
            folder,
            slots,
            boards_a_slot * slots,
            baud=115200,
            boot_s=boot_s,
            save_s=save_s,
            dialect=dialect,
            recipe=recipe(folder, dialect),
        )
        far_end = TimedFarEnd(plan)
        far_end.watch = watch
        held.callback(far_end.close)
        far_end.wait()
        keep_to_one_core()
        bench = build(settings.load(plan.config))
        held.callback(bench.stop)
        robot = Robot(far_end, plan.slot_names, 0)
        bench.subscribe(watch)
        bench.subscribe(robot)
        bench.start()
        while bench.line().fleet is FleetState.UNKNOWN:
            time.sleep(0.01)  # the start, and what is imported in it, is no board's
        spare_collector()
        before = far_end.ask("busy")
        began, cpu = time.monotonic(), time.process_time()
        robot.start()
        robot.done.wait()
        elapsed, cpu = time.monotonic() - began, time.process_time() - cpu
        busy = {name: seconds - before[name] for name, seconds in far_end.ask("busy").items()}
        robot.stop()
        bench.stop()
    boards = len(watch.cycles)
    return Run(
        boards=boards,
        passed=sum(cycle.outcome is Outcome.PASS for cycle in watch.cycles),
        rate=boards / elapsed,
        cpu_ms=cpu / boards * 1000,
        cycle_s=sum(cycle.duration_s for cycle in watch.cycles) / boards,
        unseen_s=watch.unseen_s / boards,
        wire_s=busy["wire_s"] / boards,
        far_end_s=busy["far_end_s"] / boards,
        fleet_s=busy["fleet_s"] / boards,
    )


def _one_slot(dialects: list[str]) -> Iterator[list[str]]:
    limit = f"cycle / (wire + fleet), limit {_CYCLE_LIMIT:.2f}"
    yield ["dialect", "passed", "cycle ms", "wire ms", "fleet ms", limit, "seen after ms", "CPU ms"]
    for dialect in dialects:
        run = measure(dialect, 1, _BOARDS_A_SLOT, 0.0, 0.0)
        ratio = run.cycle_s / (run.far_end_s + run.fleet_s)
        yield [
            dialect,
            f"{run.passed}/{run.boards}",
            f"{run.cycle_s * 1000:.0f}",
            f"{run.far_end_s * 1000:.0f}",
            f"{run.fleet_s * 1000:.0f}",
            _judged(f"{ratio:.3f}", ratio <= _CYCLE_LIMIT),
            f"{run.unseen_s * 1000:.0f}",
            f"{run.cpu_ms:.1f}",
        ]


def _many_slots(dialects: list[str]) -> Iterator[list[str]]:
    limits = (
        f"of so many single slots, limit {_SLOTS_LIMIT:.2f}",
        f"CPU ms, limit {_CPU_LIMIT_MS:.0f} at {_SLOTS} slots",
    )
    yield ["dialect", "slots", "passed", "boards/min", *limits]
    for dialect in dialects:
        alone = measure(dialect, 1, _ROUNDS, 0.8, 0.2)
        for slots in (1, _SLOTS):
            run = alone if slots == 1 else measure(dialect, slots, _ROUNDS, 0.8, 0.2)
            share = run.rate / alone.rate / slots
            yield [
                dialect,
                str(slots),
                f"{run.passed}/{run.boards}",
                f"{run.rate * 60:.0f}",
                _judged(f"{share:.2f}", share >= _SLOTS_LIMIT),
                _judged(f"{run.cpu_ms:.1f}", slots == 1 or run.cpu_ms <= _CPU_LIMIT_MS),
            ]


def _judged(figure: str, kept: bool) -> str:
    return figure if kept else f"over the limit: {figure}"


def _print(rows: list[list[str]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))  # noqa: T201
    print(flush=True)  # noqa: T201


def main() -> None:
    """Print the tables, of the dialects that are named or of all."""
    dialects = sys.argv[1:] or simulated()
    _print(list(_one_slot(dialects)))
    _print(list(_many_slots(dialects)))


if __name__ == "__main__":
    main()
