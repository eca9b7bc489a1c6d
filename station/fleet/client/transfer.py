"""Downloads of any size: streamed to a file, checked against what was announced, resumed where they broke off."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import BinaryIO

from station import clock
from station.fleet.client.errors import ContentChanged, FileFailed, Garbled, Refused, Unanswered
from station.fleet.client.messages import Progress, Reply, Request, Sender
from station.fleet.client.part import PartFile, local
from station.fleet.client.results import ContentInfo, Part

_TRIES = 4
"""How often it is asked at most without a further byte."""

_RESUMES = 50
"""How often it is resumed at most, however much came each time."""

_LARGEST_PART = 4 << 20
"""Bytes of a part that is read into memory."""

_REST = frozenset({200, 206})
"""200 if the fleet gives no parts, or the rest is the whole."""

_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})", re.IGNORECASE)


def download(
    client: Sender,
    blob: Request,
    info: Callable[[], ContentInfo],
    into: str | PathLike[str] | BinaryIO,
    progress: Progress | None,
) -> ContentInfo:
    """Fetch what ``blob`` asks for into a path or a file, and return what was fetched.

    ``info`` asks for the facts of the same content.  It is asked before and
    after, so that bytes of two versions are never mixed: raises
    ``ContentChanged`` if size, type or time (in seconds; the API tells no
    finer) differ.  All bytes together have ``client.transfer_s`` seconds.

    A path is whole or as it was before: the bytes go to ``<path>.part``,
    which is flushed and renamed at the end.  What an interrupted call left
    there the next one goes on from, if the content is still the same; where
    that name, or the ``<path>.part.json`` beside it, is taken by a file of
    somebody else's, nothing is written.  A file
    object gets the bytes as they come, from where it stands; after an error
    it holds some of them, and it is resumed only within the call.

    ``progress`` is called with the bytes that are there, from an earlier call
    too.  Raises ``FileFailed`` and the rest of ``FleetError``.
    """
    try:
        before = info()
    except Refused:
        # The documented refusals of a download are not those of its info: the download's own are the caller's.
        client.send(replace(blob, sink=_pass_over))
        raise
    if isinstance(into, str | PathLike):
        facts = {"asked": blob.asked, "type": before.type, "updated": before.updated}
        with PartFile(Path(into), facts, before.size) as part:
            _Download(client, blob, before, part.file, part.done, progress).run()
            _still(before, info())
            part.finish()
    else:
        _Download(client, blob, before, into, 0, progress).run()
        _still(before, info())
    return before


def read(client: Sender, blob: Request, first: int, last: int) -> Part:
    """Return the bytes ``first`` to ``last``, both inclusive, of what ``blob`` asks for, cut at its end.

    Raises ``ValueError``, ``Garbled`` if the fleet gives something else than
    this part, and the rest of ``FleetError``.
    """
    if not 0 <= first <= last < first + _LARGEST_PART:
        raise ValueError(f"a part begins at 0 or later, and has 1 to {_LARGEST_PART} bytes")
    reply = client.send(replace(blob, answers=frozenset({206}), span=f"bytes={first}-{last}"))
    begin, end, total = _extent(reply)
    if (begin, end) != (first, min(last + 1, total)):
        raise Garbled("the fleet's answer isn't the part that was asked for", reply.asked, status=reply.status)
    return Part(reply.body, first, total)


class _Download:
    """One content on its way into a file that has ``done`` bytes of it."""

    def __init__(
        self, client: Sender, blob: Request, info: ContentInfo, file: BinaryIO, done: int, progress: Progress | None
    ) -> None:
        self._client, self._blob, self._file = client, blob, file
        self._size, self._done = info.size, done
        self._progress = progress or (lambda done, total: None)
        self._deadline = clock.monotonic() + client.transfer_s

    def run(self) -> None:
        """Fetch what is lacking; only a break is worth another try."""
        self._progress(self._done, self._size)
        if self._done and self._done == self._size:
            return
        attempt = 0
        for resumes in range(_RESUMES + 1):
            had = self._done
            try:
                self._client.send(self._rest())
                return
            except Refused as error:
                if error.status == 416:
                    raise ContentChanged(f"{error.asked}: it has no byte {had} any more") from error
                raise
            except Garbled:
                raise
            except Unanswered as error:
                attempt = 1 if self._done > had else attempt + 1
                last = attempt == _TRIES or resumes == _RESUMES
                if last or not self._client.pause(error, attempt, self._deadline):
                    raise

    def _rest(self) -> Request:
        request = replace(self._blob, sink=self._take, deadline=self._deadline)
        return replace(request, answers=_REST, span=f"bytes={self._done}-") if self._done else request

    def _take(self, reply: Reply, pieces: Iterator[bytes]) -> None:
        begin, end, total = _extent(reply)
        if total != self._size:
            raise ContentChanged(f"{reply.asked}: it has {total} bytes now, and had {self._size} just before")
        if begin not in (0, self._done) or end != total:
            raise Garbled("the fleet's answer isn't the rest of the content", reply.asked, status=reply.status)
        known = self._done - begin  # a fleet without ranges sends them again
        for piece in pieces:
            fresh = piece[known:]
            known = max(known - len(piece), 0)
            self._write(fresh)
            self._done += len(fresh)
            self._progress(self._done, self._size)

    def _write(self, data: bytes) -> None:
        name = getattr(self._file, "name", None)
        shown = name if isinstance(name, str | PathLike) else "the file of the download"
        while data:
            with local(shown):
                count = self._file.write(data)
            if not count:  # None, or 0: of a file without a buffer that would have to wait
                raise FileFailed(f"{shown}: it takes no more bytes")
            data = data[count:]  # an unbuffered file may take fewer than it is given


def _extent(reply: Reply) -> tuple[int, int, int]:
    """Return the first byte of a reply's body, the one behind its last, and all bytes of the content."""
    length = reply.headers.get("content-length", "")
    if not (length.isascii() and length.isdigit() and len(length) <= 18):
        raise Garbled("the fleet's answer doesn't tell its length", reply.asked, status=reply.status)
    if reply.status == 200:
        return 0, int(length), int(length)
    said = _CONTENT_RANGE.fullmatch(reply.headers.get("content-range", ""))
    if said is None:
        raise Garbled("the fleet's answer doesn't tell which part it is", reply.asked, status=reply.status)
    first, last, total = map(int, said.groups())
    if int(length) != last + 1 - first:
        raise Garbled("the fleet's answer contradicts itself about its part", reply.asked, status=reply.status)
    return first, last + 1, total


def _pass_over(reply: Reply, pieces: Iterator[bytes]) -> None:
    """Take nothing."""


def _still(before: ContentInfo, after: ContentInfo) -> None:
    if (before.type, before.size, before.updated) != (after.type, after.size, after.updated):
        raise ContentChanged("the content was replaced while it was fetched; fetch it again")
