"""Between the station and a dialect: whatever that does wrong ends one board, and says whose fault it is.

A dialect promises what ``drivers.board.Board`` says.  One that raises anything
else than a ``Fault``, also what would end a thread without a word, or returns
something else, is broken, and the board is not to blame.
"""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import TypeVar

from drivers.board import Board, Identity
from drivers.errors import DialectBroken, Fault

log = logging.getLogger(__name__)

_T = TypeVar("_T")


class Guarded:
    """A board behind its dialect's guard; itself a ``drivers.board.Board``."""

    def __init__(self, dialect: str, board: Board) -> None:
        self._dialect, self._board = dialect, board

    def present(self) -> bool:
        """Tell whether a board seems to be there."""
        return bool(self._ask("present", self._board.present))

    def identify(self) -> Identity:
        """Ask who it is; an identity is four texts."""
        seen = self._ask("identify", self._board.identify)
        facts = [getattr(seen, name, None) for name in Identity.__dataclass_fields__]
        if not isinstance(seen, Identity) or not all(isinstance(fact, str) for fact in facts):
            raise self._broken("identify", f"expected an Identity of texts, got {_kind(seen)}")
        return seen

    def check(self, settings: Mapping[str, str]) -> None:
        """Judge the settings."""
        self._ask("check", lambda: self._board.check(settings))

    def configure(self, settings: Mapping[str, str]) -> None:
        """Write the settings."""
        self._ask("configure", lambda: self._board.configure(settings))

    def restart(self) -> bool:
        """Restart the board."""
        return bool(self._ask("restart", self._board.restart))

    def read(self, expected: Mapping[str, str]) -> Mapping[str, str]:
        """Read settings back; every one that was asked for, as text."""
        read = self._ask("read", lambda: self._board.read(expected))
        if not isinstance(read, Mapping):
            raise self._broken("read", f"expected a mapping, got {_kind(read)}")
        for name in expected:
            if not isinstance(read.get(name), str):
                raise self._broken("read", f"expected the text of {name}, got {_kind(read.get(name))}")
        return {name: read[name] for name in expected}

    def _ask(self, what: str, ask: Callable[[], _T]) -> _T:
        try:
            return ask()
        except Fault:
            raise
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # which would end a slot's thread without a word
            if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
                raise  # a person's at a command
            where = "".join(traceback.format_tb(error.__traceback__))  # without the values, which may be secret
            log.error("dialect %s: %s raised %s\n%s", self._dialect, what, type(error).__name__, where)
            raise self._broken(what, f"it raised {type(error).__name__}: {error}") from None

    def _broken(self, what: str, why: str) -> DialectBroken:
        return DialectBroken(f"the dialect {self._dialect!r} is broken: {what}: {why}", dialect=self._dialect)


def _kind(value: object) -> str:
    return type(value).__name__
