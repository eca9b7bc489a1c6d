"""One content entry of a model: its row, its record, and its blob as a reply (API document, section 5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

from sqlite_utils import Database

from station import clock
from station.fleet.server import blobs, byterange, membership, replies
from station.fleet.server.call import Call
from station.fleet.server.channel import Later
from station.fleet.server.replies import Refused, Reply

_FIND = "SELECT name, meta, protected, type, size, updated, blob FROM contents WHERE model = ? AND name = ?"


@dataclass(frozen=True, slots=True)
class Entry:
    """A content entry as it is stored; before its first upload it has no ``blob``, and the type is empty."""

    name: str
    meta: str
    protected: bool
    type: str
    size: int
    updated: int
    """Of the upload, before that of the entry itself, in UTC microseconds."""
    blob: int | None

    def info(self) -> Reply:
        """200 with what devices are told: ``type,size,updated,meta`` (D4, M7)."""
        return replies.value(replies.record(self._fields()), replies.CSV)

    def full_info(self) -> Reply:
        """200 with what the vendor is told: also ``protected`` (M5)."""
        return replies.value(replies.record([*self._fields(), "true" if self.protected else "false"]), replies.CSV)

    def _fields(self) -> list[str]:
        return [self.type, str(self.size), str(self.updated // 1_000_000), self.meta]


def find(db: Database, model: int, name: str) -> Entry:
    """Return an entry.  Raises ``Refused`` (404) if the model has none of that name."""
    row = db.execute(_FIND, [model, name]).fetchone()
    if row is None:
        raise Refused(HTTPStatus.NOT_FOUND, "no such content")
    return Entry(row[0], row[1], bool(row[2]), *row[3:])


def find_for(db: Database, model: int, name: str, sn: str) -> Entry:
    """Return an entry that a serial number asks for.  Raises ``Refused``: 404 no such entry, 403 not authorised."""
    entry = find(db, model, name)
    if entry.protected and not membership.may_read(db, model, name, sn, _now_s()):
        raise Refused(HTTPStatus.FORBIDDEN, "the serial number is not authorised for that content")
    return entry


def listing_for(db: Database, model: int, sn: str) -> Reply:
    """200 with the ids of the entries that a serial number may read, one a line, oldest first (D2, M2)."""
    return replies.records([name] for name in membership.readable(db, model, sn, _now_s()))


def deliver(call: Call, model: int, entry: Entry) -> Reply:
    """Return the blob of an entry: 200 whole, 206 the part that ``Range`` asks for, 416 a part beyond its end.

    Raises ``Refused`` (404) before the first upload.
    """
    while (blob := entry.blob) is not None:
        with call.store.holds.on(blob):
            # Once more, now that it is held: it may have been replaced, and swept, since it was found.
            entry = find(call.store.read(), model, entry.name)
            if entry.blob == blob:
                return _delivered(call, entry, blob)
    raise Refused(HTTPStatus.NOT_FOUND, "nothing was uploaded yet")


def _delivered(call: Call, entry: Entry, blob: int) -> Reply:
    try:
        part = byterange.asked(call.header("Range"), entry.size)
    except byterange.Unsatisfiable:
        refusal = Refused(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "the range begins beyond the end").reply()
        refusal.headers["Content-Range"] = f"bytes */{entry.size}"
        return refusal
    first, last = (part.first, part.last) if part else (0, entry.size - 1)
    headers = {"Content-Length": str(last - first + 1), "Accept-Ranges": "bytes"}
    if part:
        headers["Content-Range"] = f"bytes {first}-{last}/{entry.size}"
    body = () if call.method == "HEAD" else _body(call, blob, first, last)
    status = replies.status_line(HTTPStatus.PARTIAL_CONTENT if part else HTTPStatus.OK)
    return Reply(body, status, headers, content_type=entry.type)


def _body(call: Call, blob: int, first: int, last: int) -> Iterable[bytes]:
    """The first piece, which leaves with the head, and the rest for when the socket takes more."""
    pieces = blobs.pieces(call.store, blob, first, last)
    now = next(pieces, b"")
    rest = last - first + 1 - len(now)
    if rest:
        return [now, Later(pieces, rest)]  # our transport takes both
    pieces.close()
    return [now]


def _now_s() -> int:
    return clock.now_us() // 1_000_000
