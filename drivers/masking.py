"""What may not be shown of a conversation: secrets that are known by value, and settings whose values are secrets.

By value: the text itself, however a console wraps, splits or quotes it, and in
its disguises (``drivers.disguises``).  By name: whatever stands behind the name of
a secret setting, and what answers a line that asks for one, since a board that
comes back holds a key that nobody here knows.  Both as what is said stands
there, and as it would be if the board had put nothing in between.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence, Set
from functools import cache
from typing import Literal

from drivers.disguises import WRAP, dumps, hexes, texts
from drivers.interjections import ESCAPE, Interjections, matches, visible, without

Direction = Literal[">", "<"]
"""``>`` to the board, ``<`` from it."""

Piece = tuple[Direction, bytes]
"""Bytes that went one way, in the order of the conversation."""

MASK = b"***"

_Runs = dict[int, set[bytes]]
"""Pieces that give secrets away, by their length."""

_MANY = 500

_OVERWRITTEN = re.compile(WRAP.pattern + rb"|[^\x08]\x08")
"""``WRAP`` on consoles that wrap by printing a character twice, the first one to be written over."""
_NOT_HEX = re.compile(ESCAPE + rb"|0[xX]|[^0-9a-fA-F]")
_PUNCTUATION = re.compile(ESCAPE + rb"|0[xX]|[\s\b,:;.'\"\\(){}\[\]<>|-]")
"""What stands between the bytes of a dump."""
_LINE = re.compile(rb"[^\r\n]+")

_VALUE = (
    rb"""["'\])}>]*+[ \t]*+(?:=>|[=:,])?+[ \t]*+"""
    rb"""(?:"((?:[^"\\\r\n]|\\.)*)"|'([^'\r\n]*)'(?=[\s,;)\]}]|\Z)|([^\r\n]+))"""
)
"""What follows a name: a text in quotation marks, or all that is left of the line."""
_TELLING = re.compile(
    rb"(?i)(?:key|cik|secret|passw(?:or)?d|passphrase|token|psk)[\w.-]{0,32}+[\"']?[ \t]*+[=:][ \t]*+"
    rb"[\"']?([^\s\"',;]{8,})"
)
"""A name that says by itself that its value is a secret, whatever the recipe calls it."""
_PEM = re.compile(rb"-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,32}PRIVATE KEY-----|\Z)", re.DOTALL)


class Masking:
    """Knows the secrets of one link.  Not safe to use from several threads."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._names: set[bytes] = set()
        self._fresh: list[str] = []
        """Secrets whose forms are not worked out yet: that waits until something is to be shown."""
        self._texts: _Runs = {}
        self._hexes: _Runs = {}
        self._dumps: _Runs = {}
        self._interjections = Interjections()

    def hide(self, secret: str) -> None:
        """Mask this text, in whatever form it is sent or shown."""
        if secret and secret not in self._secrets:
            self._secrets.add(secret)
            self._fresh.append(secret)

    def hide_setting(self, name: str) -> None:
        """Mask whatever is the value of the setting of this name."""
        if name:
            self._names.add(name.encode())

    def know_log(self, patterns: Iterable[re.Pattern[str]]) -> None:
        """Lines of the board's log, from where one of these is found, may come in the middle of what is masked."""
        self._interjections.know_log(patterns)

    def hides(self, name: str, value: str) -> bool:
        """Tell whether a setting is hidden: by its name, or for a hidden text in its value."""
        return name.encode() in self._names or any(secret in value for secret in self._secrets)

    def values(self, data: bytes) -> bytes:
        """Return ``data`` without the texts that are hidden; settings' names mean nothing here."""
        return _shown(data, 0, len(data), self._known(data))

    def conversation(self, pieces: Sequence[Piece], *, cut: bool = False) -> list[bytes]:
        """Return each piece without its secrets; one that is spread over several pieces is masked in all of them.

        ``cut``: the conversation had begun before, so that nobody knows what its first lines belong to.
        """
        streams = {way: b"".join(data for direction, data in pieces if direction == way) for way in (">", "<")}
        heard, where = self._interjections.without(streams["<"])
        flags = self._flags(pieces, streams, cut=cut)
        if len(heard) < len(streams["<"]):
            undisturbed = self._flags(_shortened(pieces, where), streams | {"<": heard}, cut=cut)
            flags["<"] = _either(flags["<"], _spread(undisturbed["<"], where, len(flags["<"])))
        shown, at = [], {">": 0, "<": 0}
        for direction, data in pieces:
            start = at[direction]
            at[direction] = end = start + len(data)
            shown.append(_shown(streams[direction], start, end, flags[direction]))
        return shown

    def _flags(self, pieces: Sequence[Piece], streams: dict[str, bytes], *, cut: bool) -> dict[str, bytearray]:
        """Return one flag a byte, each way: 1 where anything is that is masked."""
        known = {way: self._known(stream) for way, stream in streams.items()}
        flags = {way: _either(known[way], self._named(stream)) for way, stream in streams.items()}
        for span in self._answers(pieces, streams, known[">"]):
            _flag(flags["<"], *span)
        if cut and self._names:
            for way, stream in streams.items():
                if first := _LINE.match(stream):
                    _flag(flags[way], *first.span())
        return flags

    def _known(self, stream: bytes) -> bytearray:
        """Return one flag a byte: 1 where a hidden text is."""
        flags = bytearray(len(stream))
        if not self._secrets or not stream:
            return flags
        while self._fresh:
            secret = self._fresh.pop()
            _sort_in(texts(secret), self._texts)
            _sort_in(hexes(secret), self._hexes)
            _sort_in(dumps(secret), self._dumps)
        readings = [(WRAP, self._texts), (_NOT_HEX, self._hexes), (_PUNCTUATION, self._dumps)]
        if b"\b" in stream:
            readings.append((_OVERWRITTEN, self._texts))
        for skipped, forms in readings:
            text, where = without(stream, matches(skipped, stream))
            text = text if forms is self._texts else text.lower()
            for length, runs in forms.items():
                for at in _found(runs, length, text):
                    _flag(flags, where[at], where[at + length - 1] + 1)
        for secret in self._secrets:  # one of hardly anything but quotation marks, too
            for at in _all(secret.encode(), stream):
                _flag(flags, at, at + len(secret.encode()))
        return flags

    def _named(self, stream: bytes) -> bytearray:
        """Return one flag a byte: 1 where the value of a setting is that is a secret by its name."""
        flags = bytearray(len(stream))
        text, where = visible(stream)
        patterns = [_TELLING, *(_after(name) for name in self._names)]
        spans = [found.span(found.lastindex or 0) for pattern in patterns for found in pattern.finditer(text)]
        for first, last in [*spans, *(found.span() for found in _PEM.finditer(text))]:
            if first < last:
                _flag(flags, where[first], where[last - 1] + 1)
        return flags

    def _answers(
        self, pieces: Sequence[Piece], streams: dict[str, bytes], written: bytearray
    ) -> Iterator[tuple[int, int]]:
        """Find the lines that answer a question for a secret setting: it names one, and holds no secret itself."""
        if not self._names:
            return
        asked: bytes | None = None
        sent = heard = 0
        for direction, data in pieces:
            if direction == ">":
                begun = max(streams[">"].rfind(end, 0, sent) for end in (b"\r", b"\n")) + 1
                sent += len(data)
                for line in _LINE.finditer(streams[">"], begun, sent):
                    question = self._names_one(line[0]) and not any(written[line.start() : line.end()])
                    asked = line[0].strip() if question else None
            else:
                for line in _LINE.finditer(streams["<"], heard) if asked else ():
                    text = line[0].strip()
                    if text and not text.endswith(asked or b"") and not (asked or b"").endswith(text):
                        if not self._names_one(text):  # else what stands behind the name is masked already
                            yield line.span()
                        asked = None
                        break
                heard += len(data)

    def _names_one(self, line: bytes) -> bool:
        return any(_mention(name).search(line) for name in self._names)


def _either(one: bytearray, other: bytearray) -> bytearray:
    return bytearray(a | b for a, b in zip(one, other, strict=True))


def _flag(flags: bytearray, first: int, last: int) -> None:
    flags[first:last] = b"\1" * (last - first)


def _spread(flags: bytearray, where: Sequence[int], length: int) -> bytearray:
    """Return the flags of a stream, given those of its bytes that stand at some places in it."""
    spread = bytearray(length)
    for at, flag in zip(where, flags, strict=True):
        spread[at] = flag
    return spread


def _shortened(pieces: Sequence[Piece], where: Sequence[int]) -> list[Piece]:
    """Return the pieces with only those bytes of what was heard that stand at some places in it."""
    left: list[Piece] = []
    heard = 0
    for direction, data in pieces:
        if direction == "<":
            first, last = (bisect_left(where, at) for at in (heard, heard + len(data)))
            left.append((direction, bytes(data[at - heard] for at in where[first:last])))
            heard += len(data)
        else:
            left.append((direction, data))
    return left


def _shown(stream: bytes, start: int, end: int, flags: bytearray) -> bytes:
    """Return a part of the stream with one ``MASK`` for each stretch of flags that begins in it."""
    if not any(flags[start:end]):
        return stream[start:end]
    out = bytearray()
    for i in range(start, end):
        if not flags[i]:
            out.append(stream[i])
        elif i == 0 or not flags[i - 1]:
            out += MASK
    return bytes(out)


def _sort_in(runs: Iterable[bytes], known: _Runs) -> None:
    for run in runs:
        known.setdefault(len(run), set()).add(run)


def _found(runs: Set[bytes], length: int, text: bytes) -> Iterator[int]:
    """Return where any of many runs of one length begins: few are searched for, of many each place is looked up."""
    if len(runs) < _MANY:
        for run in runs:
            yield from _all(run, text)
    else:
        yield from (at for at in range(len(text) - length + 1) if text[at : at + length] in runs)


def _all(text: bytes, stream: bytes) -> Iterator[int]:
    at = stream.find(text)
    while at >= 0:
        yield at
        at = stream.find(text, at + 1)


@cache
def _after(name: bytes) -> re.Pattern[bytes]:
    return re.compile(_mention(name).pattern + _VALUE)


@cache
def _mention(name: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"(?<![A-Za-z0-9])" + re.escape(name) + rb"(?![A-Za-z0-9_-])")
