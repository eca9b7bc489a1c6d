"""A file on its way to the fleet: read while it is sent, counted, and never more of it than was announced."""

from __future__ import annotations

import io
from typing import BinaryIO

from station.fleet.client.errors import FileFailed
from station.fleet.client.messages import Progress


class Upload:
    """The bytes of ``source`` from where it stands to its end, or ``size`` of them.

    Raises ``ValueError`` if it can't seek and no size is given.
    """

    def __init__(self, source: bytes | BinaryIO, size: int | None, progress: Progress | None) -> None:
        self._source = io.BytesIO(source) if isinstance(source, bytes) else source
        self.size = _rest(self._source) if size is None else size
        if self.size < 0:
            raise ValueError("an upload has no negative size")
        self._done, self._progress = 0, progress

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most ``size``; raises ``FileFailed`` if there are fewer than announced."""
        if self._progress is not None:
            self._progress(self._done, self.size)  # whoever asks for more has sent what he had
        left = self.size - self._done
        if not left:
            return b""
        try:
            data = self._source.read(min(size, left))
        except OSError as error:
            raise FileFailed(f"the upload's source can't be read: {error.strerror or error}") from error
        if not data:
            raise FileFailed(f"the upload's source ended after {self._done} of {self.size} bytes; was it changed?")
        self._done += len(data)
        return data


def _rest(source: BinaryIO) -> int:
    try:
        here = source.tell()
        end = source.seek(0, io.SEEK_END)
        source.seek(here)
    except OSError:  # io.UnsupportedOperation is one
        raise ValueError("an upload from what can't seek needs its size") from None
    return max(end - here, 0)
