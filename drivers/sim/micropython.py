"""The far end of the ``micropython`` dialect: a board that runs MicroPython, with its REPL on the UART.

Written from what the firmware's ``pyexec`` does, byte for byte where a station
could notice: both REPLs, raw-paste mode with its window, soft and hard reset,
a program that has to be interrupted, files that survive.  The code runs, in
``interpreter``.  Not here: editing, history, the value of an expression.
"""

from __future__ import annotations

import json

from drivers.sim.board import Pace, Proof, Reset, SimulatedBoard
from drivers.sim.faults import NONE, Faults, Moment
from drivers.sim.interpreter import HardReset, Interpreter, Interrupted, TooLong
from drivers.sim.label import Label
from drivers.sim.memory import Memory
from drivers.sim.wire import Wire

VERSION = "1.24.1"
MACHINE = "Simulated board with SIM32"
WINDOW = 128
"""Bytes of raw-paste mode's window: half of what the board buffers."""

UNIQUE_ID = "unique_id"
"""The name in the flash that is no file: the chip's own number, in hex."""
FACTORY = "/factory.json"
"""The file in which the factory has left the serial number."""
PROGRAM = "/main.py"
"""A board with this file runs a program without end when it starts, until it is interrupted."""

_POWER_UP_NOISE = b"\x00"
_BANNER = f'MicroPython v{VERSION} on 2024-11-29; {MACHINE}\r\nType "help()" for more information.\r\n'.encode()
_RAW_BANNER = b"raw REPL; CTRL-B to exit\r\n>"
_STOPPED = b'Traceback (most recent call last):\r\n  File "main.py", line 1, in <module>\r\nKeyboardInterrupt: \r\n'

_CTRL_A, _CTRL_B, _CTRL_C, _CTRL_D, _CTRL_E = range(1, 6)
_CR = 0x0D


class _Befallen(Interrupted):
    """A fault happens in the middle of the code."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class _SoftReset(Exception):
    """Ctrl-D on an empty line."""


class MicroPythonBoard(SimulatedBoard):
    """A simulated board with MicroPython; its settings are whatever files it is told to write."""

    pastes = True
    """Whether its firmware has raw-paste mode (from 1.14 on)."""
    missing: frozenset[str] = frozenset()
    """Modules, and functions such as ``os.rename``, that its port doesn't have."""

    def __init__(self, wire: Wire, memory: Memory, pace: Pace, faults: Faults = NONE) -> None:
        super().__init__(wire, memory, pace, faults)
        self._typed = bytearray()
        self._raw = False
        self._work_s = 0.0
        self._interpreter = Interpreter(self, VERSION, MACHINE, self.missing)

    @staticmethod
    def program(label: Label) -> dict[str, str]:
        """Return the files that a board leaves the factory with, and its chip's number."""
        return {UNIQUE_ID: label.mac.replace(":", ""), FACTORY: json.dumps({"serial": label.serial})}

    async def run(self) -> None:
        """Start, talk; start again when told to."""
        self.wire.write(_POWER_UP_NOISE)
        soft = False
        while True:
            self._start(soft=soft)
            await self.boot()
            try:
                if PROGRAM in self.memory.ram and not self._raw:
                    await self._run_program()
                self.wire.write(_RAW_BANNER if self._raw else _BANNER)
                while True:
                    await (self._raw_repl() if self._raw else self._friendly_repl())
            except Reset:
                soft = False
            except _SoftReset:
                soft = True
                await self.reaches(Moment.RESTART)
                self.wire.write(b"MPY: soft reboot\r\n")
                await self.wire.drain()

    # ---------------------------------------------------------------- start

    def _start(self, *, soft: bool) -> None:
        self.start(soft=soft)
        if not soft:
            self.wire.clear()
            self._typed.clear()
            self._raw = False
        self._interpreter = Interpreter(self, VERSION, MACHINE, self.missing)

    async def _run_program(self) -> None:
        while await self._key() != _CTRL_C:
            pass
        self.wire.write(_STOPPED)

    # ---------------------------------------------------------------- the REPL for people

    async def _friendly_repl(self) -> None:
        """Take lines until Ctrl-A."""
        line = bytearray()
        self.wire.write(b">>> ")
        while True:
            key = await self._key()
            if key == _CTRL_A:
                self._raw = True
                self.wire.write(b"\r\n" + _RAW_BANNER)
                return
            if key == _CTRL_E:
                await self._paste()
            elif key == _CTRL_D and not line:
                self.wire.write(b"\r\n")
                raise _SoftReset
            elif key == _CTRL_B:
                self.wire.write(b"\r\n" + _BANNER)
            elif key in (_CTRL_C, _CR):
                self.wire.write(b"\r\n")
                if key == _CR:
                    self.wire.write(b"".join(await self._execute(bytes(line))))
            else:
                line.append(key)
                self._echo(bytes([key]))
                continue
            line.clear()
            self.wire.write(b">>> ")

    async def _paste(self) -> None:
        self.wire.write(b"\r\npaste mode; Ctrl-C to cancel, Ctrl-D to finish\r\n=== ")
        text = bytearray()
        while (key := await self._key()) not in (_CTRL_C, _CTRL_D):
            text.append(key)
            self._echo(b"\r\n=== " if key == _CR else bytes([key]))
        self.wire.write(b"\r\n")
        if key == _CTRL_D:
            self.wire.write(b"".join(await self._execute(bytes(text))))

    def _echo(self, data: bytes) -> None:
        if not self.faults.has("echo-off"):
            self.wire.write(data)

    # ---------------------------------------------------------------- the REPL for programs

    async def _raw_repl(self) -> None:
        """Take code until Ctrl-B."""
        code = bytearray()
        while True:
            key = await self._key()
            if key == _CTRL_A:
                if self.pastes and code[:1] == b"\x05" and len(code) == 2:
                    await self._raw_paste(code[1:] == b"A")
                else:
                    self.wire.write(_RAW_BANNER)
                code.clear()
            elif key == _CTRL_B:
                self._raw = False
                self.wire.write(b"\r\n" + _BANNER)
                return
            elif key == _CTRL_C:
                code.clear()
            elif key == _CTRL_D:
                self.wire.write(b"OK")
                if not code:
                    self.wire.write(b"\r\n")
                    raise _SoftReset
                await self._answer(bytes(code))
                code.clear()
            else:
                code.append(key)

    async def _raw_paste(self, known: bool) -> None:
        if not known:
            self.wire.write(b"R\x00>")
            return
        self.wire.write(b"R\x01" + WINDOW.to_bytes(2, "little") + b"\x01")
        code = bytearray()
        while (key := await self._key()) not in (_CTRL_C, _CTRL_D):
            code.append(key)
            if len(code) % WINDOW == 0:
                self.wire.write(b"\x01")
        self.wire.write(b"\x04")
        if key == _CTRL_D:
            await self._answer(bytes(code))
        else:
            self.wire.write(b"\x04Traceback (most recent call last):\r\nKeyboardInterrupt: \r\n\x04>")

    async def _answer(self, code: bytes) -> None:
        printed, raised = await self._execute(code)
        self.wire.write(printed + b"\x04" + raised + b"\x04>")

    async def _execute(self, code: bytes) -> tuple[bytes, bytes]:
        """Run code; what happens to the board in the middle of it happens then."""
        self.stir()
        await self.work(self.pace.command_s)
        self._work_s = 0.0
        try:
            answer = self._interpreter.run(code.decode("utf-8", "replace"))
        except Interrupted as interrupted:
            self.wire.write(self._interpreter.printed)
            await self.work(self._work_s)
            if isinstance(interrupted, HardReset):
                await self.reaches(Moment.RESTART)
                await self.wire.drain()
                raise Reset from None
            if isinstance(interrupted, TooLong):
                await self._run_program()
                return b"", b""
            assert isinstance(interrupted, _Befallen)
            await self.befall(interrupted.what)
            raise AssertionError("what befalls a board doesn't end well") from None
        await self.work(self._work_s)
        return answer

    async def _key(self) -> int:
        if not self._typed:
            self._typed += await self.wire.read()
        return self._typed.pop(0)

    # ---------------------------------------------------------------- what code can do to the board

    @property
    def unique_id(self) -> bytes:
        """The chip's own number."""
        self._meet(Moment.IDENTIFY)
        return bytes.fromhex(self.memory.ram[UNIQUE_ID])

    def load(self, path: str) -> bytes:
        """Return a file."""
        if path == FACTORY:
            self._meet(Moment.IDENTIFY)
        text = self.memory.ram[self._file(path)]
        if path != FACTORY and self.proof is not Proof.COMMITTED:
            self._meet(Moment.READ)
            self.read_back()
            text = self._told(text)
        return text.encode("utf-8", "surrogateescape")

    def begin(self, path: str) -> None:
        """Empty a file: it is going to be written."""
        self._meet(Moment.WRITE)
        self._keep(path, "")

    def store(self, path: str, content: bytes) -> None:
        """Keep a file."""
        self._keep(path, content.decode("utf-8", "surrogateescape"))
        self._work_s += self.pace.save_s

    def rename(self, old: str, new: str) -> None:
        """Put a file in the place of another."""
        self._file(old)
        self._meet(Moment.COMMIT)
        self._keep(new, self.memory.ram.pop(old))

    def remove(self, path: str) -> None:
        """Remove a file."""
        del self.memory.ram[self._file(path)]
        self.save()

    def paths(self) -> list[str]:
        """Name all files."""
        return sorted(path for path in self.memory.ram if path != UNIQUE_ID)

    def _file(self, path: str) -> str:
        """Return the path; raises ``KeyError`` if there is no such file."""
        if path not in self.paths():
            raise KeyError(path)
        return path

    def _keep(self, path: str, text: str) -> None:
        self.memory.ram[path] = text
        self.save()

    def _told(self, text: str) -> str:
        """Return what the board tells of a file's text; of a JSON object, each value by itself."""
        if not self.faults.has("wrong-readback"):
            return text
        try:
            held = json.loads(text)
        except ValueError:
            return self.faults.reads(text)
        return json.dumps({name: self.faults.reads(value) for name, value in held.items()}, separators=(",", ":"))

    def _meet(self, moment: Moment) -> None:
        if what := self.faults.at(moment):
            raise _Befallen(what)
