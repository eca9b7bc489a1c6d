"""Every fault in a slot of its own, all at once: a faulty board, then a good one, on a whole station.

The station is the real one, built by the real ``build``, on the rehearsal's
recipe of a dialect with shorter times.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from drivers.sim import far_end
from drivers.sim.board import Pace, SimulatedBoard
from drivers.sim.faults import NAMES, Fault, Faults, label
from drivers.sim.loop import LoopThread
from drivers.sim.memory import Memory
from drivers.sim.wire import Wire
from station import settings
from station.build import build
from station.fleet.client import Client, ModelInfo
from station.fleet.server import FleetServer, init
from station.model import Finished, Outcome, Phase, SlotView
from station.rehearsal import shipped_recipe

LIMIT_S = 100
"""Far more than a crossing needs, on the busiest machine."""
SEED = 5
_LARGEST = 32
"""Slots of one station."""
_TIMES = {"reply_s": 1.5, "boot_s": 4.0, "timeout_s": 4.0, "commit_s": 2.0}


def every_fault() -> list[Fault]:
    """Return each fault at each of its places; of byte numbers some at which each step is hit."""
    found = []
    for name, (_, places) in NAMES.items():
        if places == ("N",):
            found += [Fault(name, str(number)) for number in (3, 40, 150)]
        else:
            found += [Fault(name, str(place)) for place in places] or [Fault(name)]
    return found


def recipe_of(dialect: str) -> str:
    """Return the rehearsal's recipe, with times that let a silent board fail within seconds."""
    text = shipped_recipe(f"rehearsal-{dialect}").read_text()
    return re.sub(rf"\b({'|'.join(_TIMES)}) = [0-9.]+", lambda found: f"{found[1]} = {_TIMES[found[1]]}", text)


@dataclass
class Verdicts:
    """What became of a slot's boards."""

    finished: list[Finished] = field(default_factory=list)

    def brief(self) -> list[tuple[str, str | None]]:
        return [(str(cycle.outcome), cycle.error) for cycle in self.finished]


class Crossing:
    """Boards to come in each slot, and what became of those that were there; listens to its bench."""

    def __init__(self, folder: Path, dialect: str, piles: dict[str, list[Fault | None]]) -> None:
        self._folder = folder
        self._kind: type[SimulatedBoard] = far_end(dialect)
        self._piles = piles
        self._taken = dict.fromkeys(piles, 0)
        self._seated: dict[str, SimulatedBoard] = {}
        self._loop = LoopThread("crossed-boards")
        (folder / "ports").mkdir(parents=True)
        self._wires = {slot: Wire(folder / "ports" / slot) for slot in piles}
        self._changed = threading.Condition()
        self._todo: list[str] = []
        self.verdicts = {slot: Verdicts() for slot in piles}
        self.recipe = folder / "recipe.toml"
        self.recipe.write_text(recipe_of(dialect))

    def run(self) -> None:
        """Serve every slot until its pile is empty and its last board has left."""
        grant = init(self._folder / "fleet.db", "acme")
        server = FleetServer(self._folder / "fleet.db")
        server.start()
        model = re.search(r'model = "([^"]+)"', self.recipe.read_text())
        assert model
        with Client(server.url, "acme", lambda: grant.token) as client:
            client.models.create(model[1], ModelInfo(rid=grant.template_rid))
        (self._folder / "token").write_text(grant.token)
        slots = "".join(f'[[slots]]\nname = "{slot}"\nport = "{wire.path}"\n' for slot, wire in self._wires.items())
        config = self._folder / "station.toml"
        config.write_text(
            f'station = "{"c" * 32}"\nname = "crossing"\nrecipe = "recipe.toml"\nstate = "state"\n[fleet]\n'
            f'url = "{server.url}"\nvendor = "acme"\nowner = "{grant.owner_rid}"\ntoken_file = "token"\n'
            f"late_s = 0\n{slots}"
        )
        bench = build(settings.load(config))
        bench.subscribe(self)
        bench.start()
        try:
            for slot in self._piles:
                self._loop.run(self._insert(slot))
            self._serve()
        finally:
            bench.stop()
            for slot in list(self._seated):
                self._loop.run(self._remove(slot))
            self._loop.close()
            server.stop()

    def slot_changed(self, view: SlotView) -> None:
        """Note which slots a person would have to do something at."""
        if view.phase is Phase.REMOVE or (view.phase is Phase.EMPTY and view.last):
            with self._changed:
                self._todo.append(f"{'remove' if view.phase is Phase.REMOVE else 'insert'} {view.slot}")
                self._changed.notify_all()

    def cycle_finished(self, finished: Finished) -> None:
        """Take a verdict down."""
        self.verdicts[finished.slot].finished.append(finished)

    def _serve(self) -> None:
        done: set[str] = set()
        while len(done) < len(self._piles):
            with self._changed:
                assert self._changed.wait_for(lambda: self._todo, LIMIT_S), {
                    slot: verdicts.brief() for slot, verdicts in self.verdicts.items() if slot not in done
                }
                order, slot = self._todo.pop(0).split(" ", 1)
            if order == "remove":
                self._loop.run(self._remove(slot))
            elif not self._loop.run(self._insert(slot)):
                done.add(slot)

    async def _insert(self, slot: str) -> bool:
        pile, turn = self._piles[slot], self._taken[slot]
        if slot in self._seated:
            return True
        if turn == len(pile):
            return False
        self._taken[slot] += 1
        fault = pile[turn]
        memory = Memory(self._folder / f"board-{slot}-{turn}.json")
        index = 10 * list(self._piles).index(slot) + turn
        memory.program(self._kind.program(label(fault, SEED, index)))
        faults = Faults([fault] if fault else [])
        board = self._kind(self._wires[slot], memory, Pace(boot_s=0.01, save_s=0.01), faults)
        self._seated[slot] = board
        self._wires[slot].plug()
        board.power_on()
        return True

    async def _remove(self, slot: str) -> None:
        if board := self._seated.pop(slot, None):
            await board.power_off()
            self._wires[slot].unplug()


def cross(folder: Path, dialect: str, faults: Iterable[Fault]) -> dict[Fault, list[tuple[str, str | None]]]:
    """Return what became of the boards: for each fault those of its slot, the faulty one before the good one."""
    faults = list(faults)
    found: dict[Fault, list[tuple[str, str | None]]] = {}
    for start in range(0, len(faults), _LARGEST):
        piles: dict[str, list[Fault | None]] = {}
        for fault in faults[start : start + _LARGEST]:
            before: list[Fault | None] = [None] if fault.name == "duplicate-serial" else []
            piles[str(len(piles) + 1)] = [*before, fault, None]
        crossing = Crossing(folder / str(start), dialect, piles)
        crossing.run()
        for fault, slot in zip(faults[start : start + _LARGEST], piles, strict=True):
            verdicts = crossing.verdicts[slot].brief()
            found[fault] = verdicts[-2:]
            assert len(verdicts) == len(piles[slot]), (fault, verdicts)
            assert verdicts[:-2] == [(str(Outcome.PASS), None)] * (len(piles[slot]) - 2), (fault, verdicts)
    return found
