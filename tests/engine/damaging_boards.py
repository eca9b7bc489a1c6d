"""Simulated boards that tell digests of what they hold, and some that flip a bit of a key on its way there."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from drivers.sim.at import AtBoard, Refused
from drivers.sim.shell import ShellBoard
from drivers.sim.v250 import Command

KEY_LENGTH = 40
_NO_FILE, _EXISTS = 405, 407


def flipped(text: str) -> str:
    """Return a text with one bit of its tenth character turned round: another one, and as long."""
    return text[:9] + chr(ord(text[9]) ^ 1) + text[10:]


class FileModule(AtBoard):
    """A module with files, as Quectel's have them."""

    damages = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        files = {"+QFUPL": self._upload, "+QFDWL": self._download, "+QFLST": self._list, "+QFDEL": self._delete}
        self._commands = {**self._commands, **files}

    async def _upload(self, command: Command) -> str:
        name, size = command.values
        if name in self.memory.ram:
            raise Refused(_EXISTS)
        self._inform("CONNECT")
        text = bytes([await self._key(bytearray()) for _ in range(int(size or 0))]).decode()
        if self.damages and len(text) == KEY_LENGTH:
            text = flipped(text)
        self.memory.ram[str(name)] = text
        self.save()
        return f"+QFUPL: {self._counted(text)}"

    async def _download(self, command: Command) -> str:
        text = self._file(command)
        return f"CONNECT\n{text}\n+QFDWL: {self._counted(text)}"

    async def _list(self, command: Command) -> str:
        return f'+QFLST: "{command.values[0]}",{len(self._file(command).encode())}'

    async def _delete(self, command: Command) -> str:
        self._file(command)
        del self.memory.ram[str(command.values[0])]
        self.save()
        return ""

    def _file(self, command: Command) -> str:
        name = str(command.values[0])
        if name not in self.memory.ram:
            raise Refused(_NO_FILE)
        self.read_back()
        return self.memory.ram[name]

    @staticmethod
    def _counted(text: str) -> str:
        data = text.encode()
        checksum = 0
        for at in range(0, len(data), 2):
            checksum ^= int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big")
        return f"{len(data)},{checksum:x}"


class DamagingModule(FileModule):
    """No key arrives as it was sent."""

    damages = True


class SummingConsole(ShellBoard):
    """A console that tells a setting's length and MD5: ``sum NAME``."""

    damages = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._commands["sum"] = self._sum

    async def _sum(self, words: Sequence[str]) -> str:
        value = self.memory.ram.get(words[0], "").encode()
        self.read_back()
        return f"{len(value)} {hashlib.md5(value, usedforsecurity=False).hexdigest()}\n"

    async def _setenv(self, words: Sequence[str]) -> str | None:
        said = await super()._setenv(words)
        value = self.memory.ram.get(words[0], "")
        if self.damages and len(value) == KEY_LENGTH and words[0] == "fleet_key":
            self.memory.ram[words[0]] = flipped(value)
        return said


class DamagingConsole(SummingConsole):
    """No key is kept as it was sent."""

    damages = True
