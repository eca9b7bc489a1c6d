"""One simulated board in this process, on a port that a command in this or another process opens."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from drivers.sim import far_end
from drivers.sim.board import Pace, SimulatedBoard
from drivers.sim.faults import Fault, Faults
from drivers.sim.label import Label
from drivers.sim.loop import LoopThread
from drivers.sim.memory import Memory
from drivers.sim.wire import Wire

LABEL = Label.of(7, 1)
RECIPES = Path(__file__).parents[2] / "config" / "recipes"
PATIENCE_S = 30.0


class OnPort:
    """A board that waits at its autoboot for five minutes, so that no test has to be quick."""

    def __init__(self, folder: Path, *, dialect: str = "shell", baud: int = 0, faults: Sequence[str] = ()) -> None:
        self._loop = LoopThread("board-on-port")
        self.wire = Wire(folder / "board", baud=baud)
        self.memory = Memory(folder / "flash.json")
        kind = far_end(dialect)
        self.memory.program({**kind.program(LABEL), **({"bootdelay": "300"} if dialect == "shell" else {})})
        pace = Pace(boot_s=0.0, save_s=0.0)
        self._board: SimulatedBoard = kind(self.wire, self.memory, pace, Faults(map(Fault.parse, faults)))

    @property
    def port(self) -> str:
        return str(self.wire.path)

    def insert(self) -> None:
        self._loop.run(self._insert())

    def remove(self) -> None:
        self._loop.run(self._remove())

    def say(self, data: bytes) -> None:
        """Send bytes as if the board did."""
        self._loop.run(self._say(data))

    async def _insert(self) -> None:
        self.wire.plug()
        self._board.power_on()

    async def _remove(self) -> None:
        await self._board.power_off()
        self.wire.unplug()

    async def _say(self, data: bytes) -> None:
        self.wire.write(data)

    def close(self) -> None:
        self.remove()
        self._loop.close()


@contextmanager
def board_on_port(
    folder: Path, *, dialect: str = "shell", baud: int = 0, faults: Sequence[str] = ()
) -> Iterator[OnPort]:
    board = OnPort(folder, dialect=dialect, baud=baud, faults=faults)
    board.insert()
    try:
        yield board
    finally:
        board.close()


def soon() -> float:
    return time.monotonic() + PATIENCE_S
