r"""How a modem makes commands of a command line, as ITU-T V.250 (5.2 to 5.4) says.

A line's body is what follows ``AT``: basic commands one after the other
(``E0V1&W``), extended ones (``+CFUN=1,1``) parted by ``;``.  Blanks count only
inside of ``"..."``, where a backslash and two hexadecimal digits stand for any
byte.  Not here: dialling.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_BASIC = re.compile(r"(S\d+(?=[=?])|&?[A-Z])(?:(=)(\d*)|(\?)|(\d*))", re.IGNORECASE)
_EXTENDED = re.compile(r"(\+[A-Z][A-Z0-9!%./:_-]*) *(=\?|=|\?)?", re.IGNORECASE)
_STRING = re.compile(r'"([^"]*)"')
_NUMBER = re.compile(r"[0-9]+")
_ESCAPE = re.compile(r"\\([0-9A-Fa-f]{2})")


class Malformed(Exception):
    """No command line by V.250."""


class Command(NamedTuple):
    """One command of a line: its name (``E``, ``&W``, ``S3``, ``+CGSN``), and ``=``, ``?``, ``=?`` or nothing."""

    name: str
    operator: str
    values: tuple[str | int | None, ...]
    """Strings, numbers, and None for a value that is left out."""


def commands(body: str) -> Iterator[Command]:
    """Yield a line's commands in their order; raises ``Malformed`` where one can't be read, after those before it."""
    at = 0
    while True:
        at = _after_blanks(body, at)
        if at >= len(body):
            return
        if found := _EXTENDED.match(body, at):
            values: tuple[str | int | None, ...] = ()
            at = found.end()
            if found[2] == "=":
                values, at = _values(body, at)
            at = _after_blanks(body, at)
            if at < len(body) and body[at] != ";":
                raise Malformed(body[at:])
            at += 1
            yield Command(found[1].upper(), found[2] or "", values)
        elif found := _BASIC.match(body, at):
            at = found.end()
            if at < len(body) and body[at] == ";":
                at += 1
            number = found[3] or found[5]
            yield Command(found[1].upper(), found[2] or found[4] or "", (int(number),) if number else ())
        else:
            raise Malformed(body[at:])


def string(text: str) -> str:
    """Return a string constant that stands for a text: printable ASCII as it is, all else by its bytes."""
    raw = text.encode("utf-8", "surrogateescape")
    inside = "".join(chr(b) if 0x20 <= b < 0x7F and b not in b'"\\' else f"\\{b:02X}" for b in raw)
    return f'"{inside}"'


def _values(body: str, at: int) -> tuple[tuple[str | int | None, ...], int]:
    """Read the values behind ``=``; return them and where they end."""
    values: list[str | int | None] = []
    while True:
        at = _after_blanks(body, at)
        if found := _STRING.match(body, at):
            values.append(_text(found[1]))
            at = found.end()
        elif found := _NUMBER.match(body, at):
            values.append(int(found[0]))
            at = found.end()
        else:
            values.append(None)
        at = _after_blanks(body, at)
        if body[at : at + 1] != ",":
            return tuple(values), at
        at += 1


def _text(string: str) -> str:
    """Return what a string constant stands for; text that is no UTF-8 is kept byte for byte (``surrogateescape``)."""
    if _ESCAPE.sub("", string).count("\\"):
        raise Malformed(string)
    raw = string.encode("utf-8", "surrogateescape").decode("latin-1")
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), raw).encode("latin-1").decode("utf-8", "surrogateescape")


def _after_blanks(body: str, at: int) -> int:
    while at < len(body) and body[at] == " ":
        at += 1
    return at
