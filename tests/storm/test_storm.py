"""Boards, network and process all go wrong at once, by chance, and everything is as it should be afterwards.

``make storm`` runs it with a seed of its own, which is printed, or with ``SEED=...``; ``BOARDS=100000`` is for a night.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from invariants import Aftermath
from storm_child import plan

from station import recipe as recipes
from station.fleet.client import Client
from station.fleet.server import FleetServer
from station.rehearsal import VENDOR, arrived, sound

pytestmark = [pytest.mark.slow]

SEED = int(os.environ.get("STORM_SEED") or 1)
BOARDS = int(os.environ.get("STORM_BOARDS") or 1000)
DIALECT = os.environ.get("STORM_DIALECT") or "shell"
SLOTS = 32
SHARE = 0.15
"""The part of the requests that go wrong."""
KILLS = 8
LINES = 3.5
"""Lines that a station's journal has for a board, at least."""


def life(folder: Path, number: int, share: float, lines: int | None) -> bool:
    """Let a station live, until its journal has so many lines if it is to be killed; tell whether it was."""
    child = Path(__file__).with_name("storm_child.py")
    arguments = (folder, SEED, number, SLOTS, BOARDS, share, DIALECT)
    process = subprocess.Popen(
        [sys.executable, child, *map(str, arguments)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert process.stderr is not None
    with process, process.stderr:
        said: list[str] = []
        for line in process.stderr:
            said = [*said[-50:], line]
            lines = lines and lines - 1
            if lines == 0:
                os.kill(process.pid, signal.SIGKILL)
                break
        process.stderr.read()  # its far end has the pipe, too, and is gone when the pipe ends
    assert process.returncode in (0, -signal.SIGKILL), "".join(said)
    return process.returncode != 0


@pytest.mark.timeout(36000)
def test_a_storm_loses_doubles_and_passes_no_board_by_mistake(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    again = f"make storm SEED={SEED} BOARDS={BOARDS} DIALECT={DIALECT}"
    most = int(BOARDS * LINES / KILLS)
    killed = [life(tmp_path, number, SHARE, chance.randint(1, most)) for number in range(KILLS)]
    assert sum(killed) > KILLS // 2, f"the storm was over too early: {again}"
    assert not life(tmp_path, KILLS, SHARE, None)
    assert not life(tmp_path, KILLS + 1, 0.0, None)  # the weather clears up, and what is owed arrives
    rehearsed = plan(tmp_path, SEED, SLOTS, BOARDS, DIALECT)
    after = Aftermath(tmp_path)
    assert not (wrong := after.wrong()), f"{wrong}; {again}"
    assert arrived(rehearsed) == BOARDS, again
    assert len(after.passes) >= sound(rehearsed), f"sound boards did not pass: {again}"
    token = (tmp_path / "token").read_text().strip()
    server = FleetServer(tmp_path / "fleet.db")
    server.start()
    with closing(Client(server.url, VENDOR, lambda: token)) as fleet:
        assert rehearsed.recipe is not None
        wrong = after.keys_work(fleet, recipes.load(rehearsed.recipe).fleet.model)
    server.stop()
    assert not wrong, f"{wrong}; {again}"
