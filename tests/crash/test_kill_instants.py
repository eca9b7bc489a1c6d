"""A station is killed at random instants and by the kernel at its flushes; begun again, it loses no board."""

from __future__ import annotations

import random
import shutil
import time
from contextlib import closing
from pathlib import Path

import pytest
from crash_floor import MODES, device_fleet, finish, insert, passes
from crossings import Nursery
from engine_floor import Floor
from needed import missing

pytestmark = [pytest.mark.slow]

KILLS = 200
"""At random instants, in all modes together."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", list(MODES))
def test_a_station_killed_at_random_instants_loses_no_board(mode: str, nursery: Nursery, tmp_path: Path) -> None:
    chance = random.Random(mode)
    with closing(Floor(tmp_path, *MODES[mode])) as floor, device_fleet(floor) as fleet:
        began = time.monotonic()
        passes(floor, nursery, 1, mode, fleet, None)
        whole_s = time.monotonic() - began
        killed, number = 0, 1
        while killed < KILLS // len(MODES):
            number += 1
            insert(floor, number, mode, fleet)
            for _ in range(chance.randint(1, 4)):
                status, _ = nursery.run(floor.config, number, after_s=chance.uniform(0, whole_s))
                killed += status == -9
            finish(floor, nursery, number, mode, None)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", [pytest.param(mode, marks=pytest.mark.long) for mode in MODES] + ["some"])
def test_a_station_killed_at_any_flush_to_the_disk_loses_no_board(mode: str, nursery: Nursery, tmp_path: Path) -> None:
    """The kernel kills it as it asks for one: what was written before may be on the disk, or not."""
    strace = shutil.which("strace") or missing("no strace")
    some, mode = (mode == "some"), ("station" if mode == "some" else mode)
    with closing(Floor(tmp_path, *MODES[mode])) as floor, device_fleet(floor) as fleet:
        number, status, flush = 0, -9, 1
        while status == -9:
            number += 1
            insert(floor, number, mode, fleet)
            inject = f"inject=fdatasync,fsync:signal=KILL:when={flush}"
            with Nursery(strace, "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync,fsync", "-e", inject) as traced:
                status, _ = traced.run(floor.config, number)
            finish(floor, nursery, number, mode, None)
            flush += 3 if some else 1
        assert number >= (4 if some else 12), "that is hardly every flush"
