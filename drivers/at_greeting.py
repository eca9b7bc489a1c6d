"""The greeting that makes a module answer: ``AT``, said until it does, since some are lost while it starts.

Those that are not lost are answered, each of them, perhaps when another command is under way by then.
"""

from __future__ import annotations

import time

from drivers.at_banner import Banner
from drivers.at_exchange import Habits
from drivers.at_lines import Lines
from drivers.at_options import AtOptions
from drivers.at_result import Final
from drivers.errors import BoardError, BoardFloods, BoardGarbled, BoardRestarts, BoardSilent

BOOTS = 3
"""A board that started so often and never answered restarts by itself."""

_SETTLE_S = 0.2
"""How long an answer that may be late is given to be followed by the right one."""
_PRESENT_S = 0.3


class Greeting:
    """What is sent to find out whether a board takes commands, and what comes of it."""

    def __init__(self, lines: Lines, banner: Banner, options: AtOptions) -> None:
        self._lines = lines
        self._banner = banner
        self._options = options
        self.every_s = options.wake.every_s
        """Seconds until it is said again."""
        self.late = False
        """An answer was waited for in vain, and may come yet."""

    def say(self) -> float:
        """Send it; it executes nothing.  Return when to do so again if nothing comes of it."""
        self._lines.send(self._options.wake.send + self._options.newline)
        return time.monotonic() + self.every_s

    def stirs(self) -> bool:
        """Tell whether anything comes from the board once it is greeted, within 0.6 s.

        That is done twice, since an autobauding board swallows the first.
        """
        self._lines.forget()
        for again in (False, True):
            self.say()
            until = time.monotonic() + _PRESENT_S
            self.late = again
            while (line := self._lines.hear(until)) is not None:
                if self._options.results.final(line, numeric=True):
                    return True
            if self._lines.stirred:
                self.late = True
                return True
        return False

    def learn(self, *, known: bool) -> Habits:
        """Greet the board until it answers; learn whether it echoes, and how it tells results.

        Raises ``BoardSilent``, ``BoardGarbled``, ``BoardFloods`` or ``BoardRestarts`` after ``boot_s``; ``Lost`` if a
        board that is ``known`` starts.
        """
        self._lines.forget()
        greeting = self._options.wake.send
        started = time.monotonic()
        deadline, due = started + self._options.boot_s, started
        greeted = boots = refused = 0
        echoed = False
        while True:
            if time.monotonic() >= deadline:
                raise self._unreached(boots, time.monotonic() - started)
            if time.monotonic() >= due:
                due = self.say()
                greeted += 1
            line = self._lines.hear(min(due, deadline))
            if line is None:
                continue
            if known:
                self._banner.heed(line)
            if self._banner.announces(line):
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
        if self.late or (greeted > 1 and not echoed):
            # Only the last of several answers is this one's, and nothing tells them apart.
            while (line := self._lines.hear(min(deadline, time.monotonic() + _SETTLE_S))) is not None:
                if known:
                    self._banner.heed(line)
                echoed |= line == greeting
        self.late = False
        return Habits(echoed, numeric)

    def _unreached(self, boots: int, elapsed_s: float) -> BoardError:
        evidence = self._lines.evidence()
        if boots >= BOOTS:
            return BoardRestarts(f"the board started {boots} times and took no command", **evidence)
        if self._lines.garbled:
            return BoardGarbled("what the board sends is no text: is baud right?", **evidence)
        if self._lines.busy(elapsed_s):
            return BoardFloods("the board never stops talking", **evidence)
        return BoardSilent(f"no answer to {self._options.wake.send} within {self._options.boot_s:g} s", **evidence)
