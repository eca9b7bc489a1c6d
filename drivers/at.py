"""The ``at`` dialect: AT command modules, such as cellular modems, ESP-AT, and BLE modules.

What V.250 and 3GPP TS 27.007 say is common to them is in
``drivers.at_conversation``; the commands are the recipe's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import ClassVar, Self, TypeVar

from pydantic import Field, model_validator

from drivers.at_conversation import Answer, Conversation, ConversationOptions, Data
from drivers.at_quote import Quote, quoted, unquoted
from drivers.at_result import Final
from drivers.board import Identity
from drivers.command import Commit, Question, Reading, Restart, captured, judge_questions, judge_template
from drivers.console import Lost
from drivers.errors import BoardRefused, BoardRestarts, BoardSilent, BoardUnreadable, CommitFailed, ValueUnwritable
from drivers.link import Link
from drivers.table import Table
from drivers.text import fill, placeholders, printable

_T = TypeVar("_T")

REPEATS = 2
"""So often is an operation done again after the conversation came apart in the middle of it."""

_NAME = re.compile(r"[^\s\"\\,;\x00-\x1f\x7f]+")
"""What can be a part of a command line, inside of quotation marks and without."""


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
    and a " in it is refused.  v250: \\22 for a ", and likewise for a backslash and all that is not printable ASCII.
    backslash: a backslash before " and backslash (u-blox).  esp-at: also before a comma."""
    prompt: str | None = Field(default=None, min_length=1)
    """Literal text with which the board asks for the value, e.g. ``">"``; it is sent as it is then."""
    read: AtReading
    """How it is read back."""

    @model_validator(mode="after")
    def _writable(self) -> Self:
        _judge_write(self.write, self.quote, self.prompt)
        judge_template("read.send", self.read.send, must=_named(self.read.send))
        return self


class AtOptions(ConversationOptions):
    """The recipe's ``[at]``."""

    identify: tuple[Question, ...] = Field(min_length=1)
    """Commands that tell who the board is.  All are asked; together they must capture serial."""
    write: str | None = None
    """As write of a table in settings, for every setting that has none; with {name}."""
    quote: Quote | None = None
    """As there."""
    prompt: str | None = Field(default=None, min_length=1)
    """As there."""
    read: AtReading | None = None
    """As there; with {name}."""
    settings: dict[str, Way] = Field(default_factory=dict)
    """Setting name -> how this one is written and read back, where it has a command of its own."""
    commit: Commit | None = None
    """How the settings are made permanent; left out where write already does."""
    line_limit: int | None = Field(default=None, ge=1)
    """Bytes that the board takes in one line, newline included; a setting that needs more is never begun."""
    restart: Restart | None = None
    """How to restart the board; left out where nothing does.  expect is how a line begins that only a board prints
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
            judge_template("read.send", self.read.send, must={"name"})
        for key, command in (
            ("wake.send", self.wake.send),
            *(("setup", command) for command in self.setup),
            ("commit.send", self.commit.send if self.commit else ""),
            ("restart.send", (self.restart.send if self.restart else None) or ""),
        ):
            judge_template(key, command)
        return self

    @cached_property
    def way(self) -> Way | None:
        """How a setting is written and read back that is not in ``settings``."""
        if self.write is None or self.read is None:
            return None
        return Way(write=self.write, quote=self.quote, prompt=self.prompt, read=self.read)


class At:
    """An AT command module; a ``drivers.board.Board``."""

    Options: ClassVar[type[AtOptions]] = AtOptions

    def __init__(self, link: Link, options: AtOptions, secrets: Mapping[str, str]) -> None:
        self._link = link
        self._options = options
        self._conversation = Conversation(link, options, banner=options.restart.expect if options.restart else "")

    def present(self) -> bool:
        """Tell whether a board answers, or talks by itself; takes at most 0.6 s."""
        return self._conversation.stirs()

    def identify(self) -> Identity:
        """Bring the board to where it takes commands, from any state, and ask all of ``identify``."""
        self._link.greet()
        return self._persist(self._identify, known=False)

    def check(self, settings: Mapping[str, str]) -> None:
        """Raise ``ValueUnwritable`` for what can't be quoted, too long a line, and a setting without a way."""
        self._commands(settings)

    def configure(self, settings: Mapping[str, str]) -> None:
        """Write the settings in their order, then commit.

        Raises ``ValueUnwritable`` before anything is written, ``BoardRefused``, ``CommitFailed``.
        """
        commands = self._commands(settings)
        for name, value in settings.items():
            self._hide(name, value)
        self._persist(lambda: self._configure(commands))

    def restart(self) -> bool:
        """Restart the board as the recipe says, and wait for its answer; False if the recipe doesn't say how."""
        restart = self._options.restart
        if not restart:
            return False
        self._persist(lambda: self._conversation.restart(restart.send, restart.timeout_s))
        return True

    def read(self, expected: Mapping[str, str]) -> Mapping[str, str]:
        """Read settings back, as text; raises ``BoardRefused``, ``BoardUnreadable``."""
        return self._persist(lambda: {name: self._read(name) for name in expected})

    def _persist(self, operation: Callable[[], _T], *, known: bool = True) -> _T:
        """Do it, and again, all of it, if the conversation comes apart in the middle, or the board may have misheard.

        A board that is ``known`` and restarts fails at once: to write its settings a second time would hide a fault.
        One that is not may be in any state.
        """
        anew = not known
        for left in reversed(range(REPEATS + 1)):
            try:
                self._conversation.ensure(known=known, anew=anew)
                return operation()
            except Lost as lost:
                if not left or (known and isinstance(lost.fault, BoardRestarts)):
                    raise lost.fault from None
            except (BoardRefused, BoardUnreadable):
                if not left or self._conversation.echoes:
                    raise
                anew = True
        raise AssertionError("the last time returns or raises")

    def _identify(self) -> Identity:
        facts: dict[str, str] = {}
        for question in self._options.identify:
            answer = self._conversation.ask(question.send)
            found = self._captured(question.send, answer, question.capture)
            facts |= {name: text or "" for name, text in found.groupdict().items()}
        return Identity(**facts)

    def _configure(self, commands: Mapping[str, tuple[str, Data | None]]) -> None:
        for name, (command, data) in commands.items():
            answer = self._conversation.ask(command, data=data)
            if answer.final is not Final.OK:
                raise BoardRefused(f"the board refuses the setting {name}", **self._evidence(command, answer))
        if self._options.commit:
            self._commit(self._options.commit)

    def _commit(self, commit: Commit) -> None:
        expect = commit.expect or ""
        try:
            answer = self._conversation.ask(commit.send, commit.timeout_s, expect)
        except Lost as lost:
            if not (lost.obeyed and isinstance(lost.fault, BoardSilent)):
                raise
            raise CommitFailed(f"no answer to {commit.send} in time", **lost.fault.details) from None
        if answer.final is not Final.OK or not answer.holds(expect):
            raise CommitFailed(f"the board does not confirm {commit.send}", **self._evidence(commit.send, answer))

    def _read(self, name: str) -> str:
        way = self._way(name)
        command = fill(way.read.send, name=name)
        answer = self._conversation.ask(command)
        if way.read.is_unset(name, f"{answer.text}\n{answer.result}"):
            return ""
        found = self._captured(command, answer, way.read.pattern(name))["value"] or ""
        return unquoted(found, way.quote or "raw") if way.read.unquote else found

    def _captured(self, command: str, answer: Answer, pattern: re.Pattern[str]) -> re.Match[str]:
        evidence = self._evidence(command, answer)
        if answer.final is not Final.OK:
            raise BoardRefused("the board answers with an error", **evidence)
        return captured(answer.text, pattern, None, evidence)

    # ------------------------------------------------------------- what can be said

    def _commands(self, settings: Mapping[str, str]) -> dict[str, tuple[str, Data | None]]:
        return {name: self._command(name, value) for name, value in settings.items()}

    def _command(self, name: str, value: str) -> tuple[str, Data | None]:
        """Return the line that writes one setting, and what the board asks for after it.

        Raises ``ValueUnwritable`` if this board can't be told.
        """
        way = self._way(name)
        try:
            said = quoted(value, way.quote or "raw")
        except ValueError as reason:
            raise ValueUnwritable(f"the setting {name} {reason}", setting=name) from None
        command = fill(way.write, name=name, value=said, length=str(len(value.encode())))
        length = len((command + self._options.newline).encode())
        limit = self._options.line_limit
        if limit and length > limit:
            raise ValueUnwritable(
                f"the setting {name} needs a line of {length} bytes, the board takes {limit}",
                setting=name,
                length=length,
                limit=limit,
            )
        return command, Data(way.prompt, said) if way.prompt else None

    def _way(self, name: str) -> Way:
        if not _NAME.fullmatch(name):
            raise ValueUnwritable(f"the setting's name {name!r} holds what a command line can't", setting=name)
        way = self._options.settings.get(name) or self._options.way
        if way is None:
            raise ValueUnwritable(f"the recipe says no way to write the setting {name}", setting=name)
        return way

    def _hide(self, name: str, value: str) -> None:
        """Hide a secret also as it looks in the command line."""
        if self._link.masked(value.encode()) != value.encode():
            self._link.hide(quoted(value, self._way(name).quote or "raw"))

    def _evidence(self, command: str, answer: Answer) -> dict[str, str]:
        received = f"{answer.text}\n{answer.result}".strip()
        return {
            "sent": printable(self._link.masked(command.encode())),
            "received": printable(self._link.masked(received.encode())),
        }


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
