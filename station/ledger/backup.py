"""Copies of the ledger.

A copy is made while the station works (SQLite's online backup), beside its
place, flushed and renamed: it is whole or absent, and needs no other file.
Neither the escrow nor the token is in it.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from station.database import connect, translated
from station.errors import DatabaseFailed
from station.ledger.files import flush, remove
from station.ledger.sound import verify_pages
from station.ledger.witness import Head, testimony, verify_head

_FORM = "ledger-%Y%m%dT%H%M%SZ.db"
_HALF = ".new"
_HALF_OLD_S = 86_400.0
"""Nobody works on a half copy for so long: whoever made it was killed."""
_ROOM = 64 << 20
"""Bytes that a copy leaves free, since it may lie on the disk that the records of the next board need."""
_OF_THE_SOURCE = tuple(
    f"SQLITE_{name}" for name in ("BUSY", "CANTOPEN", "IOERR_READ", "IOERR_SHORT", "LOCKED", "READONLY")
)
"""How the errors begin that are about what is copied; the others are about the copy."""


def backups(folder: Path) -> list[Path]:
    """Return the backups in a folder, oldest first."""
    return sorted(path for path in folder.glob("ledger-????????T??????Z.db") if _taken(path) is not None)


def newest(folder: Path, now: float) -> tuple[Path, float] | None:
    """Return the newest backup in a folder and how old it is, in seconds; None if there is none.

    One that says that it is of the future was made by a clock that was wrong: how old it is nobody knows.
    """
    past = [(taken, path) for path in backups(folder) if (taken := _taken(path)) is not None and taken <= now]
    if not past:
        return None
    taken, path = max(past)
    return path, now - taken


def back_up(ledger: Path, folder: Path, keep: int) -> Path:
    """Copy a ledger into a folder, keep the newest ``keep`` copies there, and return the new one.

    The folder is made only beside the ledger: one elsewhere that isn't there is on a disk that isn't mounted.

    Raises ``DatabaseError``; what was there before is there still then.
    """
    place = folder / datetime.now(UTC).strftime(_FORM)
    try:
        if folder.parent == ledger.parent:
            folder.mkdir(exist_ok=True, mode=0o750)
        elif not folder.is_dir():
            hint = "no such folder; is its disk mounted? If it is new, make the folder"
            raise DatabaseFailed(f"{folder}: no backup can be made: {hint}")
        _sweep(folder)
        _refuse_narrow(ledger, folder)
        copy(ledger, place, testimony(ledger))
        others = [path for path in backups(folder) if path != place]
        for old in others[: max(0, len(others) + 1 - keep)]:
            old.unlink(missing_ok=True)
    except OSError as error:
        raise DatabaseFailed(f"{folder}: no backup can be made: {error.strerror}") from error
    return place


def copy(source: Path, place: Path, seen: Head | None = None) -> None:
    """Copy a ledger, with what is only in its journal, into one file that needs no other, is sound, and holds ``seen``.

    Raises ``DatabaseError``, ``OSError``; nothing is left of a copy that failed.
    """
    half = place.with_name(f"{place.name}.{os.getpid()}{_HALF}")
    remove(half)
    os.close(os.open(half, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    try:
        _fill(source, half, seen)
        flush(half)
        half.rename(place)
    except BaseException:
        with suppress(OSError):
            remove(half)
        raise
    flush(place.parent)


def _fill(source: Path, half: Path, seen: Head | None) -> None:
    with (
        translated(source),
        closing(connect(source).conn) as theirs,
        closing(sqlite3.connect(half)) as ours,
    ):
        try:
            # All pages at once, which keeps nobody from writing (WAL): in parts, each write would begin it anew.
            theirs.backup(ours, pages=-1, progress=_give_up(source))
        except sqlite3.OperationalError as error:
            if (error.sqlite_errorname or "").startswith(_OF_THE_SOURCE):
                raise
            raise DatabaseFailed(f"{half.parent}: no backup can be made: {error}") from error
        with translated(half):
            ours.execute("PRAGMA journal_mode=DELETE")
        try:
            verify_pages(source, ours)  # or a damaged copy would take the place of a good one
            verify_head(source, ours, seen)
        except DatabaseFailed as error:
            raise DatabaseFailed(f"{half.parent}: the backup can't be read again: {error.text}") from error


def _give_up(source: Path) -> Callable[[int, int, int], None]:
    """Return what ends a backup of a file that somebody has locked: by itself it would wait for ever."""

    def step(status: int, remaining: int, total: int) -> None:
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise DatabaseFailed(f"{source}: another program has locked it")

    return step


def _refuse_narrow(ledger: Path, folder: Path) -> None:
    """Raise ``DatabaseFailed`` if a copy would fill the disk: it must not stop the line that it is made for."""
    needed = ledger.stat().st_size + _ROOM
    if (free := shutil.disk_usage(folder).free) < needed:
        need, have = (-(-needed >> 20), free >> 20)
        raise DatabaseFailed(f"{folder}: no backup can be made: it needs {need} MiB of room, and {have} are free")


def _sweep(folder: Path) -> None:
    """Remove what killed processes have left half made."""
    for half in folder.glob(f"ledger-*{_HALF}"):
        with suppress(FileNotFoundError):
            if time.time() - half.stat().st_mtime > _HALF_OLD_S:
                remove(half)


def _taken(backup: Path) -> float | None:
    """Return when a backup was made, by its name, seconds since 1970; None for another file's name."""
    try:
        return datetime.strptime(backup.name, _FORM).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
