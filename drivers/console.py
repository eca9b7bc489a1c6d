"""The prompt of one board: reach it from any state, ask it one line at a time, notice when it is lost.

Whatever a board prints is text that proves nothing by itself: a prompt counts
only at the start of a line, at the end of all that has arrived, and after the
echo of what was sent (whether the board echoes is learnt from its first
answer).  Nothing here waits for quiet while a board answers as it should.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from itertools import cycle
from typing import NoReturn

from drivers.command import Restart
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
from drivers.hearing import Hearing
from drivers.link import Link
from drivers.login import Dialogue
from drivers.prompt import ConsoleOptions
from drivers.text import after_echo, garbled, printable

_SETTLE_S = 0.2
"""How long a missing echo is waited for once a prompt is there: it was an earlier prompt, or the board has no echo."""
_PRESENT_S = 0.3
_BOOTS = 3
"""An autoboot that was interrupted so often and never led to a prompt is a board that restarts by itself."""


class Lost(Exception):
    """The conversation came apart; all of it may be done again.

    ``fault`` is what to raise if that doesn't help.  ``obeyed``: the board may have done what it was told, since
    nothing shows that the line did not arrive as it was sent.
    """

    def __init__(self, fault: BoardError, *, obeyed: bool = True) -> None:
        super().__init__(fault.text)
        self.fault = fault
        self.obeyed = obeyed


class Console:
    """The station's side of one prompt.

    ``secrets`` are those that the options ask for; ``signs`` is what only a board which restarts prints, literally, by
    the recipe's key.
    """

    def __init__(
        self, link: Link, options: ConsoleOptions, secrets: Mapping[str, str], signs: Mapping[str, str]
    ) -> None:
        self._link = link
        link.know_log(options.log)
        self._options = options
        self._password = secrets[options.login.password] if options.login and options.login.password else None
        self._countdown = options.interrupt.on.encode() if options.interrupt else b""
        self._signs = signs
        self._hints = tuple(sign.encode() for sign in signs.values())
        """What must be there before it is worth while to look for a restart."""
        self._heard = Hearing(options)
        self._sent = b""
        self._echoes: bool | None = None
        self._ready = False
        self._awaited = 0.0
        """Until then a prompt is the answer to a wake that was sent: another wake would bring another one, and a shell
        that is interrupted forgets what it was told meanwhile."""
        self._woken = False
        """The prompt may be answered by another one, if the board was woken while it came by itself."""
        self._prompt = ""
        """The prompt that was reached, as it looked."""
        self.session = 0
        """Another number after each restart and each login: whatever was set up at the prompt before is gone."""
        self.log: tuple[str, ...] = ()
        """What was taken out of the last answer."""
        self._said = b""

    def stirs(self) -> bool:
        """Tell whether anything comes from the board, by itself or when woken, within 0.3 s."""
        self._ready = False
        wakes = self._wakes()
        return self._listen(0) or any(self._stirred(wake, _PRESENT_S / len(wakes)) for wake in wakes)

    def _stirred(self, wake: str, timeout_s: float) -> bool:
        self._send(wake)
        self._awaited = time.monotonic() + self._options.wake.every_s
        return self._listen(time.monotonic() + timeout_s)

    def wake(self) -> None:
        """Bring the board to its prompt, be it booting, counting down, in the middle of a line, or there already.

        Raises ``BoardSilent``, ``BoardGarbled``, ``BoardFloods`` or ``BoardRestarts`` after ``boot_s``.
        """
        self._echoes = None
        self._heard.keep(self._link.drain())
        if time.monotonic() >= self._awaited:
            self._heard.sent()
        self._reach_prompt(wake_in_s=0)

    def ensure(self, *, steady: bool) -> None:
        """``wake``, unless the last command was answered in full.

        ``steady``: the board is one that must not restart by itself any more; ``Lost`` if it shows that it has.
        """
        if self._ready:
            return
        if steady:
            self._echoes = self._echoes or None
            if time.monotonic() >= self._awaited:
                self._heard.clear()
            self._reach_prompt(wake_in_s=0, steady=True)
        else:
            self.wake()

    @property
    def echoes(self) -> bool:
        """Whether the last answer came after the echo of its command, so that the board heard it as it was sent."""
        return self._echoes is True

    def forget_echo(self) -> None:
        """Find out anew whether the board echoes."""
        self._echoes = None

    def ask(self, line: str, timeout_s: float | None = None, fits: Callable[[str], bool] | None = None) -> str:
        """Send one line and return its answer: without echo, prompt and log lines, with LF between lines.

        ``line`` may be several, with LF between them, if all but the last are answered with nothing but their echo
        and a sign that the board waits for more.  The terminal echoes them while the shell prints its signs, so
        that these stand anywhere in the echo: it proves nothing and stays in the answer, and only an answer that
        ``fits`` tells that they arrived.  ``timeout_s`` replaces ``reply_s``.  An answer that doesn't
        ``fit`` is given time to go on: what looked like the prompt was part of it (``US$ 5``), and a read ended
        just there.  Raises ``Lost`` if the board restarts, falls silent or echoes something else; ``BoardFloods``;
        ``BoardRefused`` if the line overflows the board's buffer.
        """
        self._ready = False
        self._heard.keep(self._link.drain())
        self._heed_restart()
        deadline = self._say(line, timeout_s or self._options.reply_s)
        several, _, line = line.rpartition("\n")
        late_until, so_far = 0.0, ""
        while True:
            # First, so that a board which restarts within one read has given no answer, however its bytes are split.
            self._heed_restart(line)
            at_prompt, earlier = self._heard.at_prompt(), self._prompt if self._woken else ""
            echoes = False if several else self._echoes
            answer = self._heard.answer(line, echoes=echoes, earlier=earlier) if at_prompt else None
            if answer:
                self._echoes = self._echoes if several else answer.echoed
                # Without a measure of its own: the first prompt after a wake may be the wake's own.
                if fits(answer.text) if fits else answer.text or not self._woken:
                    break
                # The time for more is begun anew by what belongs to the answer only: the log may go on for ever.
                if not late_until or so_far != self._heard.text():
                    late_until, so_far = min(deadline, time.monotonic() + _SETTLE_S), self._heard.text()
                if self._listen(late_until):
                    continue
                break
            if self._heard.overflowed:
                raise BoardFloods("the board never stops talking", **self._evidence())
            if not self._listen(min(deadline, time.monotonic() + _SETTLE_S) if at_prompt else deadline):
                self._judge_missing_echo(line, at_prompt)
        self._said = bytes(self._heard.data)
        self._heard.clear()
        self._ready, self._woken, self._awaited = True, False, 0.0
        self.log = answer.log
        return answer.text

    def unswallowed(self, ending_crs: int | None) -> tuple[str, ...]:
        """Return the last answer, echo and all, with what a terminal swallows; see ``terminal.unswallowed``."""
        return self._heard.unswallowed(self._said, ending_crs)

    @property
    def ending_crs(self) -> int | None:
        """How many CRs the lines of the last answer end with at least, before their LF; None if none has an LF.

        The first line is the echo, whose ending the terminal makes.
        """
        ends = re.findall(rb"(\r*)\n", self._said)[1:]
        return min(map(len, ends), default=None)

    def restart(self, how: Restart) -> None:
        """Restart the board, or have it restarted, see its banner in time, and wait for its prompt.

        A command does it, the link's lines (``Link.reset``), or an operator.

        A port that the board takes along and brings back (``Link.restarting``) is as good as the banner, which is
        lost then.

        Raises ``BoardStays`` without the banner, or ``BoardSilent`` if nothing came at all; what ``wake`` raises
        without a prompt; and ``Lost`` if the board has just restarted by itself, or misheard.
        """
        self._ready = False
        self._heard.keep(self._link.drain())
        self._heed_restart()
        self._link.restarting(lambda: self._restart(how), self._return)

    def _restart(self, how: Restart) -> None:
        deadline = self._say(how.send, how.timeout_s) if how.send else self._pulse(how)
        sign = how.expect.encode()
        while not self._heard.skip(sign):
            if not self._listen(deadline):
                self._judge_no_restart(how.send or "", how.timeout_s)
        self._start(wake_in_s=self._options.wake.every_s)

    def _return(self) -> None:
        """Reach the prompt of a board that was away: what it has printed meanwhile, nobody has heard."""
        self._heard.clear()
        self._woken, self._awaited = False, 0.0
        self._start(wake_in_s=0)

    def _start(self, wake_in_s: float) -> None:
        self._echoes = None
        self.session += 1
        self._reach_prompt(wake_in_s)

    def _reach_prompt(self, wake_in_s: float, *, steady: bool = False) -> None:
        """Wait for a prompt that isn't stale; interrupt an autoboot; log in; wake the board now and then.

        ``steady``: the board was at its prompt before, so that one which boots has restarted by itself.
        """
        self._ready, self._heard.overflowed = False, False
        interrupt, login, every_s = self._options.interrupt, self._options.login, self._options.wake.every_s
        wakes = cycle(self._wakes())
        dialogue = Dialogue(login, self._password) if login else None
        started = time.monotonic()
        deadline, due, boots = started + self._options.boot_s, max(started + wake_in_s, self._awaited), 0
        while not self._heard.at_prompt():
            if steady:
                self._heed_restart()
            if interrupt and self._heard.skip(self._countdown):
                self._send(interrupt.send)
                self.session += 1
                boots += 1
                due = time.monotonic() + every_s
            elif dialogue and login and self._log_in(dialogue):
                due = time.monotonic() + login.timeout_s
                deadline = max(deadline, due)
            elif time.monotonic() >= deadline:
                raise self._no_prompt(boots)
            elif time.monotonic() >= due:
                self._send(next(wakes))
                self._woken = True
                due = time.monotonic() + every_s
            else:
                self._listen(min(deadline, due))
        if steady:
            self._heed_restart()
        self._prompt = self._heard.prompt()
        self._heard.clear()
        self._ready = True

    def _wakes(self) -> tuple[str, ...]:
        wake = self._options.wake
        return (wake.send, wake.then) if wake.then else (wake.send,)

    def _log_in(self, dialogue: Dialogue) -> bool:
        """Answer the board if it asks who is there; tell whether it did.  Raises ``LoginRefused``."""
        text = self._heard.end()
        question = dialogue.question(text)
        if question is None:
            dialogue.heed(text, self._evidence)
            return False
        if question == "user" and dialogue.begun and self._listen(time.monotonic() + _SETTLE_S):
            return False  # more comes: it may have been the beginning of ``Last login: ...``
        answer = dialogue.answer(question, self._evidence())
        if question == "password":
            self._link.hide(answer)
        self._heard.clear()
        self._send(answer + self._options.newline)
        self._woken = False
        self.session += 1
        return True

    def _judge_missing_echo(self, line: str, at_prompt: bool) -> None:
        """Decide what it means that nothing more comes: no echo on this board, or a conversation that came apart."""
        if b"\a" in self._heard.data and after_echo(self._heard.text(), line) is None:
            # U-Boot beeps for every character that its line buffer doesn't take, and obeys the rest.
            self._echoes = True
            raise BoardRefused("the line is too long for the board", **self._evidence())
        if not at_prompt:
            unheard = self._echoes is True and after_echo(self._heard.text(), line) is None
            raise Lost(BoardSilent("the board did not answer in time", **self._evidence()), obeyed=not unheard)
        if self._echoes:
            raise Lost(BoardMisheard("the board echoed something else than was sent", **self._evidence()), obeyed=False)
        self._echoes = False

    def _heed_restart(self, line: str = "") -> None:
        """Raise ``Lost`` if a sign of a restart begins a line; inside a line or the echo of ``line`` it is a value."""
        if not any(hint in self._heard.data for hint in self._hints):
            return
        for key, sign in self._signs.items():
            if self._heard.begins_line(sign, line if self._echoes is not False else ""):
                self.session += 1
                raise Lost(
                    BoardRestarts(
                        f"the board restarts by itself: it printed {sign!r} (if it did not restart, that is part of an "
                        f"answer, and the recipe needs another {key})",
                        **self._evidence(),
                    )
                )

    def _no_prompt(self, boots: int) -> BoardError:
        if boots >= _BOOTS:
            return BoardRestarts(f"the board began to boot {boots} times without a prompt", **self._evidence())
        if garbled(self._heard.data):
            return BoardGarbled("what the board sends is no text: is baud right?", **self._evidence())
        if self._heard.overflowed:
            return BoardFloods("the board never stops talking", **self._evidence())
        return BoardSilent(f"no prompt within {self._options.boot_s:g} s", **self._evidence())

    def _judge_no_restart(self, line: str, timeout_s: float) -> NoReturn:
        text = self._heard.text()
        echo = after_echo(text, line) if line else 0
        if echo is None and self._echoes:
            raise Lost(BoardMisheard("the board echoed something else than was sent", **self._evidence()), obeyed=False)
        if text[echo or 0 :].strip():
            raise BoardStays(f"the board did not restart within {timeout_s:g} s", **self._evidence())
        raise BoardSilent("the board was told to restart and says nothing since", **self._evidence())

    def _say(self, line: str, timeout_s: float) -> float:
        """Send a command; return its deadline."""
        self._heard.clear()
        self._send((line + "\n").replace("\n", self._options.newline))
        return time.monotonic() + timeout_s + self._link.wire_s(len(self._sent))

    def _pulse(self, how: Restart) -> float:
        """Restart the board by its lines, unless an operator does; return the deadline of its banner."""
        self._heard.clear()
        if not how.by_hand:
            self._link.reset()
        return time.monotonic() + how.timeout_s

    def _send(self, text: str) -> None:
        self._sent = text.encode()
        self._heard.sent()
        self._link.write(self._sent, time.monotonic() + self._options.reply_s + self._link.wire_s(len(self._sent)))

    def _listen(self, deadline: float) -> bool:
        """Hear what comes until the deadline; tell whether anything came."""
        data = self._link.read(deadline)
        self._heard.keep(data)
        return bool(data)

    def _evidence(self) -> dict[str, str]:
        """What was sent last and the end of what came, for an error's details; printable, without secrets."""
        return {
            "sent": printable(self._link.masked(self._sent)),
            "received": printable(self._link.masked(bytes(self._heard.data))),
        }
