"""``make bench``: how fast, as figures of one run on one machine; no test depends on them.

A rehearsal with 1 and with 8 slots, at the pace of 115,200 baud.  The far end
is another process, so the CPU time is the station's own.  The last columns say
where the time between a board's arrival and its verdict goes: the far ends
report how long the wire, the board and the fleet were busy in it; the rest is
the station's (its disk, its CPU, and how long it takes to see a board).  Wire
and board overlap a little, so the columns may add up to more than the whole.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from station import settings
from station.build import build
from station.model import Finished, FleetState, Outcome, SlotView
from station.rehearsal import Plan, RemoteFarEnd, Robot

_BOARDS_A_SLOT = 12


@dataclass
class Stopwatch:
    """Adds up the cycles of one run."""

    cycles: list[Finished] = field(default_factory=list)
    arrived: dict[str, float] = field(default_factory=dict)
    spent: float = 0.0
    """Seconds between arrival and verdict, summed over the boards."""

    def slot_changed(self, view: SlotView) -> None:
        """Do nothing."""

    def cycle_finished(self, finished: Finished) -> None:
        """Take a cycle down."""
        self.spent += time.monotonic() - self.arrived.pop(finished.slot)
        self.cycles.append(finished)


class TimedFarEnd(RemoteFarEnd):
    """A far end that notes when it put a board in."""

    watch: Stopwatch

    def ask(self, order: str) -> Any:
        """Give an order; note when a board goes in."""
        if order.startswith("insert "):
            self.watch.arrived.setdefault(order.removeprefix("insert "), time.monotonic())
        return super().ask(order)


def measure(slots: int) -> list[str]:
    """Run one rehearsal and return its row of the table."""
    watch = Stopwatch()
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="station-bench-")))
        plan = Plan(folder, slots, _BOARDS_A_SLOT * slots, baud=115200, boot_s=0.05, save_s=0.02)
        far_end = TimedFarEnd(plan)
        far_end.watch = watch
        held.callback(far_end.close)
        far_end.wait()
        bench = build(settings.load(plan.config))
        held.callback(bench.stop)
        robot = Robot(far_end, plan.slot_names, 0)
        bench.subscribe(watch)
        bench.subscribe(robot)
        bench.start()
        while bench.line().fleet is FleetState.UNKNOWN:
            time.sleep(0.01)  # the start, and what is imported in it, is no board's
        before = far_end.ask("busy")
        began, cpu = time.monotonic(), time.process_time()
        robot.start()
        robot.done.wait()
        elapsed, cpu = time.monotonic() - began, time.process_time() - cpu
        busy = {name: seconds - before[name] for name, seconds in far_end.ask("busy").items()}
        robot.stop()
        bench.stop()
    boards = len(watch.cycles)
    passed = sum(cycle.outcome is Outcome.PASS for cycle in watch.cycles)
    cycle_s = sum(cycle.duration_s for cycle in watch.cycles)
    shares = [busy[name] / watch.spent for name in ("wire_s", "board_s", "fleet_s")]
    station = 1 - (busy["far_end_s"] + busy["fleet_s"]) / watch.spent
    return [
        str(slots),
        f"{passed}/{boards}",
        f"{boards / elapsed * 60:.0f}",
        f"{cpu / boards * 1000:.1f}",
        f"{cycle_s / boards * 1000:.0f}",
        f"{watch.spent / boards * 1000:.0f}",
        *(f"{share:.0%}" for share in shares),
        f"{station:.0%}",
    ]


def main() -> None:
    """Print the table."""
    head = [
        "slots",
        "passed",
        "boards/min",
        "CPU ms/board",
        "cycle ms",
        "in slot ms",
        "wire",
        "board",
        "fleet",
        "station",
    ]
    rows = [head, *(measure(slots) for slots in (1, 8))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))  # noqa: T201


if __name__ == "__main__":
    main()
