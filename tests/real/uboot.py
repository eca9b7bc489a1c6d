"""A real boot loader: U-Boot in QEMU, its console on a pty behind a path that stays.

``u-boot.bin`` is Debian's (package u-boot-qemu).  Its environment lives in a
flash image that ``UBoot.saved_env`` reads by itself: the board's own opinion
of what it saved is not asked.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from drivers.sim.loop import LoopThread
from drivers.sim.wire import Wire

IMAGE = Path("/usr/lib/u-boot/qemu_arm/u-boot.bin")
FLASH_SIZE = 64 << 20
"""Bytes of each of the two flash banks of QEMU's "virt" machine."""
ENV_SIZE = 0x40000
"""Bytes of the environment at the start of the second bank: CRC-32 (little endian), NAME=VALUE NUL ..., NUL.
A backslash stands before each backslash of a value (U-Boot 2023.01)."""
UNPACKED = Path(__file__).parents[2] / ".cache" / "qemu" / "qemu-system-arm"
"""Where ``.ci/run`` puts the QEMU of Debian 12's backports."""
GOOD = (8,)
"""Debian 12's 7.2 can't finish a write to the flash; 10.0 can."""

FACTORY: Mapping[str, str] = {
    "serial#": "UB-000001",
    "ethaddr": "02:00:00:00:00:01",
    "bootdelay": "2",
    "baudrate": "115200",
    "bootcmd": "echo booting",
}
"""What the board leaves the factory with.  It replaces all of U-Boot's defaults, so it has to say ``bootdelay``."""


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


def good_qemu() -> Path | None:
    """Return a QEMU whose flash works: the one that STATION_TEST_QEMU names, the unpacked one, or the system's."""
    named = os.environ.get("STATION_TEST_QEMU")
    for candidate in [Path(named)] if named else [UNPACKED, system_qemu()]:
        if candidate and version(candidate) >= GOOD:
            return candidate
    return None


def environment_image(settings: Mapping[str, str]) -> bytes:
    """Return the environment as U-Boot keeps it in flash."""
    escaped = {name: value.replace("\\", "\\\\") for name, value in settings.items()}
    body = b"".join(f"{name}={value}".encode() + b"\0" for name, value in escaped.items())
    body = body.ljust(ENV_SIZE - 4, b"\0")
    return zlib.crc32(body).to_bytes(4, "little") + body


class UBoot:
    """One board.  Power comes and goes; the adapter, with its port, keeps its own. ``close`` it."""

    def __init__(self, folder: Path, qemu: Path, settings: Mapping[str, str] = FACTORY, *, worn: bool = False) -> None:
        """Make a board with ``settings`` in its flash; a ``worn`` flash takes no more writes.  It is off."""
        self.port = folder / "uboot"
        self._qemu = qemu
        self._worn = worn
        self._code = folder / "code.img"
        self._flash = folder / "environment.img"
        self._log = folder / "qemu.log"
        shutil.copyfile(IMAGE, self._code)
        self._flash.write_bytes(environment_image(settings))
        for bank in (self._code, self._flash):
            os.truncate(bank, FLASH_SIZE)
        self._machine: subprocess.Popen[bytes] | None = None
        self._pumps: list[asyncio.Task[None]] = []
        self._loop = LoopThread("uboot-wire")
        self._wire = Wire(self.port)
        self.plug()

    def power_on(self) -> None:
        """Start it; not one character of its boot is lost."""
        ours, its = socket.socketpair()
        with its, self._log.open("ab") as log:
            flash = "if=pflash,format=raw,unit={},readonly={},file={}".format
            command = [str(self._qemu), "-M", "virt", "-cpu", "cortex-a15", "-m", "128"]
            command += ["-net", "none", "-display", "none", "-monitor", "none"]
            command += ["-drive", flash(0, "on", self._code)]
            command += ["-drive", flash(1, "on" if self._worn else "off", self._flash)]
            command += ["-chardev", f"socket,id=uart,fd={its.fileno()}", "-serial", "chardev:uart"]
            self._machine = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[its.fileno()]
            )
        self._loop.run(self._connect(ours))

    def power_off(self) -> None:
        """Cut the power at this instant."""
        machine, self._machine = self._machine, None
        if machine:
            machine.kill()
            machine.wait()
            self._loop.run(self._disconnect())

    def power_cycle(self) -> None:
        """Off and on again, under a station that may have the port open."""
        self.power_off()
        self.power_on()

    def plug(self) -> None:
        """Put the adapter in."""
        self._loop.run(self._plug(True))

    def unplug(self) -> None:
        """Pull the adapter out; the board stays on."""
        self._loop.run(self._plug(False))

    def saved_env(self) -> dict[str, str] | None:
        """Return what is in the flash; None if its checksum is wrong, as after a save that failed."""
        with self._flash.open("rb") as flash:
            image = flash.read(ENV_SIZE)
        checksum, body = image[:4], image[4:]
        if int.from_bytes(checksum, "little") != zlib.crc32(body):
            return None
        entries = body.split(b"\0\0")[0].split(b"\0")
        return dict(re.sub(r"\\(.)", r"\1", entry.decode()).split("=", 1) for entry in entries)

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
