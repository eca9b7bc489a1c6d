"""The ``micropython`` dialect: boards that run MicroPython, told by its raw REPL.

The settings are one JSON file.  It is written beside the old one, proven to be
whole by its SHA-256 (or read back in full, where the board has none), and only
then takes the old one's place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, ClassVar, Literal, Self, TypeVar

from pydantic import Field, field_validator, model_validator

from drivers import snippets
from drivers.board import Identity
from drivers.console import Lost
from drivers.errors import (
    BoardMisheard,
    BoardRefused,
    BoardRestarts,
    BoardSilent,
    BoardStays,
    BoardUnreadable,
    CommitFailed,
    ValueUnwritable,
)
from drivers.link import Link
from drivers.rawrepl import OutOfMemory, RawRepl, RawReplOptions
from drivers.table import Table
from drivers.text import Pattern, printable

_T = TypeVar("_T")

REPEATS = 2
"""So often is an operation done again after something did not arrive as it was sent."""
_SMALLEST = 32
"""The smallest piece, in characters, that is tried with a board that has no memory."""
_LARGEST = 48 * 1024
"""The largest file, in bytes: it has to come back within what a link keeps."""
_RUN = 8
"""So many characters on each side of a cut are kept out of the transcript: a secret cut there isn't recognised."""
_FACTS = frozenset(Identity.__dataclass_fields__)


class Question(Table):
    """One of ``identify``: code, and what is read out of what it prints."""

    run: str = Field(min_length=1)
    """Python that prints who the board is, on lines of its own."""
    capture: Pattern | tuple[Pattern, ...]
    """Regular expression, or a list of them, with the groups serial, hardware_id, firmware, hardware_revision."""

    @field_validator("capture")
    @classmethod
    def _names_facts(cls, capture: Pattern | tuple[Pattern, ...]) -> tuple[Pattern, ...]:
        patterns = capture if isinstance(capture, tuple) else (capture,)
        for pattern in patterns:
            if not pattern.groupindex or set(pattern.groupindex) - _FACTS:
                raise ValueError(f"needs named groups out of {', '.join(sorted(_FACTS))}, e.g. (?P<serial>\\S+)")
        return patterns

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        """All of ``capture``."""
        return self.capture if isinstance(self.capture, tuple) else (self.capture,)


WHO: dict[str, Any] = {
    "run": snippets.WHO,
    "capture": [
        "^serial=(?P<serial>[0-9a-f]+)$",
        "^serial=(?P<hardware_id>[0-9a-f]+)$",
        "^firmware=(?P<firmware>.*)$",
        "^hardware=(?P<hardware_revision>.*)$",
    ],
}
"""What is asked if the recipe asks nothing else: serial number and hardware id are the chip's own number."""


class MicroPythonOptions(RawReplOptions):
    """The recipe's ``[micropython]``."""

    identify: tuple[Question, ...] = Field(default=(Question.model_validate(WHO),), min_length=1)
    """Code that tells who the board is.  All is run; together it must capture serial."""
    path: str = Field(default="/config.json", pattern=r"^[!-~]+$")
    """The file that holds the settings, as a JSON object.  Written anew as PATH.new, which then takes its place."""
    piece: int = Field(default=2048, ge=_SMALLEST)
    """Characters of the file that are sent with one piece of code; halved by itself while the board has no memory."""
    restart: Literal["reset", "soft", "lines", "none"] = "reset"
    """How to restart the board.  reset: by the code of reset.  soft: by Ctrl-D, which keeps the USB port of boards that
    have one of their own.  lines: by link.reset.  none: not at all."""
    reset: str = Field(default=snippets.RESET, min_length=1)
    """Code that restarts the board, for restart = "reset"."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        patterns = [pattern for question in self.identify for pattern in question.patterns]
        captured = [fact for pattern in patterns for fact in pattern.groupindex]
        if "serial" not in captured:
            raise ValueError("identify captures no serial")
        if twice := {fact for fact in captured if captured.count(fact) > 1}:
            raise ValueError(f"identify captures twice: {', '.join(sorted(twice))}")
        return self


class MicroPython:
    """A board that runs MicroPython; a ``drivers.board.Board``."""

    Options: ClassVar[type[MicroPythonOptions]] = MicroPythonOptions

    def __init__(self, link: Link, options: MicroPythonOptions, secrets: Mapping[str, str]) -> None:
        self._link = link
        self._options = options
        self._repl = RawRepl(link, options)
        self._new = options.path + ".new"
        self._piece = options.piece
        self._known = False
        """The board has said who it is: from then on, one that restarts by itself is told nothing more."""
        self._keeping = False
        """The board has been told to put the new file in the old one's place."""
        self._signs = True
        """As far as is known, the board can compute a SHA-256."""

    def present(self) -> bool:
        """Tell whether a board answers, or talks by itself; takes at most 0.3 s, and interrupts its program."""
        return self._repl.stirs()

    def identify(self) -> Identity:
        """Bring the board to its raw REPL, from any state, and run all of ``identify``."""
        self._link.greet()
        self._known = False
        identity = self._persist(self._identify)
        self._known = True
        return identity

    def check(self, settings: Mapping[str, str]) -> None:
        """Raise ``ValueUnwritable`` for more settings than can be read back at once; a JSON file takes any text."""
        if (length := len(snippets.document(settings))) > _LARGEST:
            raise ValueUnwritable(f"the settings make a file of {length} bytes, {_LARGEST} is the most", length=length)

    def configure(self, settings: Mapping[str, str]) -> None:
        """Write the file anew, prove that it is whole, and put it in the old one's place.

        Raises ``BoardMisheard`` if it never arrives whole, ``BoardRefused`` if the board can't write it, and
        ``CommitFailed`` if the old one stays or the board falls silent over it.
        """
        self.check(settings)
        self._keeping = False
        try:
            self._persist(lambda: self._configure(settings))
        except (BoardSilent, BoardRefused) as fault:
            if not self._keeping:
                raise
            raise CommitFailed(f"the settings were not kept: {fault.text}", **fault.details) from fault

    def restart(self) -> bool:
        """Restart the board as the recipe says, and bring it to its raw REPL; False if the recipe doesn't want it.

        What was put into the board's RAM has to be gone then; raises ``BoardStays`` if it isn't.
        """
        if self._options.restart == "none":
            return False
        for _ in range(REPEATS + 1):
            self._ensure()
            if self._link.restarting(self._restart, self._repl.wake):
                return True
        raise BoardStays("the board was told to restart, and its RAM still holds what it held")

    def read(self, expected: Mapping[str, str]) -> Mapping[str, str]:
        """Return the expected values if the file's SHA-256 is theirs, else what is in the file; "" for what isn't."""
        return self._persist(lambda: self._read(expected))

    # ---------------------------------------------------------------- one attempt

    def _identify(self) -> Identity:
        facts: dict[str, str] = {}
        for question in self._options.identify:
            said = self._repl.run(question.run)
            for pattern in question.patterns:
                found = pattern.search(said)
                if not found:
                    evidence = printable(self._link.masked(said.encode()))
                    raise BoardUnreadable("the answer is not what the recipe expects", received=evidence)
                facts |= {name: text or "" for name, text in found.groupdict().items()}
        return Identity(**facts)

    def _configure(self, settings: Mapping[str, str]) -> None:
        self._keeping = False
        text = snippets.document(settings)
        if not self._holds(self._new, text, self._write(settings)):
            raise self._misheard("what the board has written is not what it was sent")
        self._keeping = True
        if "renamed" in self._repl.run(snippets.keep(self._new, self._options.path)):
            return
        # A port that can't rename files: the new file stays until the copy of it is proven to be whole.
        if not self._holds(self._options.path, text):
            raise self._misheard("what the board has copied is not what it holds")
        self._repl.run(snippets.drop(self._new))

    def _write(self, settings: Mapping[str, str]) -> str:
        """Write the new file; return how the board signs it."""
        while True:
            said = ""
            parts = snippets.pieces(settings, self._piece)
            self._hide_cuts(parts)
            try:
                for code in snippets.writing(self._new, parts):
                    said = self._repl.run(code)
            except OutOfMemory:
                if self._piece <= _SMALLEST:
                    raise
                self._piece = max(_SMALLEST, self._piece // 2)
            else:
                return said

    def _read(self, expected: Mapping[str, str]) -> Mapping[str, str]:
        text = snippets.document(expected)
        if self._signs and self._holds(self._options.path, text):
            return dict(expected)
        held = _object(self._told(self._options.path))
        return {name: held.get(name, _MISSING) for name in expected}

    def _restart(self) -> bool:
        """Restart the board; tell whether it did."""
        try:
            if self._options.restart == "lines":
                return self._repl.pulse()
            return self._repl.restart(self._options.reset if self._options.restart == "reset" else None)
        except Lost:
            return self._repl.wake()

    # ---------------------------------------------------------------- what the board holds

    def _holds(self, path: str, text: str, said: str | None = None) -> bool:
        """Tell whether a file on the board is ``text``; ``said`` is how the board signs it, if it has."""
        if self._signs:
            if said is None:
                said = self._repl.run(snippets.sign(path))
            try:
                digest = snippets.signed(said)
            except ValueError:
                raise self._misheard("the board's answer is damaged") from None
            self._signs = digest != "none"
            if self._signs:
                return digest == hashlib.sha256(text.encode()).hexdigest()
        return self._told(path) == text

    def _told(self, path: str) -> str | None:
        """Return what is in a text file of the board, without line ends; None for nothing."""
        try:
            return snippets.told(self._repl.run(snippets.tell(path)))
        except ValueError:
            raise self._misheard("the board's answer is damaged") from None

    def _misheard(self, text: str) -> Lost:
        return Lost(BoardMisheard(text))

    def _hide_cuts(self, parts: list[str]) -> None:
        """Keep what is left of a secret on both sides of a cut out of the transcript."""
        for before, after in pairwise(parts):
            if not after.startswith(',"'):
                self._link.hide(before[-_RUN:])
                self._link.hide(after[:_RUN])

    # ---------------------------------------------------------------- again

    def _persist(self, operation: Callable[[], _T]) -> _T:
        """Do it at the raw REPL; again, all of it, if something did not arrive as it was sent."""
        for left in reversed(range(REPEATS + 1)):
            self._ensure()
            try:
                return operation()
            except Lost as lost:
                if not left:
                    raise lost.fault from None
        raise AssertionError("the last time returns or raises")

    def _ensure(self) -> None:
        """Be at the raw REPL.  Raises ``BoardRestarts`` if a board that is known has restarted by itself."""
        if self._repl.ensure() and self._known:
            raise BoardRestarts("the board has restarted by itself: what was put into its RAM is gone")


_MISSING = "(no such setting)"
"""What is read of a setting that is not in the file; an empty one is."""


def _object(text: str | None) -> dict[str, str]:
    """Return the settings in a file; none, if it isn't a JSON object."""
    try:
        found = json.loads(text or "")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: value if isinstance(value, str) else f"(not text: {value!r:.64})" for name, value in found.items()}
