"""MicroPython's raw REPL: reach it from any state, let it run code, notice when it is lost.

Code goes over in raw-paste mode, with the board's own flow control, where the
board has it, else as it is, at the pace of the recipe's ``[link]``.  Either
way a byte may get lost without an error, so nothing counts but what code that
has arrived whole says of itself (``drivers.snippets``).

What other tasks of the board print may stand anywhere between; only the
control characters of the protocol are looked for.
"""

from __future__ import annotations

import time

from drivers import snippets
from drivers.console import Lost
from drivers.errors import (
    BoardError,
    BoardFloods,
    BoardGarbled,
    BoardMisheard,
    BoardRefused,
    BoardRestarts,
    BoardSilent,
)
from drivers.hearing import LIMIT
from drivers.link import Link
from drivers.table import Seconds, Table
from drivers.text import garbled, lines, plain, printable

_WAKE = b"\x03\x03\x01"
"""Ctrl-C twice, since programs catch one; then Ctrl-A.  Executes nothing, whatever stood in the line."""
_SOFT_RESET = b"\x04"
_PASTE = b"\x05A\x01"
_END = b"\x04"
_WINDOW = b"\x01"

_RAW = b"raw REPL; CTRL-B to exit"
_PROMPT = b"\n>>> "
"""The prompt for people: the board has started, and nobody has woken it yet."""
_CAN_PASTE = b"R\x01"
_CAN_NOT_PASTE = b"R\x00"

_SETTLE_S = 0.1
"""Quiet after which what may still come is not waited for any more."""
_PROMPT_S = 0.02
"""Quiet at the prompt for people after which a board has not heard what was to wake it."""
_PRESENT_S = 0.3
_GREETINGS = 3
"""So often is a board greeted before it counts as one that mishears."""


class RawReplOptions(Table):
    """What a recipe says of a board's raw REPL."""

    wake_s: Seconds = 1.0
    """Seconds to wait for the raw REPL before the board is interrupted again."""
    reply_s: Seconds = 10.0
    """Seconds within which a piece of code must have run, besides the time that it takes to send it."""
    boot_s: Seconds = 30.0
    """Seconds within which the raw REPL must be there, from any state the board may be in."""


class OutOfMemory(BoardRefused):
    """The board has too little RAM for the code it was sent."""


class RawRepl:
    """The station's side of one raw REPL."""

    def __init__(self, link: Link, options: RawReplOptions) -> None:
        self._link = link
        self._options = options
        self._heard = bytearray()
        """What came since something was sent last."""
        self._overflowed = False
        self._count = 0
        """Bytes that came since the raw REPL is waited for, whatever was sent meanwhile."""
        self._sent = b""
        self._ready = False
        self._wakes = 0
        """So many answers to Ctrl-A may still be on their way."""
        self._pastes: bool | None = None
        """Whether the board has raw-paste mode; None while it wasn't asked."""

    def stirs(self) -> bool:
        """Tell whether anything comes from the board, by itself or when woken, within 0.3 s."""
        self._ready = False
        if self._listen(0):
            return True
        self._wake()
        return self._listen(time.monotonic() + _PRESENT_S)

    def ensure(self) -> bool:
        """``wake``, unless all was well so far; tell whether the board has restarted since it was woken last."""
        return not self._ready and self.wake()

    def wake(self) -> bool:
        """Bring the board to its raw REPL, from any state; tell whether it has restarted since this was done last.

        Raises ``BoardSilent``, ``BoardGarbled``, ``BoardFloods`` after ``boot_s``, ``BoardMisheard``.
        """
        self._ready = False
        self._reach()
        return self._greeted()

    def run(self, code: str) -> str:
        """Let the board run code; return what it printed, with LF between lines.

        Raises ``Lost`` if that didn't arrive as it was sent, or nothing came back; ``BoardRefused`` with the last line
        of the traceback if the code has raised; ``OutOfMemory``; ``BoardFloods``.
        """
        self._ready = False
        said = self._run(snippets.order(code))
        self._ready = True
        return said

    def restart(self, code: str | None) -> bool:
        """Restart the board by ``code``, or softly without; tell whether it has restarted.

        Raises ``BoardRefused`` if the code has raised, ``Lost`` if it did not arrive, and what ``wake`` raises.
        """
        self._ready = False
        turns = None
        if code is None:
            self._say(_SOFT_RESET)
        else:
            order = snippets.order(code).encode()
            turns = self._deliver(order, self._reply_deadline(order))
        self._reach(starting=True, turns=turns)
        if turns and self._answered(turns):
            self._judged(turns)
            self._reach(starting=True)
        return self._greeted()

    def pulse(self) -> bool:
        """Restart the board by the lines of the recipe's ``link.reset``; tell whether it has restarted."""
        self._ready = False
        self._forget()
        self._link.reset()
        self._reach(starting=True)
        return self._greeted()

    # ---------------------------------------------------------------- the way there

    def _reach(self, *, starting: bool = False, turns: int | None = None) -> None:
        """Wait for the raw REPL, and wake the board now and again.

        ``starting``: it was told to restart, so it is woken once it has, or does not show that it has; or has given
        an answer in ``turns``, and so stays as it is.
        """
        now = time.monotonic()
        deadline, due = now + self._options.boot_s, now + (self._options.wake_s if starting else 0)
        self._pastes, self._count = None, 0
        if not starting:
            self._listen(0)
            self._forget()
        woken = False
        while not (self._begins() or (turns and self._answered(turns))):
            now = time.monotonic()
            prompted = self._heard.endswith(_PROMPT)
            if now >= deadline:
                raise self._nothing_came()
            if now >= due or (prompted and not woken):
                self._wake()
                woken, due = True, now + self._options.wake_s
            elif not self._listen(min(deadline, due, now + _PROMPT_S if prompted else due)) and prompted:
                due = now  # what woke it before came too early to be heard
        if self._begins():
            self._await_prompt(_RAW)

    def _greeted(self) -> bool:
        """Greet the board at its raw REPL; tell whether it had not been greeted since it started."""
        for left in reversed(range(_GREETINGS)):
            try:
                said = self._run(snippets.greeting())
            except Lost as lost:
                if not left:
                    raise lost.fault from None
                self._reach()
            else:
                self._ready = True
                return "known" not in said.splitlines()
        raise AssertionError("the last time returns or raises")

    def _wake(self) -> None:
        self._wakes += 1
        self._say(_WAKE)

    def _begins(self) -> bool:
        return _RAW in self._heard

    def _nothing_came(self) -> BoardError:
        if garbled(self._heard):
            return BoardGarbled("what the board sends is no text: is baud right?", **self._evidence())
        if self._count > LIMIT:
            return BoardFloods("the board never stops talking", **self._evidence())
        return BoardSilent(f"no raw REPL within {self._options.boot_s:g} s", **self._evidence())

    # ---------------------------------------------------------------- code there, answer back

    def _run(self, code: str) -> str:
        data = code.encode()
        deadline = self._reply_deadline(data)
        turns = self._deliver(data, deadline)
        while not self._answered(turns):
            self._await(deadline)
        self._await_prompt(_END)
        return self._judged(turns)

    def _reply_deadline(self, data: bytes) -> float:
        return time.monotonic() + self._options.reply_s + self._link.wire_s(len(data))

    def _deliver(self, data: bytes, deadline: float) -> int:
        """Send code, and begin it; return how many times the board says ``_END`` until it has answered."""
        if self._pastes is not False:
            window = self._offered(deadline)
            self._pastes = window is not None
            if window is not None:
                self._paste(data, window, deadline)
                return 3
        self._say(data + _END)
        return 2

    def _offered(self, deadline: float) -> int | None:
        """Ask for raw-paste mode; return the size of its window, in bytes, or None if the board doesn't know it."""
        self._say(_PASTE)
        doubtful, self._wakes = self._wakes > 1, 0
        while (start := self._heard.find(_CAN_PASTE)) < 0 or len(self._heard) < start + 4:
            if _CAN_NOT_PASTE in self._heard:
                return None
            if not self._begins():
                self._await(deadline)
            elif not (doubtful and self._listen(min(deadline, time.monotonic() + _SETTLE_S))):
                return None  # nor is this the late answer to an earlier Ctrl-A
        window = int.from_bytes(self._heard[start + 2 : start + 4], "little")
        if not window:
            raise Lost(BoardMisheard("the board offers raw-paste mode without room", **self._evidence()))
        del self._heard[: start + 4]
        return window

    def _paste(self, data: bytes, window: int, deadline: float) -> None:
        """Send code as fast as the board makes room; it may end that itself, when it can't make sense of the code."""
        at = 0
        while at < len(data) and _END not in self._heard:
            room = window * (1 + self._heard.count(_WINDOW)) - at
            if room > 0:
                self._send(data[at : at + room])
                at += room
                self._listen(0)
            else:
                self._await(deadline)
        self._send(_END)
        self._sent = data

    def _answered(self, turns: int) -> bool:
        return self._heard.count(_END) >= turns

    def _judged(self, turns: int) -> str:
        """Return what the code printed."""
        *_, printed, raised = bytes(self._heard).split(_END)[:turns]
        _, begun, said = printed.partition(snippets.BEGUN)
        complaint = lines(plain(raised))
        if "MemoryError" in complaint:
            raise OutOfMemory("the board has too little memory for this; is piece too large?", **self._evidence())
        if not begun:
            raise Lost(BoardMisheard("the code did not arrive at the board as it was sent", **self._evidence()))
        if complaint:
            raise BoardRefused(f"the board's Python says: {complaint.splitlines()[-1][:200]}", **self._evidence())
        return lines(plain(said))

    # ---------------------------------------------------------------- bytes

    def _await(self, deadline: float) -> None:
        """Wait for more of an answer that has to come."""
        if self._overflowed:
            raise BoardFloods("the board never stops talking", **self._evidence())
        if _PROMPT in self._heard:
            raise Lost(BoardRestarts("the board has left its raw REPL by itself", **self._evidence()))
        if not self._listen(deadline):
            raise Lost(BoardSilent("the board did not answer in time", **self._evidence()))

    def _await_prompt(self, after: bytes) -> None:
        """Wait a little for the raw REPL's own prompt: before it, a small board may not be listening yet."""
        until = time.monotonic() + _SETTLE_S
        while b">" not in self._heard[self._heard.rfind(after) :] and self._listen(until):
            pass

    def _say(self, data: bytes) -> None:
        """Send something new: what comes from now on belongs to it."""
        self._forget()
        self._send(data)

    def _send(self, data: bytes) -> None:
        self._sent = data
        self._link.write(data, self._reply_deadline(data))

    def _listen(self, deadline: float) -> bool:
        """Hear what comes until the deadline; tell whether anything came."""
        data = self._link.read(deadline)
        self._heard += data
        self._count += len(data)
        if len(self._heard) > LIMIT:
            del self._heard[:-LIMIT]
            self._overflowed = True
        return bool(data)

    def _forget(self) -> None:
        self._heard.clear()
        self._overflowed = False

    def _evidence(self) -> dict[str, str]:
        """What was sent last and the end of what came, for an error's details; printable, without secrets."""
        return {
            "sent": printable(self._link.masked(self._sent)),
            "received": printable(self._link.masked(bytes(self._heard))),
        }
