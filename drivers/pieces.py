"""Values that are too long for one line of the board: written piece by piece, and checked before they count."""

from __future__ import annotations

import re

from pydantic import Field, field_validator, model_validator

from drivers.command import judge_template
from drivers.measure import judge_measures, told
from drivers.table import Table
from drivers.text import Pattern, fill


class Check(Table):
    """``pieces.check``: how the board tells what it holds once all pieces are there."""

    send: str = Field(min_length=1)
    """The command; may hold {name}."""
    capture: Pattern
    """Regular expression with one or more of the groups value, length, xor16, crc32, md5, sha256."""

    @field_validator("capture")
    @classmethod
    def _measures(cls, capture: re.Pattern[str]) -> re.Pattern[str]:
        judge_measures(capture)
        return capture

    def agrees(self, found: re.Match[str], value: str) -> bool:
        """Tell whether what was captured is true of ``value``; what proves it is that it is read back."""
        return told(found.groupdict(), value, length_is_enough=True) == value


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
