"""What can be known of a ledger without believing it: a file beside it that says how far it had come.

SQLite takes a ledger whose journal was deleted, or in whose place an older
copy lies, for a sound one: it is, and knows nothing of the boards made since.
A station that believed it would make them anew, and kill the keys that they
were shipped with.

The witness is not flushed to the disk, so it costs a commit nothing.  It is
written after the commit, which is flushed: after a power cut it may be behind
its ledger, and never ahead.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
from pathlib import Path

from station.database import translated
from station.errors import DatabaseCorrupt, DatabaseFailed

log = logging.getLogger(__name__)

_LINE = re.compile(rb"([0-9]{20}) ([0-9a-f]{64})\n")

Head = tuple[int, bytes]
"""Number and hash of a ledger's last event."""


def witness_of(ledger: Path) -> Path:
    """Return where the witness of a ledger is."""
    return ledger.with_name(f"{ledger.name}-head")


def testimony(ledger: Path) -> Head | None:
    """Return what was once the last event of a ledger; None where nobody knows."""
    try:
        found = _LINE.fullmatch(witness_of(ledger).read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DatabaseFailed(f"{witness_of(ledger)}: can't be read: {error.strerror}") from error
    return (int(found[1]), bytes.fromhex(found[2].decode())) if found else None  # a power cut leaves anything


def verify_head(ledger: Path, connection: sqlite3.Connection, seen: Head | None) -> None:
    """Make sure that a ledger still holds what was seen in it; raises ``DatabaseCorrupt``."""
    if seen is None or seen[0] == 0:
        return
    with translated(ledger):
        begun = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'events'").fetchone()
        last = connection.execute("SELECT MAX(id) FROM events").fetchone()[0] or 0 if begun else 0
        held = connection.execute("SELECT hash FROM events WHERE id = ?", [seen[0]]).fetchone() if last else None
    if held is None:
        raise DatabaseCorrupt(
            f"{ledger} ends with event {last}, and had {seen[0]}: its journal ({ledger.name}-wal) was removed, or an "
            "older copy was put in its place"
        )
    if held[0] != seen[1]:
        raise DatabaseCorrupt(f"{ledger}: event {seen[0]} is another one than was written; it is another ledger")


class Witness:
    """Sees to it that a ledger that is open stays where it is, and notes how far it has come."""

    def __init__(self, ledger: Path) -> None:
        """``ledger`` is open, and has been read; raises ``DatabaseFailed``."""
        try:
            self._file = os.open(witness_of(ledger), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise DatabaseFailed(f"{witness_of(ledger)}: can't be written: {error.strerror}") from error
        self._files = {str(path): _identity(str(path)) for path in (ledger, ledger.with_name(f"{ledger.name}-wal"))}
        self._mute = False

    def guard(self) -> None:
        """Raise ``DatabaseFailed`` if what is written now goes into files that nobody will find any more."""
        for path, opened in self._files.items():
            if opened is not None and _identity(path) != opened:
                raise DatabaseFailed(f"{path} was removed or replaced while the station works")

    def note(self, head: Head) -> None:
        """Note how far the ledger has come; that this fails stops nobody."""
        try:
            os.pwrite(self._file, b"%020d %s\n" % (head[0], head[1].hex().encode()), 0)
        except OSError as error:
            if not self._mute:
                log.warning("the ledger's witness can't be written: %s", error.strerror)
            self._mute = True

    def close(self) -> None:
        """Note nothing more; may be called again."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1


def _identity(path: str) -> tuple[int, int] | None:
    try:
        facts = os.stat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DatabaseFailed(f"{path}: {error.strerror}") from error
    return facts.st_dev, facts.st_ino
