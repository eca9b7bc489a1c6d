"""What a recipe says of an AT command module: its ``[at]`` table."""

from __future__ import annotations

from functools import cached_property
from typing import Self

from pydantic import Field, model_validator

from drivers.at_quote import Quote
from drivers.at_result import Results
from drivers.command import Commit, MaybeRestart, Question, Reading, judge_questions, judge_template
from drivers.table import Seconds, Table
from drivers.text import Pattern, placeholders


class Wake(Table):
    """``wake``: how to find out whether the board takes commands."""

    send: str = Field(default="AT", min_length=1)
    """A command that does nothing but be answered with OK; ``AT`` also teaches an autobauding board the speed."""
    every_s: Seconds = 1.0
    """Seconds to wait for its answer before it is sent again, since a first one may be lost."""


class AtReading(Reading):
    """``read``: how one setting is read back."""

    unquote: bool = False
    """Whether the board tells a value with the escapes of quote in it; most tell it as it is."""


class Way(Table):
    """How one setting is written and read back."""

    write: str
    """The command that writes it, with {value} in it, or, for a board that asks for the value with a prompt, its
    {length} in bytes; {name} stands for the setting's name."""
    quote: Quote | None = None
    """How {value} is put into the command.  none: as it is, and what would need quotation marks is refused.  raw: as
    it is, whatever it is, for parameters that the recipe has quoted.  The others put it into "...": plain: no escapes,
    and a " in it is refused.  lines: the same, and a line end (LF) in it is sent as it is (nRF91).  v250: \\22 for
    a ", and likewise for a backslash and all that is not printable ASCII.  backslash: a backslash before " and
    backslash (u-blox).  esp-at: also before a comma."""
    prompt: str | None = Field(default=None, min_length=1)
    """Literal text with which the board asks for the value, e.g. ``">"``; it is sent as it is then, whatever it is."""
    before: str | None = Field(default=None, min_length=1)
    """A command that is sent first, whatever it is answered with: it removes what a module would not overwrite, and
    there may be nothing.  {name} stands for the setting's name."""
    read: AtReading
    """How it is read back."""

    @model_validator(mode="after")
    def _writable(self) -> Self:
        _judge_write(self.write, self.quote, self.prompt)
        judge_template("before", self.before or "", may={"name"})
        judge_template("read.send", self.read.send, must=_named(self.read.send))
        return self


class AtOptions(Table):
    """The recipe's ``[at]``."""

    newline: str = Field(default="\r", min_length=1)
    """Ends every command: CR by V.250; ESP-AT wants CR LF."""
    wake: Wake = Wake()
    """How to find out whether the board takes commands."""
    setup: tuple[str, ...] = ()
    """Commands sent each time the board has been reached, e.g. ``"ATE0"`` or ``"AT+CMEE=1"``; each must be answered
    with OK."""
    results: Results = Results()
    """Final result codes beside the standards'."""
    unsolicited: tuple[Pattern, ...] = ()
    """Regular expressions for how lines begin that are no answer (result codes that come by themselves)."""
    reply_s: Seconds = 5.0
    """Seconds within which a command must be answered in full, besides the time that it takes to send it."""
    boot_s: Seconds = 30.0
    """Seconds within which the board must answer, from any state it may be in."""
    identify: tuple[Question, ...] = Field(min_length=1)
    """Commands that tell who the board is.  All are asked; together they must capture serial."""
    write: str | None = None
    """As write of a table in settings, for every setting that has none there; with {name}."""
    quote: Quote | None = None
    """As there."""
    prompt: str | None = Field(default=None, min_length=1)
    """As there."""
    before: str | None = Field(default=None, min_length=1)
    """As there."""
    read: AtReading | None = None
    """As there; with {name}."""
    settings: dict[str, Way] = Field(default_factory=dict)
    """Setting name -> how this one is written and read back, where it has a command of its own."""
    commit: Commit | None = None
    """How the settings are made permanent; left out where write already does."""
    line_limit: int | None = Field(default=None, ge=1)
    """Bytes that the board takes in one line, newline included; a setting that needs more is never begun."""
    restart: MaybeRestart = None
    """How to restart the board; "none" where nothing does.  expect is how a line begins that only a board prints
    which has just started."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        judge_questions(self.identify)
        if (self.write is None) != (self.read is None):
            raise ValueError("write and read belong together: what is written is read back")
        if self.write is None and not self.settings:
            raise ValueError("write and read are missing, or a table in settings for each setting")
        if self.write is not None and self.read is not None:
            _judge_write(self.write, self.quote, self.prompt, {"name"})
            judge_template("before", self.before or "", may={"name"})
            judge_template("read.send", self.read.send, must={"name"})
        commit, restart = self.commit, self.restart
        for key, command in (
            ("wake.send", self.wake.send),
            *(("setup", command) for command in self.setup),
            ("commit.send", commit.send if commit else ""),
            ("restart.send", (restart.send if restart else None) or ""),
        ):
            judge_template(key, command)
        return self

    def way(self, name: str) -> Way | None:
        """Return how a setting is written and read back, None if nothing is said of it."""
        return self.settings.get(name) or self._usual

    def proof(self, name: str) -> str:
        """Return what a setting is verified by: "value", or what the board tells instead of it."""
        way = self.way(name)
        return way.read.proof if way else ""

    @cached_property
    def _usual(self) -> Way | None:
        if self.write is None or self.read is None:
            return None
        return Way(write=self.write, quote=self.quote, prompt=self.prompt, before=self.before, read=self.read)


def _judge_write(write: str, quote: Quote | None, prompt: str | None, must: set[str] | None = None) -> None:
    """Raise ``ValueError`` unless a command says how it takes the value, and has no other placeholders."""
    where = "value" if prompt is None else "length"
    judge_template("write", write, must={where} | (must or _named(write)))
    if prompt is None and quote is None:
        raise ValueError("quote is missing: how is {value} put into the command?")
    if prompt is not None and quote is not None:
        raise ValueError("quote is for a value in the command line, and with prompt there is none")


def _named(template: str) -> set[str]:
    """Return {name} as a placeholder that a command must have, if it has it."""
    return placeholders(template) & {"name"}
