"""What the fleet server knows: the tables, one writer, a read connection a thread.

Every change goes through ``write``, which returns once it is on the disk: a
2xx that was sent is never lost, and two racing calls are decided one after
the other.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from sqlite_utils import Database

from station.database import Writer, connect
from station.fleet.server.holds import Holds
from station.fleet.server.schema import migrations

T = TypeVar("T")


def digest(secret: str) -> bytes:
    """What a CIK or a token is found by."""
    return hashlib.sha256(secret.encode()).digest()


class Store:
    """One open database.  Raises ``station.errors.DatabaseError`` where SQLite refuses."""

    def __init__(self, path: Path) -> None:
        with contextlib.suppress(OSError):  # connect says it better
            path.touch(mode=0o600)  # it holds keys
        self._path = path
        self._writer = Writer(path, connect(path, migrations))
        self._mine = threading.local()
        self._readers: list[Database] = []
        self._gate = threading.Lock()
        self.holds = Holds()
        self.leftovers = threading.Event()
        """Set by whoever deletes content and leaves its blobs to a sweep."""

    def together(self) -> AbstractContextManager[None]:
        """Let all that this thread writes in here share one commit, made at the end.

        Nobody may be told of it before; raises ``DatabaseError`` if it is lost.
        """
        return self._writer.together()

    def read(self) -> Database:
        """Return a connection to read from; each statement sees all that was committed, or written here, before it."""
        if (joined := self._writer.joined) is not None:
            return joined
        reader: Database | None = getattr(self._mine, "reader", None)
        if reader is None:
            reader = self._mine.reader = connect(self._path)
            with self._gate:
                self._readers.append(reader)
        return reader

    def write(self, work: Callable[[Database], T]) -> T:
        """Do the work alone and return its result, once it is on the disk or, inside ``together``, at once.

        If it raises, nothing of it is done and the error is raised here.
        """
        return self._writer.write(work)

    def close(self) -> None:
        """Finish what is being written and close every connection; no thread may be reading."""
        with self._gate:
            for reader in self._readers:
                reader.conn.close()
            self._readers.clear()
        self._writer.close()  # the last: a connection that only reads can't take the WAL with it
