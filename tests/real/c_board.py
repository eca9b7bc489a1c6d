"""The C implementation of the line protocol (docs/firmware), compiled, and run as a board of its own process."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

FIRMWARE = Path(__file__).parents[2] / "docs" / "firmware"
PAGE = FIRMWARE.parent / "line-protocol.md"
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
SANITIZED = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
EMPTY = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def compiled(program: Path, compiler: str, *flags: str) -> Path:
    """Compile the whole board, every warning an error; return the program."""
    sources = sorted(FIRMWARE.glob("*.c"))
    done = subprocess.run(
        [compiler, *STRICT, *flags, "-o", program, *sources], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return program


def crc(text: bytes) -> bytes:
    """The checksum, bit by bit as the page has it."""
    register = 0xFFFF
    for byte in text:
        register ^= byte << 8
        for _ in range(8):
            register = (register << 1) ^ (0x1021 if register & 0x8000 else 0)
            register &= 0xFFFF
    return b"%04X" % register


def framed(text: bytes) -> bytes:
    return text + b"*" + crc(text) + b"\n"


def asked(*requests: bytes) -> bytes:
    """The lines of requests whose sequences are 00, 01, ..."""
    return b"".join(framed(b"?%02X " % number + request) for number, request in enumerate(requests))


def replies(said: bytes) -> list[bytes]:
    """The fields of all good replies to requests in what a board said, in their order."""
    found = []
    for line in said.split(b"\n"):
        frame = line[line.rfind(b"!") :]
        if re.match(rb"![0-9A-F]{2} ", frame) and framed(frame[:-5]) == frame + b"\n":
            found.append(frame[4:-5])
    return found


def conversation() -> list[tuple[bytes, bytes]]:
    """The page's requests, each with all that the board says to it."""
    block = re.search(r"## A conversation.*?```\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert block
    turns: list[tuple[bytes, bytes]] = []
    for line in block[1].encode().splitlines(keepends=True):
        if line.startswith(b"?"):
            turns.append((line, b""))
        else:
            turns[-1] = (turns[-1][0], turns[-1][1] + line)
    return turns


class CBoard:
    """One board.  What it holds is in its flash's file; a process is from one power-on to the next power-off."""

    def __init__(self, program: Path, folder: Path, serial: str = "G1-00001234") -> None:
        self.port = folder / "uart"
        self.flash = folder / f"{serial}.flash"
        hardware = "02:00:00:00:00:01" if serial == "G1-00001234" else f"02:00:00:00:{serial[-4:-2]}:{serial[-2:]}"
        self._command = [str(program), "--serial", serial, "--hardware", hardware, "--flash", str(self.flash)]
        self._process: subprocess.Popen[bytes] | None = None

    def hears(self, data: bytes, *options: str) -> tuple[list[bytes], int]:
        """Switch it on, say all of ``data``, and hear it out; return its replies and how its process ended."""
        done = subprocess.run([*self._command, *options], input=data, capture_output=True, timeout=60, check=False)
        assert done.stderr == b"", done.stderr
        return replies(done.stdout), done.returncode

    def holds(self) -> bytes:
        """Ask it, freshly started, for its digest."""
        (told,), ended = self.hears(asked(b"DIGEST"))
        assert ended == 0
        return told.split(b" ")[2]

    def power_on(self, *options: str) -> None:
        """Switch it on behind ``port``."""
        command = [*self._command, "--pty", str(self.port), *options]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def power_off(self) -> None:
        """Kill it at this instant, and take its port away."""
        process, self._process = self._process, None
        if process:
            process.kill()
            process.wait()
            self.port.unlink(missing_ok=True)

    def close(self) -> None:
        self.power_off()
