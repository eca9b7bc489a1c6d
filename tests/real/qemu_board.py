"""Real firmware in QEMU, its console on a pty behind a path that stays."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path

from drivers.sim.loop import LoopThread
from drivers.sim.wire import Wire

UNPACKED = Path(__file__).parents[2] / ".cache" / "qemu" / "qemu-system-arm"
"""Where ``.ci/run`` puts the QEMU of Debian 12's backports."""


def version(qemu: Path) -> tuple[int, ...]:
    """Return the version of a QEMU, e.g. ``(7, 2, 22)``; empty if it doesn't run."""
    try:
        said = subprocess.run([qemu, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ()
    found = re.search(r"version (\d+)\.(\d+)\.(\d+)", said)
    return tuple(map(int, found.groups())) if found else ()


def system_qemu() -> Path | None:
    """Return the QEMU of the system, good or not."""
    found = shutil.which("qemu-system-arm")
    return Path(found) if found else None


def qemu_from(oldest: tuple[int, ...]) -> Path | None:
    """Return a QEMU of this version or newer: the one that STATION_TEST_QEMU names, the unpacked, or the system's."""
    named = os.environ.get("STATION_TEST_QEMU")
    for candidate in [Path(named)] if named else [UNPACKED, system_qemu()]:
        if candidate and version(candidate) >= oldest:
            return candidate
    return None


class QemuBoard(ABC):
    """One board.  Power comes and goes; the adapter, with its port, keeps its own.  ``close`` it."""

    def __init__(self, port: Path, qemu: Path) -> None:
        """Make a board that is off."""
        self.port = port
        self._qemu = qemu
        self._log = port.with_name("qemu.log")
        self._machine: subprocess.Popen[bytes] | None = None
        self._monitor: socket.socket | None = None
        self._pumps: list[asyncio.Task[None]] = []
        self._loop = LoopThread("qemu-wire")
        self._wire = Wire(port)
        self.plug()

    @abstractmethod
    def machine(self) -> list[str]:
        """Return QEMU's arguments for what it plays."""

    def power_on(self) -> None:
        """Start it; not one character of its boot is lost."""
        ours, its = socket.socketpair()
        self._monitor, its_monitor = socket.socketpair()
        with its, its_monitor, self._log.open("ab") as log:
            command = [str(self._qemu), *self.machine(), "-net", "none", "-display", "none"]
            command += ["-chardev", f"socket,id=uart,fd={its.fileno()}", "-serial", "chardev:uart"]
            command += ["-chardev", f"socket,id=mon,fd={its_monitor.fileno()}", "-monitor", "chardev:mon"]
            fds = [its.fileno(), its_monitor.fileno()]
            self._machine = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=fds)
        self._loop.run(self._connect(ours))

    def power_off(self) -> None:
        """Cut the power at this instant."""
        machine, self._machine = self._machine, None
        if machine:
            machine.kill()
            machine.wait()
            self._loop.run(self._disconnect())
        if self._monitor:
            self._monitor.close()

    def power_cycle(self) -> None:
        """Off and on again, under a station that may have the port open."""
        self.power_off()
        self.power_on()

    def press_reset(self) -> None:
        """Press the reset button: the processor starts again at this instant, and the flash keeps what it holds."""
        assert self._monitor
        self._monitor.sendall(b"system_reset\n")

    def plug(self) -> None:
        """Put the adapter in."""
        self._loop.run(self._plug(True))

    def unplug(self) -> None:
        """Pull the adapter out; the board stays on."""
        self._loop.run(self._plug(False))

    def close(self) -> None:
        """Power off, unplug, end."""
        self.power_off()
        self.unplug()
        self._loop.close()

    async def _plug(self, here: bool) -> None:
        if here:
            self._wire.plug()
        else:
            self._wire.unplug()

    async def _connect(self, uart: socket.socket) -> None:
        uart.setblocking(False)
        loop = asyncio.get_running_loop()

        async def to_board() -> None:
            # What is typed before the board has set its UART up is lost.  (QEMU 10 would keep the first byte, find
            # its receiver full, and not look at the socket again: the board would be deaf for ever.)
            await spoken.wait()
            self._wire.clear()
            while True:
                await loop.sock_sendall(uart, await self._wire.read())

        async def from_board() -> None:
            with uart:
                while data := await loop.sock_recv(uart, 4096):
                    spoken.set()
                    self._wire.write(data)

        spoken = asyncio.Event()
        self._wire.clear()
        self._pumps = [loop.create_task(to_board()), loop.create_task(from_board())]

    async def _disconnect(self) -> None:
        for pump in self._pumps:
            pump.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await pump
