"""Legal names and sizes (API document, sections 1.10 and 2), knowing nothing of HTTP.

Each function returns the text it was given, or raises ``BadName``.  The
texts of the errors never repeat the input.
"""

from __future__ import annotations

import re

BODY_BYTES = 10 * 1024 * 1024
"""The largest body of any request: a bulk list."""

ACTIVATION_BYTES = 4096
"""The largest body of D1, which anybody may send and which is kept in the activation log."""

HEAD_BYTES = 32 * 1024
"""The largest request line and headers together."""

_NAME_CHARACTERS = {"vendor": 64, "model": 64, "serial number": 128, "group id": 128}
_ID_BYTES = 128
_TEXT_BYTES = 1024

_VENDOR = re.compile(r"[A-Za-z0-9_-]+")
_HEX = re.compile(r"[0-9a-f]{40}")
_RESERVED = frozenset(',/?#"')


class BadName(ValueError):
    """A name or a value is not what the API allows."""


class TooLong(BadName):
    """A name or a value is longer than the server keeps."""


def vendor(text: str) -> str:
    """Letters, digits, ``_`` and ``-``; at most 64."""
    if not _VENDOR.fullmatch(text):
        raise BadName("a vendor name is letters, digits, _ and -")
    return _sized(text, "vendor")


def model(text: str) -> str:
    """At most 64 printable characters other than ``, / ? # "``."""
    return _sized(_segment(text, "model"), "model")


def serial(text: str) -> str:
    """At most 128 printable characters other than ``, / ? # "`` and blanks."""
    if " " in text:
        raise BadName("a serial number has no blanks")
    return _sized(_segment(text, "serial number"), "serial number")


def group(text: str) -> str:
    """At most 128 printable characters other than ``, / ? # "``."""
    return _sized(_segment(text, "group id"), "group id")


def content(text: str) -> str:
    """At most 128 bytes in UTF-8, printable characters other than ``, / ? # "``: devices use it as a file name."""
    return _id(text, "content id")


def token(text: str) -> str:
    """Like a content id."""
    return _id(text, "token id")


def meta(text: str) -> str:
    """Any text of at most 1 KiB in UTF-8, without NUL, behind which SQLite and clients in C see nothing."""
    return _free(text, "meta")


def extra(text: str) -> str:
    """Like ``meta``."""
    return _free(text, "extra")


def hex40(text: str) -> str | None:
    """Return an RID, CIK, share code or token in lower case; None if it isn't 40 hex digits."""
    lowered = text.lower()
    return lowered if _HEX.fullmatch(lowered) else None


def _free(text: str, what: str) -> str:
    if len(text.encode()) > _TEXT_BYTES:
        raise TooLong(f"{what} is longer than 1 KiB")
    if "\0" in text:
        raise BadName(f"{what} has no NUL")
    return text


def _id(text: str, what: str) -> str:
    if len(text.encode()) > _ID_BYTES:
        raise TooLong(f"a {what} has at most {_ID_BYTES} bytes")
    return _segment(text, what)


def _segment(text: str, what: str) -> str:
    # HTTP clients resolve "." and ".." in a path, so such a name would reach another resource.
    if not text.isprintable() or _RESERVED.intersection(text) or text in ("", ".", ".."):
        raise BadName(f'a {what} is printable characters other than , / ? # "')
    return text


def _sized(text: str, what: str) -> str:
    if len(text) > _NAME_CHARACTERS[what]:
        raise TooLong(f"a {what} has at most {_NAME_CHARACTERS[what]} characters")
    return text
