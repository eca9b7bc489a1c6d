"""What a person and the factory do with boards, without a person.

The folder holds everything: ``fixture.json`` (how many boards were taken from
the pile, and which is in which slot), ``boards/SERIAL.json`` (each board's
flash) and ``ports/SLOT`` (where a slot's port is while a board is in it).
Every change is on disk before it shows on a port, so a start after SIGKILL
at any instant goes on with the same boards in the same slots.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from drivers.sim import far_end
from drivers.sim.board import Pace, Proof, SimulatedBoard
from drivers.sim.faults import NONE, Faults, assigned, label
from drivers.sim.label import Label
from drivers.sim.loop import LoopThread
from drivers.sim.memory import Memory, read_json, write_json
from drivers.sim.wire import Wire

GAP_S = 0.5
"""Between one board and the next in autonomous mode: long enough to be seen by whoever looks for the path."""


@dataclass(frozen=True, slots=True)
class _Seat:
    """A slot that holds a board."""

    index: int
    board: SimulatedBoard


class Fixture:
    """Slots, and a pile of boards to put into them.  Any thread may call; ``close`` it."""

    def __init__(
        self,
        folder: Path,
        slots: Sequence[str],
        boards: int | None,
        seed: int,
        *,
        dialect: str = "shell",
        faults: Sequence[str] = (),
        baud: int = 0,
        boot_s: float = 0.05,
        save_s: float = 0.02,
    ) -> None:
        """Set up, or go on with, what is in ``folder``.

        ``boards`` is the size of the pile, None for one without end;
        ``faults`` are what is wrong with every other board, by turns; ``baud``
        0 makes wires that take no time; ``boot_s`` and ``save_s`` are how
        long a board starts and saves, in seconds.  Raises ``ValueError`` for
        a folder whose boards are of another seed or another dialect.
        """
        self._folder = folder
        self._kind = far_end(dialect)
        self._faults = faults
        self._boards = boards
        self._seed = seed
        self._pace = Pace(boot_s=boot_s, save_s=save_s)
        for name in ("boards", "ports"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        state = read_json(folder / "fixture.json") or {"seed": seed, "dialect": dialect, "taken": 0, "slots": {}}
        if state["seed"] != seed:
            raise ValueError(f"{folder} holds boards of seed {state['seed']}, not {seed}")
        if (spoken := state.get("dialect", "shell")) != dialect:
            raise ValueError(f"{folder} holds boards that speak {spoken}, not {dialect}")
        self._dialect = dialect
        self._taken: int = state["taken"]
        self._assigned: dict[str, int] = state["slots"]
        for stale in (folder / "ports").iterdir():
            stale.unlink()  # the pty behind it may be somebody else's by now
        self._wires = {slot: Wire(self.port(slot), baud=baud) for slot in slots}
        self._seats: dict[str, _Seat] = {}
        self._attendants: list[asyncio.Task[None]] = []
        self._gone_board_s = 0.0
        self._closed = False
        self._loop = LoopThread("sim-boards")

    def port(self, slot: str) -> Path:
        """Return the path of the slot's port; it exists while a board is in."""
        return self._folder / "ports" / slot

    def insert(self, slot: str) -> bool:
        """Put a board into an empty slot and power it.

        It is the board that was there when the last run stopped, else one
        from a slot that is no more, else the next of the pile.  False when
        there is none left; True also if the slot holds a board already.
        """
        return self._loop.run(self._insert(slot))

    def remove(self, slot: str) -> bool:
        """Take the slot's board out for good; False if there is none."""
        return self._loop.run(self._remove(slot))

    @property
    def left(self) -> int | None:
        """Boards that have yet to leave, on the pile or in slots; None for a pile without end."""
        if self._boards is None:
            return None
        return max(0, self._boards - (self._taken - len(self._assigned)))

    def busy(self) -> dict[str, float]:
        """Seconds of the far end since this start, each summed over the slots.

        ``wire_s``: a wire carried bytes; ``board_s``: a board was at work;
        ``far_end_s``: either, what overlaps counted once.
        """
        wires = self._wires.values()
        return {
            "wire_s": sum(wire.carrying.seconds for wire in wires),
            "board_s": self._gone_board_s + sum(seat.board.busy_s for seat in list(self._seats.values())),
            "far_end_s": sum(wire.occupied.seconds for wire in wires),
        }

    def autonomous(self, quiet_s: float = 2.0, patience_s: float = 30.0) -> None:
        """Let boards come and go by themselves from now on, for a station that has no hands.

        A board leaves when it was committed, restarted and read, and then
        got no command for ``quiet_s`` seconds; or when it did nothing at all
        for ``patience_s``.  An empty line is no command, so a station may
        look whether the board is still there.
        """
        self._loop.run(self._attend_all(quiet_s, patience_s))

    def close(self) -> None:
        """Power everything off and pull every port; what is on disk stays, for the next start."""
        if not self._closed:
            self._closed = True
            try:
                self._loop.run(self._stop())
            finally:
                self._loop.close()

    # ---------------------------------------------------------------- in the loop's thread

    async def _insert(self, slot: str) -> bool:
        wire = self._wires[slot]
        if slot in self._seats:
            return True
        index = self._next(slot)
        if index is None:
            return False
        memory = Memory(self._folder / "boards" / f"{Label.of(self._seed, index).serial}.json")
        fault = assigned(self._faults, self._seed, index)
        if not memory.flash:
            memory.program(self._kind.program(label(fault, self._seed, index)))
        self._save()
        board = self._kind(wire, memory, self._pace, Faults([fault]) if fault else NONE)
        self._seats[slot] = _Seat(index, board)
        wire.plug()
        board.power_on()
        return True

    def _next(self, slot: str) -> int | None:
        """Assign a board to the slot and return its index."""
        if slot not in self._assigned:
            homeless = next((other for other in self._assigned if other not in self._wires), None)
            if homeless:
                self._assigned[slot] = self._assigned.pop(homeless)
            elif self._boards is None or self._taken < self._boards:
                self._assigned[slot] = self._taken
                self._taken += 1
            else:
                return None
        return self._assigned[slot]

    async def _remove(self, slot: str) -> bool:
        if slot not in self._seats:
            return False
        del self._assigned[slot]
        self._save()
        await self._take_out(slot)
        return True

    async def _take_out(self, slot: str) -> None:
        """Cut the power, pull the port."""
        seat = self._seats.pop(slot)
        self._gone_board_s += seat.board.busy_s
        try:
            await seat.board.power_off()
        finally:
            self._wires[slot].unplug()

    def _save(self) -> None:
        state = {"seed": self._seed, "dialect": self._dialect, "taken": self._taken, "slots": self._assigned}
        write_json(self._folder / "fixture.json", state)

    async def _attend_all(self, quiet_s: float, patience_s: float) -> None:
        loop = asyncio.get_running_loop()
        self._attendants += [loop.create_task(self._attend(slot, quiet_s, patience_s)) for slot in self._wires]

    async def _attend(self, slot: str, quiet_s: float, patience_s: float) -> None:
        """Feed one slot until the pile is empty."""
        while await self._insert(slot):
            await _done(self._seats[slot].board, quiet_s, patience_s)
            await self._remove(slot)
            await asyncio.sleep(GAP_S)

    async def _stop(self) -> None:
        for attendant in self._attendants:
            attendant.cancel()
            with suppress(asyncio.CancelledError):
                await attendant
        for slot in list(self._seats):
            await self._take_out(slot)


async def _done(board: SimulatedBoard, quiet_s: float, patience_s: float) -> None:
    """Wait until there is nothing more to expect of the board."""
    now = asyncio.get_running_loop().time
    while True:
        allowed = quiet_s if board.proof is Proof.READ_BACK else patience_s
        left = board.active_at + allowed - now()
        if left <= 0:
            return
        board.stirred.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(left):
                await board.stirred.wait()
