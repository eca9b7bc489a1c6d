"""Values that are too long for one line of the board: written piece by piece, and checked before they count."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable, Mapping

from pydantic import Field, field_validator, model_validator

from drivers.command import judge_template
from drivers.table import Table
from drivers.text import Pattern, fill

_MEASURES: Mapping[str, Callable[[bytes], str]] = {
    "value": lambda data: data.decode(),
    "length": lambda data: str(len(data)),
    "crc32": lambda data: f"{zlib.crc32(data):08x}",
    "md5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "sha256": lambda data: hashlib.sha256(data).hexdigest(),
}
"""What a board may tell of what it holds, of the value's UTF-8: digests as hex digits, the length in bytes."""


class Check(Table):
    """``pieces.check``: how the board tells what it holds once all pieces are there."""

    send: str = Field(min_length=1)
    """The command; may hold {name}."""
    capture: Pattern
    """Regular expression with one or more of the groups value, length, crc32, md5, sha256."""

    @field_validator("capture")
    @classmethod
    def _measures(cls, capture: re.Pattern[str]) -> re.Pattern[str]:
        names = set(capture.groupindex)
        if not names or names - set(_MEASURES):
            raise ValueError(f"needs named groups out of {', '.join(_MEASURES)}, e.g. (?P<length>\\d+)")
        return capture

    def agrees(self, found: re.Match[str], value: str) -> bool:
        """Tell whether what was captured is true of ``value``."""
        told = {name: text for name, text in found.groupdict().items() if text is not None}
        return bool(told) and all(
            text == value if name == "value" else text.lower() == _MEASURES[name](value.encode())
            for name, text in told.items()
        )


class Pieces(Table):
    """``pieces``: how a value is written whose line would be longer than ``line_limit``."""

    size: int = Field(ge=8)
    """Characters of the value in one piece, at most."""
    begin: str | None = Field(default=None, min_length=1)
    """The command before the first piece, which forgets what was there; may hold {name}."""
    append: str
    """The command that adds one {piece}, which is quoted as values are; may hold {name}."""
    check: Check
    """How the board tells what it holds after the last piece.  If that is something else, all is done again."""
    finish: str | None = Field(default=None, min_length=1)
    """The command that makes it the setting's value once the check is right; may hold {name}."""

    @model_validator(mode="after")
    def _filled(self) -> Pieces:
        judge_template("pieces.append", self.append, must={"piece"}, may={"name"})
        for key, template in (("begin", self.begin), ("check.send", self.check.send), ("finish", self.finish)):
            judge_template(f"pieces.{key}", template or "", may={"name"})
        return self

    def split(self, value: str) -> list[str]:
        """Return the value's pieces, all of about the same length, so that none is too short to be masked."""
        count = -(-len(value) // self.size)
        return [value[len(value) * i // count : len(value) * (i + 1) // count] for i in range(count)]

    def commands(self, name: str, pieces: list[str]) -> list[str]:
        """Return the lines that bring the pieces, quoted ones, to the board."""
        begin = [fill(self.begin, name=name)] if self.begin else []
        return begin + [fill(self.append, name=name, piece=piece) for piece in pieces]
