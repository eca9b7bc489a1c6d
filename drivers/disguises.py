"""In which forms a secret may be printed: encoded, dumped in words of any size and order, turned round.  Pure.

Each form is cut into short runs, and whoever finds one of them has found a
part of the secret: a cut or damaged one doesn't show either.  What stands
between the digits of a dump, a reader drops before it looks.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote

from drivers.interjections import ESCAPE, matches, without

WRAP = re.compile(ESCAPE + rb"| ?\r|> |[\n\b'\"\\]")
"""What a terminal or a shell puts into a text without ending it: a shell that waits for more of a here-document prints
its ``> `` into the echo of what follows."""

_RUN = 8
"""So many characters, or bytes, of a secret in a row give it away."""
_LEAST = 5
"""A form of a secret that is shorter than this is found in too much else; the secret itself counts at any length."""
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){4,}")
"""A secret of hex digits, as the device keys are (API document, section 2): firmware prints the bytes in many ways."""
_WORDS = (2, 4)
"""Bytes of the words that a little-endian dump turns round, e.g. ``od -x`` and ``xxd -e``."""
_NUMBERS = ("{}", "{:o}", "{:03o}", "{:08b}")
"""Bytes as numbers that aren't hexadecimal, e.g. of a JSON list, ``od -b`` or in ``\\163``."""


def texts(secret: str) -> frozenset[bytes]:
    """Return the runs that give a secret away in a text that has lost what ``WRAP`` finds."""
    raw = secret.encode()
    quoted = {json.dumps(secret)[1:-1].encode(), quote(raw, safe="").encode(), raw.replace(b"\\", b"x5c")}
    cases = {raw, raw.upper(), raw.lower()}
    likely = cases | {case[::-1] for case in cases} | {_bytes_of(secret)} | quoted
    found = {without(form, matches(WRAP, form))[0] for form in likely}
    found = {form for form in found if form == raw or len(form) >= _LEAST}
    for data in (raw, _bytes_of(secret)):
        found |= _encoded(data, 3, base64.b64encode)
        found |= _encoded(data, 5, base64.b32encode)
    return frozenset(run for form in found for run in _runs(form, _RUN))


def hexes(secret: str) -> frozenset[bytes]:
    """Return the runs that give a secret away in a text of which only its hex digits are left, small letters."""
    forms = _dumped(secret.encode()) | _dumped(_bytes_of(secret))
    return frozenset(run for form in forms for run in _runs(form, 2 * _RUN))


def dumps(secret: str) -> frozenset[bytes]:
    """Return the runs that give a secret away in a dump of its bytes that has lost its punctuation, small letters."""
    data = _bytes_of(secret)
    found = {run for form in _dumped(data) for run in _runs(form, _RUN)}
    for window in (run for form in (secret.encode(), data) if len(form) >= _LEAST for run in _runs(form, _RUN)):
        found |= {"".join(map(number.format, window)).encode() for number in _NUMBERS}
        found.add("".join(str(min(byte, 256 - byte)) for byte in window).encode())  # C's signed char, without its signs
    return frozenset(found)


def _runs(form: bytes, length: int) -> Iterator[bytes]:
    length = min(length, len(form))
    for i in range(len(form) - length + 1):
        yield form[i : i + length]


def _bytes_of(secret: str) -> bytes:
    """Return the bytes that a secret of hex digits stands for, as a firmware may keep it; else none."""
    return bytes.fromhex(secret) if _HEX.fullmatch(secret) else b""


def _dumped(data: bytes) -> set[bytes]:
    """Return the hex digits of the bytes as they stand, turned round, and in words that are turned round.

    Where the first word begins depends on what stands before the secret.
    """
    orders = {data, data[::-1]}
    for size in _WORDS:
        for first in range(size):
            words = [data[at : at + size] for at in range(first, len(data) - size + 1, size)]
            orders.add(b"".join(word[::-1] for word in words))
    forms = {order.hex().encode() for order in orders}
    return {form for form in forms if len(form) >= _LEAST}


def _encoded(data: bytes, group: int, encode: Callable[[bytes], bytes]) -> set[bytes]:
    """Return what depends on the data alone in base64 or base32, wherever it stands in what was encoded.

    ``group`` is so many bytes as are encoded together, base64's three or base32's five.
    """
    forms, bits = set(), 8 * group // (4 if group == 3 else 8)
    for before in range(group):
        encoded = encode(bytes(before) + data)
        form = encoded[-(-8 * before // bits) : 8 * (before + len(data)) // bits]
        if len(form) >= _LEAST:
            forms |= {form, form.replace(b"+", b"-").replace(b"/", b"_") if bits == 6 else form.lower()}
    return forms
