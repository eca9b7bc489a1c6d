"""How replies become results.  A body that isn't what the API document promises is ``Garbled``.

No text of a body gets into an error: where a key is expected, anything may
be one.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
from typing import Any
from urllib.parse import parse_qsl

from station.fleet.client.errors import Garbled, NotFound
from station.fleet.client.messages import Reply
from station.fleet.client.names import is_hex40
from station.fleet.client.results import (
    Activation,
    ContentInfo,
    GroupInfo,
    GroupMember,
    GroupRow,
    MemberType,
    ModelInfo,
    ModelOption,
    SerialInfo,
    SerialRow,
    SerialStatus,
    SharedModel,
)
from station.fleet.client.serial_range import Casing, RangeFormat, SerialRange

_ON_THE_WIRE = {
    status.value: status
    for status in (SerialStatus.NOTACTIVATED, SerialStatus.ACTIVATED, SerialStatus.EXPIRED, SerialStatus.LOCKED)
}
"""Unused and orphaned are told by the HTTP status, not by a word."""

_MEMBER_TYPES = frozenset(MemberType)

_PROTECTED: tuple[list[str], ...] = (["true"], ["false"], [])

_BIG = 18
"""The digits of the largest number that is taken for one."""


def key(reply: Reply) -> str:
    """Read the device key (CIK) that ``D1`` answers."""
    return _hex40(reply, "a key")


def rid(reply: Reply) -> str:
    """Read the RID that ``M46`` answers."""
    return _hex40(reply, "a RID")


def token(reply: Reply) -> str:
    """Read the vendor token that ``M60`` and ``M62`` answer."""
    return _hex40(reply, "a token")


def vendor_name(reply: Reply) -> str:
    """Read ``M56``.  That there is none may be said by a 204 too (API document, 8.8)."""
    if reply.status == 204:
        raise NotFound("the fleet answered 204 No Content: this client holds no vendor name", reply.asked, 204)
    name = _line(reply)
    if not name.isprintable() or not name or is_hex40(name):
        raise _garbled(reply, "a vendor name")
    return name


def column(reply: Reply) -> list[str]:
    """Read a list of names, one a line; an empty list may be 200 or 204 (API document, 1.5)."""
    return [_one(reply, record) for record in _records(reply)]


def _one(reply: Reply, record: list[str]) -> str:
    match record:
        case [name] if name:
            return name
        case _:
            raise _garbled(reply, "lines of one name each")


def serial_info(reply: Reply) -> SerialInfo:
    """Read ``M43``: one record, or a state that the HTTP status tells."""
    if reply.status == 204:
        return SerialInfo(SerialStatus.UNUSED)
    if reply.status == 409:
        if reply.body and not reply.body.startswith(b"HTTP/"):  # a proxy's: the fleet words it otherwise (1.9)
            raise _garbled(reply, "a 409 in this API's words")
        return SerialInfo(SerialStatus.ORPHANED)
    match _with_a_text(reply):
        case [word, rid, extra] if word in _ON_THE_WIRE and is_hex40(rid):
            return SerialInfo(_ON_THE_WIRE[word], rid.lower(), extra)
        case _:
            raise _garbled(reply, "a status, a RID and a text")


def _with_a_text(reply: Reply) -> list[str]:
    """Read one record of three fields, whose last, a free text, a careless fleet doesn't quote though it should."""
    with contextlib.suppress(Garbled):
        match _records(reply):
            case [[_, _, _] as record]:
                return record
    bare = _line(reply).split(",", 2)
    if len(bare) < 3 or bare[2].startswith('"') or re.search("[\r\n]", bare[2]):
        raise _garbled(reply, "one line with a text")
    return bare


def serial_rows(reply: Reply) -> list[SerialRow]:
    """Read one page of ``M33``; a page without lines may be 200 or 204."""
    return [_serial_row(reply, record) for record in _records(reply)]


def _serial_row(reply: Reply, record: list[str]) -> SerialRow:
    match record:
        case [serial, word, rid, extra] if serial and (word in _ON_THE_WIRE or not word) and _hex40_or_blank(rid):
            return SerialRow(serial, _ON_THE_WIRE.get(word, SerialStatus.UNUSED), rid.lower() or None, extra)
        case [serial, rid, extra] if serial and _hex40_or_blank(rid):
            return SerialRow(serial, None, rid.lower() or None, extra)
        case _:
            raise _garbled(reply, "lines of serial number, status, RID and text")


def activations(reply: Reply) -> list[Activation]:
    """Read ``M45``.  What the device sent stands last and may hold commas, quoted or not (API document, section 2)."""
    return [_activation(reply, record) for record in _records(reply)]


def _activation(reply: Reply, record: list[str]) -> Activation:
    match record:
        case [at, peer, *entry] if entry and _is_number(at):
            return Activation(int(at), peer, ",".join(entry))
        case _:
            raise _garbled(reply, "lines of time, peer and entry")


def ranges(reply: Reply) -> list[SerialRange]:
    """Read ``M34``: an array, the same under ``ranges``, or nothing (API document, section 3)."""
    text = _text(reply)
    if not text.strip():
        return []
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise _garbled(reply, "JSON") from None
    if isinstance(said, dict):
        said = said.get("ranges")
    if not isinstance(said, list):
        raise _garbled(reply, "a list of ranges")
    return [_range(reply, one) for one in said]


def _range(reply: Reply, one: Any) -> SerialRange:
    match one:
        case {"format": str(form), "first": int(first), "last": int(last)} if bool not in (type(first), type(last)):
            length, casing = one.get("length"), one.get("casing")
            try:
                if length is None or type(length) is int:
                    return SerialRange(
                        RangeFormat(form), first, last, length, None if casing is None else Casing(casing)
                    )
            except ValueError:
                pass
    raise _garbled(reply, "a range of serial numbers")


def model_info(reply: Reply) -> ModelInfo:
    """Read ``M30``; brackets encoded or not, and ``options`` without them too (API document, section 10)."""
    try:
        pairs = parse_qsl(_line(reply), keep_blank_values=True, strict_parsing=True, errors="strict")
        options = frozenset(ModelOption(value) for name, value in pairs if name in ("options[]", "options") and value)
    except ValueError:
        raise _garbled(reply, "a model's form") from None
    match [pair for pair in pairs if pair[0] in ("rid", "code")]:
        case [("rid", rid)] if is_hex40(rid):
            return ModelInfo(rid=rid.lower(), options=options)
        case [("code", code)] if code:
            return ModelInfo(code=code, options=options)
        case _:
            raise _garbled(reply, "either a RID or a share code")


def content_info(reply: Reply) -> ContentInfo:
    """Read ``M5``, and ``M7`` and ``D4``, which lack the last of its five fields."""
    match _records(reply):
        case [[kind, size, updated, meta, *last]] if _is_number(size) and _is_number(updated) and last in _PROTECTED:
            return ContentInfo(kind, int(size), int(updated), meta, last == ["true"] if last else None)
        case _:
            raise _garbled(reply, "type, size, time and text of a content")


def shared_models(reply: Reply) -> list[SharedModel]:
    """Read ``M27``."""
    return [SharedModel(*_two(reply, record)) for record in _records(reply)]


def group_rows(reply: Reply) -> list[GroupRow]:
    """Read one page of ``M12``."""
    return [GroupRow(*_two(reply, record)) for record in _records(reply)]


def _two(reply: Reply, record: list[str]) -> tuple[str, str]:
    match record:
        case [name, text] if name:
            return name, text
        case _:
            raise _garbled(reply, "lines of two fields")


def group_info(reply: Reply) -> GroupInfo:
    """Read ``M15``."""
    match _records(reply):
        case [[meta, count]] if _is_number(count):
            return GroupInfo(meta, int(count))
        case _:
            raise _garbled(reply, "a text and a number of members")


def group_members(reply: Reply) -> list[GroupMember]:
    """Read ``M18`` to ``M20``, whole or one page; a blank expiry means never (API document, section 6)."""
    return [_group_member(reply, record) for record in _records(reply)]


def group_member(reply: Reply) -> GroupMember | None:
    """Read ``M21``: one member, or none."""
    match group_members(reply):
        case []:
            return None
        case [member]:
            return member
        case _:
            raise _garbled(reply, "one member")


def _group_member(reply: Reply, record: list[str]) -> GroupMember:
    match record:
        case [kind, member, expire, meta] if kind in _MEMBER_TYPES and member and _is_number(expire or "0"):
            return GroupMember(MemberType(kind), member, int(expire or "0"), meta)
        case _:
            raise _garbled(reply, "lines of type, member, expiry and text")


def _hex40(reply: Reply, what: str) -> str:
    text = _line(reply)
    if not is_hex40(text):
        raise _garbled(reply, f"{what} of 40 hex digits")
    return text.lower()


def _hex40_or_blank(text: str) -> bool:
    return not text or is_hex40(text)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _BIG


def _records(reply: Reply) -> list[list[str]]:
    """Read lines of comma-separated values; CRLF, LF, or no last line end (API document, 1.5)."""
    try:
        return [record for record in csv.reader(io.StringIO(_text(reply), newline=""), strict=True) if record]
    except csv.Error:
        raise _garbled(reply, "comma-separated values") from None


def _line(reply: Reply) -> str:
    # The API document sends no line end behind one value.  If one comes all the same it is taken off, since a key
    # can't be fetched a second time.
    return _text(reply).rstrip("\r\n")


def _text(reply: Reply) -> str:
    try:
        return reply.body.decode("utf-8")
    except UnicodeDecodeError:
        raise _garbled(reply, "UTF-8") from None


def _garbled(reply: Reply, expected: str) -> Garbled:
    return Garbled(f"the fleet's answer isn't {expected}", reply.asked, status=reply.status)
