"""What the ``line`` protocol puts on a line: frames with a checksum, text without blanks, and the digest of a set.

As ``docs/line-protocol.md`` has it.  Pure; the conversation is ``drivers.exchange``'s.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

LINE_LIMIT = 120
"""Characters of the longest line, without its LF."""
UNASKED = "--"
"""The sequence of what a board says by itself."""

_TAIL = 4 * LINE_LIMIT
"""Bytes that are kept of a line without an end: a frame is at its end, and noise may be any length."""
_REPLY = re.compile(rb"!([0-9A-F]{2}|--) ([A-Z]+(?: [\x21-\x29\x2b-\x7e]+)*) ?\*([0-9A-F]{4})\Z")
"""A blank where an argument is empty is forgiven: it is what a ``printf`` leaves there."""
_FORMS = tuple(chr(byte) if 0x21 <= byte <= 0x7E and chr(byte) not in "%*?!" else f"%{byte:02X}" for byte in range(256))
"""What is written for each byte."""
_ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})|%")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a board says in one frame: to a request, or unasked."""

    sequence: str
    """The request's, two hexadecimal digits; ``UNASKED``."""
    result: str
    """``OK`` or ``ERR``; ``READY`` or ``BAD`` unasked."""
    fields: tuple[str, ...] = ()
    """What follows it."""

    @property
    def word(self) -> str:
        """Why an ``ERR`` is one."""
        return self.fields[0] if self.fields else ""


def request(sequence: int, *fields: str) -> str:
    """Return a request's line, without LF."""
    text = f"?{sequence:02X} {' '.join(fields)}"
    return f"{text}*{_checksum(text.encode()):04X}"


def reply(line: bytes) -> Reply | None:
    """Return the reply whose frame ends a line, None if there is none: noise, or a request's echo."""
    found = _REPLY.match(line, max(line.rfind(b"!"), line.rfind(b"?"), 0))
    if not found or int(found[3], 16) != _checksum(found[0][:-5]):
        return None
    result, *fields = found[2].decode("ascii").split(" ")
    return Reply(found[1].decode("ascii"), result, tuple(fields))


class Lines:
    """Cuts what arrives into lines: without LF, CRs and what is empty, and never more than the end of a long one."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that end in ``data``."""
        *ended, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-_TAIL:]
        return [line for raw in ended if (line := raw.replace(b"\r", b""))]


def escape(data: bytes) -> str:
    """Return bytes as an argument of a frame."""
    return "".join([_FORMS[byte] for byte in data])


def unescape(text: str) -> bytes:
    """Return an argument's bytes; raises ``ValueError`` for a ``%`` without two hexadecimal digits."""

    def byte(found: re.Match[bytes]) -> bytes:
        if found[1] is None:
            raise ValueError(f"a % without two hexadecimal digits in {text!r}")
        return bytes([int(found[1], 16)])

    return _ESCAPED.sub(byte, text.encode("ascii"))


def pieces(data: bytes, room: int) -> Iterator[tuple[int, str]]:
    """Cut bytes into arguments of at most ``room`` (3 or more) characters, each with the offset that it begins at.

    One empty one of no bytes.
    """
    if len(whole := escape(data)) <= room:  # most are short
        yield 0, whole
        return
    start = size = 0
    piece: list[str] = []
    for at, byte in enumerate(data):
        form = _FORMS[byte]
        if size + len(form) > room:
            yield start, "".join(piece)
            start, size, piece = at, 0, []
        piece.append(form)
        size += len(form)
    yield start, "".join(piece)


def digest(settings: Mapping[str, str]) -> str:
    """Return the digest of a set of settings, whose values are sent as UTF-8."""
    whole = hashlib.sha256()
    for name, value in sorted((name.encode(), value.encode()) for name, value in settings.items()):
        whole.update(name + b"\0" + len(value).to_bytes(4, "big") + value)
    return whole.hexdigest()


def _checksum(data: bytes) -> int:
    """Return the CRC-16 of the page: polynomial 0x1021, from 0xFFFF, most significant bit first."""
    return binascii.crc_hqx(data, 0xFFFF)
