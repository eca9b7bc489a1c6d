"""What every simulated board has, whatever it speaks: power, a wire, memory, and work that takes time."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import suppress
from enum import IntEnum

from drivers.sim.memory import Memory
from drivers.sim.wire import Wire


class Proof(IntEnum):
    """How far a board has been provisioned, as seen from the board."""

    NOTHING = 0
    COMMITTED = 1
    """Its settings were made permanent,"""
    RESTARTED = 2
    """then it was restarted,"""
    READ_BACK = 3
    """then at least one setting was read."""


class SimulatedBoard(ABC):
    """A board on a wire.  A subclass is one dialect's far end and says what the firmware does.

    Everything but the constructor is called in the event loop's thread.
    """

    def __init__(self, wire: Wire, memory: Memory) -> None:
        self.wire = wire
        self.memory = memory
        self.busy_s = 0.0
        """Seconds that the board itself needed: booting, erasing, computing."""
        self.proof = Proof.NOTHING
        self.active_at = 0.0
        """Loop time at which it last did anything, in seconds."""
        self.stirred = asyncio.Event()
        """Set whenever ``proof`` or ``active_at`` changes; whoever waits clears it."""
        self._firmware: asyncio.Task[None] | None = None

    @abstractmethod
    async def run(self) -> None:
        """Do what the firmware does from power-on; never returns by itself."""

    def power_on(self) -> None:
        """Give it power; it starts with whatever its flash holds."""
        if self._firmware is None:
            self.stir()
            self._firmware = asyncio.get_running_loop().create_task(self.run())

    async def power_off(self) -> None:
        """Take its power away at this instant.  Raises what the firmware died of, if it did."""
        firmware, self._firmware = self._firmware, None
        if firmware:
            firmware.cancel()
            with suppress(asyncio.CancelledError):
                await firmware

    async def work(self, seconds: float) -> None:
        """Be busy for ``seconds``, once everything written has left the UART."""
        if seconds:
            await self.wire.drain()
            began = asyncio.get_running_loop().time()
            self.wire.occupied.add(began, began + seconds)
            await asyncio.sleep(seconds)
            self.busy_s += seconds

    def stir(self) -> None:
        """Note that the board did something."""
        self.active_at = asyncio.get_running_loop().time()
        self.stirred.set()

    def committed(self) -> None:
        """Note that the settings have been made permanent; what was proven before counts no more."""
        self.proof = Proof.COMMITTED
        self.stir()

    def restarted(self) -> None:
        """Note that the board has started."""
        if self.proof is Proof.COMMITTED:
            self.proof = Proof.RESTARTED
        self.stir()

    def read_back(self) -> None:
        """Note that a setting has been read."""
        if self.proof is Proof.RESTARTED:
            self.proof = Proof.READ_BACK
        self.stir()
