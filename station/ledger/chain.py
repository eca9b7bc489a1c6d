"""The chain of events: what is hashed, and how it is written down.

The hash of an event is SHA-256 over the hash before it (32 bytes; zeros for
the first), followed by the columns id, at, clock, station, boot, kind, cycle,
actor and body as UTF-8 text, joined by TAB.  A NULL cycle is the empty text.
A verifier hashes what is stored and never serialises anything again.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

_PERHAPS_FLOAT = re.compile(r'[:,\[]-?(?:[0-9]+[.e]|Infinity|NaN)|"-?(?:[0-9.e+-]+|Infinity|NaN)":')
"""What every float looks like in JSON, as a value or a key.  Texts may, too; where nothing does, nothing has to be
looked through, and that is most of what a ledger's writing would cost."""

_write_down = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode

GENESIS = bytes(32)
"""What stands before the first event."""


@dataclass(frozen=True, slots=True)
class Event:
    """One row of ``events`` without its hashes, in the order in which it is hashed."""

    id: int
    at: int
    clock: str
    station: str
    boot: str
    kind: str
    cycle: int | None
    actor: str
    body: str

    def hashed(self, previous: bytes) -> bytes:
        """Return the event's hash."""
        columns = ["" if value is None else str(value) for value in _COLUMNS(self)]
        return hashlib.sha256(previous + "\t".join(columns).encode()).digest()


_COLUMNS = attrgetter(*Event.__dataclass_fields__)


def canonical(body: dict[str, Any]) -> str:
    """Write a body down: JSON with sorted keys, without blanks, in ASCII; floats are refused.

    ASCII, so that any text that a board sent, however broken, has exactly
    one form.  Floats have none, so times and sizes are integers.
    """
    text = _write_down(body)
    if _PERHAPS_FLOAT.search(text):
        _refuse_floats(body)
    return text


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        raise TypeError(f"a float ({value}) has no canonical form; use an integer of a smaller unit")
    if isinstance(value, dict):
        value = list(value.items())
    if isinstance(value, (list, tuple)):
        for inner in value:
            _refuse_floats(inner)
