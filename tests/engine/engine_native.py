"""A whole station and boards with USB of their own, of any dialect, whose time away a test can draw out."""

from __future__ import annotations

import asyncio
import re
import threading
from pathlib import Path

from engine_floor import LIMIT_S, Floor
from engine_world import VENDOR, FickleClient

from drivers.sim import far_end
from drivers.sim.board import Pace, SimulatedBoard
from drivers.sim.label import Label
from drivers.sim.memory import Memory
from station.fleet.client import ModelInfo
from station.rehearsal import shipped_recipe

SEED = 7


class NativeFloor(Floor):
    """One slot for boards of a dialect, on the rehearsal's recipe with ``returns_s``."""

    def __init__(self, folder: Path, dialect: str, returns_s: float = LIMIT_S) -> None:
        super().__init__(folder)
        self.dialect = dialect
        text = shipped_recipe(f"rehearsal-{dialect}").read_text()
        text = text.replace("[link]\n", f"[link]\nreturns_s = {returns_s}\n")
        (folder / "widget.toml").write_text(text)
        model = re.search(r'model = "([^"]+)"', text)
        assert model
        with FickleClient(self.server.url, VENDOR, lambda: self.grant.token) as client:
            client.models.create(model[1], ModelInfo(rid=self.grant.template_rid))
        self.away = threading.Event()
        """A board has restarted, and its port is gone."""
        self._stays_away = False
        self._go_on: asyncio.Event | None = None

    def label(self, number: int = 1) -> Label:
        return Label.of(SEED, number)

    def hold(self) -> None:
        """Let boards that restart stay away until ``let_go``."""
        self._stays_away = True

    def let_go(self) -> None:
        """Let them boot."""
        self._stays_away = False

        def go_on() -> None:
            assert self._go_on
            self._go_on.set()

        self._in_loop(go_on)

    def wait_away(self) -> None:
        assert self.away.wait(LIMIT_S)

    def insert_native(self, number: int = 1) -> None:
        """Put a board with USB of its own into the slot."""
        kind, memory = far_end(self.dialect), Memory(self.memory(number))
        if not memory.flash:
            memory.program(kind.program(self.label(number)))
        wire = self.wires["1"]
        board: SimulatedBoard = kind(wire, memory, Pace(boot_s=0.01, save_s=0.01))
        board.native_usb = True
        boot, starts = board.boot, 0

        async def slowly() -> None:
            nonlocal starts
            starts += 1
            if starts > 1:
                self._go_on = asyncio.Event()
                self.away.set()
                if self._stays_away:
                    await self._go_on.wait()
            await boot()

        board.boot = slowly  # type: ignore[method-assign]
        self._boards["1"] = board  # type: ignore[assignment]
        self._in_loop(wire.plug)
        self._in_loop(board.power_on)
