"""Lines and frames of the line protocol, as a board's firmware takes and makes them.

docs/line-protocol.md is the law; this is one reading of it.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

BUFFER = 128
"""Bytes of the receive buffer; a line that fills it before its LF came is forgotten."""
LINE = 120
"""The longest line, in characters without its LF."""

_FRAME = re.compile(rb'(\?[0-9A-F]{2}|!(?:[0-9A-F]{2}|--)) ([ "-)+->@-~]*)\*([0-9A-F]{4})')
"""The mark with the sequence, the fields, the checksum; a mark or a ``*`` can't occur in the fields."""
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})?")
_PLAIN = frozenset(range(0x21, 0x7F)) - frozenset(b"%*?!")
"""The bytes that stand for themselves in an argument."""


class Frame(NamedTuple):
    """What a good frame holds."""

    mark: bytes
    sequence: bytes
    fields: Sequence[bytes]
    """The verb or result, then the arguments as they were sent."""


class Receiver:
    """The receive buffer: takes bytes as they come, and gives lines as they end."""

    def __init__(self) -> None:
        self._line = bytearray()

    def take(self, data: bytes) -> Iterator[bytes]:
        """Yield each line that ends in ``data``, without its end; neither empty nor forgotten ones."""
        for byte in data:
            if byte == 0x0A:
                line = bytes(self._line)
                self.clear()
                if 0 < len(line) < BUFFER:
                    yield line
            elif byte != 0x0D and len(self._line) < BUFFER:
                self._line.append(byte)

    def clear(self) -> None:
        """Forget what came of a line."""
        self._line.clear()


def checksum(text: bytes) -> bytes:
    """Return the four digits that end the frame ``text``, which begins with its mark."""
    return b"%04X" % binascii.crc_hqx(text, 0xFFFF)


def found(line: bytes) -> Frame | None:
    """Return the good frame at the end of a line; None if there is none."""
    start = max(line.rfind(b"?"), line.rfind(b"!"))
    match = _FRAME.fullmatch(line, max(0, start))
    if not match or checksum(line[start : match.end(2)]) != match[3]:
        return None
    return Frame(match[1][:1], match[1][1:], match[2].split(b" "))


def reply(sequence: bytes, *fields: bytes) -> bytes:
    """Return the line that says ``fields``, the last of them empty or not, with its LF."""
    text = b"!" + b" ".join((sequence, *fields)).rstrip(b" ")
    return text + b"*" + checksum(text) + b"\n"


def escaped(data: bytes) -> bytes:
    """Return an argument that means ``data``."""
    return b"".join(bytes([byte]) if byte in _PLAIN else b"%%%02X" % byte for byte in data)


def unescaped(argument: bytes) -> bytes | None:
    """Return the bytes that an argument means; None if it is not well formed."""
    if any(match[1] is None for match in _ESCAPE.finditer(argument)):
        return None
    return _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), argument)
