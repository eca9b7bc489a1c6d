"""The wire between a board and the station's port: a pty behind a path that stays.

The station's side is an ordinary serial port at ``path``; the board's side is
this object.  A wire at ``baud`` takes ten bits a byte (8N1) in each
direction, both at once; at 0 it takes no time.  A station that has set its
port to another speed reads, and is read, as UARTs do that disagree.

Time on the wire is planned, not slept through: what is written at t with the
wire free at f has left at ``max(t, f) + 10 n / baud``, so a late wake-up
makes nothing after it late.  Bytes arrive in lumps, as they do through a USB
adapter, so the cost is a few wake-ups a message and not one a byte.

Everything but the constructor is called in the event loop's thread.
"""

from __future__ import annotations

import asyncio
import os
import termios
import tty
from pathlib import Path
from typing import NamedTuple

from drivers.sim.faults import NONE, Faults
from drivers.sim.speed import SPEEDS, resampled

LUMP_S = 0.008
"""The longest stretch of wire that arrives as one piece, seconds; the latency timer of an FTDI adapter is 16 ms."""

PROMPT_S = 0.005
"""What the simulation itself takes to answer, at most, seconds: so much is no time of the board's."""

UNPACED_LUMP = 4096
"""Bytes read at once from a wire that takes no time."""

SLOW_BYTE_S = 0.001
"""Seconds a byte of a board that is slow."""
SLOW_LUMP = 16

FIFO = 32
"""Bytes that a board's UART keeps while the board does something else, as a PL011 does; the rest is lost."""


class Meter:
    """Adds up the time in which something was going on; what overlaps counts once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._until = 0.0

    def add(self, began: float, ends: float) -> None:
        """Count from ``began`` to ``ends``, loop times; no stretch begins before an earlier one did."""
        self.seconds += max(0.0, ends - max(began, self._until))
        self._until = max(self._until, ends)


class _Port(NamedTuple):
    """One pty: a new one each time the adapter is plugged in."""

    master: int
    slave: int
    """Held open, so that the master can be read while no station has the port open."""
    name: str


class _Lump:
    """Bytes on their way to the station, that will arrive together."""

    def __init__(self, port: _Port, ends: float) -> None:
        self.port = port
        self.ends = ends
        """Loop time at which the last of them has left."""
        self.data = bytearray()
        self.timer: asyncio.TimerHandle | None = None


class Wire:
    """One board's UART and the adapter that the station sees it through."""

    def __init__(self, path: Path, *, baud: int = 0) -> None:
        self.path = path
        self.faults: Faults = NONE
        """What is wrong with the board on it, as far as that shows on a wire."""
        self._baud = baud
        self.carrying = Meter()
        """When at least one direction carried a byte; never on a wire that takes no time."""
        self.occupied = Meter()
        """When it carried a byte, or the board behind it was at work."""
        self._byte_s = 10 / baud if baud else 0.0
        self._lump_bytes = max(1, int(LUMP_S / self._byte_s)) if baud else UNPACED_LUMP
        self._port: _Port | None = None
        self._inbox = bytearray()
        self._arrived = asyncio.Event()
        self._listening = False
        self._lump_began = 0.0
        self._moment = 0.0
        self._sent_until = 0.0
        self._leaving: _Lump | None = None
        """What is on its way and may take more along: an adapter doesn't care in how many pieces it was written."""

    def plug(self) -> None:
        """Put the adapter in: the path appears at once and whole."""
        if self._port:
            return
        master, slave = os.openpty()
        tty.setraw(slave)
        if speed := next((name for name, baud in SPEEDS.items() if baud == self._baud), None):
            modes = termios.tcgetattr(slave)
            modes[4:6] = [speed, speed]
            termios.tcsetattr(slave, termios.TCSANOW, modes)
        os.set_blocking(master, False)
        self._port = _Port(master, slave, os.ttyname(slave))
        asyncio.get_running_loop().add_reader(master, self._readable)
        link = self.path.with_name(self.path.name + ".new")
        link.unlink(missing_ok=True)
        link.symlink_to(self._port.name)
        link.replace(self.path)

    def unplug(self) -> None:
        """Pull the adapter out: the path goes, a station that has it open sees a hang-up, bytes on the way are lost."""
        if not self._port:
            return
        port, self._port = self._port, None
        self.path.unlink(missing_ok=True)
        asyncio.get_running_loop().remove_reader(port.master)
        os.close(port.slave)
        os.close(port.master)
        self._sent_until = 0.0
        self._leaving = None
        self.clear()

    # ---------------------------------------------------------------- the board's side

    @property
    def pending(self) -> bool:
        """Whether ``read`` would return at once."""
        return bool(self._inbox)

    async def read(self) -> bytes:
        """Wait for bytes from the station; at least one."""
        self._listening = True
        try:
            while not self._inbox:  # the adapter may be pulled out between the arrival and now
                await self._arrived.wait()
        finally:
            self._listening = False
        data = bytes(self._inbox)
        self.clear()
        return data

    def write(self, data: bytes) -> None:
        """Send to the station.  Never blocks: what nobody reads, or nobody is plugged in for, is lost."""
        now = asyncio.get_running_loop().time()
        self._send(data, self._moment if now - self._moment < PROMPT_S else now)

    def worked(self, until: float) -> None:
        """Note the loop time until which the board was busy: what it says next begins then."""
        self._moment = until

    def echo(self, data: bytes) -> None:
        """Send back what ``read`` returned last: each byte leaves while the next one is still arriving."""
        self._send(data, self._lump_began + self._byte_s)

    async def drain(self) -> None:
        """Wait until everything written has left, as a board does that polls its UART."""
        now = asyncio.get_running_loop().time
        while (left := self._sent_until - now()) > 0:
            await asyncio.sleep(left)

    def clear(self) -> None:
        """Forget what arrived and was not read, as a UART does at a reset."""
        self._inbox.clear()
        self._arrived.clear()

    # ---------------------------------------------------------------- board to station

    def _send(self, data: bytes, since: float) -> None:
        data = self._garbled(self.faults.says(data), to_board=False)
        byte_s, size = (SLOW_BYTE_S, SLOW_LUMP) if self.faults.has("slow") else (self._byte_s, self._lump_bytes)
        if not byte_s:
            self._put(self._port, data)
            return
        while data and self._port:
            began = max(since, self._sent_until)
            lump = self._leaving
            if lump is None or began > lump.ends or len(lump.data) >= size:
                lump = self._leaving = _Lump(self._port, began)
            piece = data[: size - len(lump.data)]
            data = data[len(piece) :]
            lump.data += piece
            self._sent_until = lump.ends = began + len(piece) * byte_s
            self._occupy(began, self._sent_until)
            if lump.timer:
                lump.timer.cancel()
            lump.timer = asyncio.get_running_loop().call_at(lump.ends, self._arrive, lump)

    def _arrive(self, lump: _Lump) -> None:
        if self._leaving is lump:
            self._leaving = None
        self._put(lump.port, lump.data)

    def _put(self, port: _Port | None, data: bytes | bytearray) -> None:
        """Hand bytes to the pty they were sent through, if it is still there, as far as it takes them."""
        if port is None or port is not self._port:
            return
        try:
            os.write(port.master, data)
        except BlockingIOError:
            return  # nobody reads: an adapter's buffer overruns just so

    # ---------------------------------------------------------------- station to board

    def _readable(self) -> None:
        data = self._take()
        if not self._byte_s:
            self._deliver(data)
        elif data:
            loop = asyncio.get_running_loop()
            assert self._port
            loop.remove_reader(self._port.master)
            self._carry(self._port, data, loop.time())

    def _take(self) -> bytes:
        assert self._port
        try:
            return os.read(self._port.master, self._lump_bytes)
        except BlockingIOError:
            return b""

    def _carry(self, port: _Port, data: bytes, began: float) -> None:
        ends = began + len(data) * self._byte_s
        self._occupy(began, ends)
        asyncio.get_running_loop().call_at(ends, self._landed, port, data, began, ends)

    def _landed(self, port: _Port, data: bytes, began: float, ended: float) -> None:
        if port is not self._port:
            return
        self._lump_began, self._moment = began, ended
        self._deliver(data)
        if more := self._take():
            self._carry(port, more, ended)  # it was waiting, so it follows without a gap
        else:
            asyncio.get_running_loop().add_reader(port.master, self._readable)

    def _deliver(self, data: bytes) -> None:
        data = self.faults.hears(self._garbled(data, to_board=True))
        room = len(data) if self._listening else max(0, FIFO - len(self._inbox))
        self._inbox += data[:room]
        if self._inbox:
            self._arrived.set()

    def _garbled(self, data: bytes, *, to_board: bool) -> bytes:
        """Return what arrives of bytes if the station has set its port to another speed than the board's."""
        if not (self._baud and self._port):
            return data
        theirs = SPEEDS.get(termios.tcgetattr(self._port.slave)[5], self._baud)
        if theirs == self._baud:
            return data
        return resampled(data, theirs, self._baud) if to_board else resampled(data, self._baud, theirs)

    def _occupy(self, began: float, ends: float) -> None:
        self.carrying.add(began, ends)
        self.occupied.add(began, ends)
