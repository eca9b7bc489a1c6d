"""What speaks at a port nobody knows: at which speed text comes, and which language answers.

Nothing is sent that executes anything.  Ctrl-C first, at every speed: a boot
loader's prompt shows itself by that alone, and what it hears of a Ctrl-C at
another speed can't be an empty line, which would repeat its last command.
Only if nobody showed a prompt, a comment (``#``), ``AT`` and the line
protocol's ``HELLO`` follow, in this order: the empty line that HELLO begins
with could repeat only ``AT``, which is no command of a boot loader.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from drivers.errors import PortLost, PortUnusable
from drivers.form import TEXT, Form, form_of, printable_part
from drivers.link import Link
from drivers.text import plain
from drivers.uart import LinkOptions

RATES = (115200, 9600, 57600, 38400, 19200, 230400, 460800, 921600, 1500000, 4800)
"""Bits a second, the usual ones first."""

CTRL_C = "Ctrl-C"
_SENT = {
    "listening": b"",
    CTRL_C: b"\x03",
    "#": b"#\r",
    "AT": b"AT\r",
    "AT CR LF": b"AT\r\n",
    "HELLO": b"\n?00 HELLO*06A7\n",
    "Ctrl-A": b"\x01",
    "Ctrl-B": b"\x02",
}
"""What is asked, and the bytes of it."""

_LISTEN_S = 0.1
_FIRST_S = 0.4
"""For the first byte of an answer."""
_QUIET_S = 0.15
"""So long nothing comes after an answer."""
_LONGEST_S = 1.5
"""For a whole answer."""
_TRIES = 6
"""So often a prompt is asked for, since the board may be starting."""
_AGREE = 2
"""So often it has to look the same."""
_VERDICT = re.compile(rb"OK$|(?:\+CM[ES] )?ERROR\b")
"""A line with which AT modules end an answer."""
_GENTLY = (CTRL_C,)
_ALL = ("#", "AT", "AT", "HELLO")
"""AT twice, since an autobauding module swallows the first."""
_ROUNDS = 3
_ENOUGH = 4
"""So many bytes at least: fewer look like text by chance."""
_PROMPT = 64
"""The most characters of a prompt."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What came at one speed, after one question."""

    baud: int
    asked: str
    data: bytes

    @property
    def text(self) -> float:
        """The part of the bytes that are text, 0 to 1."""
        return printable_part(self.data)

    @property
    def is_text(self) -> bool:
        """Whether it is certainly text."""
        return len(self.data) >= _ENOUGH and self.text >= TEXT

    @property
    def is_echo(self) -> bool:
        """Whether it is what was sent, and nothing more but ends of lines."""
        sent = _SENT[self.asked]
        return bool(sent) and self.data.startswith(sent[:1]) and self.data.strip(b"\r\n") == sent.strip(b"\r\n")


@dataclass(frozen=True, slots=True)
class Guess:
    """What a board seems to be."""

    baud: int
    form: Form
    dialect: str | None
    """None: it talks, but none of the questions was answered in a known language."""
    because: str
    prompt: str = ""
    interrupt: str = ""
    """The text that announces an autoboot."""
    newline: str = ""
    """What ends a command, if a CR alone doesn't."""
    settled: bool = True
    """Whether a later look would find nothing else: a board that only talks may be starting."""


class _Language(NamedTuple):
    dialect: str | None
    because: str
    prompt: str = ""
    newline: str = ""


def probe(
    open_link: Callable[[LinkOptions], Link],
    rates: Sequence[int],
    told: Callable[[Heard], None],
    deadline: float,
) -> Guess | None:
    """Try the speeds one after the other, and ask in all languages at the first one at which text comes.

    ``told`` is shown all that was heard, as it comes.  Returns None if there
    was no text at all, or not before the deadline.  Raises ``PortError``; a
    port that goes away meanwhile is only lost for one speed, if ``open_link``
    waits for it to come back.
    """
    trial, best = _Trial(open_link, told, deadline), None
    for _ in range(_ROUNDS):
        for questions in (_GENTLY, _ALL):
            trial.heard_something = False
            for rate in rates:
                guess = trial.at(rate, questions)
                if guess and guess.settled:
                    return guess
                best = guess or best
                if guess or (trial.heard_something and questions is _ALL):
                    rates = (rate, *(other for other in rates if other != rate))
                    break
            if trial.heard_something:
                break  # it talks, or has come just now: again from the beginning, and gently
        else:
            return best
    return best


class _Trial:
    """One speed after the other."""

    def __init__(
        self, open_link: Callable[[LinkOptions], Link], told: Callable[[Heard], None], deadline: float
    ) -> None:
        self._open_link, self._told, self._deadline = open_link, told, deadline
        self.heard_something = False

    def at(self, rate: int, questions: Sequence[str]) -> Guess | None:
        """Ask at one speed until something comes; go on to all languages if that is text."""
        if time.monotonic() > self._deadline:
            return None
        form = None
        with suppress(PortLost):
            with self._open_link(LinkOptions(baud=rate)) as link:
                conversation = Conversation(link, rate, self._told)
                conversation.ask("listening", first_s=_LISTEN_S)
                for question in questions if questions == _GENTLY or not conversation.said else ():
                    if conversation.ask(question) and (len(conversation.said) >= _ENOUGH or conversation.form):
                        break
                self.heard_something |= bool(conversation.said)
                form = conversation.form
                if form == Form(8, "none"):
                    return conversation.guess(form)
            if form is not None:
                try:
                    link = self._open_link(LinkOptions.model_validate({"baud": rate, **form._asdict()}))
                except PortUnusable as fault:
                    talks = f"it talks with {form.data_bits} bits and {form.parity} parity"
                    because = f"{talks}, to which this port can't be set: {fault.text}"
                    return Guess(rate, form, None, because)
                with link:
                    return Conversation(link, rate, self._told).guess(form)
        return None


class Conversation:
    """Questions and answers on one link."""

    def __init__(self, link: Link, baud: int, told: Callable[[Heard], None]) -> None:
        self._link, self._baud, self._told = link, baud, told
        self.said = b""
        """All that came so far."""
        self._last = Heard(baud, "listening", b"")
        """After the last question that anything came after: before it, something may have been on its way already when
        the speed was set."""
        self._vain: set[str] = set()
        """What nobody answered."""

    @property
    def form(self) -> Form | None:
        """The form in which what came last is text; None if it is none, or too little to tell."""
        if self._last.is_echo:
            return Form(8, "none")  # the very same at another speed would be a wonder
        said = self._last.data if len(self._last.data) >= _ENOUGH else self.said  # results may be single digits
        return form_of(said) if len(said) >= _ENOUGH else None

    def ask(self, question: str, first_s: float = _FIRST_S) -> bytes:
        """Send one of the questions, and return what comes until it is quiet."""
        now = time.monotonic()
        self._link.write(_SENT[question], now + 2 + self._link.wire_s(len(_SENT[question])))
        answer = bytearray(self._link.read(time.monotonic() + first_s))
        until = time.monotonic() + _LONGEST_S
        while answer and (more := self._link.read(min(until, time.monotonic() + _QUIET_S))):
            answer += more
            if time.monotonic() > until:
                break
        heard = Heard(self._baud, question, bytes(answer))
        self._told(heard)
        self.said += heard.data
        if heard.data:
            self._last = heard
        if not heard.data or heard.is_echo:
            self._vain.add(question)
        return heard.data

    def guess(self, form: Form) -> Guess:
        """Find out which language is spoken."""
        language = next(self._languages(), None)
        settled = language is not None or self._last.is_echo
        if language is None:
            echo = "it repeats what it hears, and says nothing else: are RX and TX connected with each other?"
            language = _Language(None, echo if self._last.is_echo else "it talks, but answers none of the questions")
        dialect, because, prompt, newline = language
        announced = re.search(r"(?m)^(.*autoboot[^\d\r\n]*?) *\d", plain(self.said))
        return Guess(self._baud, form, dialect, because, prompt, announced[1] if announced else "", newline, settled)

    def _languages(self) -> Iterator[_Language]:
        if prompt := self._prompt():
            if prompt == ">>> ":
                raw = b"raw REPL" in self.ask("Ctrl-A")
                self.ask("Ctrl-B")
                if raw:
                    yield _Language("micropython", "Ctrl-A leads to a raw REPL")
                yield _Language("shell", "it shows a prompt, but has no raw REPL", prompt)
            elif re.search(r"(?i)(login|user ?name):\s*$", prompt):
                yield _Language("shell", f"it asks for a login, {prompt.strip()!r}: the prompt shows itself after that")
            elif re.search(r"(?i)password:\s*$", prompt):
                yield _Language("shell", "it asks for a password: the prompt shows itself after a login")
            yield _Language("shell", "it shows the same prompt again and again", prompt)
        # HELLO is last: modules that end a command at CR keep what it says, and answer the next command with an error.
        answers = self._twice("AT")
        if b"OK" in answers:
            yield _Language("at", "it answers AT with OK")
        if b"0" in answers:
            yield _Language("at", "it answers AT with 0: its results are numbers (ATV0)")
        greeted = self._lines("HELLO")
        if any(re.search(rb"!00 OK 1 [0-9]+ [0-9]+\*[0-9A-F]{4}", line) for line in greeted):
            yield _Language("line", "it answers HELLO")
        if any(map(_VERDICT.match, greeted)):  # its LF ended what the CR behind AT had not
            answers = self._twice("AT CR LF")
            if b"OK" in answers:
                yield _Language("at", "it answers AT with OK once CR and LF end it", newline="\r\n")
        if any(map(_VERDICT.match, answers)):
            yield _Language("at", "it answers AT with ERROR: it is locked, perhaps, or takes another word")

    def _twice(self, question: str) -> list[bytes]:
        """Ask, once more unless OK comes: a module may have swallowed the first, or refused what stood before it."""
        answers = self._lines(question)
        return answers if b"OK" in answers else self._lines(question)

    def _lines(self, question: str) -> list[bytes]:
        """Ask, and return the lines of the answer, whatever ends them."""
        return [line.strip() for line in re.split(rb"[\r\n]+", self.ask(question))]

    def _prompt(self) -> str:
        """Return the line without an end that comes back each time; a board that is starting needs several tries."""
        for question, tries in ((CTRL_C, _TRIES), ("#", _AGREE)):
            last = ""
            for _ in range(tries):
                if question in self._vain:
                    break
                line = _last_line(self.ask(question))
                if line and line == last:
                    return line
                last = line
        return ""


def _last_line(answer: bytes) -> str:
    """Return what stands after the last line's end, if it may be a prompt."""
    line = re.split(r"[\r\n]", plain(answer))[-1]
    shown = "".join(c for c in line if c.isprintable())
    is_prompt = shown == line and shown.strip() and "\ufffd" not in shown and len(shown) <= _PROMPT
    return shown if is_prompt else ""
