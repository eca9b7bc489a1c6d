"""The far end of the ``at`` dialect: a module with an AT command line.

A DCE by V.250 (echo, S3 to S5, verbose and numeric results, ``A/``), with the
commands of 3GPP TS 27.007 that tell who it is, and two of its vendor's:
``+MAC?``, and ``+NVM``, which keeps named strings, until the next start or,
once ``&W`` has stored them, for good.  It announces its start, and as real
ones do it says things unasked, also in the middle of an answer.  Not here:
calls, networks, SIM cards, autobauding.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from drivers.sim import v250
from drivers.sim.board import Pace, Reset, SimulatedBoard
from drivers.sim.faults import NONE, Faults, Moment
from drivers.sim.label import Label
from drivers.sim.memory import Memory
from drivers.sim.v250 import Command, Malformed
from drivers.sim.wire import Wire

LINE_LIMIT = 512
"""Characters between ``AT`` and the end of a command line; of a longer one nothing is done."""
STORED = 64
"""Strings that ``+NVM`` keeps."""
NAME = "SIM-AT R01A02"

_POWER_UP_NOISE = b"\xfc\x00"
"""What a UART makes of a line that rises from 0 V."""
_SERIAL, _MAC = "&serial", "&mac"
_PROFILE = {"&E": 1, "&V": 1, "&Q": 0, "&S3": 13, "&S4": 10, "&S5": 8, "&CMEE": 0}
"""The settings of the command line itself, as ``&F`` sets them; kept beside the strings, and stored with them."""
_HIGHEST = {"E": 1, "V": 1, "Q": 1, "S3": 127, "S4": 127, "S5": 127}

_NOT_SUPPORTED, _FULL, _NOT_FOUND, _WRONG = 4, 20, 22, 50
_WORDS = {
    _NOT_SUPPORTED: "operation not supported",
    _FULL: "memory full",
    _NOT_FOUND: "not found",
    _WRONG: "Incorrect parameters",
}
"""Codes of +CME ERROR, and how they are said with +CMEE=2."""

_UNSOLICITED = {1: ("before", "+CREG: 2"), 3: ("inside", "+CREG: 1"), 5: ("after", "^HCSQ: 38")}
"""Which command line after a start is disturbed, where, and by what."""


class Refused(Exception):
    """A command can't be done; without a code that is ERROR, whatever +CMEE says."""

    def __init__(self, code: int | None = None) -> None:
        super().__init__(code)
        self.code = code


class AtBoard(SimulatedBoard):
    """A simulated AT command module."""

    def __init__(self, wire: Wire, memory: Memory, pace: Pace, faults: Faults = NONE) -> None:
        super().__init__(wire, memory, pace, faults)
        self._typed = bytearray()
        self._body = b""
        """Of the last command line, for ``A/``."""
        self._lines = 0
        """Command lines since the start."""
        self._restarts = False
        """It starts again as soon as it has said OK."""
        self._commands: Mapping[str, Callable[[Command], Awaitable[str]]] = {
            "I": self._name,
            "Z": self._recall,
            "&F": self._defaults,
            "&W": self._store,
            "+CGMR": self._name,
            "+CGSN": self._cgsn,
            "+CMEE": self._cmee,
            "+CFUN": self._cfun,
            "+MAC": self._mac,
            "+NVM": self._nvm,
        } | dict.fromkeys(_HIGHEST, self._parameter)

    @staticmethod
    def program(label: Label) -> dict[str, str]:
        """Return what the factory burns into the module."""
        return {_SERIAL: label.serial, _MAC: label.mac}

    async def run(self) -> None:
        """Start, announce it, obey; start again when told to."""
        self.wire.write(_POWER_UP_NOISE)
        while True:
            self._typed.clear()
            self._body, self._lines, self._restarts = b"", 0, False
            self.start()
            await self.boot()
            self.wire.clear()  # its UART was not up before: what was typed is lost
            self._unasked("RDY")
            try:
                while True:
                    await self._answer(await self._line())
            except Reset:
                continue

    # ---------------------------------------------------------------- the command line

    async def _line(self) -> bytes:
        """Return what stands between ``AT`` and the end of a command line; what comes before ``AT`` is nothing."""
        echo = bytearray()
        start, body = b"", bytearray()
        while True:
            key = await self._key(echo)
            echo.append(key)
            if start != b"AT":
                start = (start + bytes([key])).upper()[-2:]
                if start == b"A/":
                    self._echo(echo)
                    return self._body
            elif key == self._register("S3"):
                self._echo(echo)
                self._body = bytes(body)
                return self._body
            elif key == self._register("S5"):
                del body[-1:]
            elif key >= 0x20:
                body.append(key)

    async def _key(self, echo: bytearray) -> int:
        """Return the next byte typed; the echo gathered so far leaves before it is waited for."""
        if not self._typed:
            self._echo(echo)
            echo.clear()
            self._typed += await self.wire.read()
        return self._typed.pop(0)

    def _echo(self, data: bytearray) -> None:
        if self._register("E") and not self.faults.has("echo-off"):
            self.wire.echo(bytes(data))

    async def _answer(self, body: bytes) -> None:
        """Do what a line says, up to the first command that can't be done, and say how it went."""
        self._lines += 1
        when, what = _UNSOLICITED.get(self._lines, ("", ""))
        if when == "before":
            self._unasked(what)
        code = None
        try:
            if len(body) > LINE_LIMIT:
                raise Refused
            for command in v250.commands(body.decode("utf-8", "surrogateescape")):
                await self.work(self.pace.command_s)
                if command.name not in self._commands:
                    raise Refused(_NOT_SUPPORTED if command.name.startswith("+") else None)
                for line in (await self._commands[command.name](command)).splitlines():
                    self._inform(line)
        except (Refused, Malformed) as refused:
            code, result = getattr(refused, "code", None), "ERROR"
        else:
            result = "OK"
        if when == "inside":
            self._unasked(what)
        self._conclude(result, code)
        if when == "after":
            self._unasked(what)
        self.stir()
        if self._restarts:
            await self.wire.drain()
            raise Reset

    # ---------------------------------------------------------------- what it says

    def _register(self, name: str) -> int:
        return int(self.memory.ram.get(f"&{name}", _PROFILE[f"&{name}"]))

    @property
    def _end(self) -> str:
        return chr(self._register("S3")) + chr(self._register("S4"))

    def _inform(self, text: str) -> None:
        """Say a line of an answer."""
        self._print((self._end if self._register("V") else "") + text + self._end)

    def _unasked(self, text: str) -> None:
        """Say what nobody asked for."""
        self._print(self._end + text + self._end)

    def _conclude(self, result: str, code: int | None) -> None:
        """Say how a command line went."""
        if self._register("Q"):
            return
        extended = self._register("CMEE")
        if code is not None and extended:
            self._inform(f"+CME ERROR: {code if extended == 1 else _WORDS[code]}")
        elif self._register("V"):
            self._print(self._end + result + self._end)
        else:
            self._print(("0" if result == "OK" else "4") + chr(self._register("S3")))

    def _print(self, text: str) -> None:
        self.wire.write(text.encode("utf-8", "surrogateescape"))

    # ---------------------------------------------------------------- commands: what they say, or ``Refused``

    async def _parameter(self, command: Command) -> str:
        """E, V, Q and the S-registers."""
        if command.operator == "?":
            return f"{self._register(command.name):03d}"
        value = command.values[0] if command.values else 0
        if not isinstance(value, int) or value > _HIGHEST[command.name]:
            raise Refused
        self.memory.ram[f"&{command.name}"] = str(value)
        return ""

    async def _name(self, _command: Command) -> str:
        return NAME

    async def _recall(self, _command: Command) -> str:
        stored = self.memory.flash
        self.memory.ram |= {name: stored.get(name, str(value)) for name, value in _PROFILE.items()}
        return ""

    async def _defaults(self, _command: Command) -> str:
        self.memory.ram |= {name: str(value) for name, value in _PROFILE.items()}
        return ""

    async def _store(self, _command: Command) -> str:
        await self.reaches(Moment.COMMIT)
        await self.work(self.pace.save_s)
        self.save()
        return ""

    async def _cgsn(self, command: Command) -> str:
        await self.reaches(Moment.IDENTIFY)
        match command:
            case (_, "=?", _):
                return "+CGSN: (0,1)"
            case (_, "", _) | (_, "=", (0,)):
                return self.memory.ram[_SERIAL]
            case (_, "=", (1,)):
                return f'+CGSN: "{self.memory.ram[_SERIAL]}"'
        raise Refused(_WRONG)

    async def _mac(self, command: Command) -> str:
        if command.operator != "?":
            raise Refused(_NOT_SUPPORTED)
        return f'+MAC: "{self.memory.ram[_MAC]}"'

    async def _cmee(self, command: Command) -> str:
        match command:
            case (_, "?", _):
                return f"+CMEE: {self._register('CMEE')}"
            case (_, "=", (0 | 1 | 2 as way,)):
                self.memory.ram["&CMEE"] = str(way)
                return ""
        raise Refused(_WRONG)

    async def _cfun(self, command: Command) -> str:
        match command:
            case (_, "?", _):
                return "+CFUN: 1"
            case (_, "=", (1,)):
                return ""
            case (_, "=", (1, 1)):
                await self.reaches(Moment.RESTART)
                self._restarts = True
                return ""
        raise Refused(_WRONG)

    async def _nvm(self, command: Command) -> str:
        match command:
            case (_, "?", _):
                return "\n".join(self._nvm_line(name) for name in self._names())
            case (_, "=", (str(name),)):
                await self.reaches(Moment.READ)
                if name not in self._names():
                    raise Refused(_NOT_FOUND)
                self.read_back()
                return self._nvm_line(name)
            case (_, "=", (str(name), str(value))) if name and not name.startswith("&"):
                await self.reaches(Moment.WRITE)
                if name not in self._names() and len(self._names()) >= STORED:
                    raise Refused(_FULL)
                self.memory.ram[name] = value
                return ""
        raise Refused(_WRONG)

    def _names(self) -> list[str]:
        return sorted(name for name in self.memory.ram if not name.startswith("&"))

    def _nvm_line(self, name: str) -> str:
        value = self.faults.reads(self.memory.ram[name])
        return f"+NVM: {v250.string(name)},{v250.string(value)}"
