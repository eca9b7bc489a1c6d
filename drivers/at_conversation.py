"""The conversation with one AT command module: reach it from any state, ask it one command line at a time.

A line ends at CR or LF, whichever comes, so no setting of S3 and S4 matters.
An answer goes from the echo of its command (whether the board echoes is learnt
anew each time it is reached) to a final result code.  Whatever else comes, and
whenever it comes, is unsolicited, and no answer is lost by it.  Nothing here
waits for quiet while a board answers as it should, and nothing is sent while a
command runs: V.250 lets any character abort it.
"""

from __future__ import annotations

import re
import time
from collections import deque
from typing import NamedTuple

from pydantic import Field

from drivers.at_result import Final, Results
from drivers.console import LIMIT, Lost
from drivers.errors import (
    BoardError,
    BoardFloods,
    BoardGarbled,
    BoardMisheard,
    BoardRefused,
    BoardRestarts,
    BoardSilent,
    BoardStays,
)
from drivers.link import Link
from drivers.table import Table
from drivers.text import Pattern, garbled, plain, printable

_ENDS = re.compile(rb"[\r\n]+")
_TAIL = 512
"""Bytes of what came last that are kept for an error's details."""
_SETTLE_S = 0.2
"""How long an answer that isn't ours, or one that may be late, is given to be followed by the right one."""
_PRESENT_S = 0.3
_BOOTS = 3
"""A board that started so often and never answered restarts by itself."""


class Wake(Table):
    """``wake``: how to find out whether the board takes commands."""

    send: str = Field(default="AT", min_length=1)
    """A command that does nothing but be answered with OK; ``AT`` also teaches an autobauding board the speed."""
    every_s: float = Field(default=1.0, gt=0)
    """Seconds to wait for its answer before it is sent again, since a first one may be lost."""


class ConversationOptions(Table):
    """What a recipe says of how a module converses."""

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
    reply_s: float = Field(default=5.0, gt=0)
    """Seconds within which a command must be answered in full, besides the time that it takes to send it."""
    boot_s: float = Field(default=30.0, gt=0)
    """Seconds within which the board must answer, from any state it may be in."""


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


class Data(NamedTuple):
    """What a command line is followed by once the board asks for it."""

    prompt: str
    text: str


class Conversation:
    """The station's side.  ``banner`` is how a line begins that only a board which has just started prints."""

    def __init__(self, link: Link, options: ConversationOptions, banner: str = "") -> None:
        self._link = link
        self._options = options
        # A UART that comes to life may put some strange bytes before it.
        self._banner = re.compile(rf"[^\w\"]*{re.escape(banner)}") if banner else None
        self._lines: deque[str] = deque()
        self._rest = bytearray()
        """The beginning of a line whose end has not come."""
        self._count = 0
        """Bytes that came since the last command, or since the board is being reached."""
        self._tail = b""
        self._sent = b""
        self._echoes: bool | None = None
        self._numeric = False
        self._late = False
        """An answer was waited for in vain, and may come yet."""
        self._ready = False

    def stirs(self) -> bool:
        """Tell whether anything comes from the board, by itself or when greeted, within 0.6 s.

        ``AT`` is sent, twice since an autobauding board swallows the first; it executes nothing.
        """
        self._ready = False
        if self._link.drain():
            return True
        for _ in range(2):
            self._send(self._options.wake.send)
            if self._link.read(time.monotonic() + _PRESENT_S):
                return True
        return False

    def ensure(self, *, known: bool, anew: bool) -> None:
        """``reach``, unless the last command was answered in full, or in any case."""
        if anew or not self._ready:
            self.reach(known=known)

    def reach(self, *, known: bool) -> None:
        """Make the board answer, be it starting, learning the speed, or there already; then set it up.

        Raises ``BoardSilent``, ``BoardGarbled``, ``BoardFloods`` or ``BoardRestarts`` after ``boot_s``,
        ``BoardRefused`` for a command of ``setup``; ``Lost`` as ``ask`` does, and at once if a board that is
        ``known``, and so was up before, starts.
        """
        self._ready, self._echoes, self._numeric = False, None, False
        if known:
            self._catch_up()
        self._forget()
        self._call(known)
        for command in self._options.setup:
            answer = self.ask(command)
            self._echoes = None  # it may have been about just that
            if answer.final is not Final.OK:
                raise BoardRefused(f"the board refuses {command}", **self.evidence())
        self._ready = True

    def ask(self, command: str, timeout_s: float | None = None, expect: str = "", data: Data | None = None) -> Answer:
        """Send a command line, ``data`` once the board asks for it, and return the answer.

        ``timeout_s`` replaces ``reply_s``.  An answer that is OK is waited for until ``expect`` has come, too: many
        modules tell how it went in a line after that.  A board that is busy is asked again.

        Raises ``BoardFloods``, and ``Lost`` if the board restarts, falls silent or echoes something else.
        """
        until = time.monotonic() + self._options.boot_s
        while True:
            answer = self._exchange(command, timeout_s or self._options.reply_s, expect, data)
            if answer.final is not Final.BUSY or time.monotonic() >= until:
                return answer
            self._pause()

    def restart(self, command: str | None, timeout_s: float) -> None:
        """Restart the board, see its banner within ``timeout_s``, and reach it.

        ``command`` does it; without one the link's lines do (``Link.reset``).  An autobauding board is silent until
        it has heard an ``AT``, so it is greeted meanwhile.

        Raises ``BoardStays`` if it goes on as it was, what ``reach`` raises if it doesn't answer, and ``Lost``.
        """
        self._ready = False
        self._catch_up()
        if command:
            deadline = self._say(command, timeout_s)
        else:
            self._count = 0
            self._link.reset()
            deadline = time.monotonic() + timeout_s
        if self._starts(command, deadline):
            self.reach(known=False)
            return
        evidence = self.evidence()
        self.reach(known=False)
        raise BoardStays(f"the board did not restart within {timeout_s:g} s", **evidence)

    @property
    def echoes(self) -> bool:
        """Whether the last answer came after the echo of its command, so that the board heard it as it was sent."""
        return self._echoes is True

    def evidence(self) -> dict[str, str]:
        """What was sent last and the end of what came, for an error's details; printable, without secrets."""
        return {
            "sent": printable(self._link.masked(self._sent.strip())),
            "received": printable(self._link.masked(self._tail)),
        }

    # ------------------------------------------------------------- what is done

    def _call(self, known: bool) -> None:
        """Greet the board until it answers; learn whether it echoes, and how it tells results."""
        wake = self._options.wake
        started = time.monotonic()
        deadline, due = started + self._options.boot_s, started
        greeted = boots = refused = 0
        echoed = False
        while True:
            if time.monotonic() >= deadline:
                raise self._unreached(boots, time.monotonic() - started)
            if time.monotonic() >= due:
                self._send(wake.send)
                greeted += 1
                due = time.monotonic() + wake.every_s
            line = self._hear(min(due, deadline))
            if line is None:
                continue
            if self._announces(line):
                if known:
                    raise self._restarts(line)
                boots += 1
                due = time.monotonic()  # what was sent before is likely to be lost
                continue
            echoed |= line == wake.send
            final = self._options.results.final(line, numeric=True)
            if final is Final.OK:
                self._numeric = line.strip().isdecimal()
                break
            if final:  # it took what stood in its line before for a part of the greeting
                due = time.monotonic() if not refused else due
                refused += 1
        if self._late or (greeted > 1 and not echoed):
            # Only the last of several answers is this one's, and nothing tells them apart.
            while (line := self._hear(min(deadline, time.monotonic() + _SETTLE_S))) is not None:
                if known and self._announces(line):
                    raise self._restarts(line)
                echoed |= line == wake.send
        self._echoes, self._late = echoed, False

    def _exchange(self, command: str, timeout_s: float, expect: str, data: Data | None) -> Answer:
        self._ready = False
        self._catch_up()
        deadline = until = self._say(command, timeout_s)
        echo = "" if self._echoes is False else command
        text: list[str] = []
        answer: Answer | None = None
        awry = False
        while True:
            line = self._hear(until, prompt=data.prompt if data else "")
            if line is None:
                break
            if echo and (line == command or echo.startswith(line)):  # in pieces, if something came in between
                echo = "" if line == command else echo[len(line) :]
                if not echo:
                    text.clear()
                    until = deadline
                continue
            if self._announces(line):
                raise self._restarts(line)
            if data and line.startswith(data.prompt):
                if echo and self._echoes:
                    raise self._misheard()
                self._rest.clear()
                deadline = until = self._give(data.text, timeout_s)
                data = None
                continue
            if any(pattern.match(line) for pattern in self._options.unsolicited):
                continue
            final = self._options.results.final(line, numeric=self._numeric)
            if final is None:
                text.append(line)
            elif echo and (self._echoes or echo != command or any(said[:2].upper() == "AT" for said in text)):
                # An answer to something else: what came before, or what the board has understood.
                awry = True
                until = min(deadline, time.monotonic() + _SETTLE_S)
                continue
            elif not (data and final is Final.OK):  # some say OK before they ask for the data
                self._numeric = line.strip().isdecimal()
                answer = Answer("", final, line.strip())
            if answer:
                answer = answer._replace(text="\n".join(text))
                if answer.final is not Final.OK or answer.holds(expect):
                    break
        if answer is None:
            raise self._misheard() if awry else self._unanswered(heard=not (echo and self._echoes))
        self._echoes = self._echoes is not False and not echo
        self._ready = True
        return answer

    def _starts(self, command: str | None, deadline: float) -> bool:
        """Tell whether the board announces a start before the deadline; raises ``BoardStays`` if it refuses to."""
        wake = self._options.wake
        due = time.monotonic() + wake.every_s
        echo, greeted = command or "", False
        while time.monotonic() < deadline:
            if time.monotonic() >= due:
                self._send(wake.send)
                due, greeted = time.monotonic() + wake.every_s, True
            line = self._hear(min(due, deadline))
            if line is None:
                continue
            if self._announces(line):
                return True
            if line == echo:
                echo = ""
            if self._options.results.final(line, numeric=self._numeric) in (Final.ERROR, Final.BUSY) and not greeted:
                if echo and self._echoes:
                    raise self._misheard()
                raise BoardStays(f"the board refuses {command}", **self.evidence())
        return False

    def _pause(self) -> None:
        """Let a busy board be for a while."""
        until = time.monotonic() + self._options.wake.every_s
        while (line := self._hear(until)) is not None:
            if self._announces(line):
                raise self._restarts(line)

    # ------------------------------------------------------------- what it means

    def _announces(self, line: str) -> bool:
        """Tell whether only a board that has just started says this."""
        return self._banner is not None and self._banner.match(line) is not None

    def _restarts(self, line: str) -> Lost:
        return Lost(
            BoardRestarts(
                f"the board restarts by itself: it said {line[:40]!r} (if it did not restart, that is part of an answer"
                " or unsolicited, and the recipe needs another restart.expect)",
                **self.evidence(),
            )
        )

    def _misheard(self) -> Lost:
        fault = BoardMisheard("the board echoes something else than it was sent", **self.evidence())
        return Lost(fault, obeyed=False)

    def _unanswered(self, *, heard: bool) -> Lost:
        self._late = True
        return Lost(BoardSilent("the board did not answer in time", **self.evidence()), obeyed=heard)

    def _unreached(self, boots: int, elapsed_s: float) -> BoardError:
        if boots >= _BOOTS:
            return BoardRestarts(f"the board started {boots} times and took no command", **self.evidence())
        if garbled(self._tail):
            return BoardGarbled("what the board sends is no text", **self.evidence())
        if self._link.wire_s(self._count) > elapsed_s / 2:
            return BoardFloods("the board never stops talking", **self.evidence())
        text = f"no answer to {self._options.wake.send} within {self._options.boot_s:g} s"
        return BoardSilent(text, **self.evidence())

    # ------------------------------------------------------------- bytes

    def _say(self, command: str, timeout_s: float) -> float:
        """Send a command line; return its deadline."""
        self._count, self._tail = 0, b""
        self._send(command)
        return time.monotonic() + timeout_s + self._link.wire_s(len(self._sent))

    def _give(self, text: str, timeout_s: float) -> float:
        """Send data as it is; return the deadline of its answer."""
        self._write(text.encode())
        return time.monotonic() + timeout_s + self._link.wire_s(len(self._sent))

    def _send(self, command: str) -> None:
        self._write((command + self._options.newline).encode())

    def _write(self, data: bytes) -> None:
        self._sent = data
        self._link.write(data, time.monotonic() + self._options.reply_s + self._link.wire_s(len(data)))

    def _forget(self) -> None:
        """Drop all that has come."""
        self._link.drain()
        self._lines.clear()
        self._rest.clear()
        self._count, self._tail = 0, b""

    def _catch_up(self) -> None:
        """Look through what came since the last answer: unsolicited all of it, unless the board has started."""
        self._count = 0
        self._keep(self._link.drain())
        while self._lines:
            if self._announces(line := self._lines.popleft()):
                raise self._restarts(line)

    def _hear(self, deadline: float, prompt: str = "") -> str | None:
        """Return the next line that isn't empty, or a prompt that has no end of line; None at the deadline.

        Raises ``BoardFloods`` if very much has come, and nothing that was waited for was in it.
        """
        while not self._lines:
            if prompt and (begun := plain(self._rest).lstrip()).startswith(prompt):
                return begun
            data = self._link.read(deadline)
            if not data:
                return None
            self._keep(data)
            if self._count > LIMIT:
                raise BoardFloods("the board never stops talking", **self.evidence())
        return self._lines.popleft()

    def _keep(self, data: bytes) -> None:
        """Take in what came."""
        self._count += len(data)
        self._tail = (self._tail + data)[-_TAIL:]
        first, *others = _ENDS.split(data)
        self._rest += first
        for other in others:
            if line := plain(self._rest):
                self._lines.append(line)
            self._rest = bytearray(other)
