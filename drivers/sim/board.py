"""What every simulated board has, whatever it speaks: power, a wire, memory, and work that takes time."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum

from drivers.sim.faults import NONE, Faults, Moment
from drivers.sim.label import Label
from drivers.sim.memory import Memory
from drivers.sim.wire import Wire

STRANGER = Label("SIM-99999999", "02:00:ff:ff:ff:ff")
"""The board that a swapped one turns out to be."""
_STREAM_S = 0.01
"""Seconds between two pieces of an endless stream on a wire that takes no time."""
_STREAM = b"E (1234) task_wdt: Task watchdog got triggered\r\n" * 20


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the board itself needs, in seconds."""

    boot_s: float = 0.05
    save_s: float = 0.02
    command_s: float = 0.0


class Reset(Exception):
    """The processor starts again, told to or by itself."""


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

    native_usb = False
    """Whether the station's port is the board's own: away from each restart until it has booted."""

    def __init__(self, wire: Wire, memory: Memory, pace: Pace, faults: Faults = NONE) -> None:
        self.wire = wire
        self.memory = memory
        self.pace = pace
        self.faults = faults
        self.busy_s = 0.0
        """Seconds that the board itself needed: booting, erasing, computing."""
        self.proof = Proof.NOTHING
        self.active_at = 0.0
        """Loop time at which it last did anything, in seconds."""
        self.stirred = asyncio.Event()
        """Set whenever ``proof`` or ``active_at`` changes; whoever waits clears it."""
        self._firmware: asyncio.Task[None] | None = None
        self._starts = 0

    @staticmethod
    @abstractmethod
    def program(label: Label) -> dict[str, str]:
        """Return what the factory puts into the flash of the board with this label."""

    @abstractmethod
    async def run(self) -> None:
        """Do what the firmware does from power-on; never returns by itself.  ``Reset`` is its own to catch."""

    def power_on(self) -> None:
        """Give it power; it starts with whatever its flash holds."""
        if self._firmware is None:
            self.stir()
            self.wire.faults = self.faults
            run = self._stream() if self.faults.has("streams") else self.run()
            self._firmware = asyncio.get_running_loop().create_task(run)

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
            self.wire.worked(began + seconds)
            self.busy_s += seconds

    async def reaches(self, moment: Moment) -> None:
        """Let happen what is wrong with the board at this moment."""
        await self.befall(self.faults.at(moment))

    async def befall(self, what: str | None) -> None:
        """Let happen what ``Faults.at`` has said: it resets, freezes, or takes its port away; None: nothing."""
        match what:
            case "resets":
                raise Reset
            case "hangs-up":
                self.wire.unplug()
                await asyncio.Event().wait()
            case "freezes":
                await asyncio.Event().wait()

    async def _stream(self) -> None:
        """Talk for ever, and listen to nobody."""
        while True:
            self.wire.write(_STREAM)
            await self.wire.drain()
            await asyncio.sleep(_STREAM_S)

    def stir(self) -> None:
        """Note that the board did something."""
        self.active_at = asyncio.get_running_loop().time()
        self.stirred.set()

    def save(self) -> None:
        """Make the RAM's settings permanent; what was proven before counts no more."""
        if not self.faults.has("commit-lies"):
            self.memory.commit()
        self.proof = Proof.COMMITTED
        self.stir()

    async def boot(self) -> None:
        """Take the time that a board needs to start; one with USB of its own comes up at the end."""
        await self.work(self.pace.boot_s)
        if self.native_usb:
            self.wire.plug()

    def start(self, *, soft: bool = False) -> None:
        """Forget the RAM and load the flash into it, as a board does when it starts; ``soft``: USB stays up."""
        if self.native_usb and self._starts and not soft:
            self.wire.unplug()
        self._starts += 1
        self.memory.reset()
        factory = self.program(STRANGER)
        if self.faults.has("forgets-on-reset"):
            self.memory.ram = {name: self.memory.ram[name] for name in factory}
        if self.faults.has("swapped") and self._starts > 1:
            self.memory.ram |= factory
        if self.proof is Proof.COMMITTED:
            self.proof = Proof.RESTARTED
        self.stir()

    def read_back(self) -> None:
        """Note that a setting has been read."""
        if self.proof is Proof.RESTARTED:
            self.proof = Proof.READ_BACK
        self.stir()
