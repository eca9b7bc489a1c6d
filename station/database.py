"""Our SQLite files: how they are opened, and one writer that commits for many threads.

A commit with ``synchronous=FULL`` costs a flush of the disk.  With a lock
round it, 32 slots would queue for 32 flushes; the ``Writer`` takes all that
waits into one transaction, a savepoint each, so that they share one.
"""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from station.errors import DatabaseCorrupt, DatabaseFailed, DatabaseNewer

if TYPE_CHECKING:
    from sqlite_utils import Database, Migrations

T = TypeVar("T")

_BATCH = 256
"""The most pieces of work in one transaction, so that the first of them isn't kept waiting for ever."""


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what sqlite3 raises into a ``DatabaseError`` that names the file."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise  # a rule of the schema: the caller's business
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        kind = DatabaseCorrupt if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) else DatabaseFailed
        raise kind(f"{path}: {error}") from error


def connect(path: Path, migrations: Migrations | None = None) -> Database:
    """Open a database: for writing, and brought up to date, if ``migrations`` are given; else read-only.

    WAL with ``synchronous=FULL``: a commit that returned survives a power
    cut.  The connection may be handed from thread to thread, but is used by
    one at a time.  Raises ``DatabaseError``.
    """
    from sqlite_utils import Database

    with translated(path):
        mode = "rwc" if migrations else "ro"
        uri = f"{path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=5)
        try:
            database = Database(connection, execute_plugins=False)
            if migrations:
                _refuse_newer(path, database, migrations)
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=FULL")
                connection.execute("PRAGMA foreign_keys=ON")
                if migrations.pending(database):
                    migrations.apply(database)
        except BaseException:
            connection.close()
            raise
    return database


def _refuse_newer(path: Path, database: Database, migrations: Migrations) -> None:
    known = {m.name for m in migrations._migrations}
    strange = [m.name for m in migrations.applied(database) if m.name not in known]
    if strange:
        raise DatabaseNewer(
            f"{path} was made by a later version of this program (it has {strange[-1]!r}); install that one"
        )


class Writer:
    """The one thread that writes to one database.

    ``undone`` is called, in the writer's thread, after work was rolled back
    and before any other is done, for whoever keeps state that follows the
    database (a hash chain's head).
    """

    def __init__(self, path: Path, database: Database, undone: Callable[[], None] = lambda: None) -> None:
        self._path, self._database, self._undone = path, database, undone
        self._queue: queue.SimpleQueue[tuple[Callable[[Database], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._stale = False
        """A transaction was rolled back, and ``undone`` has not been called since."""
        self._thread = threading.Thread(target=self._run, name=f"writer {path.name}", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Database], T]) -> Future[T]:
        """Queue work; its future is answered once it is on the disk.

        The work runs inside a savepoint: if it raises, it alone is undone
        and its future holds the error.  If the commit fails, every future of
        the transaction holds the same ``DatabaseError``.
        """
        future: Future[T] = Future()
        with self._gate:
            if self._closed:
                raise DatabaseFailed(f"{self._path} is closed")
            self._queue.put((work, future))
        return future

    def write(self, work: Callable[[Database], T]) -> T:
        """Do the work, wait until it is on the disk, and return its result."""
        return self.submit(work).result()

    def close(self) -> None:
        """Finish what is queued and close the database."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        going = True
        while going:
            batch = [self._queue.get()]
            while len(batch) < _BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            going = None not in batch
            work = [item for item in batch if item is not None]
            if work:
                self._commit(work)
        self._database.conn.close()

    def _commit(self, batch: list[tuple[Callable[[Database], Any], Future[Any]]]) -> None:
        connection = self._database.conn
        answers: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            with translated(self._path):
                if self._stale:
                    self._undone()
                    self._stale = False
                connection.execute("BEGIN IMMEDIATE")
                for work, future in batch:
                    answers.append((future, *self._try(work)))
                connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whatever it is, everybody is answered and the thread lives
            self._stale = True
            with contextlib.suppress(sqlite3.Error):  # then the next transaction can't begin, and says so
                connection.rollback()
            for _, future in batch:
                future.set_exception(error)
            return
        for future, result, failure in answers:
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(failure)

    def _try(self, work: Callable[[Database], Any]) -> tuple[Any, BaseException | None]:
        connection = self._database.conn
        connection.execute("SAVEPOINT piece")
        try:
            with translated(self._path):
                result = work(self._database)
        except Exception as error:
            if not connection.in_transaction:
                raise  # SQLite itself has rolled back, as after a failed write: nobody's work is there any more
            connection.execute("ROLLBACK TO piece")
            connection.execute("RELEASE piece")
            self._undone()
            return None, error
        connection.execute("RELEASE piece")
        return result, None
