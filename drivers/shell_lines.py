"""From a board's settings to the lines that write them; what can't be written is known before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping

from drivers import files
from drivers.errors import ValueUnwritable
from drivers.link import Link
from drivers.pieces import Pieces
from drivers.quoting import is_word, quoted
from drivers.shell_options import ShellOptions
from drivers.terminal import Log
from drivers.text import begins_line, fill

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Lines:
    """Makes lines of settings, and masks in the link what a secret looks like in them."""

    def __init__(self, link: Link, options: ShellOptions) -> None:
        self._link = link
        self._options = options
        self._log = Log(options.log)

    def of(self, settings: Mapping[str, str]) -> dict[str, list[str]]:
        """Return the lines that write each setting; one that is written in pieces, or as a file, needs several.

        Raises ``ValueUnwritable`` for a control character, for what can't be quoted, for too long a line, for
        what looks like the board's log, and for what would be taken for a restart when it is read back.
        """
        return {name: self._lines(name, value) for name, value in settings.items()}

    def _lines(self, name: str, value: str) -> list[str]:
        """Return the lines that write one setting; raise ``ValueUnwritable`` if this board can't be told."""
        check_name(name)
        if name in self._options.file:
            self._hide(name, value, files.encoded(value))
            return list(files.upload(self._options.file[name], value))
        if _CONTROL.search(value):
            raise ValueUnwritable(f"the setting {name} holds a control character", setting=name)
        line = fill(self._options.write, name=name, value=self._quoted(name, value))
        if self._log.holds(value) or self._log.holds(line):
            raise ValueUnwritable(f"the setting {name} looks like a line of the board's log", setting=name)
        for key, sign in self._options.signs.items():
            if begins_line(value, sign) and self._options.read.is_bare(name, value):
                raise ValueUnwritable(
                    f"the setting {name} looks like a restart when it is read back: it begins with {key}", setting=name
                )
        if self._options.pieces and self._overlong(line):
            lines = self._in_pieces(self._options.pieces, name, value)
        else:
            lines = [line]
        for line in lines:
            if excess := self._overlong(line):
                limit = self._options.line_limit
                raise ValueUnwritable(
                    f"the setting {name} needs a line of {excess} bytes, the board takes {limit}",
                    setting=name,
                    length=excess,
                    limit=limit,
                )
        return lines

    def _in_pieces(self, pieces: Pieces, name: str, value: str) -> list[str]:
        parts = pieces.split(value)
        self._hide(name, value, *parts)
        return pieces.commands(name, [self._quoted(name, part) for part in parts])

    def _overlong(self, line: str) -> int:
        """Return the line's bytes if they are more than the board takes, else 0."""
        limit = self._options.line_limit
        length = len((line + self._options.newline).encode()) if limit else 0
        return length if limit and length > limit else 0

    def _quoted(self, name: str, value: str) -> str:
        try:
            word = quoted(value, self._options.quote)
        except ValueError as error:
            raise ValueUnwritable(f"the setting {name} {error}", setting=name) from None
        if value not in word:
            self._hide(name, value, word)
        return word

    def _hide(self, name: str, value: str, *forms: str) -> None:
        """If there is a secret in the value, mask the forms too in which it is sent."""
        if self._link.hides(name, value):
            for form in forms:
                self._link.hide(form)


def check_name(name: str) -> None:
    """Raise ``ValueUnwritable`` unless a setting's name is one word."""
    if not is_word(name):
        raise ValueUnwritable(f"the setting's name {name!r} holds what a command line can't", setting=name)
