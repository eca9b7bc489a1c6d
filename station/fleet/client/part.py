"""The unfinished file of a download, and what it is a part of.

``<into>.part`` holds the bytes so far, ``<into>.part.json`` beside it the
facts of the content.  A later download of the very same content goes on from
there; of anything else, it begins anew.  A part from before the machine was
started is not gone on from: a power cut may have left holes in it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from station import clock
from station.fleet.client.errors import FileFailed


class PartFile:
    """``into`` in the making, opened for this process alone.  Its calls raise ``FileFailed``."""

    def __init__(self, into: Path, facts: Mapping[str, object], size: int) -> None:
        self._into, self._size = into, size
        self._facts = {**facts, "size": size, "boot": clock.boot_id()}
        self._part = into.with_name(into.name + ".part")
        self._beside = into.with_name(into.name + ".part.json")

    def __enter__(self) -> PartFile:
        if self._into.is_dir():
            raise FileFailed(f"{self._into}: it is a folder; name the file")
        with local(self._part), contextlib.ExitStack() as stack:
            self.file = stack.enter_context(self._opened())
            self._lock()
            self.done = self._kept()
            self.file.seek(self.done)
            stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        with contextlib.suppress(OSError):  # what couldn't be kept is fetched again
            self.file.close()

    def finish(self) -> None:
        """Make it ``into``: once this returns, that survives a power cut."""
        with local(self._part):
            self.file.flush()
            os.fsync(self.file.fileno())
            self._beside.unlink(missing_ok=True)
            self._part.replace(self._into)
            _flush(self._into.parent)

    def _opened(self) -> BinaryIO:
        return open(os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+b")

    def _lock(self) -> None:
        with contextlib.suppress(BlockingIOError, FileNotFoundError):
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held the lock until just now may have finished: then this is `into` itself.
            if os.path.samestat(os.fstat(self.file.fileno()), self._part.stat()):
                return
        raise FileFailed(f"{self._part}: another download is writing it; wait for it to end")

    def _kept(self) -> int:
        """Return the bytes that can be kept; where none can, note what the part will be of."""
        size = os.fstat(self.file.fileno()).st_size
        try:
            known = json.loads(self._beside.read_bytes()) == self._facts
        except (FileNotFoundError, ValueError):
            known = False
        if known and size <= self._size:
            return size
        self.file.truncate(0)
        self._beside.write_text(json.dumps(self._facts), encoding="utf-8")
        return 0


@contextlib.contextmanager
def local(file: object) -> Iterator[None]:
    """Raise the system's refusals about this file as ``FileFailed``."""
    try:
        yield
    except OSError as error:
        raise FileFailed(f"{file}: {error.strerror or error}") from error


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
