"""A scanner that types into the screen: what comes between its prefix and its suffix is a scan, and no key.

A prefix that nobody types tells it from fingers: a printable character that
is on no key here, or a control character such as ``ctrl+b`` (STX).  What was
begun and not ended within a moment was no scan, and is dropped: it is never
typed into whatever has the focus.
"""

from __future__ import annotations

from collections.abc import Callable

_PATIENCE_S = 1.0
"""Seconds between two characters of one scan, at most."""


class Wedge:
    """Collects what one scanner types.  Pure, but for its clock."""

    def __init__(self, prefix: str, suffix: str, monotonic: Callable[[], float]) -> None:
        """``prefix`` and ``suffix`` are keys as Textual names them, or characters; no prefix: there is no scanner."""
        self._prefix, self._suffix, self._monotonic = prefix, suffix, monotonic
        self._begun: list[str] | None = None
        self._at = 0.0

    def key(self, key: str, character: str | None) -> tuple[bool, str | None]:
        """Take a key; return whether it was the scanner's, and the whole scan if this has ended it."""
        now = self._monotonic()
        if self._begun is not None and now - self._at > _PATIENCE_S:
            self._begun = None
        self._at = now
        if self._prefix and self._prefix in (key, character):
            self._begun = []
            return True, None
        if self._begun is None:
            return False, None
        if self._suffix in (key, character):
            scan, self._begun = "".join(self._begun), None
            return True, scan
        if character and character.isprintable():
            self._begun.append(character)
        return True, None
