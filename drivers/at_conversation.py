"""The conversation with one AT command module: reach it from any state, ask it one command line at a time.

An answer goes from the echo of its command (whether the board echoes is learnt
anew each time it is reached) to a final result code.  Whatever else comes, and
whenever it comes, is unsolicited, and no answer is lost by it.  Nothing here
waits for quiet while a board answers as it should, and nothing is sent while a
command runs: V.250 lets any character abort it.
"""

from __future__ import annotations

import re
import time
from typing import NamedTuple

from drivers.at_exchange import Answer, Exchange, Habits, Turn
from drivers.at_lines import Lines
from drivers.at_options import AtOptions
from drivers.at_result import Final
from drivers.console import Lost
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

_SETTLE_S = 0.2
"""How long an answer that isn't ours, or one that may be late, is given to be followed by the right one."""
_PRESENT_S = 0.3
_BOOTS = 3
"""A board that started so often and never answered restarts by itself."""


class Data(NamedTuple):
    """What a command line is followed by once the board asks for it."""

    prompt: str
    text: str


class Conversation:
    """The station's side of a conversation with one board."""

    def __init__(self, link: Link, options: AtOptions) -> None:
        self._link = link
        self._options = options
        self._lines = Lines(link, options.reply_s)
        banner = options.restart.expect if options.restart else None
        # A UART that comes to life may put some strange bytes before it.
        self._banner = re.compile(rf"[^\w\"]*{re.escape(banner)}") if banner else None
        self._habits = Habits()
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
        self._lines.forget()
        for again in (False, True):
            self._greet()
            until = time.monotonic() + _PRESENT_S
            self._late = again
            while (line := self._lines.hear(until)) is not None:
                if self._options.results.final(line, numeric=True):
                    return True
            if self._lines.stirred:
                self._late = True
                return True
        return False

    def ensure(self, *, known: bool, anew: bool) -> None:
        """``reach``, unless the last command was answered in full; ``anew``: in any case."""
        if anew or not self._ready:
            self.reach(known=known)

    def reach(self, *, known: bool) -> None:
        """Make the board answer, be it starting, learning the speed, or there already; then set it up.

        Raises ``BoardSilent``, ``BoardGarbled``, ``BoardFloods`` or ``BoardRestarts`` after ``boot_s``,
        ``BoardRefused`` for a command of ``setup``; ``Lost`` as ``ask`` does, and at once if a board that is
        ``known``, and so was up before, starts.
        """
        self._ready = False
        if known:
            self._catch_up()
        self._lines.forget()
        self._habits = self._introduction(known)
        self._late = False
        for command in self._options.setup:
            self._habits = self._habits._replace(numeric=True)  # it may switch from words to numbers
            if self.ask(command).final is not Final.OK:
                raise BoardRefused(f"the board refuses {command}", **self._lines.evidence())
            self._habits = self._habits._replace(echoes=None)  # it may have switched the echo
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
        """Restart the board, see it announce its start within ``timeout_s``, and reach it.

        ``command`` does it; without one the link's lines do (``Link.reset``).  An autobauding board is silent until
        it has heard an ``AT``, so it is greeted meanwhile.  A port that the board takes along and brings back
        (``Link.restarting``) is as good as an announcement.

        Raises ``BoardStays`` if it goes on as it was, what ``reach`` raises if it doesn't answer, and ``Lost``.
        """
        self._ready = False
        self._catch_up()
        self._link.restarting(lambda: self._restart(command, timeout_s), self._return)

    def _restart(self, command: str | None, timeout_s: float) -> None:
        if command:
            deadline = self._say(command, timeout_s)
        else:
            self._lines.begin()
            self._link.reset()
            deadline = time.monotonic() + timeout_s
        if self._starts(command or "", deadline):
            self.reach(known=False)
            return
        evidence = self._lines.evidence()
        self.reach(known=False)
        raise BoardStays(f"the board did not restart within {timeout_s:g} s", **evidence)

    def _return(self) -> None:
        """Reach a board that was away with its port; it may have yet to announce its start."""
        for left in reversed(range(_BOOTS)):
            try:
                self.reach(known=False)
                return
            except Lost as lost:
                if not left:
                    raise lost.fault from None

    @property
    def echoes(self) -> bool:
        """Whether the last answer came after the echo of its command, so that the board heard it as it was sent."""
        return self._habits.echoes is True

    # ------------------------------------------------------------- what is done

    def _introduction(self, known: bool) -> Habits:
        """Greet the board until it answers; learn whether it echoes, and how it tells results."""
        greeting = self._options.wake.send
        started = time.monotonic()
        deadline, due = started + self._options.boot_s, started
        greeted = boots = refused = 0
        echoed = False
        while True:
            if time.monotonic() >= deadline:
                raise self._unreached(boots, time.monotonic() - started)
            if time.monotonic() >= due:
                due = self._greet()
                greeted += 1
            line = self._lines.hear(min(due, deadline))
            if line is None:
                continue
            if self._announces(line):
                if known:
                    raise self._restarts(line)
                boots += 1
                due = time.monotonic()  # what was sent before is likely to be lost
                continue
            echoed |= line == greeting
            final = self._options.results.final(line, numeric=True)
            if final is Final.OK:
                numeric = line.strip().isdecimal()
                break
            if final and not refused:  # what stood in its line before was taken for a part of the greeting
                due = time.monotonic()
            refused += final is not None
        if self._late or (greeted > 1 and not echoed):
            # Only the last of several answers is this one's, and nothing tells them apart.
            while (line := self._lines.hear(min(deadline, time.monotonic() + _SETTLE_S))) is not None:
                if known and self._announces(line):
                    raise self._restarts(line)
                echoed |= line == greeting
        return Habits(echoed, numeric)

    def _exchange(self, command: str, timeout_s: float, expect: str, data: Data | None) -> Answer:
        self._ready = False
        self._catch_up()
        exchange = Exchange(command, self._options, self._habits, expect, data.prompt if data else "")
        deadline = until = self._say(command, timeout_s)
        while (line := self._lines.hear(until, exchange.prompt)) is not None:
            if self._announces(line):
                raise self._restarts(line)
            turn = exchange.take(line)
            if turn is Turn.DONE:
                break
            if turn is Turn.HEARD:
                until = deadline
            elif turn is Turn.ASTRAY:
                until = min(deadline, time.monotonic() + _SETTLE_S)
            elif turn is Turn.PROMPT and data:
                takes_s = self._lines.send(data.text)
                deadline = until = time.monotonic() + timeout_s + takes_s
        if exchange.asked and data:
            self._fill(data)
        if (answer := exchange.answer) is None:
            raise self._misheard() if exchange.astray else self._unanswered(heard=exchange.heard)
        self._habits = exchange.habits
        self._ready = True
        return answer

    def _fill(self, data: Data) -> None:
        """Give a board that asks for the data of something else as many bytes: until it has them it hears no command.

        They are spaces: what it was told to store, and under which name, isn't known.  Should it want fewer, they
        are harmless in the next line.
        """
        takes_s = self._lines.send(" " * len(data.text.encode()))
        until = time.monotonic() + self._options.wake.every_s + takes_s
        while (line := self._lines.hear(until)) is not None:
            if self._announces(line):
                raise self._restarts(line)
            if self._options.results.final(line, numeric=self._habits.numeric):
                return
        self._late = True

    def _starts(self, command: str, deadline: float) -> bool:
        """Tell whether the board announces a start before the deadline; raises ``BoardStays`` if it refuses to."""
        due = time.monotonic() + self._options.wake.every_s
        echoed = greeted = False
        while time.monotonic() < deadline:
            if time.monotonic() >= due:
                due, greeted = self._greet(), True
            line = self._lines.hear(min(due, deadline))
            if line is None:
                continue
            if self._announces(line):
                return True
            echoed |= line == command
            final = self._options.results.final(line, numeric=self._habits.numeric)
            if final in (Final.ERROR, Final.BUSY) and not greeted:
                if self._habits.echoes and not echoed:
                    raise self._misheard()
                raise BoardStays(f"the board refuses {command}", **self._lines.evidence())
        return False

    def _pause(self) -> None:
        """Let a busy board be for a while."""
        until = time.monotonic() + self._options.wake.every_s
        while (line := self._lines.hear(until)) is not None:
            if self._announces(line):
                raise self._restarts(line)

    def _catch_up(self) -> None:
        """Look through what came since the last answer: unsolicited all of it, unless the board has started."""
        for line in self._lines.waiting():
            if self._announces(line):
                raise self._restarts(line)

    def _say(self, command: str, timeout_s: float) -> float:
        """Send a command line; return its deadline."""
        self._lines.begin()
        takes_s = self._lines.send(command + self._options.newline)
        return time.monotonic() + timeout_s + takes_s

    def _greet(self) -> float:
        """Send what executes nothing; return when to do so again if nothing comes of it."""
        self._lines.send(self._options.wake.send + self._options.newline)
        return time.monotonic() + self._options.wake.every_s

    # ------------------------------------------------------------- what it means

    def _announces(self, line: str) -> bool:
        """Tell whether only a board that has just started says this."""
        return self._banner is not None and self._banner.match(line) is not None

    def _restarts(self, line: str) -> Lost:
        return Lost(
            BoardRestarts(
                f"the board restarts by itself: it said {self._lines.shown(line.encode())!r} (if it did not restart,"
                " that is part of an answer or unsolicited, and the recipe needs another restart.expect)",
                **self._lines.evidence(),
            )
        )

    def _misheard(self) -> Lost:
        fault = BoardMisheard("the board echoes something else than it was sent", **self._lines.evidence())
        return Lost(fault, obeyed=False)

    def _unanswered(self, *, heard: bool) -> Lost:
        self._late = True
        return Lost(BoardSilent("the board did not answer in time", **self._lines.evidence()), obeyed=heard)

    def _unreached(self, boots: int, elapsed_s: float) -> BoardError:
        evidence = self._lines.evidence()
        if boots >= _BOOTS:
            return BoardRestarts(f"the board started {boots} times and took no command", **evidence)
        if self._lines.garbled:
            return BoardGarbled("what the board sends is no text: is baud right?", **evidence)
        if self._lines.busy(elapsed_s):
            return BoardFloods("the board never stops talking", **evidence)
        return BoardSilent(f"no answer to {self._options.wake.send} within {self._options.boot_s:g} s", **evidence)
