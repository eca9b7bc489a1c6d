"""What a recipe says of a board's prompt: how it looks, how it is reached, what may stand in its way."""

from __future__ import annotations

import re
from typing import Self

from pydantic import Field, field_validator, model_validator

from drivers.login import Login
from drivers.table import Seconds, Table
from drivers.text import Pattern


class Wake(Table):
    """``wake``: how to make the board show its prompt."""

    send: str = Field(default="\x03", min_length=1)
    """Sent as it is, without newline.  Must execute nothing, whatever stood in the line (U-Boot repeats the last
    command on an empty line)."""
    then: str | None = Field(default=None, min_length=1)
    """Sent every other time, where a state of the board takes no notice of ``send``: a getty ignores Ctrl-C.  Not both
    at once, since each may bring a prompt of its own."""
    every_s: Seconds = 1.0
    """Seconds to wait for the prompt before something is sent again."""


class Interrupt(Table):
    """``interrupt``: how to stop an autoboot."""

    on: str = Field(min_length=1)
    """Literal text that announces it, at the start of its line.  Seen in the middle of anything else, it means that
    the board has restarted."""
    send: str = Field(min_length=1)
    """Sent as it is, at once."""


class ConsoleOptions(Table):
    """What a recipe says of a board's prompt."""

    prompt: str | None = Field(default=None, min_length=1)
    """The prompt, literally, e.g. ``"=> "``.  Either this or ``prompt_pattern``."""
    prompt_pattern: Pattern | None = None
    """The prompt as a regular expression, where it changes."""
    newline: str = Field(default="\r", min_length=1)
    """Ends every command."""
    wake: Wake = Wake()
    """How to make the board show its prompt."""
    interrupt: Interrupt | None = None
    """How to stop an autoboot, if it has one."""
    login: Login | None = None
    """What is answered to a board that asks who is there."""
    setup: tuple[str, ...] = ()
    """Commands that are sent at the first prompt, and again after each restart or login: they make answers readable."""
    log: tuple[Pattern, ...] = ()
    """Regular expressions of lines that the board prints at any moment by itself: such a line is taken out, from where
    the expression matches to the end of the line."""
    reply_s: Seconds = 5.0
    """Seconds within which a command must be answered in full, besides the time that it takes to send it."""
    boot_s: Seconds = 30.0
    """Seconds within which the prompt must be there, from any state the board may be in."""

    @field_validator("prompt_pattern")
    @classmethod
    def _matches_something(cls, pattern: re.Pattern[str] | None) -> re.Pattern[str] | None:
        if pattern and pattern.search(""):
            raise ValueError("matches the empty text, so every moment would look like a prompt")
        return pattern

    @field_validator("log")
    @classmethod
    def _match_something(cls, log: tuple[re.Pattern[str], ...]) -> tuple[re.Pattern[str], ...]:
        for pattern in log:
            if pattern.search(""):
                raise ValueError(f"{pattern.pattern!r} matches the empty text, so every line would look like the log")
        return log

    @model_validator(mode="after")
    def _one_prompt(self) -> Self:
        if (self.prompt is None) == (self.prompt_pattern is None):
            raise ValueError("either prompt (literal) or prompt_pattern (regular expression) is needed, and not both")
        return self

    @property
    def secrets(self) -> frozenset[str]:
        """The names of the station's secrets that this table needs: the password's."""
        return frozenset({self.login.password}) if self.login and self.login.password else frozenset()
