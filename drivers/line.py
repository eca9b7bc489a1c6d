"""The ``line`` dialect: boards that speak our own protocol, ``docs/line-protocol.md``.

How a line looks is ``drivers.frame``'s, how it is said until it is answered
``drivers.exchange``'s, and what the answers mean ``drivers.session``'s; here
is what a station does with them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import ClassVar, Literal

from drivers.board import Identity
from drivers.errors import BoardMisheard, BoardRefused, BoardRestarts, BoardSilent, CommitFailed, ValueUnwritable
from drivers.exchange import Exchange
from drivers.frame import Reply, digest, escape, pieces, request
from drivers.link import Link
from drivers.session import VALUE_LIMIT, Session, Untold
from drivers.table import Seconds, Table

REPEATS = 2
"""So often the questions who a board is, or a set that it doesn't have whole, begin anew."""

_PRESENT_S = 0.4
_COMMITS = 4
"""A commit's own patience is so small a part of its time: its reply may get lost."""
_NAME = re.compile(r"[A-Za-z0-9._-]{1,32}")


class LineOptions(Table):
    """The recipe's ``[line]``; every key has a default."""

    facts: tuple[Literal["hardware", "firmware", "revision"], ...] = ("hardware", "firmware", "revision")
    """What the board is asked for besides its serial number; what it doesn't know stays empty."""
    patience_s: Seconds = 0.5
    """Seconds without a reply, besides the wire's own, until a request is said again."""
    reply_s: Seconds = 3.0
    """Seconds within which a request must be answered, however often it is said."""
    commit_s: Seconds = 10.0
    """Seconds within which the settings must be permanent."""
    boot_s: Seconds = 10.0
    """Seconds within which the board must answer, from any state it may be in, and after a restart."""


class _Incomplete(Exception):
    """The set that the board has staged is not the one that was sent."""


class Line:
    """A board that speaks the line protocol; a ``drivers.board.Board``."""

    Options: ClassVar[type[LineOptions]] = LineOptions

    def __init__(self, link: Link, options: LineOptions, secrets: Mapping[str, str]) -> None:
        self._link = link
        self._options = options
        self._exchange = Exchange(link, options.patience_s)
        self._session = Session(self._exchange, options.reply_s, options.boot_s)

    def present(self) -> bool:
        """Tell whether a board answers, or talks by itself; takes at most 0.4 s."""
        return self._exchange.stirs(_PRESENT_S)

    def identify(self) -> Identity:
        """Wait until the board answers, and ask who it is; once more if it restarts meanwhile, as contacts bounce."""
        self._link.greet()
        repeats = REPEATS
        while True:
            try:
                self._session.begin()
                return self._identity()
            except BoardRestarts:
                if not repeats:
                    raise
                repeats -= 1

    def check(self, settings: Mapping[str, str]) -> None:
        """Raise ``ValueUnwritable`` for a name or a length that the protocol doesn't have."""
        for name, value in settings.items():
            if not _NAME.fullmatch(name):
                text = f"the setting's name {name!r} is not 1 to 32 letters, digits, '.', '_' and '-'"
                raise ValueUnwritable(text, setting=name)
            if (length := len(value.encode())) > VALUE_LIMIT:
                text = f"the setting {name} is of {length} bytes, a board takes {VALUE_LIMIT}"
                raise ValueUnwritable(text, setting=name, length=length, limit=VALUE_LIMIT)

    def configure(self, settings: Mapping[str, str]) -> None:
        """Stage the settings and have them made permanent as one set; what is not among them is gone.

        Raises ``ValueUnwritable`` before anything is written, ``BoardRefused``, ``BoardRestarts``, ``BoardMisheard``,
        ``CommitFailed``.
        """
        self.check(settings)
        self._secrets(settings)
        repeats = REPEATS
        while True:
            try:
                self._stage(settings)
                self._commit(settings)
                return
            except _Incomplete:
                if not repeats:
                    text = "the board has another set than was sent"
                    raise BoardMisheard(text, **self._exchange.evidence()) from None
                repeats -= 1

    def restart(self) -> bool:
        """Restart the board, and know by its own clock that it did."""
        self._link.restarting(self._session.restart, self._session.restarted)
        return True

    def read(self, expected: Mapping[str, str]) -> Mapping[str, str]:
        """Read back what the board tells, and have it prove by the digest of its set what it keeps to itself.

        If that is the digest of another set, it is the answer for what isn't
        told; and for everything, if what is told shows no difference.
        """
        secret = self._secrets(expected)
        count, held = self._session.digest(secret=bool(secret))
        same = count == len(expected) and held == digest(expected)
        other_set = f"sha256:{held}"
        read = {}
        for name, value in expected.items():
            try:
                read[name] = _shown(self._session.get(name, secret=name in secret), value)
            except Untold as untold:
                read[name] = value if same and untold.word == "secret" else other_set
        return read if same or read != expected else dict.fromkeys(expected, other_set)

    def _identity(self) -> Identity:
        facts = dict.fromkeys(("hardware", "firmware", "revision"), "")
        for name in ("serial", *self._options.facts):
            try:
                facts[name] = self._session.get(f"@{name}").decode("utf-8", "backslashreplace")
            except Untold:
                if name == "serial":
                    raise BoardRefused("the board tells no serial number", **self._exchange.evidence()) from None
        return Identity(facts["serial"], facts["hardware"], facts["firmware"], facts["revision"])

    def _stage(self, settings: Mapping[str, str]) -> None:
        session = self._session
        limit = session.known.limit
        session.granted(session.ask("BEGIN"), "does not begin a set")
        for name, value in settings.items():
            data = value.encode()
            total = str(len(data))
            room = limit - len(request(0, "PUT", name, total, total, ""))
            for offset, chunk in pieces(data, room):
                fields = ("PUT", name, str(offset), total, chunk) if chunk else ("PUT", name, "0", "0")
                reply = session.ask(*fields)
                self._heed_gap(reply)
                session.granted(reply, f"refuses the setting {name}")

    def _commit(self, settings: Mapping[str, str]) -> None:
        fields = ("COMMIT", str(len(settings)), digest(settings))
        commit_s = self._options.commit_s
        try:
            reply = self._session.ask(*fields, within_s=commit_s, patience_s=commit_s / _COMMITS)
        except BoardSilent as silent:
            raise CommitFailed("no answer to COMMIT in time", **silent.details) from None
        self._heed_gap(reply)
        if reply.result == "ERR" and reply.word in ("storage", "busy"):
            raise CommitFailed(f"the board does not commit: {reply.word}", **self._exchange.evidence())
        self._session.granted(reply, "does not commit")

    def _heed_gap(self, reply: Reply) -> None:
        """Raise ``_Incomplete`` if parts of the set are missing, ``BoardRestarts`` if that is why."""
        if reply.result == "ERR" and reply.word in ("order", "digest"):
            self._session.heed_restart()
            raise _Incomplete

    def _secrets(self, settings: Mapping[str, str]) -> frozenset[str]:
        """Return the names of those that are hidden in the link, and hide whatever else gives them away."""
        found = frozenset(name for name, value in settings.items() if self._link.hides(name, value))
        for name in found:
            self._link.hide_setting(name)
            self._link.hide(escape(settings[name].encode()))
        if found:
            self._link.hide(digest(settings))  # a short secret could be found from it
        return found


def _shown(held: bytes, expected: str) -> str:
    """Return what a board holds as text; never the expected text for other bytes."""
    if held == expected.encode():
        return expected
    try:
        return held.decode()
    except UnicodeDecodeError:
        return f"sha256:{hashlib.sha256(held).hexdigest()}"
