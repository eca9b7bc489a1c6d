r"""A transcript in a file: one line for each line that was sent or came, with the time at which it began.

::

    2026-11-26T00:45:12.123Z > printenv serial#\r
    2026-11-26T00:45:12.125Z < => printenv serial#\r\n

What can't be printed is escaped, so every byte is there.  Secrets that are
known are masked; a line is therefore written once it is whole.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from station import clock

_LONGEST = 16 * 1024
"""Bytes of a line without an end that are waited for."""


def escaped(data: bytes) -> str:
    """Return the bytes as text with escapes in place of what can't be printed, and of a backslash."""
    text = data.decode("utf-8", "surrogateescape").replace("\\", "\\\\")
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # a byte that is no UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character if character.isprintable() else repr(character)[1:-1]


def _ended(line: bytearray) -> bool:
    return line.endswith((b"\r", b"\n"))


class Readable(Exception):
    """Others may read the file that is there; the text says so and what to do."""


class Unwritten(Exception):
    """The file took no more; the text says which, and why."""


class Record:
    """Appends to a file that only its owner can read, since people type passwords; close it.

    All but ``close`` raise ``Unwritten``.
    """

    def __init__(self, path: Path, mask: Callable[[bytes], bytes]) -> None:
        """``mask`` takes the secrets out of a line.  Raises ``OSError``, ``Readable``."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        facts = os.fstat(descriptor)
        if stat.S_ISREG(facts.st_mode) and facts.st_mode & 0o077:  # it was there: its mode is somebody's will
            os.close(descriptor)
            raise Readable(f"others may read or write {path}; run: chmod 600 {path}")
        self._path = path
        self._file: IO[str] = open(descriptor, "w", buffering=1, encoding="utf-8")  # noqa: SIM115 - closed by close
        self._mask = mask
        self._lines: dict[str, bytearray] = {">": bytearray(), "<": bytearray()}
        self._began = {">": 0, "<": 0}

    def add(self, direction: str, data: bytes) -> None:
        """Note bytes that were sent (``>``) or came (``<``) just now."""
        line = self._lines[direction]
        for byte in data:
            if (_ended(line) and not (line[-1:] == b"\r" and byte in b"\r\n")) or len(line) >= _LONGEST:
                self._write(direction)
            if not line:
                self._began[direction] = clock.now_us()
            line.append(byte)
        if line[-1:] == b"\n" or (direction == ">" and _ended(line)):
            self._write(direction)

    def note(self, text: str) -> None:
        """Write down what happened to the port."""
        self.flush()
        self._put(f"{clock.iso(clock.now_us())} - {text}\n")

    def flush(self) -> None:
        """Write down also what has no end yet."""
        for direction in sorted(self._lines, key=self._began.__getitem__):
            self._write(direction)

    def close(self) -> None:
        """Flush, and close the file; what a full disk doesn't take is lost."""
        with suppress(Unwritten):
            self.flush()
        with suppress(OSError):
            self._file.close()

    def _write(self, direction: str) -> None:
        line = self._lines[direction]
        if line:
            told = f"{clock.iso(self._began[direction])} {direction} {escaped(self._mask(bytes(line)))}\n"
            line.clear()
            self._put(told)

    def _put(self, line: str) -> None:
        try:
            self._file.write(line)
        except OSError as error:
            raise Unwritten(f"{self._path}: {error.strerror}; what came since is not in it") from error
