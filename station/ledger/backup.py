"""Copies of the ledger, and what becomes of it when one of them is put back.

A copy is made while the station works (SQLite's online backup), beside its
place, flushed and renamed: it is whole or absent, and needs no other file.
Neither the escrow nor the token is in it.

A copy that is put back knows nothing of what came after it, which the fleet
and the boards do.  So the restored ledger says so in an event ``restore``,
and what it held open is closed there; ``History.lost`` is the rest.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from station import clock
from station.database import translated
from station.errors import DatabaseFailed, SettingsError
from station.judgements import NotInRecords
from station.ledger.read import Reader
from station.ledger.sound import verify_chain, verify_pages
from station.ledger.write import Ledger
from station.model import Closing, Outcome

_FORM = "ledger-%Y%m%dT%H%M%SZ.db"
_JOURNALS = ("-wal", "-shm")
_PAGES = 1024
"""So many are copied at once, so that nobody who writes waits for long."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore has done."""

    lost_from: int
    """UTC microseconds: the last thing that the backup knows;"""
    lost_until: int
    """and the restore."""
    closed: tuple[int, ...]
    """The cycles that were open in the backup, and can't be gone on with."""
    aside: Path | None
    """Where the ledger is now that was there before; None if there was none."""


def backups(folder: Path) -> list[Path]:
    """Return the backups in a folder, oldest first."""
    return sorted(folder.glob("ledger-????????T??????Z.db")) if folder.is_dir() else []


def back_up(ledger: Path, folder: Path, keep: int) -> Path:
    """Copy a ledger into a folder, keep the newest ``keep`` copies there, and return the new one.

    Raises ``DatabaseError``; what was there before is there still then.
    """
    place = folder / datetime.now(UTC).strftime(_FORM)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        _copy(ledger, place)
        for old in backups(folder)[:-keep]:
            old.unlink()
    except OSError as error:
        raise DatabaseFailed(f"{folder}: no backup can be made: {error.strerror}") from error
    return place


def restore(backup: Path, ledger: Path, station: str) -> Restored:
    """Put a backup in the ledger's place; whoever calls owns the state folder.

    The ledger that was there is kept beside, whatever state it is in.
    Raises ``DatabaseError``, ``SettingsError`` for a backup that is none of this station's; nothing is changed then.
    """
    fresh = ledger.with_name(f"{ledger.name}.restored")
    try:
        _remove(fresh)
        _copy(_known(backup), fresh)
        with closing(sqlite3.connect(f"{fresh.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            verify_chain(fresh, connection)
            _refuse_strange(backup, connection, station)
        lost_from, closed = _say_so(fresh, backup, station)
        marker = restoring(ledger)
        marker.write_text(f"{backup}\n")
        _flush(marker.parent)
        aside = _aside(ledger)
        fresh.rename(ledger)
        marker.unlink()
        _flush(ledger.parent)
    except OSError as error:
        raise DatabaseFailed(f"{ledger}: can't be restored: {error.strerror}") from error
    return Restored(lost_from, clock.now_us(), closed, aside)


def refuse_lost(ledger: Path, escrow: Path) -> None:
    """Raise ``DatabaseFailed`` if a ledger that was there is gone: a new one in its place would know no board."""
    if restoring(ledger).exists():
        raise DatabaseFailed(f"{ledger}: a restore was interrupted; begin it again: station restore")
    if not ledger.exists() and (escrow / "digest.key").exists():
        raise DatabaseFailed(f"{ledger} was here and is gone; put a backup in its place: station restore")


def restoring(ledger: Path) -> Path:
    """Return the file that is there while a ledger is exchanged, and after a restore that was cut."""
    return ledger.with_name(f"{ledger.name}.restoring")


def _known(backup: Path) -> Path:
    if not backup.is_file():
        raise SettingsError(f"{backup}: there is no such backup")
    return backup


def _refuse_strange(backup: Path, connection: sqlite3.Connection, station: str) -> None:
    with translated(backup):
        owners = {row[0] for row in connection.execute("SELECT DISTINCT station FROM events")}
    if strange := owners - {station}:
        raise SettingsError(f"{backup} is the ledger of another station, {', '.join(sorted(strange))}")


def _say_so(fresh: Path, backup: Path, station: str) -> tuple[int, tuple[int, ...]]:
    """Write into the new ledger what is lost, and close what can't be gone on with."""
    with closing(Ledger(fresh, station)) as ledger:  # the last to close, so that all of it is in the one file
        with closing(Reader(fresh)) as reader:
            lost_from, number = reader.latest(), reader.last_number()
            # PENDING boards stay: the fleet is asked for them before it is told anything.
            cut = [row for row in map(reader.cycle, reader.open_cycles()) if row.released_at is None]
        span = {"lost_from": clock.iso(lost_from), "lost_until": clock.iso(clock.now_us())}
        ledger.note("restore", {"backup": backup.name, "cycles": number, **span})
        text = f"open when the ledger was lost; what came of it after {clock.iso(lost_from)} is not known"
        for row in cut:
            ledger.removed(ledger.close_cycle(row, Closing(Outcome.ERROR, NotInRecords.code, text), {}, 0))
    if left := [file.name for file in _files(fresh) if file != fresh]:
        raise DatabaseFailed(f"{fresh}: {' and '.join(left)} are still there")
    return lost_from, tuple(row.id for row in cut)


def _copy(source: Path, place: Path) -> None:
    """Copy a database, with what is only in its journal, into one file that needs no other, and is sound."""
    half = place.with_name(f"{place.name}.new")
    _remove(half)
    os.close(os.open(half, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    with (
        translated(source),
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as theirs,
        closing(sqlite3.connect(half)) as ours,
    ):
        theirs.backup(ours, pages=_PAGES)
        ours.execute("PRAGMA journal_mode=DELETE")
        verify_pages(source, ours)  # or a damaged copy would take the place of a good one
    with half.open("rb") as file:
        os.fsync(file.fileno())
    half.rename(place)
    _flush(place.parent)


def _aside(ledger: Path) -> Path | None:
    """Move a ledger and its journals out of the way, together."""
    if not ledger.exists():
        return None
    aside = ledger.with_name(datetime.now(UTC).strftime("ledger-before-restore-%Y%m%dT%H%M%S%fZ.db"))
    for file in _files(ledger):
        file.rename(f"{aside}{file.name.removeprefix(ledger.name)}")
    _flush(ledger.parent)
    return aside


def _remove(file: Path) -> None:
    for one in _files(file):
        one.unlink()


def _files(database: Path) -> Iterator[Path]:
    """Yield a database's files, as far as they are there; the journals first, without which it is another one."""
    for name in (*(f"{database.name}{suffix}" for suffix in _JOURNALS), database.name):
        if (file := database.with_name(name)).exists():
            yield file


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
