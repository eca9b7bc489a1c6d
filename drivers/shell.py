"""The ``shell`` dialect: boards with a command prompt.

U-Boot, Zephyr's shell, the ESP-IDF console, NuttX, a Linux console: all that
differs between them is in the recipe.  How the prompt is reached and kept is
``drivers.console``'s; here is what is said at it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Literal, Self, TypeVar

from pydantic import Field, field_validator, model_validator

from drivers.board import Identity
from drivers.console import Console, ConsoleOptions, Lost, Table
from drivers.errors import BoardRefused, BoardSilent, BoardUnreadable, CommitFailed, ValueUnwritable
from drivers.link import Link
from drivers.text import Pattern, fill, placeholders, printable

_T = TypeVar("_T")

REPEATS = 2
"""So often is an operation done again after the board lost its prompt in the middle of it."""

_FACTS = frozenset(Identity.__dataclass_fields__)
_WORD = re.compile(r"[^\s'\"\\`$;&|<>(){}\x00-\x1f\x7f]+")
"""What every shell takes as one word without quotes."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Question(Table):
    """One of ``identify``: a command and what is read out of its answer."""

    send: str = Field(min_length=1)
    """The command."""
    capture: Pattern
    """Regular expression with one or more of the groups serial, hardware_id, firmware, hardware_revision."""

    @field_validator("capture")
    @classmethod
    def _names_facts(cls, capture: re.Pattern[str]) -> re.Pattern[str]:
        names = set(capture.groupindex)
        if not names or names - _FACTS:
            raise ValueError(f"needs named groups out of {', '.join(sorted(_FACTS))}, e.g. (?P<serial>\\S+)")
        return capture


class Commit(Table):
    """``commit``: how the settings are made permanent."""

    send: str = Field(min_length=1)
    """The command."""
    expect: str | None = Field(default=None, min_length=1)
    """Literal text that the answer must hold."""
    timeout_s: float = Field(default=10.0, gt=0)
    """Seconds that it may take."""


class Reading(Table):
    """``read``: how one setting is read back."""

    send: str = Field(min_length=1)
    """The command, with {name}."""
    capture: str
    """Regular expression with the group value; {name} stands for the setting's name, literally."""

    @field_validator("capture")
    @classmethod
    def _captures_value(cls, capture: str) -> str:
        try:
            pattern = re.compile(fill(capture, name="name"))
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from error
        if "value" not in pattern.groupindex:
            raise ValueError("needs the named group (?P<value>...)")
        return capture


class Restart(Table):
    """``restart``: how the board is made to forget what was only in its RAM."""

    send: str = Field(min_length=1)
    """The command."""
    expect: str = Field(min_length=1)
    """Literal text that only a board which boots prints; not part of the command, whose echo it would be."""
    timeout_s: float = Field(default=10.0, gt=0)
    """Seconds until it is there.  For the prompt after it there is boot_s."""

    @model_validator(mode="after")
    def _not_its_own_echo(self) -> Self:
        if self.expect in self.send:
            raise ValueError("expect is part of send, so the echo of the command would look like a restart")
        return self


class ShellOptions(ConsoleOptions):
    """The recipe's ``[shell]``."""

    identify: tuple[Question, ...] = Field(min_length=1)
    """Commands that tell who the board is.  All are asked; together they must capture serial."""
    write: str
    """The command that writes one setting, with {name} and {value}."""
    quote: Literal["none", "single", "double", "escape", "zephyr", "uboot"]
    """How {value} is quoted.  none: not at all, and what must be quoted can't be written.  single: '...', a quote in it
    as '\\'' (POSIX).  double: "...", a backslash before \\ " $ and ` in it (POSIX).  escape: "...", a backslash before
    \\ and " only (ESP-IDF's split_argv drops what else follows one).  zephyr: "...", " as \\" and \\ as \\x5c (Zephyr's
    make_argv keeps both of a pair).  uboot: like single, backslashes doubled (U-Boot's hush takes them for escapes
    even there)."""
    commit: Commit | None = None
    """How the settings are made permanent; left out where write already does."""
    read: Reading
    """How a setting is read back."""
    error: Pattern
    """What an answer that is a refusal looks like."""
    line_limit: int | None = Field(default=None, ge=1)
    """Bytes that the board takes in one line, newline included; a setting that needs more is never begun."""
    restart: Restart | None = None
    """How to restart the board; left out where no command does."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        captured = [name for question in self.identify for name in question.capture.groupindex]
        if "serial" not in captured:
            raise ValueError("identify captures no serial")
        if twice := {name for name in captured if captured.count(name) > 1}:
            raise ValueError(f"identify captures twice: {', '.join(sorted(twice))}")
        _fillable("write", self.write, must={"name", "value"})
        _fillable("read.send", self.read.send, must={"name"})
        for question in self.identify:
            _fillable("identify.send", question.send)
        for key, table in (("commit.send", self.commit), ("restart.send", self.restart)):
            if table:
                _fillable(key, table.send)
        return self


def _fillable(key: str, template: str, must: frozenset[str] | set[str] = frozenset()) -> None:
    found = placeholders(template)
    if missing := must - found:
        raise ValueError(f"{key} needs {' and '.join(f'{{{name}}}' for name in sorted(missing))}")
    if unknown := found - must:
        raise ValueError(f"{key}: nothing fills {' or '.join(f'{{{name}}}' for name in sorted(unknown))}")


class Shell:
    """A board with a command prompt; a ``drivers.board.Board``."""

    Options: ClassVar[type[ShellOptions]] = ShellOptions

    def __init__(self, link: Link, options: ShellOptions) -> None:
        self._options = options
        self._link = link
        self._console = Console(link, options, banner=options.restart.expect if options.restart else "")

    def present(self) -> bool:
        """Tell whether a board answers, or talks by itself; takes at most 0.3 s."""
        return self._console.stirs()

    def identify(self) -> Identity:
        """Bring the board to its prompt, from any state, and ask all of ``identify``."""
        self._console.wake()
        return self._persist(self._identify)

    def check(self, settings: Mapping[str, str]) -> None:
        """Raise ``ValueUnwritable`` for a control character, for what can't be quoted, and for too long a line."""
        self._commands(settings)

    def configure(self, settings: Mapping[str, str]) -> None:
        """Write the settings in their order, then commit.

        Raises ``ValueUnwritable`` before anything is written, ``BoardRefused``, ``CommitFailed``.
        """
        commands = self._commands(settings)
        self._persist(lambda: self._configure(commands))

    def restart(self) -> bool:
        """Restart the board as the recipe says, and wait for its prompt; False if the recipe doesn't say how."""
        restart = self._options.restart
        if not restart:
            return False
        self._persist(lambda: self._console.restart(restart.send, restart.expect, restart.timeout_s))
        return True

    def read(self, names: Sequence[str]) -> Mapping[str, str]:
        """Read settings back, as text; raises ``BoardRefused``, ``BoardUnreadable``."""
        return self._persist(lambda: {name: self._read(name) for name in names})

    def _persist(self, operation: Callable[[], _T]) -> _T:
        """Do it at the prompt; again, all of it, if the board loses its prompt in the middle."""
        repeats = REPEATS
        while True:
            self._console.ensure()
            try:
                return operation()
            except Lost as lost:
                if not repeats:
                    raise lost.fault from None
                repeats -= 1

    def _identify(self) -> Identity:
        facts: dict[str, str] = {}
        for question in self._options.identify:
            found = self._capture(question.send, question.capture)
            facts |= {name: text or "" for name, text in found.groupdict().items()}
        return Identity(**facts)

    def _configure(self, commands: Mapping[str, str]) -> None:
        for name, command in commands.items():
            answer = self._console.ask(command)
            if self._options.error.search(answer):
                raise BoardRefused(f"the board refuses the setting {name}", **self._evidence(command, answer))
        if self._options.commit:
            self._commit(self._options.commit)

    def _commit(self, commit: Commit) -> None:
        try:
            answer = self._console.ask(commit.send, commit.timeout_s)
        except Lost as lost:
            if not isinstance(lost.fault, BoardSilent):
                raise
            raise CommitFailed(f"no answer to {commit.send} in time", **lost.fault.details) from None
        if self._options.error.search(answer) or (commit.expect or "") not in answer:
            raise CommitFailed(f"the board does not confirm {commit.send}", **self._evidence(commit.send, answer))

    def _read(self, name: str) -> str:
        _check_name(name)
        capture = re.compile(fill(self._options.read.capture, name=re.escape(name)), re.MULTILINE)
        return self._capture(fill(self._options.read.send, name=name), capture)["value"] or ""

    def _capture(self, command: str, pattern: re.Pattern[str]) -> re.Match[str]:
        answer = self._console.ask(command)
        found = pattern.search(answer)
        captured = [found.span(group) for group in pattern.groupindex] if found else []
        for error in self._options.error.finditer(answer):
            # A value may hold the words of an error.
            if not any(start <= error.start() and error.end() <= end for start, end in captured):
                raise BoardRefused("the board answers with an error", **self._evidence(command, answer))
        if not found:
            raise BoardUnreadable("the answer is not what the recipe expects", **self._evidence(command, answer))
        return found

    def _commands(self, settings: Mapping[str, str]) -> dict[str, str]:
        return {name: self._command(name, value) for name, value in settings.items()}

    def _command(self, name: str, value: str) -> str:
        """Return the line that writes one setting; raise ``ValueUnwritable`` if this board can't be told."""
        _check_name(name)
        if _CONTROL.search(value):
            raise ValueUnwritable(f"the setting {name} holds a control character", setting=name)
        command = fill(self._options.write, name=name, value=self._quoted(name, value))
        length = len((command + self._options.newline).encode())
        limit = self._options.line_limit
        if limit and length > limit:
            raise ValueUnwritable(
                f"the setting {name} needs a line of {length} bytes, the board takes {limit}",
                setting=name,
                length=length,
                limit=limit,
            )
        return command

    def _quoted(self, name: str, value: str) -> str:
        match self._options.quote:
            case "single":
                return "'" + value.replace("'", r"'\''") + "'"
            case "uboot":
                return "'" + value.replace("\\", r"\\").replace("'", r"'\''") + "'"
            case "double":
                return '"' + re.sub(r'([\\"$`])', r"\\\1", value) + '"'
            case "escape":
                return '"' + re.sub(r'([\\"])', r"\\\1", value) + '"'
            case "zephyr":
                return '"' + value.replace("\\", r"\x5c").replace('"', r"\"") + '"'
        if not _WORD.fullmatch(value):
            raise ValueUnwritable(f"the setting {name} is empty or holds what must be quoted", setting=name)
        return value

    def _evidence(self, command: str, answer: str) -> dict[str, str]:
        return {
            "sent": printable(self._link.masked(command.encode())),
            "received": printable(self._link.masked(answer.encode())),
        }


def _check_name(name: str) -> None:
    if not _WORD.fullmatch(name):
        raise ValueUnwritable(f"the setting's name {name!r} holds what a command line can't", setting=name)
