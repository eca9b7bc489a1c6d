"""The files of a database on the disk, moved and removed together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_BESIDE = ("-wal", "-shm", "-head")


def there(database: Path) -> Iterator[Path]:
    """Yield a database's files, as far as they are there.

    The journals, and a ledger's witness, first: a database without its own journal is an older one, and with another's
    it is none at all.
    """
    for name in (*(f"{database.name}{suffix}" for suffix in _BESIDE), database.name):
        if (file := database.with_name(name)).exists():
            yield file


def remove(database: Path) -> None:
    """Remove a database, whatever there is of it."""
    for file in there(database):
        file.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Flush a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
