"""Blobs: the bytes of content entries, in chunks, so that none is ever in memory whole.

A blob is never changed.  An upload writes a new one under a number of its
own, a chunk a commit, and the last commit makes the entry name it; so
whoever dies or gives up on the way leaves the entry as it was, and chunks
that no entry names.  Those are swept: when a server starts, and after each
change of content, but not while somebody holds the blob: a download that
runs while its blob is replaced ends with the bytes that it began with.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO

from sqlite_utils import Database

from station.errors import DatabaseError
from station.fleet.server.holds import Holds
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

_DROP = """DELETE FROM chunks WHERE rowid IN (SELECT rowid FROM chunks WHERE blob = ?1 LIMIT 4)
    AND NOT EXISTS (SELECT 1 FROM contents WHERE contents.blob = ?1)"""
"""A few chunks a commit: others wait for it, and SQLite looks at every page that it frees."""

_BREATH_S = 0.001
"""Between two such commits, or whoever waits for the writer would wait for all of them."""


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


def sweep(store: Store) -> None:
    """Delete the chunks of every blob that no entry names and nobody holds; what can't be deleted stays for later.

    Not while this thread's changes share a commit (``Store.together``): what
    it has yet to commit, a reader still sees.
    """
    try:
        for (blob,) in store.read().execute(_UNNAMED).fetchall():
            while store.write(partial(_drop, store.holds, blob)):
                time.sleep(_BREATH_S)
    except (DatabaseError, sqlite3.Error) as error:
        log.warning("replaced and deleted content still takes up space: %s", error)


def _put(row: tuple[int, int, bytes], db: Database) -> None:
    db.execute("INSERT INTO chunks VALUES (?, ?, ?)", row)


def _drop(holds: Holds, blob: int, db: Database) -> bool:
    """Drop some chunks of a blob; tell whether there may be more."""
    # Asked in the writer's turn: who names a blob later has held it since before its first chunk.
    return blob not in holds and db.execute(_DROP, [blob]).rowcount > 0
