"""Settings that are files on the board: what a POSIX shell is told to write, verify and read one.

The text goes as base64 in short lines of here-documents, since a terminal in
canonical mode cuts what is longer than 4,095 bytes without a word; it counts
once its SHA-256 is right; and a rename puts it in its place, so that the
board holds the old file or the new one whenever its power fails.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator

from pydantic import Field

from drivers.quoting import quoted
from drivers.table import Table

COLUMNS = 76
"""Characters of base64 in a line."""
_LINES = 24
"""Lines of one here-document: fewer bytes than the smallest queue of a terminal, so that a slow shell loses none."""
_END = ":END:"
"""Ends a here-document; no base64 holds a colon."""

STATUS = re.compile(r"(?:^|\W)rc=(\d+)$", re.MULTILINE)
"""What a command of this module is answered with, at the end: its exit status.  The signs of a shell that waited for
more of a here-document may stand before it."""
DIGEST = re.compile(r"^([0-9a-f]{64})\b", re.MULTILINE)
"""What ``sha256sum`` says."""


class Place(Table):
    """One of ``file``: where a setting's value is kept as a file."""

    path: str = Field(pattern=r"^/[^\x00-\x1f\x7f]*[^/\x00-\x1f\x7f]$")
    """The file's absolute path; its folder must be there."""
    mode: str = Field(default="0644", pattern=r"^0?[0-7]{3}$")
    """The file's permissions, octal, e.g. "0600"."""


def encoded(value: str) -> str:
    """Return what is sent in place of the value."""
    return base64.b64encode(value.encode()).decode()


def digest(value: str) -> str:
    """Return the SHA-256 of the file's content, hex."""
    return hashlib.sha256(value.encode()).hexdigest()


def upload(place: Place, value: str) -> Iterator[str]:
    """Yield the commands that bring the value to the board, beside its place; nobody else may read it there."""
    text, path = encoded(value), quoted(place.path + ".b64", "single")
    yield f"(umask 077; rm -f {path}; : >{path}); echo rc=$?"
    lines = [text[at : at + COLUMNS] for at in range(0, len(text), COLUMNS)]
    for at in range(0, len(lines), _LINES):
        yield "\n".join((f"cat >>{path} <<'{_END}'; echo rc=$?", *lines[at : at + _LINES], _END))


def unpack(place: Place) -> str:
    """Return the command that makes a file of what was brought, and tells its digest."""
    text, new = quoted(place.path + ".b64", "single"), quoted(place.path + ".new", "single")
    decode = f"base64 -d <{text} >{new} && sha256sum <{new}"
    return f"(umask 077; rm -f {new}; {decode}; s=$?; rm -f {text}; exit $s); echo rc=$?"


def install(place: Place) -> str:
    """Return the command that puts the new file into its place, for good."""
    new, path = quoted(place.path + ".new", "single"), quoted(place.path, "single")
    return f"chmod {place.mode} {new} && sync && mv -f {new} {path} && sync; echo rc=$?"


def look(place: Place) -> str:
    """Return the command that tells the digest of the file in its place."""
    return f"sha256sum <{quoted(place.path, 'single')}; echo rc=$?"
