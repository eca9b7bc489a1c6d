"""Blobs: the bytes of content entries, in chunks, so that none is ever in memory whole.

A blob is never changed.  An upload writes a new one under a number of its
own, a chunk a commit, and the last commit makes the entry name it; so
whoever dies or gives up on the way leaves the entry as it was, and chunks
that no entry names.  Those are swept: when a server starts, and after each
change of content or end of a model, but not while somebody holds the blob: a
download that runs while its blob is replaced ends with the bytes that it
began with.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO

from sqlite_utils import Database

from station.errors import DatabaseError
from station.fleet.server.store import Store

log = logging.getLogger(__name__)

CHUNK = 256 * 1024
"""Bytes of each chunk of a blob but the last."""

_UNNAMED = """WITH RECURSIVE stored(blob) AS (
      SELECT min(blob) FROM chunks
      UNION ALL SELECT (SELECT min(blob) FROM chunks WHERE blob > stored.blob) FROM stored WHERE stored.blob NOT NULL)
    SELECT blob FROM stored
      WHERE blob NOT NULL AND NOT EXISTS (SELECT 1 FROM contents WHERE contents.blob = stored.blob)"""
"""Leaps from blob to blob in the index; DISTINCT would read all of it."""

_DROP = "DELETE FROM chunks WHERE rowid IN (SELECT rowid FROM chunks WHERE blob = ? LIMIT 4)"
"""A few chunks a commit: others wait for it, and SQLite looks at every page that it frees."""


@contextmanager
def written(store: Store, source: IO[bytes]) -> Iterator[tuple[int, int]]:
    """Write all of ``source`` as a new blob, and yield its number and size; an entry must name it in here.

    The number is random, so that uploads at one time need no arrangement.
    Raises ``station.errors.DatabaseError``.
    """
    blob, size = secrets.randbits(62), 0
    with store.holds.on(blob):
        for number, data in enumerate(iter(partial(source.read, CHUNK), b"")):
            store.write(partial(_put, (blob, number, data)))
            size += len(data)
        yield blob, size


def pieces(store: Store, blob: int, first: int, last: int) -> Generator[bytes, None, None]:
    """Yield the bytes ``first`` to ``last``, both inclusive, chunk by chunk; the blob is held until they end.

    Raises ``LookupError`` where a chunk is missing.
    """
    with store.holds.on(blob):
        for number in range(first // CHUNK, last // CHUNK + 1):
            sql = "SELECT data FROM chunks WHERE blob = ? AND number = ?"
            row = store.read().execute(sql, [blob, number]).fetchone()
            if row is None:
                raise LookupError(f"chunk {number} of blob {blob} is missing")
            begin = number * CHUNK
            yield row[0][max(first - begin, 0) : last - begin + 1]


def sweep(store: Store, enough: Callable[[], bool] = lambda: False) -> None:
    """Delete the chunks of every blob that no entry names and nobody holds; what can't be deleted stays for later.

    So does what is left when ``enough`` is true.  Not while this thread's
    changes share a commit (``Store.together``): what it has yet to commit, a
    reader still sees.
    """
    try:
        for (blob,) in store.read().execute(_UNNAMED).fetchall():
            while not enough() and _is_over(store, blob) and store.write(partial(_drop, blob)):
                pass
    except (DatabaseError, sqlite3.Error) as error:
        log.warning("replaced and deleted content still takes up space: %s", error)


def _put(row: tuple[int, int, bytes], db: Database) -> None:
    db.execute("INSERT INTO chunks VALUES (?, ?, ?)", row)


def _is_over(store: Store, blob: int) -> bool:
    """Tell whether nobody reads, names or will name a blob that has chunks; if so, it stays so.

    The order of the questions is what makes it certain.  Its uploader holds it
    from before the first chunk until its entry names it: once nobody holds it,
    it has been named, or never will be.  A reader asks a committed view whether
    it is named after taking hold: once such a view says no, every later reader
    turns away, and those from before it still hold the blob.  The writer's own
    view will not do, nor one taken while it was uploaded: an entry that others
    still see naming it may be about to name the next.
    """
    return blob not in store.holds and not _is_named(store, blob) and blob not in store.holds


def _is_named(store: Store, blob: int) -> bool:
    return store.read().execute("SELECT 1 FROM contents WHERE blob = ?", [blob]).fetchone() is not None


def _drop(blob: int, db: Database) -> bool:
    """Drop some chunks of a blob; tell whether there may be more."""
    return db.execute(_DROP, [blob]).rowcount > 0
