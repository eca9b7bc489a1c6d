"""The prompt of one board: reach it from any state, ask it one line at a time, notice when it is lost.

Whatever a board prints is text that proves nothing by itself: a prompt counts
only at the start of a line, at the end of all that has arrived, and after the
echo of what was sent (whether the board echoes is learnt from its first
answer).  Nothing here waits for quiet while a board answers as it should.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import NoReturn

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
from drivers.login import Dialogue
from drivers.prompt import ConsoleOptions
from drivers.terminal import Cut, Log, shown
from drivers.text import after_echo, garbled, lines, plain, printable

LIMIT = 64 * 1024
"""Bytes of one answer, or of boot messages, that are kept."""

_PROMPT_WINDOW = 512
"""Only so much of the end of what has arrived is searched for the prompt,"""
_LOG_WINDOW = 4096
"""or so much where log lines may follow it."""
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

    ``secrets`` are those that the options ask for; ``banner`` is literal text that only a board which restarts prints.
    """

    def __init__(self, link: Link, options: ConsoleOptions, secrets: Mapping[str, str], banner: str = "") -> None:
        self._link = link
        self._options = options
        self._password = secrets[options.login.password] if options.login and options.login.password else None
        prompt = options.prompt_pattern.pattern if options.prompt_pattern else re.escape(options.prompt or "")
        # Blanks may follow: a key that stopped an autoboot may have come too late and stand in the new line.
        self._prompt = re.compile(rf"(?:\A|[\r\n])(?:{prompt})[ \t]*\Z")
        self._prompt_sign = (options.prompt or "").rstrip()[-1:].encode()
        """What must be there before it is worth while to look for the prompt."""
        self._log = Log(options.log)
        self._window = _LOG_WINDOW if options.log else _PROMPT_WINDOW
        self._countdown = options.interrupt.on.encode() if options.interrupt else b""
        signs = {"interrupt.on": self._countdown, "restart.expect": banner.encode()}
        self._signs = {key: sign for key, sign in signs.items() if sign}
        self._heard = bytearray()
        self._stale = 0
        """So many bytes at the beginning of what was heard are older than what was sent last."""
        self._overflowed = False
        self._sent = b""
        self._echoes: bool | None = None
        self._ready = False
        self.session = 0
        """Another number after each restart and each login: whatever was set up at the prompt before is gone."""
        self.log: tuple[str, ...] = ()
        """What was taken out of the last answer."""

    def stirs(self) -> bool:
        """Tell whether anything comes from the board, by itself or when woken, within 0.3 s."""
        self._ready = False
        if self._listen(0):
            return True
        self._send(self._options.wake.send)
        return self._listen(time.monotonic() + _PRESENT_S)

    def wake(self) -> None:
        """Bring the board to its prompt, be it booting, counting down, in the middle of a line, or there already.

        Raises ``BoardSilent``, ``BoardGarbled``, ``BoardFloods`` or ``BoardRestarts`` after ``boot_s``.
        """
        self._echoes = None
        self._keep(self._link.drain())
        self._stale = len(self._heard)
        self._reach_prompt(wake_in_s=0)

    def ensure(self, *, steady: bool) -> None:
        """``wake``, unless the last command was answered in full.

        ``steady``: the board is one that must not restart by itself any more; ``Lost`` if it shows that it has.
        """
        if self._ready:
            return
        if steady:
            self._echoes = self._echoes or None
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

    def ask(self, line: str, timeout_s: float | None = None) -> str:
        """Send one line and return its answer: without echo, prompt and log lines, with LF between lines.

        ``line`` may be several, with LF between them, if all but the last are answered with nothing but their echo
        and a sign that the board waits for more.  ``timeout_s`` replaces ``reply_s``.  Raises ``Lost`` if the board
        restarts, falls silent or echoes something else; ``BoardFloods``; ``BoardRefused`` if the line overflows the
        board's buffer.
        """
        self._ready = False
        self._keep(self._link.drain())
        self._heed_restart()
        deadline = self._say(line, timeout_s or self._options.reply_s)
        while True:
            # First, so that a board which restarts within one read has given no answer, however its bytes are split.
            self._heed_restart(line)
            at_prompt = self._at_prompt()
            if at_prompt and (answer := self._answer(line)) is not None:
                break
            if self._overflowed:
                raise BoardFloods("the board never stops talking", **self._evidence())
            if not self._listen(min(deadline, time.monotonic() + _SETTLE_S) if at_prompt else deadline):
                self._judge_missing_echo(line, at_prompt)
        self._heard.clear()
        self._ready = True
        return answer

    def restart(self, line: str | None, banner: str, timeout_s: float) -> None:
        """Restart the board, see its banner within ``timeout_s``, and wait for its prompt.

        ``line`` is the command that does it; without one the link's lines do (``Link.reset``).

        Raises ``BoardStays`` without the banner, or ``BoardSilent`` if nothing came at all; what ``wake`` raises
        without a prompt; and ``Lost`` if the board has just restarted by itself, or misheard.
        """
        self._ready = False
        self._keep(self._link.drain())
        self._heed_restart()
        deadline = self._say(line, timeout_s) if line else self._pulse(timeout_s)
        sign = banner.encode()
        while (start := self._heard.find(sign)) < 0:
            if not self._listen(deadline):
                self._judge_no_restart(line or "", timeout_s)
        self._echoes = None
        self.session += 1
        del self._heard[: start + len(sign)]
        self._reach_prompt(wake_in_s=self._options.wake.every_s)

    def _reach_prompt(self, wake_in_s: float, *, steady: bool = False) -> None:
        """Wait for a prompt that isn't stale; interrupt an autoboot; log in; wake the board now and then.

        ``steady``: the board was at its prompt before, so that one which boots has restarted by itself.
        """
        self._ready, self._overflowed = False, False
        interrupt, login, wake = self._options.interrupt, self._options.login, self._options.wake
        dialogue = Dialogue(login, self._password) if login else None
        started = time.monotonic()
        deadline, due, boots = started + self._options.boot_s, started + wake_in_s, 0
        while not self._at_prompt():
            if steady:
                self._heed_restart()
            if interrupt and (start := self._heard.find(self._countdown)) >= 0:
                del self._heard[: start + len(self._countdown)]
                self._send(interrupt.send)
                self.session += 1
                boots += 1
                due = time.monotonic() + wake.every_s
            elif dialogue and login and self._log_in(dialogue):
                due = time.monotonic() + login.timeout_s
                deadline = max(deadline, due)
            elif time.monotonic() >= deadline:
                raise self._no_prompt(boots)
            elif time.monotonic() >= due:
                self._send(wake.send)
                due = time.monotonic() + wake.every_s
            else:
                self._listen(min(deadline, due))
        if steady:
            self._heed_restart()
        self._heard.clear()
        self._ready = True

    def _log_in(self, dialogue: Dialogue) -> bool:
        """Answer the board if it asks who is there; tell whether it did.  Raises ``LoginRefused``."""
        text = self._end()
        question = dialogue.question(text)
        if question is None:
            dialogue.heed(text, self._evidence)
            return False
        if question == "user" and dialogue.begun and self._listen(time.monotonic() + _SETTLE_S):
            return True
        answer = dialogue.answer(question, self._evidence())
        if question == "password":
            self._link.hide(answer)
        self._heard.clear()
        self._send(answer + self._options.newline)
        self.session += 1
        return True

    def _answer(self, line: str) -> str | None:
        """Return the answer in what was heard; None while it isn't complete."""
        text, cuts = self._read_out(0)
        end = after_echo(text, line.rpartition("\n")[2])
        if end is None and self._echoes is not False:
            return None
        rest = text[end:]
        prompt = self._prompt.search(rest)
        if not prompt:
            return None
        self._echoes = end is not None
        first, last = end or 0, (end or 0) + prompt.start() + 1  # behind the end of the answer's last line
        self.log = tuple(cut.line for cut in cuts if first < cut.at <= last)
        return lines(rest[: prompt.start()])

    def _judge_missing_echo(self, line: str, at_prompt: bool) -> None:
        """Decide what it means that nothing more comes: no echo on this board, or a conversation that came apart."""
        if b"\a" in self._heard and after_echo(self._text(), line) is None:
            # U-Boot beeps for every character that its line buffer doesn't take, and obeys the rest.
            self._echoes = True
            raise BoardRefused("the line is too long for the board", **self._evidence())
        if not at_prompt:
            unheard = self._echoes is True and after_echo(self._text(), line) is None
            raise Lost(BoardSilent("the board did not answer in time", **self._evidence()), obeyed=not unheard)
        if self._echoes:
            raise Lost(BoardMisheard("the board echoed something else than was sent", **self._evidence()), obeyed=False)
        self._echoes = False

    def _heed_restart(self, line: str = "") -> None:
        """Raise ``Lost`` if a sign of a restart begins a line; inside a line or the echo of ``line`` it is a value.

        A time in brackets, as kernels print it, may stand before it.
        """
        for key, sign in self._signs.items():
            if sign not in self._heard:
                continue
            text, said = plain(self._heard), sign.decode()
            if said in line and self._echoes is not False:
                # The console may have wrapped the echo just before the sign, so nothing counts until the echo is over.
                text = text[after_echo(text, line) or len(text) :]
            if re.search(rf"(?:\A|[\r\n])(?:\[ *[\d.:,]+\])?[^\w\r\n]*{re.escape(said)}", text):
                self.session += 1
                raise Lost(
                    BoardRestarts(
                        f"the board restarts by itself: it printed {said!r} (if it did not restart, that is part of an "
                        f"answer, and the recipe needs another {key})",
                        **self._evidence(),
                    )
                )

    def _no_prompt(self, boots: int) -> BoardError:
        if boots >= _BOOTS:
            return BoardRestarts(f"the board began to boot {boots} times without a prompt", **self._evidence())
        if garbled(self._heard):
            return BoardGarbled("what the board sends is no text: is baud right?", **self._evidence())
        if self._overflowed:
            return BoardFloods("the board never stops talking", **self._evidence())
        return BoardSilent(f"no prompt within {self._options.boot_s:g} s", **self._evidence())

    def _judge_no_restart(self, line: str, timeout_s: float) -> NoReturn:
        text = self._text()
        echo = after_echo(text, line) if line else 0
        if echo is None and self._echoes:
            raise Lost(BoardMisheard("the board echoed something else than was sent", **self._evidence()), obeyed=False)
        if text[echo or 0 :].strip():
            raise BoardStays(f"the board did not restart within {timeout_s:g} s", **self._evidence())
        raise BoardSilent("the board was told to restart and says nothing since", **self._evidence())

    def _at_prompt(self) -> bool:
        begin = max(self._stale, len(self._heard) - self._window)
        return self._heard.find(self._prompt_sign, begin) >= 0 and self._prompt.search(self._end()) is not None

    def _end(self) -> str:
        """The last of what came since something was sent, as a terminal shows it, without log lines."""
        return self._read_out(max(self._stale, len(self._heard) - self._window))[0]

    def _read_out(self, begin: int) -> tuple[str, list[Cut]]:
        """Return what was heard from ``begin`` on, as a terminal shows it, without log lines; and those.

        A log line may stand behind a prompt that is still good, or before one: its ending belongs to it or not.
        """
        raw = shown(self._heard[begin:])
        text, cuts = self._log.cut(raw)
        if cuts and not self._prompt.search(text):
            other, others = self._log.cut(raw, ends=False)
            if self._prompt.search(other):
                return other, others
        return text, cuts

    def _text(self) -> str:
        """All of what was heard, likewise."""
        return self._read_out(0)[0]

    def _say(self, line: str, timeout_s: float) -> float:
        """Send a command; return its deadline."""
        self._heard.clear()
        self._overflowed = False
        self._send((line + "\n").replace("\n", self._options.newline))
        return time.monotonic() + timeout_s + self._link.wire_s(len(self._sent))

    def _pulse(self, timeout_s: float) -> float:
        """Restart the board by its lines; return the deadline of its banner."""
        self._heard.clear()
        self._overflowed = False
        self._link.reset()
        return time.monotonic() + timeout_s

    def _send(self, text: str) -> None:
        self._sent = text.encode()
        self._stale = len(self._heard)
        self._link.write(self._sent, time.monotonic() + self._options.reply_s + self._link.wire_s(len(self._sent)))

    def _listen(self, deadline: float) -> bool:
        """Hear what comes until the deadline; tell whether anything came."""
        data = self._link.read(deadline)
        self._keep(data)
        return bool(data)

    def _keep(self, data: bytes) -> None:
        self._heard += data
        if (excess := len(self._heard) - LIMIT) > 0:
            del self._heard[:excess]
            self._stale = max(0, self._stale - excess)
            self._overflowed = True

    def _evidence(self) -> dict[str, str]:
        """What was sent last and the end of what came, for an error's details; printable, without secrets."""
        return {
            "sent": printable(self._link.masked(self._sent)),
            "received": printable(self._link.masked(bytes(self._heard))),
        }
