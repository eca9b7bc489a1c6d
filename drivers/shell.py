"""The ``shell`` dialect: boards with a command prompt.

U-Boot, Zephyr's shell, the ESP-IDF console, NuttX, a Linux console: all that
differs between them is in the recipe.  How the prompt is reached and kept is
``drivers.console``'s; here is what is said at it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import ClassVar, TypeVar

from drivers import files
from drivers.board import Identity
from drivers.command import Commit, captured
from drivers.console import Console, Lost
from drivers.errors import BoardMisheard, BoardRefused, BoardRestarts, BoardSilent, BoardUnreadable, CommitFailed
from drivers.link import Link
from drivers.shell_lines import Lines, check_name
from drivers.shell_options import ShellOptions
from drivers.text import fill, printable

_T = TypeVar("_T")

REPEATS = 2
"""So often is an operation done again after the board lost its prompt in the middle of it, or may have misheard."""


class Shell:
    """A board with a command prompt; a ``drivers.board.Board``."""

    Options: ClassVar[type[ShellOptions]] = ShellOptions

    def __init__(self, link: Link, options: ShellOptions, secrets: Mapping[str, str]) -> None:
        self._options = options
        self._link = link
        self._lines = Lines(link, options)
        self._known = False
        """The board has said who it is: from then on, one that restarts by itself is told nothing more."""
        self._ending_crs: int | None = None
        """How many CRs stand before the LF at the end of what the board says; None while that isn't known."""
        self._session: int | None = None
        """The console's session that was set up."""
        self._console = Console(link, options, secrets, options.signs)

    def present(self) -> bool:
        """Tell whether a board answers, or talks by itself; takes at most 0.3 s."""
        return self._console.stirs()

    def identify(self) -> Identity:
        """Bring the board to its prompt, from any state, and ask all of ``identify``."""
        self._link.greet()
        self._known = False
        identity = self._persist(self._identify)
        self._known = True
        return identity

    def check(self, settings: Mapping[str, str]) -> None:
        """Raise ``ValueUnwritable``; see ``shell_lines``."""
        self._lines.of(settings)

    def preview(self, settings: Mapping[str, str]) -> list[str]:
        """Return the lines that ``configure`` would send."""
        commit, sent = self._options.commit, []
        for name, lines in self._lines.of(settings).items():
            place = self._options.file.get(name)
            sent += [*lines, *((files.unpack(place), files.install(place)) if place else ())]
        return [*sent, *([commit.send] if commit else [])]

    def configure(self, settings: Mapping[str, str]) -> None:
        """Write the settings in their order, then commit.

        Raises ``ValueUnwritable`` before anything is written, ``BoardRefused``, ``BoardMisheard``, ``CommitFailed``.
        """
        lines = self._lines.of(settings)
        self._persist(lambda: self._configure(settings, lines))

    def restart(self) -> bool:
        """Restart the board as the recipe says, and wait for its prompt; False if the recipe doesn't say how."""
        restart = self._options.restart
        if not restart:
            return False
        self._persist(lambda: self._console.restart(restart))
        return True

    def read(self, expected: Mapping[str, str]) -> Mapping[str, str]:
        """Read settings back, as text; what the board tells only the digest of comes back as expected, or as digest.

        Raises ``BoardRefused``, ``BoardUnreadable``.
        """
        return self._persist(lambda: {name: self._read(name, value) for name, value in expected.items()})

    # ------------------------------------------------------------- the prompt

    def _persist(self, operation: Callable[[], _T]) -> _T:
        """Do it at the prompt; again, all of it, if the board loses its prompt in the middle or may have misheard."""
        for left in reversed(range(REPEATS + 1)):
            try:
                self._console.ensure(steady=self._known)
                self._set_up()
                return operation()
            except Lost as lost:
                if not left or (self._known and isinstance(lost.fault, BoardRestarts)):
                    raise lost.fault from None
            except (BoardRefused, BoardUnreadable):
                if not left or self._console.echoes:
                    raise
                self._console.wake()
        raise AssertionError("the last time returns or raises")

    def _set_up(self) -> None:
        """Say what each new session needs."""
        if self._session == self._console.session or not self._options.setup:
            return
        for command in self._options.setup:
            self._tell(command, f"the board refuses {command}")
            self._console.forget_echo()  # it may be what was switched off
        self._session = self._console.session

    def _tell(self, command: str, refusal: str) -> str:
        answer = self._console.ask(command)
        if self._options.error.search(answer):
            raise BoardRefused(refusal, **self._evidence(command, answer))
        return answer

    def _ask(self, command: str, fits: Callable[[str], bool]) -> str:
        """Ask what may be asked twice, and return an answer that lost nothing to the board's log.

        ``fits`` tells an answer that is complete; see ``Console.ask``.

        A line that was taken for the log may have been the answer.  So an answer without one is waited for, or two
        that are alike although the log went on.
        """
        answer, log = self._console.ask(command, fits=fits), self._console.log
        for _ in range(REPEATS):
            if not log:
                break
            before, logged = answer, log
            answer, log = self._console.ask(command, fits=fits), self._console.log
            if answer == before and log and log != logged:
                break
        else:
            if log:
                raise BoardUnreadable(
                    "the answer can't be told from the board's log", **self._evidence(command, "\n".join(log))
                )
        return answer

    # ------------------------------------------------------------- what is asked and told

    def _identify(self) -> Identity:
        facts: dict[str, str] = {}
        for question in self._options.identify:
            found = self._captured(question.send, self._ask(question.send, _finds(question.capture)), question.capture)
            facts |= {name: text or "" for name, text in found.groupdict().items()}
            self._ending_crs = self._console.ending_crs
        return Identity(**facts)

    def _configure(self, settings: Mapping[str, str], written: Mapping[str, list[str]]) -> None:
        for name, lines in written.items():
            if name in self._options.file:
                self._write_file(name, settings[name], lines)
            elif len(lines) == 1:
                self._tell(lines[0], f"the board refuses the setting {name}")
            else:
                self._write_pieces(name, settings[name], lines)
        if self._options.commit:
            self._commit(self._options.commit)

    def _commit(self, commit: Commit) -> None:
        def confirms(answer: str) -> bool:
            return (commit.expect or "") in answer

        try:
            answer = self._console.ask(commit.send, commit.timeout_s, confirms if commit.expect else None)
        except Lost as lost:
            if not (lost.obeyed and isinstance(lost.fault, BoardSilent)):
                raise
            raise CommitFailed(f"no answer to {commit.send} in time", **lost.fault.details) from None
        if self._options.error.search(answer) or not confirms(answer):
            raise CommitFailed(f"the board does not confirm {commit.send}", **self._evidence(commit.send, answer))

    def _write_pieces(self, name: str, value: str, lines: list[str]) -> None:
        pieces = self._options.pieces
        assert pieces
        check = fill(pieces.check.send, name=name)
        for _ in range(REPEATS + 1):
            for line in lines:
                self._tell(line, f"the board refuses a piece of the setting {name}")
            answer = self._ask(check, _finds(pieces.check.capture))
            if pieces.check.agrees(self._captured(check, answer, pieces.check.capture), value):
                break
        else:
            raise BoardMisheard(f"the board holds another {name} than was sent", **self._evidence(check, answer))
        if pieces.finish:
            self._tell(fill(pieces.finish, name=name), f"the board refuses the setting {name}")

    def _write_file(self, name: str, value: str, lines: list[str]) -> None:
        place = self._options.file[name]
        for _ in range(REPEATS + 1):
            for line in lines:
                self._run(line, f"the board can't write {place.path}")
            answer = self._run(files.unpack(place), f"the board can't unpack {place.path}", fails=True)
            found = files.DIGEST.search(answer)
            if found and found[1] == files.digest(value):
                break
        else:
            raise BoardMisheard(f"what arrived for {place.path} is not what was sent", **self._evidence("", answer))
        self._run(files.install(place), f"the board can't put {place.path} into its place")

    def _run(self, command: str, refusal: str, *, fails: bool = False) -> str:
        """Run one of ``drivers.files``; raise ``BoardRefused`` unless its status is 0, or it may fail."""
        ends = _finds(files.STATUS)
        answer = self._ask(command, ends) if "\n" not in command else self._console.ask(command, fits=ends)
        status = files.STATUS.search(answer)
        if not status:
            raise BoardUnreadable("the board's shell tells no exit status", **self._evidence(command, answer))
        if status[1] != "0" and not fails:
            raise BoardRefused(refusal, **self._evidence(command, answer))
        return answer

    def _read(self, name: str, expected: str) -> str:
        check_name(name)
        if name in self._options.file:
            return self._read_file(self._options.file[name], expected)
        read = self._options.read
        command = fill(read.send, name=name)
        pattern = read.pattern(name)

        def is_whole(answer: str) -> bool:
            found = pattern.search(answer)
            return read.told(found.groupdict(), expected) == expected if found else read.is_unset(name, answer)

        for left in reversed(range(REPEATS + 1)):
            answer = self._ask(command, is_whole)
            if read.is_unset(name, answer):
                return ""
            found = self._captured(command, answer, pattern).groupdict()
            value = read.told(found, expected)
            if value != expected:
                return value
            # A terminal swallows what may be part of the value: there it has to stand as it was captured.
            texts = self._console.unswallowed(self._ending_crs)
            whole = [match.groupdict() for text in texts for match in pattern.finditer(text)]
            if found in whole:
                return value
            if whole and not left:  # else it may have been noise on the wire: the board is asked again
                return read.told(whole[0], expected)
        raise BoardUnreadable(
            "the answer holds bytes that a terminal swallows", **self._evidence(command, "\n".join(texts))
        )

    def _read_file(self, place: files.Place, expected: str) -> str:
        answer = self._run(files.look(place), "", fails=True)
        found = files.DIGEST.search(answer)
        if not found:
            return "(no such file)"
        return expected if found[1] == files.digest(expected) else f"sha256:{found[1]}"

    def _captured(self, command: str, answer: str, pattern: re.Pattern[str]) -> re.Match[str]:
        return captured(answer, pattern, self._options.error, lambda: self._evidence(command, answer))

    def _evidence(self, command: str, answer: str) -> dict[str, str]:
        return {
            "sent": printable(self._link.masked(command.encode())),
            "received": printable(self._link.masked(answer.encode())),
        }


def _finds(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    def finds(answer: str) -> bool:
        found = pattern.search(answer)
        return found is not None and found[0] != ""

    return finds
