"""One command line and what a module says after it, sorted out line by line: echo, information, result.  Pure."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from drivers.at_echo import Echo
from drivers.at_options import AtOptions
from drivers.at_result import Final


class Answer(NamedTuple):
    """What a board said to one command."""

    text: str
    """Its information lines, with LF between."""
    final: Final
    result: str
    """The final result code itself."""

    def holds(self, text: str) -> bool:
        """Tell whether a text is in it."""
        return text in self.text or text in self.result


class Habits(NamedTuple):
    """What is known of how a board answers."""

    echoes: bool | None = None
    """Whether it repeats what it hears; None while that isn't known."""
    numeric: bool = False
    """Whether it says its results as numbers (ATV0)."""


class Turn(Enum):
    """What a line means for whoever waits for the answer."""

    WAIT = "wait"
    HEARD = "heard"
    """The echo is complete: the board has heard the command as it was sent, and what follows is its answer."""
    ASTRAY = "astray"
    """A result, but not of this command: the board has heard something else."""
    LATE = "late"
    """A result, but of an earlier command: nothing of this one's echo has come yet."""
    PROMPT = "prompt"
    """The board asks for the data."""
    DONE = "done"


class Exchange:
    """One command line and its answer.

    ``expect`` is text that the answer must hold besides, perhaps in a line
    after its result.  ``prompt`` is what the board asks for data with.
    """

    def __init__(self, command: str, options: AtOptions, habits: Habits, expect: str = "", prompt: str = "") -> None:
        self.prompt = prompt
        self.astray = False
        """Results have come, but none of this command."""
        self.asked = False
        """The board asks for the data of something else than it was sent."""
        self._command, self._options, self._expect = command, options, expect
        self._habits = habits
        self._echo = Echo(command.rpartition("\n")[2], self._unsolicited)
        self._echoed = habits.echoes is False
        """Whether the echo has come, or none is to come."""
        self._text: list[str] = []
        self._result: Answer | None = None

    @property
    def answer(self) -> Answer | None:
        """The answer, once it is complete but perhaps for what was expected; else None."""
        return self._result and self._result._replace(text="\n".join(self._text))

    @property
    def heard(self) -> bool:
        """Whether nothing speaks against that the board has heard the command as it was sent."""
        return self._echoed or not self._habits.echoes

    @property
    def habits(self) -> Habits:
        """What the answer has shown of how the board answers."""
        numeric = self._result.result.isdecimal() if self._result else self._habits.numeric
        return Habits(self._habits.echoes is not False and self._echoed, numeric)

    def take(self, line: str) -> Turn:
        """Say what a line means."""
        final = self._options.results.final(line, numeric=self._habits.numeric)
        if final is None and not self._echoed and self._echo.ends(line):
            return self._heard()
        if self.prompt and line.startswith(self.prompt):
            return self._prompted()
        if self._unsolicited(line):
            return Turn.WAIT
        if final is None:
            self._text.append(line)
        elif self._is_astray():
            self.astray = True
            return self._strayed()
        elif not (self.prompt and final is Final.OK):  # some say OK before they ask for the data
            self._result = Answer("", final, line.strip())
        answer = self.answer
        return Turn.DONE if answer and (answer.final is not Final.OK or answer.holds(self._expect)) else Turn.WAIT

    def _heard(self) -> Turn:
        """What came before was no part of the answer."""
        self._echoed = True
        self._text.clear()
        self.astray = self.asked = False
        return Turn.HEARD

    def _prompted(self) -> Turn:
        if not self.heard:
            self.astray = self.asked = True
            return Turn.ASTRAY
        self.prompt = ""
        self._text.clear()
        return Turn.PROMPT

    def _strayed(self) -> Turn:
        """Tell a late answer to the greeting, which may have its own echo, from one to what the board has misheard."""
        echoes = [line for line in self._text if line[:2].upper() == "AT"]
        return Turn.LATE if all(line == self._options.wake.send for line in echoes) else Turn.ASTRAY

    def _unsolicited(self, line: str) -> bool:
        return any(pattern.match(line) for pattern in self._options.unsolicited)

    def _is_astray(self) -> bool:
        """Tell whether a result can't be this command's: its echo is missing, or came otherwise than it was sent."""
        if self._echoed:
            return False
        return self._habits.echoes is True or any(line[:2].upper() == "AT" for line in self._text)
