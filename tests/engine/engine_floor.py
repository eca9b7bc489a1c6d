"""A whole station on ptys: the real bench, built by the real ``build``, with simulated boards that a test puts in."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine_world import MODEL, STATION, VENDOR, FickleClient, rows, write_recipe

from drivers.sim.board import Pace, SimulatedBoard
from drivers.sim.label import Label
from drivers.sim.loop import LoopThread
from drivers.sim.memory import Memory
from drivers.sim.shell import ShellBoard
from drivers.sim.wire import Wire
from station import settings
from station.bench import Bench
from station.build import Ports, build
from station.fleet.client import ModelInfo, Reply, Request
from station.fleet.server import FleetServer, init
from station.model import Finished, Phase, SlotView
from station.settings import Settings

LIMIT_S = 60
"""Far more than anything here needs, on the busiest machine."""


class SwappedAtRestart(Memory):
    """The memory of a board that becomes another one the second time that it starts."""

    starts = 0

    def reset(self) -> None:
        super().reset()
        self.starts += 1
        if self.starts > 1:
            self.ram["serial#"] = "SIM-00000099"


class Forgetful(Memory):
    """The memory of a board that loses a setting when it starts."""

    def reset(self) -> None:
        super().reset()
        self.ram["label"] = "lost"


class Watcher:
    """A bench's listener that can be waited with."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.views: list[SlotView] = []
        self.finished: list[Finished] = []

    def slot_changed(self, view: SlotView) -> None:
        with self._changed:
            self.views.append(view)
            self._changed.notify_all()

    def cycle_finished(self, finished: Finished) -> None:
        with self._changed:
            self.finished.append(finished)
            self._changed.notify_all()

    def wait_for(self, found: Callable[[], Any]) -> None:
        """Return once something is so; looked for whenever the bench tells of a slot, and now and then between."""
        ends = time.monotonic() + LIMIT_S
        with self._changed:
            while not found():
                assert time.monotonic() < ends, (self.finished, self.views[-5:])
                self._changed.wait(0.05)

    def wait_note(self, words: str) -> None:
        """Return once the latest view says these words."""
        self.wait_for(lambda: self.views and words in self.views[-1].note)

    def wait_finished(self, count: int = 1) -> Finished:
        """Return the last of so many finished cycles."""
        self.wait_for(lambda: len(self.finished) >= count)
        return self.finished[count - 1]

    def wait_view(self, slot: str, **wanted: Any) -> SlotView:
        """Return the first view of a slot that has these values, seen or yet to come."""

        def found() -> list[SlotView]:
            return [
                view
                for view in self.views
                if view.slot == slot and all(getattr(view, name) == value for name, value in wanted.items())
            ]

        self.wait_for(found)
        return found()[0]

    def wait_phase(self, slot: str, phase: Phase) -> SlotView:
        return self.wait_view(slot, phase=phase)

    def wait_left(self, slot: str) -> SlotView:
        """Return the view of a slot whose board has left."""
        self.wait_for(lambda: self.views and [v for v in self.views if v.slot == slot][-1].last)
        return [view for view in self.views if view.slot == slot][-1]

    def forget(self) -> None:
        with self._changed:
            self.views.clear()
            self.finished.clear()


class Floor:
    """Slots, boards, a fleet; a bench that can be started again and again.  Close it."""

    def __init__(self, folder: Path, *changes: tuple[str, str], slots: int = 1, patience_s: int = 900) -> None:
        """``changes`` are made to the recipe."""
        self.folder = folder
        self.fleet_db = folder / "fleet.db"
        self.grant = init(self.fleet_db, VENDOR)
        self.server = FleetServer(self.fleet_db)
        self.server.start()
        self._loop = LoopThread("test-boards")
        (folder / "ports").mkdir()
        (folder / "copies").mkdir()
        self.wires = {str(n + 1): Wire(folder / "ports" / str(n + 1)) for n in range(slots)}
        self._boards: dict[str, SimulatedBoard] = {}
        self.token = folder / "token"
        self.token.write_text(self.grant.token)
        write_recipe(folder, *changes)
        self.config = folder / "station.toml"
        self.write_settings(patience_s)
        self.client: FickleClient | None = None
        self.bench: Bench | None = None
        self.watcher = Watcher()
        with FickleClient(self.server.url, VENDOR, lambda: self.grant.token) as client:
            client.models.create(MODEL, ModelInfo(rid=self.grant.template_rid))

    def write_settings(
        self, patience_s: int = 900, owner: str | None = None, url: str | None = None, late_s: int = 0
    ) -> None:
        slots = "".join(f'[[slots]]\nname = "{name}"\nport = "{wire.path}"\n' for name, wire in self.wires.items())
        self.config.write_text(
            f'station = "{STATION}"\nname = "line 3"\nrecipe = "widget.toml"\nstate = "state"\n[fleet]\n'
            f'url = "{url or self.server.url}"\nvendor = "{VENDOR}"\nowner = "{owner or self.grant.owner_rid}"\n'
            f'token_file = "token"\npatience_s = {patience_s}\nlate_s = {late_s}\n{slots}'
        )

    def amend(self, file: str, old: str, new: str) -> None:
        """Change a text in ``station.toml`` or the recipe, for the next start."""
        path = self.folder / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    # ------------------------------------------------------------- the station

    def build(self) -> Bench:
        """Build the station, its client on a fickle line."""

        def fickle(facts: Settings) -> FickleClient:
            self.client = FickleClient(facts.fleet.url, facts.fleet.vendor, facts.token)
            return self.client

        self.bench = build(settings.load(self.config), Ports(fleet=fickle))
        self.watcher = Watcher()
        self.bench.subscribe(self.watcher)
        return self.bench

    def start(self) -> Watcher:
        """Build and start the station; return what watches it."""
        self.build().start()
        return self.watcher

    def stop(self) -> None:
        if self.bench is not None:
            self.bench.stop()

    def close(self) -> None:
        self.stop()
        for slot in list(self._boards):
            self.remove(slot)
        self._loop.close()
        self.server.stop()

    def ledger(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return rows(self.folder / "state" / "ledger.db", sql, *values)

    def escrow(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "state" / "escrow").iterdir())

    def events(self, kind: str) -> list[tuple[Any, ...]]:
        """The cycle of each event of a kind, oldest first."""
        return self.ledger("SELECT cycle FROM events WHERE kind = ? ORDER BY id", kind)

    def details(self, cycle: int) -> dict[str, Any]:
        """What the closing of a cycle says besides its code."""
        sql = "SELECT json_extract(body, '$.details') FROM events WHERE kind = 'close' AND cycle = ?"
        ((found,),) = self.ledger(sql, cycle)
        details: dict[str, Any] = json.loads(found)
        return details

    def flash(self, number: int = 1) -> dict[str, str]:
        """What board ``number`` holds."""
        return Memory(self.memory(number)).flash

    def entry(self, serial: str) -> tuple[str, str] | None:
        """The phase and the key that the fleet's tables hold for a serial number."""
        sql = "SELECT phase, cik FROM clients JOIN serials ON serials.rid = clients.rid WHERE sn = ?"
        found = rows(self.fleet_db, sql, serial)
        return (found[0][0], found[0][1]) if found else None

    # ------------------------------------------------------------- the boards

    def memory(self, number: int) -> Path:
        """Where board ``number`` keeps its flash."""
        return self.folder / f"board-{number}.json"

    def insert(
        self,
        slot: str = "1",
        number: int = 1,
        serial: str | None = None,
        mac: str | None = None,
        kind: type[Memory] = Memory,
        board: type[SimulatedBoard] = ShellBoard,
    ) -> None:
        """Put board ``number`` into a slot and power it; its port appears, if it isn't there."""
        memory = kind(self.memory(number))
        if not memory.flash:
            serial, mac = serial or f"SIM-{number:08d}", mac or f"02:00:00:00:00:{number:02x}"
            memory.program(board.program(Label(serial, mac)))
        self._boards[slot] = board(self.wires[slot], memory, Pace(boot_s=0, save_s=0))
        self._in_loop(self.wires[slot].plug)
        self._in_loop(self._boards[slot].power_on)

    def bring_twin(self, watcher: Watcher) -> None:
        """Just before a board of slot 1 gets its key, put its twin into slot 2, and wait until that is finished."""
        client = self.client
        assert client is not None

        def twin_comes(request: Request) -> Reply:
            self.insert("2", number=2, serial="SIM-00000001", mac="02:00:00:00:00:01")
            watcher.wait_finished()
            return client.send(request)

        client.instead("activate", twin_comes)

    def remove(self, slot: str = "1", *, port_stays: bool = False) -> None:
        """Take a slot's board out, and its port along unless that is the fixture's."""
        self._loop.run(self._boards.pop(slot).power_off())
        if not port_stays:
            self.unplug(slot)

    def plug(self, slot: str = "1") -> None:
        """Let a slot's port appear, with nothing on it."""
        self._in_loop(self.wires[slot].plug)

    def unplug(self, slot: str = "1") -> None:
        """Let a slot's port vanish."""
        self._in_loop(self.wires[slot].unplug)

    def _in_loop(self, act: Callable[[], object]) -> None:
        async def acting() -> None:
            act()

        self._loop.run(acting())
