"""The conversation with one AT command module: reach it from any state, ask it one command line at a time.

An answer goes from the echo of its command (whether the board echoes is learnt
anew each time it is reached) to a final result code.  Whatever else comes, and
whenever it comes, is unsolicited, and no answer is lost by it.  Nothing here
waits for quiet while a board answers as it should, and nothing is sent while a
command runs: V.250 lets any character abort it.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from drivers.at_banner import Banner
from drivers.at_exchange import Answer, Exchange, Habits, Turn
from drivers.at_greeting import BOOTS, Greeting
from drivers.at_lines import Lines
from drivers.at_options import AtOptions
from drivers.at_result import Final
from drivers.command import Restart
from drivers.console import Lost
from drivers.errors import BoardMisheard, BoardRefused, BoardSilent, BoardStays
from drivers.link import Link

_SETTLE_S = 0.2
"""How long an answer that isn't ours is given to be followed by the right one."""


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
        self._banner = Banner(options.restart, self._lines)
        self._greeting = Greeting(self._lines, self._banner, options)
        self._habits = Habits()
        self._ready = False

    def stirs(self) -> bool:
        """Tell whether anything comes from the board, by itself or when greeted, within 0.6 s.

        ``AT`` is sent, which executes nothing.
        """
        self._ready = False
        return bool(self._link.drain()) or self._greeting.stirs()

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
        self._habits = self._greeting.learn(known=known)
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

    def restart(self, how: Restart) -> None:
        """Restart the board, or have it restarted, see it announce its start in time, and reach it.

        A command does it, the link's lines (``Link.reset``), or an operator.  An autobauding board is silent until
        it has heard an ``AT``, so it is greeted meanwhile.  A port that the board takes along and brings back
        (``Link.restarting``) is as good as an announcement.

        Raises ``BoardStays`` if it goes on as it was, what ``reach`` raises if it doesn't answer, and ``Lost``.
        """
        self._ready = False
        self._catch_up()
        self._link.restarting(lambda: self._restart(how), self._return)

    def _restart(self, how: Restart) -> None:
        if how.send:
            deadline = self._say(how.send, how.timeout_s)
        else:
            self._lines.begin()
            if not how.by_hand:
                self._link.reset()
            deadline = time.monotonic() + how.timeout_s
        if self._starts(how.send or "", deadline):
            self.reach(known=False)
            return
        evidence = self._lines.evidence()
        self.reach(known=False)
        raise BoardStays(f"the board did not restart within {how.timeout_s:g} s", **evidence)

    def _return(self) -> None:
        """Reach a board that was away with its port; it may have yet to announce its start."""
        for left in reversed(range(BOOTS)):
            try:
                self.reach(known=False)
                return
            except Lost as lost:
                if not left:
                    raise lost.fault from None

    def doubt(self) -> None:
        """Take the last answer for one to an earlier command: reach the board anew, with more patience."""
        self._ready = False
        self._greeting.slow_down()

    @property
    def echoes(self) -> bool:
        """Whether the last answer came after the echo of its command, so that the board heard it as it was sent."""
        return self._habits.echoes is True

    # ------------------------------------------------------------- what is done

    def _exchange(self, command: str, timeout_s: float, expect: str, data: Data | None) -> Answer:
        self._ready = False
        self._catch_up()
        exchange = Exchange(command, self._options, self._habits, expect, data.prompt if data else "")
        deadline = until = self._say(command, timeout_s)
        while (line := self._lines.hear(until, exchange.prompt)) is not None:
            self._banner.heed(line)
            turn = exchange.take(line)
            if turn is Turn.DONE:
                break
            if turn is Turn.HEARD:
                until = deadline
            elif turn is Turn.LATE and self._greeting.owed:
                self._greeting.owed -= 1
                deadline = until = time.monotonic() + timeout_s
            elif turn in (Turn.LATE, Turn.ASTRAY):
                until = min(deadline, time.monotonic() + _SETTLE_S)
            elif turn is Turn.PROMPT and data:
                takes_s = self._lines.send(data.text)
                deadline = until = time.monotonic() + timeout_s + takes_s
        if exchange.asked and data:
            self._fill(data)
        if (answer := exchange.answer) is None:
            raise self._misheard() if exchange.astray else self._unanswered(heard=exchange.heard)
        self._greeting.owed = 0
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
            self._banner.heed(line)
            if self._options.results.final(line, numeric=self._habits.numeric):
                return
        self._greeting.late = True

    def _starts(self, command: str, deadline: float) -> bool:
        """Tell whether the board announces a start before the deadline; raises ``BoardStays`` if it refuses to."""
        due = time.monotonic() + self._greeting.every_s
        echoed = greeted = False
        while time.monotonic() < deadline:
            if time.monotonic() >= due:
                due, greeted = self._greeting.say(), True
            line = self._lines.hear(min(due, deadline))
            if line is None:
                continue
            if self._banner.announces(line):
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
            self._banner.heed(line)

    def _catch_up(self) -> None:
        """Look through what came since the last answer: unsolicited all of it, unless the board has started."""
        for line in self._lines.waiting():
            self._banner.heed(line)

    def _say(self, command: str, timeout_s: float) -> float:
        """Send a command line; return its deadline."""
        self._lines.begin()
        takes_s = self._lines.send(command + self._options.newline)
        return time.monotonic() + timeout_s + takes_s

    def _misheard(self) -> Lost:
        fault = BoardMisheard("the board echoes something else than it was sent", **self._lines.evidence())
        return Lost(fault, obeyed=False)

    def _unanswered(self, *, heard: bool) -> Lost:
        self._greeting.late = True
        return Lost(BoardSilent("the board did not answer in time", **self._lines.evidence()), obeyed=heard)
