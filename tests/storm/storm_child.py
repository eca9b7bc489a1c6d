"""One life of a station in a storm: on simulated boards with faults, behind a network that is bad by chance.

``python storm_child.py FOLDER SEED LIFE SLOTS BOARDS SHARE DIALECT``; it ends when every board has come and gone, or
by SIGKILL, and a later life goes on with the same boards.  SHARE of the requests are bad ones.
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

from proxy import Proxy
from weather import Weather

from station import journal, settings
from station.build import Ports, build
from station.fleet.client import Client
from station.rehearsal import Plan, RemoteFarEnd, shipped_recipe
from station.robot import Robot
from station.settings import Settings

READ_S = 1.0
"""So long, in seconds, the fleet's answers are waited for: shorter than on a line, as the storm is."""
_TIMES = {"reply_s": 1.0, "boot_s": 3.0, "timeout_s": 3.0, "commit_s": 1.5}
_OWED_S = 60.0
"""What is owed to the fleet is delivered in this time, or never."""


def plan(folder: Path, seed: int, slots: int, boards: int, dialect: str) -> Plan:
    """Return the rehearsal of a storm: every other board has a fault by chance.

    A rehearsal takes seeds below 1,000, since they are part of its serial numbers; the weather has the whole one.
    """
    recipe = folder / f"storm-{dialect}.toml"
    text = shipped_recipe(f"rehearsal-{dialect}").read_text()
    found = rf"\b({'|'.join(_TIMES)}) = [0-9.]+"
    recipe.write_text(re.sub(found, lambda match: f"{match[1]} = {_TIMES[match[1]]}", text))
    return Plan(
        folder,
        slots,
        boards,
        seed % 1000,
        baud=0,
        boot_s=0.01,
        save_s=0.005,
        dialect=dialect,
        recipe=recipe,
        faults=("random",),
    )


def live(rehearsed: Plan, seed: int, life: int, share: float) -> None:
    """Serve boards until all have come and gone and the fleet knows of each."""

    def fleet(facts: Settings) -> Client:
        return Client(network.url, facts.fleet.vendor, facts.token, read_s=READ_S, deadline_s=4 * READ_S)

    far_end = RemoteFarEnd(rehearsed).wait()
    facts = settings.load(rehearsed.config)
    with Proxy(facts.fleet.url, Weather(seed * 1000 + life, share, late_s=2 * READ_S)) as network:
        journal.to_stderr()
        bench = build(facts, Ports(fleet=fleet))
        robot = Robot(far_end, rehearsed.slot_names, 0)
        bench.subscribe(journal.Journal())
        bench.subscribe(robot)
        bench.start()
        robot.start()
        robot.done.wait()
        robot.stop()
        over = time.monotonic() + _OWED_S
        while bench.deliver().left and time.monotonic() < over:
            time.sleep(0.05)  # the network decides when a delivery gets through
        bench.stop()
    far_end.close()


if __name__ == "__main__":
    where, seed, life, slots, boards, share, dialect = sys.argv[1:]
    live(plan(Path(where), int(seed), int(slots), int(boards), dialect), int(seed), int(life), float(share))
