"""A supervisor's PIN: hashed so that it can be compared and not read, and tried more and more slowly.  Pure.

A PIN is short, so whoever has the ledger's file can try them all, whatever the
hash costs; what it keeps off is somebody at the keys.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass

SHORTEST, LONGEST = 4, 64
"""Characters of a PIN."""

_COST, _BLOCK, _LANES = 2**14, 8, 1
"""scrypt's N, r and p (RFC 7914): 16 MiB and some 50 ms a try."""

_FREE = 3
"""So many wrong tries in a row cost nothing but themselves."""
_FIRST_S = 5
_LONGEST_S = 900


@dataclass(frozen=True, slots=True)
class Hashed:
    """A PIN as it is kept."""

    salt: bytes
    hash: bytes
    cost: int
    block: int
    lanes: int

    def fits(self, pin: str) -> bool:
        """Tell whether it is this PIN."""
        return hmac.compare_digest(_scrypt(pin, self.salt, self.cost, self.block, self.lanes), self.hash)


def hashed(pin: str) -> Hashed:
    """Hash a PIN with a salt of its own."""
    salt = os.urandom(16)
    return Hashed(salt, _scrypt(pin, salt, _COST, _BLOCK, _LANES), _COST, _BLOCK, _LANES)


def complaint(pin: str) -> str | None:
    """Say why a text can't be a PIN; None if it can."""
    if not SHORTEST <= len(pin) <= LONGEST or not pin.isprintable():
        return f"a PIN has {SHORTEST} to {LONGEST} characters that can be typed"
    return "a PIN of one character repeated is none" if len(set(pin)) == 1 else None


def pause_s(wrong: int) -> int:
    """Return how many seconds the next try has to wait after so many wrong ones in a row."""
    return 0 if wrong < _FREE else min(_LONGEST_S, _FIRST_S * 2 ** min(wrong - _FREE, 16))


def _scrypt(pin: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=cost, r=block, p=lanes, maxmem=256 * cost * block, dklen=32)
