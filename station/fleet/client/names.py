"""Which names may be sent, and how they are written into a path or a form.

A serial number comes from a board and a board may say anything; what it says
must reach that serial number in the fleet or nothing.  Everything is
percent-encoded, and what would still be risky behind a proxy that decodes
twice or resolves dots is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, urlencode

from station.fleet.client.errors import NameUnsafe

_LONGEST = 128
"""Characters (API document, 1.10)."""

_FORBIDDEN = frozenset('/\\?#%&,"')
"""The API document, section 2, forbids ``/ ? # , "``; the rest could end a segment or a form value after a second
decoding."""

_HEX40 = re.compile("[0-9a-f]{40}")


def _named(what: str, name: str) -> str:
    if not name:
        why = "it is empty"
    elif len(name) > _LONGEST:
        why = f"it has {len(name)} characters, and {_LONGEST} is the most"
    elif name in (".", ".."):
        why = "a path would be shortened by it"
    elif not name.isprintable():
        why = "it holds a control character"
    elif bad := sorted(_FORBIDDEN.intersection(name)):
        why = f"it holds {bad[0]}"
    else:
        return name
    raise NameUnsafe(f"the {what} {name[:40]!a} is not sent to the fleet: {why}")


def model(name: str) -> str:
    """Return a model's name, or raise ``NameUnsafe``."""
    return _named("model", name)


def serial(name: str) -> str:
    """Return a serial number, or raise ``NameUnsafe``; unlike a model it holds no blank (API document, section 2)."""
    if " " in name:
        raise NameUnsafe(f"the serial number {name[:40]!a} is not sent to the fleet: it holds a blank")
    return _named("serial number", name)


def rid(text: str) -> str:
    """Return a client's RID, or raise ``NameUnsafe`` if it isn't 40 lower-case hex digits.

    An empty owner would turn ``M46`` (enable) into ``M48``, which kills the
    key of a good board.
    """
    if not is_hex40(text):
        raise NameUnsafe("a RID is not sent to the fleet: expected 40 lower-case hex digits")
    return text


def is_hex40(text: str) -> bool:
    """Tell whether the text has the form of a CIK or a RID (API document, section 2)."""
    return _HEX40.fullmatch(text) is not None


def manage(*segments: str) -> str:
    """Return the management path of these segments, each encoded.

    A last empty segment makes the trailing slash, which is significant: with
    it a model's path means its serial numbers (API document, 1.4).
    """
    return "/provision/manage/" + "/".join(quote(segment, safe="") for segment in segments)


def form(pairs: Iterable[tuple[str, str]]) -> bytes:
    """Return names and values as a form body or a query (API document, 1.3)."""
    return urlencode(list(pairs)).encode("ascii")
