"""What recipes say of boards that are told by commands: one line there, an answer back.

The tables that the dialects of this kind share, and how an answer is judged by them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from drivers.board import Identity
from drivers.errors import BoardRefused, BoardUnreadable
from drivers.expression import compiled
from drivers.measure import LENGTH, judge_measures, told
from drivers.table import Seconds, Table
from drivers.text import Pattern, fill, placeholders

_FACTS = frozenset(Identity.__dataclass_fields__)
_LEADS = ("x", "x ", "x: ", "x=", "{name} ", "{name}: ", "{name}=", '"')
"""What boards may print before a value."""


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
    timeout_s: Seconds = 10.0
    """Seconds that it may take."""


class Reading(Table):
    """``read``: how one setting is read back."""

    send: str = Field(min_length=1)
    """The command, with {name}."""
    capture: str
    """Regular expression with the group value, or, for a board that tells only that much of it, one or more of length
    (bytes), xor16, crc32, md5, sha256 (hex digits); {name} stands for the setting's name, literally."""
    length_is_enough: bool = False
    """Says by name that a value of the right length is taken for the right one, though it may be damaged: for a board
    that tells nothing else of it.  The record says so, too."""
    unset: str | None = None
    """Regular expression of the answer that the board doesn't have the setting, with {name}; it is read as empty."""

    @field_validator("capture")
    @classmethod
    def _captures_value(cls, capture: str) -> str:
        try:
            pattern = compiled(fill(capture, name="name"))
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from error
        judge_measures(pattern)
        return capture

    @field_validator("unset")
    @classmethod
    def _compiles(cls, unset: str | None) -> str | None:
        try:
            compiled(fill(unset or "", name="name"))
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from error
        return unset

    @model_validator(mode="after")
    def _proves_something(self) -> Self:
        if self.proof == LENGTH and not self.length_is_enough:
            raise ValueError(
                "capture tells only the length, and a damaged value has the same; expected a group value, xor16, "
                "crc32, md5 or sha256, or length_is_enough = true, if the board tells nothing else"
            )
        return self

    @property
    def proof(self) -> str:
        """What the board tells of a value: "value", or the names of what it tells instead, e.g. "length, md5"."""
        return ", ".join(sorted(re.compile(fill(self.capture, name="name")).groupindex))

    def told(self, found: Mapping[str, str | None], expected: str) -> str:
        """Return what was read, by the capture's groups: the expected value if all that was told is true of it."""
        return told(found, expected, length_is_enough=self.length_is_enough)

    def pattern(self, name: str) -> re.Pattern[str]:
        """Return the expression for one setting."""
        return _of_setting(self.capture, name)

    def is_bare(self, name: str, value: str) -> bool:
        """Tell whether a value is read only from an answer that has it at the start of a line, with nothing before."""
        pattern = self.pattern(name)

        def reads(answer: str) -> bool:
            found = pattern.search(answer)
            return found is not None and found.groupdict().get("value") == value

        return reads(value) and not any(reads(fill(lead, name=name) + value) for lead in _LEADS)

    def is_unset(self, name: str, answer: str) -> bool:
        """Tell whether the answer says that the board doesn't have the setting; not so if it holds a value."""
        if self.unset is None or self.pattern(name).search(answer):
            return False
        return _of_setting(self.unset, name).search(answer) is not None


@lru_cache(maxsize=1024)
def _of_setting(expression: str, name: str) -> re.Pattern[str]:
    return re.compile(fill(expression, name=re.escape(name)), re.MULTILINE)


class Restart(Table):
    """``restart``: how the board is made to forget what was only in its RAM."""

    send: str | None = Field(default=None, min_length=1)
    """The command; left out, the board is restarted by the lines of ``link.reset``, or by hand."""
    by_hand: bool = False
    """An operator switches the board off and on; the screen asks for it."""
    expect: str = Field(min_length=1)
    """Literal text that only a board which boots prints; not part of the command, whose echo it would be."""
    timeout_s: Seconds = 10.0
    """Seconds until it is there."""

    @model_validator(mode="after")
    def _not_its_own_echo(self) -> Self:
        if self.send is not None and self.by_hand:
            raise ValueError("by_hand and send exclude each other: either an operator restarts the board, or a command")
        if self.send is not None and self.expect in self.send:
            raise ValueError("expect is part of send, so the echo of the command would look like a restart")
        return self


_NONE = "none"
MaybeRestart = Annotated[
    Restart | None,
    BeforeValidator(lambda said: None if said == _NONE else said, json_schema_input_type=Restart | Literal["none"]),
]
"""How a board is restarted; ``"none"`` (None here) says by name that nothing does it."""


def judge_questions(identify: tuple[Question, ...]) -> None:
    """Raise ``ValueError`` unless the questions find a serial number, and each fact once."""
    captured = [name for question in identify for name in question.capture.groupindex]
    if "serial" not in captured:
        raise ValueError("identify captures no serial")
    if twice := {name for name in captured if captured.count(name) > 1}:
        raise ValueError(f"identify captures twice: {', '.join(sorted(twice))}")
    for question in identify:
        judge_template("identify.send", question.send)


def judge_template(
    key: str, template: str, must: frozenset[str] | set[str] = frozenset(), may: frozenset[str] | set[str] = frozenset()
) -> None:
    """Raise ``ValueError`` unless a command has all the placeholders that it must have, and none but those it may."""
    found = placeholders(template)
    if missing := must - found:
        raise ValueError(f"{key} needs {' and '.join(f'{{{name}}}' for name in sorted(missing))}")
    if unknown := found - must - may:
        raise ValueError(f"{key}: nothing fills {' or '.join(f'{{{name}}}' for name in sorted(unknown))}")


def captured(
    answer: str, pattern: re.Pattern[str], error: re.Pattern[str] | None, evidence: Callable[[], Mapping[str, str]]
) -> re.Match[str]:
    """Find the pattern in an answer.

    Raises ``BoardRefused`` for an answer that holds what the recipe calls an
    error (outside of what is captured: a value may hold the words of one),
    ``BoardUnreadable`` if the pattern finds nothing; both with the evidence.
    """
    found = pattern.search(answer)
    if error and (refusals := list(error.finditer(answer))):
        spans = [found.span(group) for group in pattern.groupindex] if found else []
        for refusal in refusals:
            if not any(start <= refusal.start() and refusal.end() <= end for start, end in spans):
                raise BoardRefused("the board answers with an error", **evidence())
    if not found:
        raise BoardUnreadable("the answer is not what the recipe expects", **evidence())
    return found
