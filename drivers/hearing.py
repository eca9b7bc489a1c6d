"""What was heard of a board since it was told something: bounded bytes, and the prompt, echo and answer in them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from drivers.prompt import ConsoleOptions
from drivers.terminal import Cut, Log, shown, unswallowed
from drivers.text import after_echo, begins_line, lines, plain

LIMIT = 64 * 1024
"""Bytes of one answer, or of boot messages, that are kept."""

_PROMPT_WINDOW = 1024
"""Only so much of the end of what has arrived is searched for the prompt, with its colours and window titles,"""
_LOG_WINDOW = 4096
"""or so much where log lines may follow it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What stood between a command's echo and the prompt behind it, with LF between lines."""

    text: str
    echoed: bool
    """The echo was there."""
    log: tuple[str, ...]
    """The log lines that were taken out of it."""


class Hearing:
    """The bytes of one board, newest last."""

    def __init__(self, options: ConsoleOptions) -> None:
        prompt = options.prompt_pattern.pattern if options.prompt_pattern else re.escape(options.prompt or "")
        # Blanks may follow: a key that stopped an autoboot may have come too late and stand in the new line.
        self._prompt = re.compile(rf"(?:\A|[\r\n])(?:{prompt})[ \t]*\Z")
        self._prompt_sign = (options.prompt or "").rstrip()[-1:].encode()
        """What must be there before it is worth while to look for the prompt."""
        self._log = Log(options.log)
        self._window = _LOG_WINDOW if options.log else _PROMPT_WINDOW
        self._stale = 0
        """So many bytes at the beginning are older than what was sent last."""
        self.data = bytearray()
        self.overflowed = False
        """More came than is kept."""

    def keep(self, data: bytes) -> None:
        """Take what has just arrived."""
        self.data += data
        if (excess := len(self.data) - LIMIT) > 0:
            del self.data[:excess]
            self._stale = max(0, self._stale - excess)
            self.overflowed = True

    def clear(self) -> None:
        """Forget everything."""
        self.data.clear()
        self._stale, self.overflowed = 0, False

    def sent(self) -> None:
        """Note that something is sent now: what was heard before holds no prompt that counts."""
        self._stale = len(self.data)

    def skip(self, sign: bytes) -> bool:
        """Forget everything up to the end of ``sign``, and tell whether it was there."""
        if (start := self.data.find(sign)) < 0:
            return False
        del self.data[: start + len(sign)]
        self._stale = max(0, self._stale - start - len(sign))
        return True

    def begins_line(self, sign: str, line: str) -> bool:
        """Tell whether ``sign`` begins a line; but not in the echo of ``line``, be it empty."""
        if sign.encode() not in self.data:
            return False
        text = plain(self.data)
        if sign in line:
            # The console may have wrapped the echo just before the sign, so nothing counts until the echo is over.
            text = text[after_echo(text, line) or len(text) :]
        return begins_line(text, sign)

    def at_prompt(self) -> bool:
        """Tell whether the prompt is the last of what came since something was sent."""
        begin = max(self._stale, len(self.data) - self._window)
        return self.data.find(self._prompt_sign, begin) >= 0 and self._prompt.search(self.end()) is not None

    def end(self) -> str:
        """Return the last of what came since something was sent, as a terminal shows it, without log lines."""
        return self._read(max(self._stale, len(self.data) - self._window))[0]

    def text(self) -> str:
        """Return all that is kept, likewise."""
        return self._read(0)[0]

    def prompt(self) -> str:
        """Return the prompt that is there, as it looks this time."""
        found = self._prompt.search(self.end())
        return found[0].strip() if found else ""

    def answer(self, line: str, *, echoes: bool | None, earlier: str) -> Answer | None:
        """Return the answer to ``line``; None while it isn't complete.

        ``echoes``: unless it is False, there is none without the echo.  ``earlier``: this prompt may stand before it
        once more, of a board that was woken while its prompt came by itself.
        """
        text, cuts = self._read(0)
        end = after_echo(text, line)
        if end is None and echoes is not False:
            return None
        begin = end or 0
        rest = text[begin:]
        prompt = self._prompt.search(rest)
        if not prompt:
            return None
        last = begin + prompt.start() + 1  # behind the end of the answer's last line
        log = tuple(cut.line for cut in cuts if begin < cut.at <= last)
        answer = rest[: prompt.start()]
        if earlier and answer.lstrip().startswith(earlier) and answer[:1] in "\r\n":
            answer = answer.lstrip()[len(earlier) :]
        return Answer(lines(answer), end is not None, log)

    def unswallowed(self, data: bytes, ending_crs: int | None) -> tuple[str, ...]:
        """Return what ``data`` says with all that a terminal swallows inside its lines; without log lines.

        Either way that those may end: see ``_read``.
        """
        raw = unswallowed(data, ending_crs)
        return tuple({self._log.cut(raw, ends=ends)[0]: None for ends in (True, False)})

    def _read(self, begin: int) -> tuple[str, list[Cut]]:
        """Return what was heard from ``begin`` on, as a terminal shows it, without log lines; and those.

        A log line may stand behind a prompt that is still good, or before one: its ending belongs to it or not.
        """
        raw = shown(self.data[begin:])
        text, cuts = self._log.cut(raw)
        if cuts and not self._prompt.search(text):
            other, others = self._log.cut(raw, ends=False)
            if self._prompt.search(other):
                return other, others
        return text, cuts
