"""Which names and texts may be sent, and how they are written into a path, a form or lines of CSV.

A serial number comes from a board and a board may say anything; what it says
must reach that serial number in the fleet or nothing.  Everything is
percent-encoded, and what would still be risky behind a proxy that decodes
twice or resolves dots is refused.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote, urlencode

from station.fleet.client.errors import NameUnsafe, TooLong
from station.fleet.client.results import MemberType

_LONGEST = 128
"""Characters of a name (API document, 1.10)."""

_LONGEST_TEXT = 1024
"""Bytes of a free text (API document, 1.10)."""

_LONGEST_BODY = 10 << 20
"""Bytes of a list (API document, 1.10)."""

_FORBIDDEN = frozenset('/\\?#%&,"')
"""The API document, section 2, forbids ``/ ? # , "``; the rest could end a segment or a form value after a second
decoding."""

_HEX40 = re.compile("[0-9A-Fa-f]{40}")


def _named(what: str, name: str, *, blanks: bool = True) -> str:
    if not name:
        why = "it is empty"
    elif len(name) > _LONGEST:
        why = f"it has {len(name)} characters, and {_LONGEST} is the most"
    elif name in (".", ".."):
        why = "a path would be shortened by it"
    elif not name.isprintable():
        why = "it holds a control character"
    elif " " in name and not blanks:
        why = "it holds a blank"
    elif bad := sorted(_FORBIDDEN.intersection(name)):
        why = f"it holds {bad[0]}"
    else:
        return name
    raise NameUnsafe(f"the {what} {name[:40]!a} is not sent to the fleet: {why}")


def several(given: Iterable[str]) -> Iterable[str]:
    """Return the names given; raises ``TypeError`` for a single text, whose letters would become names."""
    if isinstance(given, str):
        raise TypeError("many names are expected, not one")
    return given


def model(name: str) -> str:
    """Return a model's name, or raise ``NameUnsafe``."""
    return _named("model", name)


def serial(name: str) -> str:
    """Return a serial number, or raise ``NameUnsafe``; unlike a model it holds no blank (API document, section 2)."""
    return _named("serial number", name, blanks=False)


def group(name: str) -> str:
    """Return a group's id, or raise ``NameUnsafe``."""
    return _named("group", name)


def content(name: str) -> str:
    """Return a content's id, or raise ``NameUnsafe``."""
    return _named("content", name)


def member(name: str, type: MemberType | None = None) -> str:
    """Return a member of a group, of this type or of any, or raise ``NameUnsafe``."""
    match type:
        case MemberType.SN:
            return serial(name)
        case MemberType.CONTENT:
            return content(name)
        case MemberType.GROUP:
            return group(name)
        case _:
            return _named("member", name)


def vendor(name: str) -> str:
    """Return a vendor's name, or raise ``NameUnsafe``; it may stand in a header, so it is ASCII without blanks."""
    if not name.isascii():
        raise NameUnsafe(f"the vendor {name[:40]!a} is not sent to the fleet: it isn't ASCII")
    return _named("vendor", name, blanks=False)


def token_id(name: str) -> str:
    """Return the name of a vendor token, or raise ``NameUnsafe``."""
    return _named("token id", name)


def rid(text: str) -> str:
    """Return a client's RID in lower case, or raise ``NameUnsafe`` if it isn't 40 hex digits.

    An empty owner would turn ``M46`` (enable) into ``M48``, which kills the
    key of a good board.
    """
    if not is_hex40(text):
        raise NameUnsafe("a RID is not sent to the fleet: expected 40 hex digits")
    return text.lower()


def is_hex40(text: str) -> bool:
    """Tell whether the text has the form of a CIK, a RID or a token (API document, section 2).

    That is lower case, but a fleet's upper case is as good: a key can't be
    fetched a second time.
    """
    return _HEX40.fullmatch(text) is not None


def text(what: str, free: str) -> str:
    """Return a free text, which may hold anything but NUL, or raise ``NameUnsafe`` or ``TooLong``.

    ``what`` names it in the error, which doesn't show it: people keep notes
    of all kinds there.
    """
    try:
        size = len(free.encode("utf-8"))
    except UnicodeEncodeError:
        raise NameUnsafe(f"the {what} is not sent to the fleet: it isn't UTF-8") from None
    if "\0" in free:
        raise NameUnsafe(f"the {what} is not sent to the fleet: it holds a NUL")
    if size > _LONGEST_TEXT:
        raise TooLong(f"the {what} is not sent to the fleet: it has {size} bytes, and {_LONGEST_TEXT} is the most")
    return free


def extra(free: str) -> str:
    """Return the free text of a serial number, or raise ``NameUnsafe`` or ``TooLong``."""
    return text("extra of a serial number", free)


def meta(free: str) -> str:
    """Return the free text of a group, a member or a content, or raise ``NameUnsafe`` or ``TooLong``."""
    return text("meta", free)


def manage(*segments: str) -> str:
    """Return the management path of these segments, each encoded.

    A last empty segment makes the trailing slash, which is significant: with
    it a model's path means its serial numbers (API document, 1.4).
    """
    return _path("manage", *segments)


def admin(*segments: str) -> str:
    """Return the path of these segments where tokens are kept (API document, 8.8)."""
    return _path("admin", *segments)


def _path(*segments: str) -> str:
    return "/provision/" + "/".join(quote(segment, safe="") for segment in segments)


def form(pairs: Iterable[tuple[str, str]]) -> bytes:
    """Return names and values as a form body or a query (API document, 1.3), or raise ``TooLong``."""
    return bounded(urlencode(list(pairs)).encode("ascii"))


def query(path: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Return the path with names and values asked of it."""
    return f"{path}?{form(pairs).decode('ascii')}"


def lines(records: Iterable[Sequence[str]]) -> bytes:
    """Return lines of comma-separated values, ended by CRLF, quoted where they must be (RFC 4180).

    Raises ``TooLong``.
    """
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows(records)
    return bounded(out.getvalue().encode("utf-8"))


def bounded(body: bytes) -> bytes:
    """Return the body of a request, or raise ``TooLong``."""
    if len(body) > _LONGEST_BODY:
        raise TooLong(f"a list of {len(body)} bytes is not sent to the fleet: {_LONGEST_BODY} is the most in one")
    return body
