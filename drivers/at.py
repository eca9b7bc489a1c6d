"""The ``at`` dialect: AT command modules, such as cellular modems, ESP-AT, and BLE modules.

What V.250 and 3GPP TS 27.007 say is common to them is in
``drivers.at_conversation``; the commands are the recipe's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import ClassVar, NamedTuple, TypeVar

from drivers.at_conversation import Conversation, Data
from drivers.at_exchange import Answer
from drivers.at_options import AtOptions, Way
from drivers.at_quote import quoted, unquoted
from drivers.at_result import Final
from drivers.board import Identity
from drivers.command import Commit, captured
from drivers.console import Lost
from drivers.errors import BoardRefused, BoardRestarts, BoardSilent, BoardUnreadable, CommitFailed, ValueUnwritable
from drivers.link import Link
from drivers.text import fill, printable

_T = TypeVar("_T")

REPEATS = 2
"""So often is an operation done again after the conversation came apart in the middle of it."""

_NAME = re.compile(r"[^\s\"\\,;\x00-\x1f\x7f]+")
"""What can be a part of a command line, inside of quotation marks and without."""


class _Order(NamedTuple):
    """What writes one setting."""

    before: str | None
    """Sent first; may be refused."""
    command: str
    data: Data | None
    """What the board asks for after the command."""


class At:
    """An AT command module; a ``drivers.board.Board``."""

    Options: ClassVar[type[AtOptions]] = AtOptions

    def __init__(self, link: Link, options: AtOptions, secrets: Mapping[str, str]) -> None:
        self._link = link
        self._options = options
        self._conversation = Conversation(link, options)

    def present(self) -> bool:
        """Tell whether a board answers, or talks by itself; takes at most 0.6 s."""
        return self._conversation.stirs()

    def identify(self) -> Identity:
        """Bring the board to where it takes commands, from any state, and ask all of ``identify``."""
        self._link.greet()
        return self._persist(self._identify, known=False)

    def check(self, settings: Mapping[str, str]) -> None:
        """Raise ``ValueUnwritable`` for what can't be quoted, too long a line, and a setting without a way."""
        self._orders(settings)

    def preview(self, settings: Mapping[str, str]) -> list[str]:
        """Return the lines that ``configure`` would send, and what it would send when asked for it."""
        commit, sent = self._options.commit, []
        for order in self._orders(settings).values():
            sent += [
                *([order.before] if order.before else []),
                order.command,
                *([order.data.text] if order.data else []),
            ]
        return [*sent, *([commit.send] if commit else [])]

    def configure(self, settings: Mapping[str, str]) -> None:
        """Write the settings in their order, then commit.

        Raises ``ValueUnwritable`` before anything is written, ``BoardRefused``, ``CommitFailed``.
        """
        orders = self._orders(settings)
        self._persist(lambda: self._configure(orders))

    def restart(self) -> bool:
        """Restart the board as the recipe says, and wait for its answer; False if the recipe doesn't say how."""
        restart = self._options.restart
        if not restart:
            return False
        self._persist(lambda: self._conversation.restart(restart))
        return True

    def read(self, expected: Mapping[str, str]) -> Mapping[str, str]:
        """Read settings back, as text; what the board tells only the digest of comes back as expected, or as digest.

        Raises ``BoardRefused``, ``BoardUnreadable``.
        """
        return self._persist(lambda: {name: self._read(name, value) for name, value in expected.items()})

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
            except (BoardRefused, BoardUnreadable) as fault:
                if not left or self._conversation.echoes:
                    raise
                if isinstance(fault, BoardUnreadable):
                    self._conversation.doubt()
                anew = True
        raise AssertionError("the last time returns or raises")

    def _identify(self) -> Identity:
        facts: dict[str, str] = {}
        for question in self._options.identify:
            answer = self._conversation.ask(question.send)
            found = self._captured(question.send, answer, question.capture)
            facts |= {name: text or "" for name, text in found.groupdict().items()}
        return Identity(**facts)

    def _configure(self, orders: Mapping[str, _Order]) -> None:
        for name, order in orders.items():
            if order.before:
                self._conversation.ask(order.before)
            answer = self._conversation.ask(order.command, data=order.data)
            if answer.final is not Final.OK:
                raise BoardRefused(f"the board refuses the setting {name}", **self._evidence(order.command, answer))
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

    def _read(self, name: str, expected: str) -> str:
        way = self._way(name)
        command = fill(way.read.send, name=name)
        answer = self._conversation.ask(command)
        if way.read.is_unset(name, f"{answer.text}\n{answer.result}"):
            return ""
        found = self._captured(command, answer, way.read.pattern(name)).groupdict()
        if way.read.unquote and found.get("value"):
            found["value"] = unquoted(found["value"], way.quote or "raw")
        return way.read.told(found, expected)

    def _captured(self, command: str, answer: Answer, pattern: re.Pattern[str]) -> re.Match[str]:
        if answer.final is not Final.OK:
            raise BoardRefused("the board answers with an error", **self._evidence(command, answer))
        return captured(answer.text, pattern, None, lambda: self._evidence(command, answer))

    # ------------------------------------------------------------- what can be said

    def _orders(self, settings: Mapping[str, str]) -> dict[str, _Order]:
        return {name: self._order(name, value) for name, value in settings.items()}

    def _order(self, name: str, value: str) -> _Order:
        """Return what writes one setting; raises ``ValueUnwritable`` if this board can't be told."""
        way = self._way(name)
        try:
            said = value if way.prompt else quoted(value, way.quote or "raw")
        except ValueError as reason:
            raise ValueUnwritable(f"the setting {name} {reason}", setting=name) from None
        if value not in said and self._link.hides(name, value):
            self._link.hide(said)  # a secret, also as it looks with its escapes
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
        before = fill(way.before, name=name) if way.before else None
        return _Order(before, command, Data(way.prompt, said) if way.prompt else None)

    def _way(self, name: str) -> Way:
        if not _NAME.fullmatch(name):
            raise ValueUnwritable(f"the setting's name {name!r} holds what a command line can't", setting=name)
        way = self._options.way(name)
        if way is None:
            raise ValueUnwritable(f"the recipe says no way to write the setting {name}", setting=name)
        return way

    def _evidence(self, command: str, answer: Answer) -> dict[str, str]:
        received = f"{answer.text}\n{answer.result}".strip()
        return {
            "sent": printable(self._link.masked(command.encode())),
            "received": printable(self._link.masked(received.encode())),
        }
