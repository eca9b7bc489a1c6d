"""The ``shell`` dialect: boards with a command prompt.

U-Boot, Zephyr's shell, the ESP-IDF console, NuttX, a Linux console: all that
differs between them is in the recipe.  How the prompt is reached and kept is
``drivers.console``'s; here is what is said at it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import ClassVar, Literal, Self, TypeVar

from pydantic import Field, model_validator

from drivers.board import Identity
from drivers.command import Commit, Question, Reading, Restart, captured, judge_questions, judge_template
from drivers.console import Console, ConsoleOptions, Lost
from drivers.errors import (
    BoardRefused,
    BoardRestarts,
    BoardSilent,
    BoardUnreadable,
    CommitFailed,
    ValueUnwritable,
)
from drivers.link import Link
from drivers.text import Pattern, fill, printable

_T = TypeVar("_T")

REPEATS = 2
"""So often is an operation done again after the board lost its prompt in the middle of it, or may have misheard."""

_WORD = re.compile(r"[^\s'\"\\`$;&|<>(){}\x00-\x1f\x7f]+")
"""What every shell takes as one word without quotes."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


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
    """How to restart the board; left out where nothing does.  For the prompt after it there is boot_s."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        judge_questions(self.identify)
        judge_template("write", self.write, must={"name", "value"})
        judge_template("read.send", self.read.send, must={"name"})
        for key, table in (("commit.send", self.commit), ("restart.send", self.restart)):
            if table and table.send:
                judge_template(key, table.send)
        return self


class Shell:
    """A board with a command prompt; a ``drivers.board.Board``."""

    Options: ClassVar[type[ShellOptions]] = ShellOptions

    def __init__(self, link: Link, options: ShellOptions, secrets: Mapping[str, str]) -> None:
        self._options = options
        self._link = link
        self._known = False
        """The board has said who it is: from then on, one that restarts by itself is told nothing more."""
        self._console = Console(link, options, banner=options.restart.expect if options.restart else "")

    def present(self) -> bool:
        """Tell whether a board answers, or talks by itself; takes at most 0.3 s."""
        return self._console.stirs()

    def identify(self) -> Identity:
        """Bring the board to its prompt, from any state, and ask all of ``identify``."""
        self._link.greet()
        self._known = False
        self._console.wake()
        identity = self._persist(self._identify)
        self._known = True
        return identity

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

    def read(self, expected: Mapping[str, str]) -> Mapping[str, str]:
        """Read settings back, as text; raises ``BoardRefused``, ``BoardUnreadable``."""
        return self._persist(lambda: {name: self._read(name) for name in expected})

    def _persist(self, operation: Callable[[], _T]) -> _T:
        """Do it at the prompt; again, all of it, if the board loses its prompt in the middle or may have misheard."""
        for left in reversed(range(REPEATS + 1)):
            try:
                self._console.ensure(steady=self._known)
                return operation()
            except Lost as lost:
                if not left or (self._known and isinstance(lost.fault, BoardRestarts)):
                    raise lost.fault from None
            except (BoardRefused, BoardUnreadable):
                if not left or self._console.echoes:
                    raise
                self._console.wake()
        raise AssertionError("the last time returns or raises")

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
            if not (lost.obeyed and isinstance(lost.fault, BoardSilent)):
                raise
            raise CommitFailed(f"no answer to {commit.send} in time", **lost.fault.details) from None
        if self._options.error.search(answer) or (commit.expect or "") not in answer:
            raise CommitFailed(f"the board does not confirm {commit.send}", **self._evidence(commit.send, answer))

    def _read(self, name: str) -> str:
        _check_name(name)
        read = self._options.read
        command = fill(read.send, name=name)
        answer = self._console.ask(command)
        if read.is_unset(name, answer):
            return ""
        return captured(answer, read.pattern(name), self._options.error, self._evidence(command, answer))["value"] or ""

    def _capture(self, command: str, pattern: re.Pattern[str]) -> re.Match[str]:
        answer = self._console.ask(command)
        return captured(answer, pattern, self._options.error, self._evidence(command, answer))

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
