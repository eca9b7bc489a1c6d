"""What the fleet server knows: the tables, one writer, a read connection a thread.

Every change goes through ``write``, which returns once it is on the disk: a
2xx that was sent is never lost, and two racing calls are decided one after
the other.

The tables, which tests of the whole station read too:

``clients``      one row a client: ``rid`` (public) and ``cik`` (secret), each 40 hex digits;
                 ``parent`` makes the tree; ``phase`` is ``notactivated`` (until D1, while ``open_until``
                 is ahead), ``activated`` (the CIK works) or ``expired``; ``name`` is for people
``vendors``      ``name`` and the client that holds it, creator of the vendor's models
``tokens``       a vendor's tokens by their ``name``, which the vendor chose
``codes``        share codes, and the client that each stands for
``models``       ``vendor`` and ``name``; the template as exactly one of ``rid`` and ``code``; ``options`` in
                 alphabetical order, a blank between; ``window_s`` overrides the server's window
``serials``      ``model``, ``sn``, ``extra``; ``rid`` is the client, NULL while unused.  Unique: one client has
                 one serial number.  No foreign key: a client can be dropped, which orphans the number
``activations``  the log of successful D1 calls: ``at``, ``peer`` (IP address), ``entry`` (raw request body)

Times are UTC microseconds.  A serial number has one client, so a client whose
``parent`` is an owner of devices and that no ``serials.rid`` names was either
detached by M50 or made in error.

Secrets are found by the SHA-256 beside them: the time that an index takes to
find a digest tells nothing about the secret.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from sqlite_utils import Database, Migrations

from station.database import Writer, connect

T = TypeVar("T")

migrations = Migrations("fleet")


@migrations(name="0001_provisioning")
def _provisioning(db: Database) -> None:
    for statement in (
        """CREATE TABLE clients(
             id INTEGER PRIMARY KEY, rid TEXT NOT NULL UNIQUE CHECK(length(rid) = 40),
             cik TEXT NOT NULL CHECK(length(cik) = 40), cik_digest BLOB NOT NULL UNIQUE,
             parent INTEGER REFERENCES clients(id), name TEXT NOT NULL,
             phase TEXT NOT NULL CHECK(phase IN ('notactivated', 'activated', 'expired')),
             open_until INTEGER, CHECK((phase = 'notactivated') = (open_until IS NOT NULL))) STRICT""",
        "CREATE INDEX clients_by_parent ON clients(parent)",
        """CREATE TABLE vendors(
             id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
             client INTEGER NOT NULL UNIQUE REFERENCES clients(id)) STRICT""",
        """CREATE TABLE tokens(
             id INTEGER PRIMARY KEY, vendor INTEGER NOT NULL REFERENCES vendors(id), name TEXT NOT NULL,
             token TEXT NOT NULL CHECK(length(token) = 40), token_digest BLOB NOT NULL UNIQUE,
             UNIQUE(vendor, name)) STRICT""",
        """CREATE TABLE codes(
             code TEXT PRIMARY KEY CHECK(length(code) = 40),
             client INTEGER NOT NULL REFERENCES clients(id)) STRICT""",
        """CREATE TABLE models(
             id INTEGER PRIMARY KEY, vendor INTEGER NOT NULL REFERENCES vendors(id), name TEXT NOT NULL,
             rid TEXT, code TEXT, options TEXT NOT NULL, window_s INTEGER,
             UNIQUE(vendor, name), CHECK((rid IS NULL) <> (code IS NULL))) STRICT""",
        """CREATE TABLE serials(
             id INTEGER PRIMARY KEY, model INTEGER NOT NULL REFERENCES models(id), sn TEXT NOT NULL,
             extra TEXT NOT NULL, rid TEXT UNIQUE, UNIQUE(model, sn)) STRICT""",
        "CREATE INDEX serials_in_order ON serials(model, id)",
        """CREATE TABLE activations(
             id INTEGER PRIMARY KEY, model INTEGER NOT NULL REFERENCES models(id), sn TEXT NOT NULL,
             at INTEGER NOT NULL, peer TEXT NOT NULL, entry TEXT NOT NULL) STRICT""",
        "CREATE INDEX activations_by_serial ON activations(model, sn)",
    ):
        db.execute(statement)


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
        self._writer.close()
        with self._gate:
            for reader in self._readers:
                reader.conn.close()
            self._readers.clear()
