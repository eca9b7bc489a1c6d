"""Our SQLite files: how they are opened, and one writer that commits for many threads.

A commit with ``synchronous=FULL`` costs a flush of the disk.  With a lock
round it, 32 slots would queue for 32 flushes; the ``Writer`` takes all that
waits into one transaction, a savepoint each, so that they share one.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

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
        mode = "rwc" if migrations else _reading(path)
        uri = f"{path.absolute().as_uri()}?mode={mode}"
        if migrations and not path.exists():  # not everybody's to read: there are PINs' hashes in a ledger
            with contextlib.suppress(OSError):  # SQLite says it better
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o640))
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


def traceless(path: Path) -> sqlite3.Connection:
    """Open a database to look into it, and leave no trace.

    Where there is no journal to be read along, it is taken as a file that nobody changes.  Raises ``DatabaseError``.
    """
    journal = path.with_name(f"{path.name}-wal")
    mode = "mode=ro" if journal.exists() and journal.stat().st_size else "immutable=1"
    with translated(path):
        return sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, isolation_level=None, timeout=5)


def _reading(path: Path) -> str:
    """Return how a file is opened for reading only.

    A WAL database needs two files beside it, also for reading.  Where nobody
    writes (there is no WAL) and we may not make them, the file alone will do.
    """
    still = not os.access(path.parent, os.W_OK) and not os.path.exists(f"{path}-wal")
    return "ro&immutable=1" if still else "ro"


def unknown_migrations(connection: sqlite3.Connection, migrations: Migrations) -> list[str]:
    """Return what a later version of this program has done to a database, in its order; changes nothing."""
    from sqlite_utils import Database

    known = {m.name for m in migrations._migrations}
    applied = migrations.applied(Database(connection, execute_plugins=False))
    return [m.name for m in applied if m.name not in known]


def _refuse_newer(path: Path, database: Database, migrations: Migrations) -> None:
    if strange := unknown_migrations(database.conn, migrations):
        raise DatabaseNewer(
            f"{path} was made by a later version of this program (it has {strange[-1]!r}); install that one"
        )


class Piece(Generic[T]):
    """Work that waits to be written, and what became of it."""

    def __init__(self, writer: Writer, work: Callable[[Database], T]) -> None:
        self._writer, self.work = writer, work
        self.done = False
        """Whether it is on the disk, or has failed."""
        self.value: T | None = None
        self.error: BaseException | None = None

    def result(self) -> T:
        """Return what the work returned, once it is on the disk; raise what it raised."""
        self._writer.finish(self)
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # without an error it is what the work returned


class Writer:
    """One connection to one database, on which any thread writes; those that wait share a commit.

    There is no thread of its own: whoever waits first commits for all that
    wait with it, so that a lone writer pays for its flush and nothing else.
    ``undone`` is called, in the committing thread, after work was rolled back
    and before any other is done, for whoever keeps state that follows the
    database (a hash chain's head).  ``guard`` is called there before each
    commit, and may raise a ``DatabaseError``; ``kept`` after it, and may not.
    """

    def __init__(
        self,
        path: Path,
        database: Database,
        undone: Callable[[], None] = lambda: None,
        guard: Callable[[], None] = lambda: None,
        kept: Callable[[], None] = lambda: None,
    ) -> None:
        self._path, self._database, self._undone, self._guard, self._kept = path, database, undone, guard, kept
        self._queue: deque[Piece[Any]] = deque()
        self._turn = threading.Condition()
        self._busy = False
        """Somebody is committing."""
        self._closed = False
        self._stale = False
        """A transaction was rolled back, and ``undone`` has not been called since."""
        self._together: int | None = None
        """The thread whose work shares a commit that it has yet to make."""
        self._begun = False
        self._joining = False
        """That thread waits for its turn, and goes before whoever writes a piece after another; it takes them along."""

    def write(self, work: Callable[[Database], T]) -> T:
        """Do the work, wait until it is on the disk, and return its result.

        The work runs inside a savepoint: if it raises, it alone is undone
        and its error is raised here.  If the commit fails, everybody whose
        work was in the transaction gets the same ``DatabaseError``.
        """
        if self._together == threading.get_ident():
            return self._join(work)
        return self.submit(work).result()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let all that this thread writes in here share one commit, at the end; one thread at a time does so.

        A piece is done at once and its result returned, but it is on the disk
        only when the block has ended without a ``DatabaseError``: nobody may
        be told of it before.  What other threads wait to write goes with it.
        """
        self._together = threading.get_ident()
        lost = None
        try:
            yield
            if self._begun:
                lost = self._lead(begun=True)
        finally:
            self._together = None
            if self._begun:
                if self._database.conn.in_transaction:
                    self._roll_back()
                self._leave()
        if lost is not None:
            raise lost

    @property
    def joined(self) -> Database | None:
        """The connection, for reading what this thread has written and not committed; None if there is nothing."""
        return self._database if self._begun and self._together == threading.get_ident() else None

    def submit(self, work: Callable[[Database], T]) -> Piece[T]:
        """Queue work; it is done with whatever is committed next, at the latest when its result is asked for."""
        piece = Piece(self, work)
        with self._turn:
            if self._closed:
                raise DatabaseFailed(f"{self._path} is closed")
            self._queue.append(piece)
        return piece

    def finish(self, piece: Piece[Any]) -> None:
        """Return once the piece is done, by somebody else's commit or by ours."""
        while True:
            with self._turn:
                while (self._busy or self._joining) and not piece.done:
                    self._turn.wait()
                if piece.done:
                    return
                self._busy = True
            self._lead()

    def close(self) -> None:
        """Finish what is queued and close the database."""
        with self._turn:
            if self._closed:
                return
            self._closed = True
        while True:
            with self._turn:
                while self._busy:
                    self._turn.wait()
                if not self._queue:
                    break
                self._busy = True
            self._lead()
        self._database.conn.close()

    def _join(self, work: Callable[[Database], T]) -> T:
        if not self._begun:
            with self._turn:
                self._joining = True
                try:
                    while self._busy:
                        self._turn.wait()
                    self._busy = self._begun = True
                finally:
                    self._joining = False
            with translated(self._path):
                self._begin()
        elif not self._database.conn.in_transaction:
            # Not begun, or lost since; to try again for each piece would take the timeout of each.
            raise DatabaseFailed(f"{self._path}: an earlier piece of the same commit failed")
        value, error = self._try(work)
        if error is not None:
            raise error
        return value  # type: ignore[no-any-return]

    def _leave(self) -> None:
        with self._turn:
            self._busy = self._begun = False
            self._turn.notify_all()

    def _lead(self, begun: bool = False) -> Exception | None:
        """Commit what waits, with what has ``begun`` before; return what went wrong, which everybody is told."""
        with self._turn:
            batch = [self._queue.popleft() for _ in range(min(_BATCH, len(self._queue)))]
        try:
            return self._commit(batch, begun)
        finally:
            for piece in batch:
                piece.done = True
            if not begun:
                self._leave()

    def _commit(self, batch: list[Piece[Any]], begun: bool) -> Exception | None:
        answers: list[tuple[Any, BaseException | None]] = []
        try:
            with translated(self._path):
                if not begun:
                    self._begin()
                elif not self._database.conn.in_transaction:
                    raise DatabaseFailed(f"{self._path}: the transaction is lost, or was never begun")
                answers.extend(self._try(piece.work) for piece in batch)
                self._guard()
                self._database.conn.execute("COMMIT")
                self._kept()
        except BaseException as error:  # whatever it is, everybody is told
            self._roll_back()
            lost = (
                error if isinstance(error, Exception) else DatabaseFailed(f"{self._path}: the writing was interrupted")
            )
            for piece in batch:
                piece.error = lost
            if lost is not error:
                raise
            return lost
        for piece, (value, failure) in zip(batch, answers, strict=True):
            piece.value, piece.error = value, failure
        return None

    def _begin(self) -> None:
        if self._stale:
            self._undone()
            self._stale = False
        self._database.conn.execute("BEGIN IMMEDIATE")

    def _roll_back(self) -> None:
        self._stale = True
        with contextlib.suppress(sqlite3.Error):  # then the next transaction can't begin, and says so
            self._database.conn.rollback()

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
