"""The recipe's ``[shell]``: all that differs between boards with a command prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import Field, model_validator

from drivers import files
from drivers.command import Commit, MaybeRestart, Question, Reading, judge_questions, judge_template
from drivers.pieces import Pieces
from drivers.prompt import ConsoleOptions
from drivers.quoting import Quote
from drivers.text import Pattern


class ShellOptions(ConsoleOptions):
    """The recipe's ``[shell]``."""

    identify: tuple[Question, ...] = Field(min_length=1)
    """Commands that tell who the board is.  All are asked; together they must capture serial."""
    write: str
    """The command that writes one setting, with {name} and {value}."""
    quote: Quote
    """How {value} is quoted: "none", "single", "double", "escape", "zephyr" or "uboot"."""
    commit: Commit | None = None
    """How the settings are made permanent; left out where write already does."""
    read: Reading
    """How a setting is read back."""
    error: Pattern
    """What an answer that is a refusal looks like."""
    line_limit: int | None = Field(default=None, ge=1)
    """Bytes that the board takes in one line, newline included; a setting that needs more is never begun."""
    pieces: Pieces | None = None
    """How a setting is written that needs a longer line than line_limit."""
    file: dict[str, files.Place] = Field(default_factory=dict)
    """Settings that are files: name -> path and mode.  The board's shell must be a POSIX one, with base64, sha256sum,
    chmod, mv and sync."""
    restart: MaybeRestart = None
    """How to restart the board; "none" where nothing does.  For the prompt after it there is boot_s."""

    @property
    def signs(self) -> Mapping[str, str]:
        """What a board that restarts says at the start of a line: the recipe's key -> literal text."""
        signs = {
            "interrupt.on": self.interrupt and self.interrupt.on,
            "restart.expect": self.restart and self.restart.expect,
        }
        return {key: sign for key, sign in signs.items() if sign}

    def proof(self, name: str) -> str:
        """Return what a setting is verified by: "value", or what the board tells instead of it."""
        return "sha256" if name in self.file else self.read.proof

    @model_validator(mode="after")
    def _complete(self) -> Self:
        judge_questions(self.identify)
        judge_template("write", self.write, must={"name", "value"})
        judge_template("read.send", self.read.send, must={"name"})
        for key, table in (("commit.send", self.commit), ("restart.send", self.restart)):
            if table and table.send:
                judge_template(key, table.send)
        for command in self.setup:
            judge_template("setup", command)
        if self.pieces and not self.line_limit:
            raise ValueError("pieces needs line_limit, which says when a value is too long for one line")
        return self
