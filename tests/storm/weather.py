"""What can become of a request on its way between a station and its fleet, and what does in bad weather."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What becomes of a request; unless it says so, the fleet never hears of it."""

    FAIR = "fair"
    """It is passed on, and so is its answer; both may be ``after_s`` late."""
    LATE = "late"
    """It is passed on at once, and its answer ``after_s`` seconds later, if anybody still waits for it."""
    TWICE = "twice"
    """It is passed on twice, the same bytes, and the first answer comes back."""
    ECHOED = "echoed"
    """Likewise, and the answer to the second comes back: no network that we know does that."""
    SILENT = "silent"
    """Nothing comes back, until the sender gives up."""
    CUT_BEFORE = "cut-before"
    """The connection ends."""
    CUT_WITHIN = "cut-within"
    """Half of it is passed on, then both connections end."""
    CUT_AFTER = "cut-after"
    """It is passed on, the fleet does it, and the connection ends before the first byte of its answer."""
    CUT_HEAD = "cut-head"
    """Likewise, and the connection ends in the middle of the answer's head."""
    CUT_BODY = "cut-body"
    """Likewise, in the middle of its body; before its last byte if it has none."""
    ANSWERED = "answered"
    """``answer`` comes back, and the fleet never hears of it."""
    DONE_AND_ANSWERED = "done-and-answered"
    """The fleet does it, and ``answer`` comes back in place of its own, as from a gateway that lost patience."""


class Fate(NamedTuple):
    """What becomes of one request."""

    kind: Kind = Kind.FAIR
    after_s: float = 0.0
    answer: bytes = b""


FAIR = Fate()


def answer(status: str, *fields: str, body: bytes = b"") -> bytes:
    """Write an answer down."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join([*head, "", ""]).encode("ascii") + body


HTML = answer("200 OK", "Content-Type: text/html", body=b"<html><h1>Please log in to the guest network</h1></html>")
"""What a hotel's network says to everybody."""
TOO_MANY = answer("429 Too Many Requests", "Retry-After: 1")
AWAY = answer("503 Service Unavailable", "Retry-After: 1")
BAD_GATEWAY = answer("502 Bad Gateway", "Content-Type: text/html", body=b"<html>nginx</html>")
BROKEN = answer("500 Internal Server Error")


class Asked(NamedTuple):
    """One request, as far as it can be told from others."""

    method: str
    path: str
    body: bytes
    before: int
    """So many that were the same came before it."""


Judge = Callable[[Asked], Fate]


class Weather:
    """A network that is bad by chance: the fate of the Nth time that the same thing is asked is the seed's.

    It is not by connection, since which thread connects when is nobody's plan;
    so a seed means the same on a slow machine as on a fast one.
    """

    def __init__(self, seed: int, share: float, late_s: float) -> None:
        """``share`` of the requests are bad ones; ``late_s``, in seconds, is longer than a station waits."""
        self._seed, self._share = seed, share
        self._fates = (
            *(Fate(kind) for kind in Kind if kind.name.startswith("CUT")),
            *(Fate(Kind.ANSWERED, answer=said) for said in (HTML, TOO_MANY, AWAY, BAD_GATEWAY, BROKEN)),
            *(Fate(Kind.DONE_AND_ANSWERED, answer=said) for said in (BAD_GATEWAY, BROKEN)),
            *(Fate(Kind.FAIR, after_s) for after_s in (0.01, 0.2)),
            Fate(Kind.TWICE),
            Fate(Kind.LATE, late_s),
            Fate(Kind.SILENT),
        )

    def __call__(self, asked: Asked) -> Fate:
        # A RID is another one in each fleet.
        named = re.sub(r"[0-9a-f]{40}", "RID", f"{asked.method} {asked.path} {asked.body!r} {asked.before}")
        chance = random.Random(f"{self._seed}/{named}")
        return chance.choice(self._fates) if chance.random() < self._share else FAIR
