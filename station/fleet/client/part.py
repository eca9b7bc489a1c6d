"""The unfinished file of a download, and what it is a part of.

``<into>.part`` holds the bytes so far, ``<into>.part.json`` beside it the
facts of the content.  A later download of the very same content goes on from
there; of anything else, it begins anew.  A part from before the machine was
started is not gone on from: a power cut may have left holes in it.

Both names may be taken by files that are somebody else's: those, and links,
are neither read further nor written, and the download is refused.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

from station import clock
from station.fleet.client.errors import FileFailed, NotFound

_LARGEST_FACTS = 65536
"""Bytes of the file of facts; a path has less than 10 KiB."""


class PartFile:
    """``into`` in the making, opened for this process alone.  Its calls raise ``FileFailed``."""

    def __init__(self, into: Path, facts: Mapping[str, object], size: int) -> None:
        self._into, self._size = into, size
        self._facts = {**facts, "size": size, "boot": clock.boot_id()}
        self._part = into.with_name(into.name + ".part")
        self._beside = into.with_name(into.name + ".part.json")

    def __enter__(self) -> PartFile:
        if os.path.isdir(self._into):
            raise FileFailed(f"{self._into}: it is a folder; name the file")
        with local(self._part), contextlib.ExitStack() as stack:
            self._noted()  # if that is somebody else's, no part is made
            self.file = stack.enter_context(open(self._part, "r+b", opener=_regular))
            self._lock()
            noted = self._noted()
            if noted is None and not self._is_empty():
                raise _foreign(self._part)
            stack.push(self.__exit__)
            self.done = self._kept(noted)
            self.file.seek(self.done)
            stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        with contextlib.suppress(OSError), self.file:  # what couldn't be kept is fetched again
            if kind is not None and (isinstance(value, NotFound) or self._is_empty()):
                self._part.unlink(missing_ok=True)
                self._beside.unlink(missing_ok=True)

    def finish(self) -> None:
        """Make it ``into``: once this returns, that survives a power cut."""
        with local(self._part):
            self.file.flush()
            os.fsync(self.file.fileno())
            self._beside.unlink(missing_ok=True)
            self._part.replace(self._into)
            _flush(self._into.parent)

    def _is_empty(self) -> bool:
        self.file.flush()
        return os.fstat(self.file.fileno()).st_size == 0

    def _lock(self) -> None:
        with contextlib.suppress(BlockingIOError, FileNotFoundError):
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held the lock until just now may have finished: then this is `into` itself.
            if os.path.samestat(os.fstat(self.file.fileno()), self._part.stat()):
                return
        raise FileFailed(f"{self._part}: another download is writing it; wait for it to end")

    def _kept(self, noted: Mapping[str, object] | None) -> int:
        """Return the bytes that can be kept; where none can, note what the part will be of."""
        size = os.fstat(self.file.fileno()).st_size
        if noted == self._facts and size <= self._size:
            return size
        self.file.truncate(0)
        self._note()
        return 0

    def _noted(self) -> dict[str, object] | None:
        """Return the facts that a download has noted; None if none has."""
        with local(self._beside):
            try:
                with open(self._beside, "rb", opener=_regular) as file:
                    said = file.read(_LARGEST_FACTS)
            except FileNotFoundError:
                return None
        try:
            noted = json.loads(said)
        except (ValueError, RecursionError):
            noted = None
        if not isinstance(noted, dict) or noted.keys() != self._facts.keys():
            raise _foreign(self._beside)
        return noted

    def _note(self) -> None:
        # Whole or not at all, and on the disk before any byte of the part: else the part would seem somebody else's.
        with local(self._beside):
            descriptor, made = tempfile.mkstemp(".json", ".part.", self._into.parent)
            try:
                with open(descriptor, "w", encoding="utf-8") as file:
                    json.dump(self._facts, file)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(made, self._beside)
            except BaseException:
                os.unlink(made)
                raise


@contextlib.contextmanager
def local(file: object) -> Iterator[None]:
    """Raise the system's refusals about this file as ``FileFailed``."""
    try:
        yield
    except OSError as error:
        raise FileFailed(f"{file}: {error.strerror or error}") from error


def _regular(path: str, flags: int) -> int:
    """Open a regular file, made if it is to be written; not what a link of that name leads to."""
    making = os.O_CREAT if flags & os.O_ACCMODE == os.O_RDWR else 0
    try:
        # A pipe must not hold us before it is seen to be one.
        descriptor = os.open(path, flags | making | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _foreign(path) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _foreign(path)
    return descriptor


def _foreign(path: object) -> FileFailed:
    return FileFailed(f"{path}: it is not of an earlier download's making; move it away, or download to another name")


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
