"""A station that dies at a crossing of one of its ports, and a nursery that begins such stations quickly.

Everything that a station does to the world crosses one of four ports: its
ledger, its escrow, its fleet, its links.  ``Gate`` wraps each at its one
choke point, names every crossing, and sends SIGKILL to its own process before
or after one of them.  A dry run tells which crossings there are, so that a
new step is crossed without anybody's thinking of it.

``python crossings.py`` is the nursery: it has imported everything once, and
forks one station for each order that it is given, a JSON object a line.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Self

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))

from engine_world import procedure

from drivers.link import Link
from station import settings
from station.bench import Bench
from station.build import Ports, build
from station.errors import StationError
from station.escrow import Escrow
from station.fleet.client import Client, Reply, Request
from station.ledger import Ledger, Reader
from station.ledger.figures import counters
from station.model import Finished, Outcome, SlotView
from station.recipe import Recipe
from station.settings import Settings

LIMIT_S = 30
"""Far more than a board needs, on the busiest machine: a station that lives longer is killed, and the test fails."""


class Crossing(NamedTuple):
    """A place at which a station can die."""

    name: str
    """Which port, and what is done there."""
    number: int
    """The how-manieth time in one run, from 1."""
    after: bool
    """It is done; else it is about to be."""

    def __str__(self) -> str:
        return f"{'after' if self.after else 'before'} {self.name} {self.number}"


class Gate:
    """Wraps the ports of one station; notes each crossing in ``noted``, and dies at one of them."""

    def __init__(self, fatal: Crossing | None) -> None:
        self._fatal = fatal
        self._guard = threading.Lock()
        self._count: Counter[tuple[str, bool]] = Counter()
        self.noted: list[Crossing] = []

    def cross(self, name: str, *, after: bool) -> None:
        with self._guard:
            self._count[name, after] += 1
            crossing = Crossing(name, self._count[name, after], after)
            self.noted.append(crossing)
            if crossing == self._fatal:
                os.kill(os.getpid(), signal.SIGKILL)

    def ports(self) -> Ports:
        """Return the real ports, each behind the gate."""
        gate = self

        class GatedLedger(Ledger):
            def write(self, work: Any) -> Any:
                # What is noted of the station as a whole belongs to no board, and comes at any time.
                name = sys._getframe(1).f_code.co_name
                if name == "note":
                    return super().write(work)
                gate.cross(f"ledger {name}", after=False)
                value = super().write(work)
                gate.cross(f"ledger {name}", after=True)
                return value

        class GatedEscrow(Escrow):
            def put(self, cycle: int, key: str) -> None:
                gate.cross("escrow put", after=False)
                super().put(cycle, key)
                gate.cross("escrow put", after=True)

            def erase(self, cycle: int) -> None:
                gate.cross("escrow erase", after=False)
                super().erase(cycle)
                gate.cross("escrow erase", after=True)

        class GatedClient(Client):
            def send(self, request: Request) -> Reply:
                if request.path.endswith("/widget-1") and request.method == "GET":
                    return super().send(request)  # the watch, which looks for the fleet now and then
                name = f"fleet {procedure(request)}"
                gate.cross(name, after=False)
                reply = super().send(request)
                gate.cross(name, after=True)
                return reply

        class GatedLink(Link):
            asked = False

            def write(self, data: bytes, deadline: float) -> None:
                gate.cross("link write", after=False)
                super().write(data, deadline)
                self.asked = True

            def read(self, deadline: float) -> bytes:
                data = super().read(deadline)
                if data and self.asked:
                    self.asked = False
                    gate.cross("link answer", after=True)
                return data

        def fleet(facts: Settings) -> Client:
            return GatedClient(facts.fleet.url, facts.fleet.vendor, facts.token)

        def open_link(port: str, recipe: Recipe) -> Link:
            return GatedLink.open(port, recipe.link)

        return Ports(GatedLedger, GatedEscrow, fleet, open_link)


class _UntilDone:
    """Listens until the board of a run has its verdict, and the fleet knows it."""

    def __init__(self) -> None:
        self.done = threading.Event()

    def slot_changed(self, view: SlotView) -> None:
        """Is not asked."""

    def cycle_finished(self, finished: Finished) -> None:
        if finished.outcome is not Outcome.PENDING:
            self.done.set()


def live(config: Path, cycles: int, fatal: Crossing | None) -> list[Crossing]:
    """Run a station until its ledger holds so many closed cycles, and stop it; return its crossings."""
    gate, listener = Gate(fatal), _UntilDone()
    facts = settings.load(config)
    bench = build(facts, gate.ports())
    bench.subscribe(listener)
    bench.start()
    _await_cycles(bench, facts, cycles, listener)
    bench.stop()
    return gate.noted


def _await_cycles(bench: Bench, facts: Settings, cycles: int, listener: _UntilDone) -> None:
    reader = Reader(facts.path(facts.state) / "ledger.db")
    try:
        while counters(reader, 0).done < cycles or reader.open_cycles() or reader.owed():
            with suppress(StationError):
                bench.deliver()  # what the watch would do within seconds
            listener.done.wait(0.05)  # a delivery tells nobody of what it leaves
    finally:
        reader.close()


# --------------------------------------------------------------------------- the nursery


class Nursery:
    """Begins stations; close it.  ``within`` is a command that the nursery is run by."""

    def __init__(self, *within: str) -> None:
        self._process = subprocess.Popen(
            [*within, sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(
        self, config: Path, cycles: int, fatal: Crossing | None = None, after_s: float | None = None
    ) -> tuple[int, list[Crossing]]:
        """Let a station live; return what it ended with (0, or minus the signal), and its crossings if it ended.

        ``after_s``: it is killed after so many seconds, wherever it is.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        order = {"config": str(config), "cycles": cycles, "fatal": fatal, "after_s": after_s}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return answer["status"], [Crossing(*one) for one in answer["noted"]]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def _serve() -> None:
    """Fork one station for each order, and tell how it ended."""
    for line in sys.stdin:
        order = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            signal.alarm(LIMIT_S)
            os.close(reading)
            fatal = Crossing(*order["fatal"]) if order["fatal"] else None
            noted = live(Path(order["config"]), order["cycles"], fatal)
            with open(writing, "w") as pipe:
                json.dump(noted, pipe)
            os._exit(0)
        os.close(writing)
        if order["after_s"] is not None:
            select.select([reading], [], [], order["after_s"])  # it may end before
            os.kill(child, signal.SIGKILL)
        with open(reading) as pipe:
            told = pipe.read()
        _, status = os.waitpid(child, 0)
        answer = {"status": os.waitstatus_to_exitcode(status), "noted": json.loads(told) if told else []}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()

__all__ = ["Crossing", "Gate", "Nursery", "live"]
