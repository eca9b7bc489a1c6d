"""What replies say, as frozen results.  A body that isn't what the API document promises is ``Garbled``.

No text of a body gets into an error: where a key is expected, anything may
be one.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl

from station.fleet.client.errors import Garbled
from station.fleet.client.messages import Reply
from station.fleet.client.names import is_hex40


class SerialStatus(StrEnum):
    """The states of a listed serial number (API document, sections 2 and 4)."""

    UNUSED = "unused"
    """Listed, and without a client."""
    NOTACTIVATED = "notactivated"
    """Enabled; its key waits to be fetched, 24 hours at most."""
    ACTIVATED = "activated"
    EXPIRED = "expired"
    """Its window closed, or it was disabled."""
    LOCKED = "locked"
    ORPHANED = "orphaned"
    """Its client was dropped behind its back; only deleting it helps."""


_ON_THE_WIRE = {
    status.value: status
    for status in (SerialStatus.NOTACTIVATED, SerialStatus.ACTIVATED, SerialStatus.EXPIRED, SerialStatus.LOCKED)
}
"""Unused and orphaned are told by the HTTP status, not by a word."""


@dataclass(frozen=True, slots=True)
class SerialInfo:
    """What the fleet tells of one serial number (``M43``)."""

    status: SerialStatus
    rid: str | None = None
    """The client's RID, 40 hex digits; None while unused or orphaned."""
    extra: str = ""
    """The free text beside it; the fleet hides it while the number is unused or orphaned."""


@dataclass(frozen=True, slots=True)
class SerialRow:
    """One line of a model's list (``M33``)."""

    serial: str
    status: SerialStatus | None
    """None from a fleet of before 2016, which doesn't list it."""
    rid: str | None
    extra: str


class ModelOption(StrEnum):
    """What is left out when a model's template is cloned (``M28``)."""

    NO_ALIASES = "noaliases"
    NO_COMMENTS = "nocomments"
    NO_HISTORICAL = "nohistorical"


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a model's boards are cloned from (``M28``, ``M30``): a template's RID, or a share code of it."""

    rid: str | None = None
    code: str | None = None
    options: frozenset[ModelOption] = frozenset()

    def __post_init__(self) -> None:
        if (self.rid is None) == (self.code is None):
            raise ValueError("a model is made of either a RID or a share code")


def key(reply: Reply) -> str:
    """Read the device key (CIK) that ``D1`` answers."""
    return _hex40(reply, "a key")


def rid(reply: Reply) -> str:
    """Read the RID that ``M46`` answers."""
    return _hex40(reply, "a RID")


def serial_info(reply: Reply) -> SerialInfo:
    """Read ``M43``: one record, or a state that the HTTP status tells."""
    if reply.status == 204:
        return SerialInfo(SerialStatus.UNUSED)
    if reply.status == 409:
        return SerialInfo(SerialStatus.ORPHANED)
    match _records(reply):
        case [[word, rid, extra]] if word in _ON_THE_WIRE and is_hex40(rid):
            return SerialInfo(_ON_THE_WIRE[word], rid, extra)
        case _:
            raise _garbled(reply, "a status, a RID and a text")


def serial_rows(reply: Reply) -> list[SerialRow]:
    """Read one page of ``M33``; a page without lines may be 200 or 204."""
    return [_serial_row(reply, record) for record in _records(reply)]


def _serial_row(reply: Reply, record: list[str]) -> SerialRow:
    match record:
        case [serial, word, rid, extra] if serial and (word in _ON_THE_WIRE or not word) and _hex40_or_blank(rid):
            return SerialRow(serial, _ON_THE_WIRE.get(word, SerialStatus.UNUSED), rid or None, extra)
        case [serial, rid, extra] if serial and _hex40_or_blank(rid):
            return SerialRow(serial, None, rid or None, extra)
        case _:
            raise _garbled(reply, "lines of serial number, status, RID and text")


def model_info(reply: Reply) -> ModelInfo:
    """Read ``M30``; brackets encoded or not, and ``options`` without them too (API document, section 10)."""
    try:
        pairs = parse_qsl(_text(reply), keep_blank_values=True, strict_parsing=True)
        options = frozenset(ModelOption(value) for name, value in pairs if name in ("options[]", "options") and value)
    except ValueError:
        raise _garbled(reply, "a model's form") from None
    match [pair for pair in pairs if pair[0] in ("rid", "code")]:
        case [("rid", rid)] if is_hex40(rid):
            return ModelInfo(rid=rid, options=options)
        case [("code", code)] if code:
            return ModelInfo(code=code, options=options)
        case _:
            raise _garbled(reply, "either a RID or a share code")


def _hex40(reply: Reply, what: str) -> str:
    # The API document sends no line end here.  If one comes all the same it is taken off, since a key can't be
    # fetched a second time.
    text = _text(reply).rstrip("\r\n")
    if not is_hex40(text):
        raise _garbled(reply, f"{what} of 40 lower-case hex digits")
    return text


def _hex40_or_blank(text: str) -> bool:
    return not text or is_hex40(text)


def _records(reply: Reply) -> list[list[str]]:
    """Read lines of comma-separated values; CRLF, LF, or no last line end (API document, 1.5)."""
    try:
        return [record for record in csv.reader(io.StringIO(_text(reply), newline=""), strict=True) if record]
    except csv.Error:
        raise _garbled(reply, "comma-separated values") from None


def _text(reply: Reply) -> str:
    try:
        return reply.body.decode("utf-8")
    except UnicodeDecodeError:
        raise _garbled(reply, "UTF-8") from None


def _garbled(reply: Reply, expected: str) -> Garbled:
    return Garbled(f"the fleet's answer isn't {expected}", reply.asked, status=reply.status)
