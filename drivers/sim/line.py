"""The far end of the ``line`` dialect: a board whose firmware speaks docs/line-protocol.md.

It is what a microcontroller with a receive buffer of 128 bytes does: boot
messages and frames share its UART, staging is in RAM, and one commit replaces
the whole set in its flash.  Facts are what the factory put there.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from drivers.sim.board import Pace, Reset, SimulatedBoard
from drivers.sim.faults import NONE, Faults, Moment
from drivers.sim.frame import LINE, Receiver, escaped, found, reply, unescaped
from drivers.sim.label import Label
from drivers.sim.memory import Memory
from drivers.sim.wire import Wire

VALUE_LIMIT = 2048
"""Bytes of one value."""
ROOM = 16 * 1024
"""Bytes of all names and values together."""
UNTOLD = "fleet_key"
"""The setting that this board keeps to itself."""

_POWER_UP_NOISE = b"\xfc\x00"
"""What a UART makes of a line that rises from 0 V."""
_ROM = b"\r\nets Jul 29 2019 12:21:46\r\n\r\nrst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"
_BOOT = b"I (312) boot: done? "
"""Its line has no end of its own: the frame after it ends it."""
_FIRMWARE = {"@firmware": "line-sim 1.0", "@revision": "C"}
_NAME = re.compile(r"[A-Za-z0-9._-]{1,32}")
_NUMBER = re.compile(rb"0|[1-9][0-9]{0,8}")
_DIGEST = re.compile(rb"[0-9a-f]{64}")


class Refusal(Exception):
    """An ``ERR`` with its word."""


@dataclass(slots=True)
class _Staged:
    """A value on its way, as far as it has come."""

    total: int
    value: bytearray = field(default_factory=bytearray)


class LineBoard(SimulatedBoard):
    """A simulated board with provisioning firmware.  Its facts are in its flash, too, under names with an @."""

    def __init__(self, wire: Wire, memory: Memory, pace: Pace, faults: Faults = NONE) -> None:
        super().__init__(wire, memory, pace, faults)
        self._receiver = Receiver()
        self._started_at = 0.0
        self._staging: dict[str, _Staged] | None = None
        """None unless a set was begun: one that a restart has swept away is no empty one."""
        self._requests: dict[bytes, Callable[[Sequence[bytes]], Awaitable[Sequence[bytes]]]] = {
            b"HELLO": self._hello,
            b"GET": self._get,
            b"BEGIN": self._begin,
            b"PUT": self._put,
            b"COMMIT": self._commit,
            b"DIGEST": self._digest,
            b"RESTART": self._restart,
        }

    @staticmethod
    def program(label: Label) -> dict[str, str]:
        """Return the facts that a board leaves the factory with."""
        return {"@serial": label.serial, "@hardware": label.mac}

    async def run(self) -> None:
        """Start and answer; start again when told to."""
        self.wire.write(_POWER_UP_NOISE)
        while True:
            try:
                await self._start()
                await self._listen()
            except Reset:
                continue

    async def _start(self) -> None:
        self.wire.clear()
        self._receiver.clear()
        self._staging = None
        self._started_at = asyncio.get_running_loop().time()
        self.start()
        self.wire.write(_ROM)
        await self.boot()
        self.wire.write(_BOOT + reply(b"--", b"READY"))

    async def _listen(self) -> None:
        """Answer each request; say so if something that looked like one came apart."""
        while True:
            for line in self._receiver.take(await self.wire.read()):
                frame = found(line)
                if frame and frame.mark == b"?":
                    await self._answer(frame.sequence, frame.fields)
                elif not frame and b"?" in line:
                    self.wire.write(reply(b"--", b"BAD"))

    async def _answer(self, sequence: bytes, fields: Sequence[bytes]) -> None:
        if fields[0] != b"HELLO":
            self.stir()  # HELLO only looks whether the board is there
        await self.work(self.pace.command_s)
        request = self._requests.get(fields[0])
        try:
            if request is None:
                raise Refusal("verb")
            said = await request(fields[1:])
        except Refusal as refusal:
            self.wire.write(reply(sequence, b"ERR", str(refusal).encode()))
            return
        self.wire.write(reply(sequence, b"OK", *said))
        if fields[0] == b"RESTART":
            await self.wire.drain()
            raise Reset

    # ---------------------------------------------------------------- requests: what follows OK, or Refusal

    async def _hello(self, arguments: Sequence[bytes]) -> Sequence[bytes]:
        _expect(not arguments)
        up_s = asyncio.get_running_loop().time() - self._started_at
        return b"1", b"%d" % LINE, b"%d" % (up_s * 1000)

    async def _get(self, arguments: Sequence[bytes]) -> Sequence[bytes]:
        _expect(len(arguments) == 2)
        name, offset = _text(arguments[0]), _number(arguments[1])
        if name.startswith("@"):
            await self.reaches(Moment.IDENTIFY)
            told = (self.memory.ram | _FIRMWARE).get(name)
        else:
            await self.reaches(Moment.READ)
            self.read_back()
            told = self._told().get(name)
            if told is not None and name == UNTOLD:
                raise Refusal("secret")
        if told is None:
            raise Refusal("unknown")
        value = _bytes(told)
        _expect(offset <= len(value))
        total = b"%d" % len(value)
        room = LINE - len(b"!00 OK  *0000") - len(total)
        return total, _whole_escapes(escaped(value[offset : offset + room]), room)

    async def _begin(self, arguments: Sequence[bytes]) -> Sequence[bytes]:
        _expect(not arguments)
        self._staging = {}
        return ()

    async def _put(self, arguments: Sequence[bytes]) -> Sequence[bytes]:
        _expect(3 <= len(arguments) <= 4)
        await self.reaches(Moment.WRITE)
        name, offset, total = _text(arguments[0]), _number(arguments[1]), _number(arguments[2])
        chunk = _unescaped(arguments[3] if len(arguments) == 4 else b"")
        if not _NAME.fullmatch(name):
            raise Refusal("name")
        _expect(offset + len(chunk) <= total)
        if total > VALUE_LIMIT:
            raise Refusal("full")
        if self._staging is None:
            raise Refusal("order")
        others = sum(len(other) + staged.total for other, staged in self._staging.items() if other != name)
        if others + len(name) + total > ROOM:
            raise Refusal("full")
        staged = _Staged(total) if offset == 0 else self._staging.get(name)
        if staged is None or staged.total != total or offset > len(staged.value):
            raise Refusal("order")
        staged.value[offset:] = chunk
        self._staging[name] = staged
        return ()

    async def _commit(self, arguments: Sequence[bytes]) -> Sequence[bytes]:
        _expect(len(arguments) == 2 and bool(_DIGEST.fullmatch(arguments[1])))
        asked = (_number(arguments[0]), arguments[1])
        await self.reaches(Moment.COMMIT)
        staged = {
            name: staged.value.decode("utf-8", "surrogateescape")
            for name, staged in (self._staging or {}).items()
            if len(staged.value) == staged.total
        }
        if self._staging is not None and asked == (len(staged), _digest_of(staged)):
            facts = {name: value for name, value in self.memory.ram.items() if name.startswith("@")}
            await self.work(self.pace.save_s)
            self.memory.ram = facts | staged
            self.save()
            self._staging = None
        elif asked != (len(held := self._held()), _digest_of(held)):
            raise Refusal("digest")
        return ()

    async def _digest(self, arguments: Sequence[bytes]) -> Sequence[bytes]:
        _expect(not arguments)
        await self.reaches(Moment.READ)
        self.read_back()
        told = self._told()
        return b"%d" % len(told), _digest_of(told)

    async def _restart(self, arguments: Sequence[bytes]) -> Sequence[bytes]:
        _expect(not arguments)
        await self.reaches(Moment.RESTART)
        return ()

    # ---------------------------------------------------------------- what is in permanent memory

    def _held(self) -> dict[str, str]:
        return {name: value for name, value in self.memory.ram.items() if not name.startswith("@")}

    def _told(self) -> dict[str, str]:
        """What it says that it holds."""
        return {name: self.faults.reads(value) for name, value in self._held().items()}


def _expect(well_formed: bool) -> None:
    if not well_formed:
        raise Refusal("args")


def _number(argument: bytes) -> int:
    _expect(bool(_NUMBER.fullmatch(argument)))
    return int(argument)


def _unescaped(argument: bytes) -> bytes:
    data = unescaped(argument)
    if data is None:
        raise Refusal("args")
    return data


def _text(argument: bytes) -> str:
    return _unescaped(argument).decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _whole_escapes(argument: bytes, room: int) -> bytes:
    """Cut an argument to at most ``room`` characters, never within an escape."""
    return re.sub(rb"%[0-9A-F]?$", b"", argument[:room])


def _digest_of(settings: dict[str, str]) -> bytes:
    """Return the digest of a set, in hexadecimal digits."""
    hashed = hashlib.sha256()
    for name, value in sorted((_bytes(name), _bytes(value)) for name, value in settings.items()):
        hashed.update(name + b"\0" + len(value).to_bytes(4, "big") + value)
    return hashed.hexdigest().encode()
