"""What a UART makes of bytes that come at another speed than it expects."""

from __future__ import annotations

import termios

SPEEDS = {getattr(termios, name): int(name[1:]) for name in dir(termios) if name[0] == "B" and name[1:].isdecimal()}
"""What termios calls a speed -> bits a second."""


def resampled(data: bytes, sent: int, expected: int) -> bytes:
    """Return what a UART at ``expected`` bits a second reads of ``data`` sent at ``sent``, both 8N1.

    It waits for the falling edge of a start bit, looks at the line in the
    middle of each of its own bits, and gives a NUL for a character whose stop
    bit isn't there, as Linux does.
    """
    line = [bit for byte in data for bit in (0, *((byte >> place) & 1 for place in range(8)), 1)]
    ratio = sent / expected  # of the reader's bits in the sender's

    def level(at: float) -> int:
        return line[int(at)] if at < len(line) else 1

    read = bytearray()
    at = 0.0
    while at < len(line):
        if level(at):
            at = float(int(at) + 1)
            continue
        byte = sum(level(at + ratio * (1.5 + place)) << place for place in range(8))
        at += ratio * 9.5
        stopped = level(at)
        read.append(byte if stopped else 0)
        while not level(at):
            at = float(int(at) + 1)
    return bytes(read)
