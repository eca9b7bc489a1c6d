"""Whether bytes are text, and in which form it went over the wire.  Pure."""

from __future__ import annotations

from typing import NamedTuple

TEXT = 0.9
"""The part of bytes that must be printable in what counts as text."""


class Form(NamedTuple):
    """How a character goes over the wire."""

    data_bits: int
    parity: str


def printable_part(data: bytes) -> float:
    """Return which part of the bytes are what boards print: ASCII, line ends, BEL, escape codes, UTF-8 as a whole."""
    if not data:
        return 0.0
    good = sum(byte in b"\a\b\t\n\r\x1b" or 0x20 <= byte < 0x7F for byte in data)
    if good < len(data):
        letters = data.decode("utf-8", "replace")
        good += sum(len(c.encode()) for c in letters if ord(c) > 0xA0 and c != "\ufffd" and c.isprintable())
    return good / len(data)


def form_of(data: bytes) -> Form | None:
    """Return the form in which the bytes, read as 8N1, are text: 7 bits and a parity bit look so; None for garbage."""
    if printable_part(data) >= TEXT:
        return Form(8, "none")
    if printable_part(bytes(byte & 0x7F for byte in data)) < TEXT:
        return None
    ones = [byte.bit_count() % 2 for byte in data]
    if not any(ones):
        return Form(7, "even")
    return Form(7, "odd") if all(ones) else None
