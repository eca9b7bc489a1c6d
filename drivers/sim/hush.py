r"""How U-Boot's command line (its "hush") makes words of what was typed.

Seen by typing at U-Boot 2023.01.  Inside ``'...'`` a backslash still takes
the next character literally, unlike in any other shell, but can't keep a
``'`` from closing: ``it's`` is written ``'it'\''s'``, a backslash ``\\``.
In ``"..."`` the real one treats backslashes and apostrophes by turns this
way and that; here they are as in a POSIX shell, which nothing should rely on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_VARIABLE = re.compile(r"\$(?:\{([^}]*)\}|([A-Za-z0-9_]+))")
_SEPARATORS = ";\n"


class Unfinished(Exception):
    """A quotation is still open: the shell asks for another line."""


def complete(text: str) -> bool:
    """Tell whether every quotation in ``text`` is closed."""
    try:
        list(commands(text, {}))
    except Unfinished:
        return False
    return True


def commands(text: str, variables: Mapping[str, str]) -> Iterator[list[str]]:
    """Yield the words of one command after the other.

    ``variables`` is read as the words are made, so that a command sees what
    the one before it has set.  Raises ``Unfinished``.
    """
    words: list[str] = []
    word: str | None = None  # None between words: '' is a word too
    quote = ""
    at = 0
    while at < len(text):
        char, rest = text[at], text[at + 1 : at + 2]
        at += 1
        if char == quote:
            quote = ""
        elif char == "\\" and rest and not (quote == rest == "'"):
            word = (word or "") + rest
            at += 1
        elif char == "$" and quote != "'" and (named := _VARIABLE.match(text, at - 1)):
            word = (word or "") + variables.get(named[1] or named[2] or "", "")
            at = named.end()
        elif quote:
            word = (word or "") + char
        elif char in "'\"":
            quote, word = char, word or ""
        elif char in " " + _SEPARATORS or (char == "#" and word is None):
            if word is not None:
                words.append(word)
                word = None
            if char == "#":
                at = len(text)
            if char in _SEPARATORS and words:
                yield words
                words = []
        else:
            word = (word or "") + char
    if quote:
        raise Unfinished
    if word is not None:
        words.append(word)
    if words:
        yield words
