"""The content of the vendor's models: firmware and files for their boards (API document, 8.2)."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from os import PathLike
from typing import BinaryIO

from station import clock
from station.fleet.client import names, pages, replies, transfer
from station.fleet.client.errors import NameUnsafe
from station.fleet.client.messages import CHANGED, LISTED, VALUE, Progress, Request, Sender
from station.fleet.client.results import ContentInfo, Part
from station.fleet.client.upload import Upload

_LONGEST_TYPE = 255
"""Characters."""


class Content:
    """Entries that are created, filled by uploads, and fetched.

    Every method raises ``NameUnsafe`` before anything is sent, and beside
    the errors that it names the rest of ``FleetError``.  Where the model
    itself is unknown the fleet answers 400 or 403, by the procedure, and
    some say 404.
    """

    def __init__(self, client: Sender) -> None:
        self._client = client

    def list(self, model: str) -> builtins.list[str]:
        """M1, ``GET …/content/<model>/``: the ids of all content, in one answer.

        Raises ``BadRequest`` (no such model).
        """
        return replies.column(self._client.send(Request("GET", _all(model), LISTED)))

    def list_for(self, model: str, serial: str) -> builtins.list[str]:
        """M2, ``GET …/content/<model>/?sn=<sn>``: the ids that this serial number may read.

        Raises ``BadRequest`` (no such model, or it isn't listed there).
        """
        path = names.query(_all(model), [("sn", names.serial(serial))])
        return replies.column(self._client.send(Request("GET", path, LISTED)))

    def create(self, model: str, content: str, meta: str = "", protected: bool = False) -> None:
        """M3, ``POST …/content/<model>/``: make an entry, with a free text, to be filled by ``upload``.

        A ``protected`` one is for those serial numbers alone that are with
        it in a group (section 5).  Raises ``Conflict`` (there is one).
        """
        pairs = [("id", names.content(content)), ("meta", names.meta(meta))]
        form = names.form([*pairs, ("protected", "true")] if protected else pairs)
        self._client.send(Request("POST", _all(model), CHANGED, form))

    def remove(self, model: str, content: str) -> None:
        """M4, ``POST …/content/<model>/``: like ``delete``, by a form.

        Raises ``NotFound``.
        """
        form = names.form([("delete", "true"), ("id", names.content(content))])
        self._client.send(Request("POST", _all(model), CHANGED, form))

    def info(self, model: str, content: str) -> ContentInfo:
        """M5, ``GET …/content/<model>/<id>``: its type, size, time, text and protection.

        Raises ``NotFound``.
        """
        return replies.content_info(self._client.send(Request("GET", _one(model, content), VALUE)))

    def download(
        self, model: str, content: str, into: str | PathLike[str] | BinaryIO, *, progress: Progress | None = None
    ) -> ContentInfo:
        """M6, ``GET …/content/<model>/<id>?download=true``: fetch it into a file, and return what was fetched.

        ``transfer.download`` tells how: whole or not at all, and resumed
        where it broke off.  Raises ``NotFound`` (no such content, or nothing
        uploaded yet), ``NotAllowed`` (no such model), ``ContentChanged`` and
        ``FileFailed``.
        """
        blob = _blob(model, content)
        return transfer.download(self._client, blob, lambda: self.info(model, content), into, progress)

    def read(self, model: str, content: str, first: int, last: int) -> Part:
        """M6 with ``Range``: the bytes ``first`` to ``last`` (from 0, both inclusive), cut at the end.

        For readers that fetch piece after piece; a part is 4 MiB at most, and
        tells the size of the whole.  Raises ``ValueError`` (not such a
        range), ``Refused`` with status 416 (it begins beyond the end) and
        what ``download`` raises of the fleet's.
        """
        return transfer.read(self._client, _blob(model, content), first, last)

    def info_for(self, model: str, content: str, serial: str) -> ContentInfo:
        """M7, ``GET …/content/<model>/<id>?sn=<sn>``: what this serial number is told of it; not the protection.

        Raises ``BadRequest`` (no such combination), ``NotAllowed`` (it may
        not read it) and ``NotFound``.
        """
        path = names.query(_one(model, content), [("sn", names.serial(serial))])
        return replies.content_info(self._client.send(Request("GET", path, VALUE)))

    def download_for(
        self,
        model: str,
        content: str,
        serial: str,
        into: str | PathLike[str] | BinaryIO,
        *,
        progress: Progress | None = None,
    ) -> ContentInfo:
        """M8, ``GET …/content/<model>/<id>?download=true&sn=<sn>``: like ``download``, as this serial number may.

        Raises ``NotAllowed`` (it may not read it, or no such combination) and
        what ``download`` raises.
        """
        blob = _blob(model, content, serial)
        return transfer.download(self._client, blob, lambda: self.info_for(model, content, serial), into, progress)

    def groups(self, model: str, content: str) -> Iterator[str]:
        """M9, ``GET …/content/<model>/<id>?show=groups``: the groups that it is a member of, a page at a time.

        Raises ``NotFound``.
        """
        return pages.walk(self._client, _one(model, content), replies.column, [("show", "groups")])

    def upload(
        self,
        model: str,
        content: str,
        source: bytes | BinaryIO,
        mime: str,
        *,
        size: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        """M10, ``POST …/content/<model>/<id>``: fill an entry, or replace what is in it.

        ``source`` is sent as it is read, from where it stands to its end, or
        ``size`` bytes of it; only one that can't seek needs that.  ``mime``
        is kept and given to whoever fetches it.

        Sent once: after ``Unanswered`` either the old bytes are there or the
        new ones, never half of them, and ``info`` tells by size and time.
        Sending it all again does no harm but costs what it costs, so that
        is the caller's to decide.  Raises ``NotFound`` (there is no entry:
        ``create`` it), ``Refused`` with status 413 (larger than the fleet
        takes; it may say so before it has heard all), ``FileFailed`` (the
        source can't be read, or is shorter than ``size``; the entry is as it
        was) and ``ValueError`` (the size can't be known).
        """
        body, deadline = Upload(source, size, progress), clock.monotonic() + self._client.transfer_s
        self._client.send(Request("POST", _one(model, content), CHANGED, body, _type(mime), deadline=deadline))

    def delete(self, model: str, content: str) -> None:
        """M11, ``DELETE …/content/<model>/<id>``: the entry and its bytes are gone, and its memberships.

        Raises ``NotFound``.
        """
        self._client.send(Request("DELETE", _one(model, content), CHANGED))


def _all(model: str) -> str:
    return names.manage("content", names.model(model), "")


def _one(model: str, content: str) -> str:
    return names.manage("content", names.model(model), names.content(content))


def _blob(model: str, content: str, serial: str | None = None) -> Request:
    asking = [] if serial is None else [("sn", names.serial(serial))]
    return Request("GET", names.query(_one(model, content), [("download", "true"), *asking]), VALUE)


def _type(mime: str) -> str:
    # It becomes a header's value; any token is legal (API document, 1.3).
    if not mime.strip() or len(mime) > _LONGEST_TYPE or not mime.isascii() or not mime.isprintable():
        raise NameUnsafe(f"the type {mime[:40]!a} is not sent to the fleet: expected one like application/octet-stream")
    return mime.strip()
