"""The far end of the ``shell`` dialect: a board whose boot loader has a prompt.

Written from what U-Boot 2023.01 puts on a UART (Debian's ``u-boot-qemu``),
byte for byte where a station could notice: the countdown, the echo, the line
limit that cuts without an error, the empty line that repeats the last
command, the two variables that can be written once.  Not here: history,
cursor keys, ``&&``, ``if``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from drivers.sim import hush
from drivers.sim.board import Pace, Reset, SimulatedBoard
from drivers.sim.faults import NONE, Faults, Moment
from drivers.sim.label import Label
from drivers.sim.memory import Memory
from drivers.sim.wire import Wire

PROMPT = b"=> "
CONTINUATION = b"> "
LINE_LIMIT = 512
"""Characters of one line; every further one is answered with BEL and dropped."""
WORD_LIMIT = 16
"""Words of one command; more are answered with its usage."""
ENVIRONMENT_SIZE = 0x40000 - 4
WRITE_ONCE = ("serial#", "ethaddr")

_POWER_UP_NOISE = b"\xfc\x00"
"""What a UART makes of a line that rises from 0 V."""
_VERSION = "U-Boot 2023.01+sim (Jan 01 2024 - 00:00:00 +0000)"
_BANNER = f"\r\n\r\n{_VERSION}\r\n\r\nDRAM:  128 MiB\r\nFlash: 64 MiB\r\nLoading Environment from Flash... ".encode()
_DEVICES = (
    b"OK\r\nIn:    pl011@9000000\r\nOut:   pl011@9000000\r\nErr:   pl011@9000000\r\nNet:   No ethernet found.\r\n"
)
_SAVING = "Saving Environment to Flash... Un-Protected 2 sectors\nErasing Flash...\n"
_SAVED = ".. done\nErased 2 sectors\nWriting to Flash... done\nProtected 2 sectors\nOK\n"

_CTRL_C = 0x03
_TAB = 0x09
_CTRL_U = 0x15
_ENDS = b"\r\n"
_ERASES = b"\x08\x7f\xff"
_BEL = b"\x07"


class ShellBoard(SimulatedBoard):
    """A simulated board with a U-Boot-like console.

    Its settings are the environment; ``bootdelay`` there is the countdown in
    seconds, after which it boots and listens no more.
    """

    def __init__(self, wire: Wire, memory: Memory, pace: Pace, faults: Faults = NONE) -> None:
        super().__init__(wire, memory, pace, faults)
        self._typed = bytearray()
        self._repeatable = ""
        self._commands: dict[str, Callable[[Sequence[str]], Awaitable[str | None]]] = {
            "printenv": self._printenv,
            "setenv": self._setenv,
            "saveenv": self._saveenv,
            "version": self._version,
            "reset": self._reset,
        }

    @staticmethod
    def program(label: Label) -> dict[str, str]:
        """Return the environment that a board leaves the factory with."""
        return {"serial#": label.serial, "ethaddr": label.mac, "bootdelay": "10"}

    async def run(self) -> None:
        """Start, count down, obey; start again when told to."""
        self.wire.write(_POWER_UP_NOISE)
        while True:
            await self._start()
            if not await self._interrupted():
                self.wire.write(b"\r\nStarting kernel ...\r\n\r\n")
                while True:
                    await self.wire.read()
            try:
                await self._console()
            except Reset:
                continue

    # ---------------------------------------------------------------- start

    async def _start(self) -> None:
        self.wire.clear()
        self._typed.clear()
        self._repeatable = ""
        self.start()
        self.wire.write(_BANNER)
        await self.boot()
        self.wire.write(_DEVICES)

    async def _interrupted(self) -> bool:
        """Count down; True as soon as a key is pressed, which the countdown swallows."""
        delay = self.memory.ram.get("bootdelay", "2")
        left = int(delay) if delay.isdecimal() else 0
        self.wire.write(b"Hit any key to stop autoboot: %2d " % left)
        await self.wire.drain()
        pressed = self.wire.pending
        if pressed:
            await self._key(bytearray())
            self.wire.write(b"\b\b\b 0")
        while left and not pressed:
            left -= 1
            try:
                async with asyncio.timeout(1):
                    await self._key(bytearray())
            except TimeoutError:
                self.wire.write(b"\b\b\b%2d " % left)
            else:
                pressed = True
                self.wire.write(b"\b\b\b%2d " % 0)
        self.wire.write(b"\r\n")
        return pressed

    # ---------------------------------------------------------------- the command line

    async def _key(self, echo: bytearray) -> int:
        """Return the next byte typed; the echo gathered so far leaves before it is waited for."""
        if not self._typed:
            self._echo(bytes(echo))
            echo.clear()
            self._typed += await self.wire.read()
        return self._typed.pop(0)

    def _echo(self, data: bytes) -> None:
        if not self.faults.has("echo-off"):
            self.wire.echo(data)

    async def _line(self) -> str | None:
        """Return one line as typed and edited; None if it was interrupted."""
        line = bytearray()
        echo = bytearray()
        while True:
            key = await self._key(echo)
            if key in _ENDS:
                self._echo(bytes(echo) + b"\r\n")
                return line.decode("utf-8", "surrogateescape")
            if key == _CTRL_C:
                self._echo(bytes(echo) + b"<INTERRUPT>\r\n")
                return None
            if key in _ERASES:
                echo += b"\b \b" if line else b""
                del line[-1:]
            elif key == _CTRL_U:
                echo += b"\b" * len(line) + b" " * len(line) + b"\b" * len(line)
                line.clear()
            elif key == _TAB or len(line) >= LINE_LIMIT:
                echo += _BEL
            else:
                line.append(key)
                echo.append(key)

    async def _console(self) -> None:
        """Obey line by line until ``Reset``."""
        while True:
            self.wire.write(PROMPT)
            text = await self._line()
            while text is not None and not hush.complete(text):
                self.wire.write(CONTINUATION)
                more = await self._line()
                text = None if more is None else f"{text}\n{more}"
            if text is None:
                self._repeatable = ""
            else:
                await self._obey(text or self._repeatable)

    async def _obey(self, text: str) -> None:
        """Run the commands of one line; remember it if an empty line may run it again."""
        self._repeatable = ""
        repeatable = True
        for words in hush.commands(text, self.memory.ram):
            await self.work(self.pace.command_s)
            repeatable = repeatable and words[0] not in ("setenv", "saveenv", "reset")
            command = self._commands.get(words[0])
            if command is None:
                self._print(f"Unknown command '{words[0]}' - try 'help'\n")
            elif len(words) > WORD_LIMIT or (said := await command(words[1:])) is None:
                self._print(f"{words[0]} - see the manual\n\nUsage:\n{words[0]} [name [value ...]]\n")
            else:
                self._print(said)
            self.stir()
        if repeatable:
            self._repeatable = text

    def _print(self, text: str) -> None:
        self.wire.write(text.replace("\n", "\r\n").encode("utf-8", "surrogateescape"))

    # ---------------------------------------------------------------- commands: what they print; None is their usage

    async def _printenv(self, names: Sequence[str]) -> str | None:
        ram = self.memory.ram
        if names:
            await self.reaches(Moment.IDENTIFY if names[0] in WRITE_ONCE else Moment.READ)
            self.read_back()
            return "".join(
                f"{n}={self._told(n, ram[n])}\n" if n in ram else f'## Error: "{n}" not defined\n' for n in names
            )
        used = sum(len(f"{name}={value}".encode("utf-8", "surrogateescape")) + 1 for name, value in ram.items()) + 1
        listing = "".join(f"{name}={ram[name]}\n" for name in sorted(ram))
        return f"{listing}\nEnvironment size: {used}/{ENVIRONMENT_SIZE} bytes\n"

    def _told(self, name: str, value: str) -> str:
        return value if name in WRITE_ONCE else self.faults.reads(value)

    async def _setenv(self, words: Sequence[str]) -> str | None:
        if not words or words[0].startswith("-"):
            return None
        await self.reaches(Moment.WRITE)
        name, values = words[0], words[1:]
        if "=" in name:
            return f"## Error: illegal character '='in variable name \"{name}\"\n"
        if name in WRITE_ONCE and name in self.memory.ram:
            if not values:
                return f'## Error: Can\'t delete "{name}"\n'
            return f'## Error: Can\'t overwrite "{name}"\n## Error inserting "{name}" variable, errno=1\n'
        if values:
            self.memory.ram[name] = " ".join(values)
        else:
            self.memory.ram.pop(name, None)
        return ""

    async def _saveenv(self, words: Sequence[str]) -> str | None:
        if words:
            return None
        self._print(_SAVING)
        await self.reaches(Moment.COMMIT)
        await self.work(self.pace.save_s)
        self.save()
        return _SAVED

    async def _version(self, words: Sequence[str]) -> str | None:
        return None if words else f"{_VERSION}\n\narm-linux-gnueabihf-gcc (sim) 12.2.0\nGNU ld (sim) 2.40\n"

    async def _reset(self, _words: Sequence[str]) -> str | None:
        await self.reaches(Moment.RESTART)
        self._print("resetting ...\n")
        await self.wire.drain()
        raise Reset
