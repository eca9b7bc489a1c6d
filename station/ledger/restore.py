"""What becomes of the ledger when a backup is put back.

A backup knows nothing of what came after it, which the fleet and the boards
do.  So the restored ledger says so in an event ``restore``, and what it held
open is closed there; ``History.lost`` is the rest.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from station import clock
from station.database import connect, translated
from station.errors import DatabaseFailed, SettingsError
from station.judgements import NotInRecords
from station.ledger.backup import copy
from station.ledger.files import flush, remove, there
from station.ledger.read import Reader
from station.ledger.sound import verify_chain
from station.ledger.witness import witness_of
from station.ledger.write import Ledger
from station.model import Closing, Outcome


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


def restore(backup: Path, ledger: Path, station: str) -> Restored:
    """Put a backup in the ledger's place; whoever calls owns the state folder.

    The ledger that was there is kept beside, whatever state it is in.
    Raises ``DatabaseError``, ``SettingsError`` for a backup that is none of this station's; nothing is changed then.
    """
    fresh = ledger.with_name(f"{ledger.name}.restored")
    try:
        remove(fresh)
        copy(_known(backup), fresh)
        with closing(connect(fresh).conn) as connection:
            verify_chain(fresh, connection)
            _refuse_strange(backup, connection, station)
        lost, closed = _say_so(fresh, backup, station)
        aside = _exchange(ledger, fresh)
    except OSError as error:
        raise DatabaseFailed(f"{ledger}: can't be restored: {error.strerror}") from error
    return Restored(*lost, closed, aside)


def refuse_lost(ledger: Path, escrow: Path) -> None:
    """Raise ``DatabaseFailed`` if a ledger that was there is gone: a new one in its place would know no board."""
    if restoring(ledger).exists():
        raise DatabaseFailed(f"{ledger}: a restore was interrupted; begin it again: station restore")
    # Of an empty file SQLite makes a new database, and deletes the journal beside it.
    if (escrow / "digest.key").exists() and (not ledger.exists() or ledger.stat().st_size == 0):
        became = "is empty now" if ledger.exists() else "is gone"
        raise DatabaseFailed(f"{ledger} was here and {became}; put a backup in its place: station restore")


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


def _say_so(fresh: Path, backup: Path, station: str) -> tuple[tuple[int, int], tuple[int, ...]]:
    """Write into the new ledger what is lost, and close what can't be gone on with."""
    with closing(Ledger(fresh, station)) as ledger:  # the last to close, so that all of it is in the one file
        with closing(Reader(fresh)) as reader:
            lost, number = (reader.latest(), clock.now_us()), reader.last_number()
            # PENDING boards stay: the fleet is asked for them before it is told anything.
            cut = [row for row in map(reader.cycle, reader.open_cycles()) if row.released_at is None]
        since, until = map(clock.iso, lost)
        ledger.note("restore", {"backup": backup.name, "cycles": number, "lost_from": since, "lost_until": until})
        text = f"open when the ledger was lost; what came of it after {since} is not known"
        for row in cut:
            ledger.removed(ledger.close_cycle(row, Closing(Outcome.ERROR, NotInRecords.code, text), {}, 0))
    if left := [file.name for file in there(fresh) if file not in (fresh, witness_of(fresh))]:
        raise DatabaseFailed(f"{fresh}: {' and '.join(left)} are still there")
    return lost, tuple(row.id for row in cut)


def _exchange(ledger: Path, fresh: Path) -> Path | None:
    """Move the ledger out of the way and the new one in its place; return where the old one is, if there was one.

    No station starts in between: a marker says so, and where the files go, so that they stay together if this is cut
    and begun again.
    """
    marker = restoring(ledger)
    aside = _aside(ledger, marker)
    marker.write_text(aside.name)
    flush(marker)
    flush(marker.parent)
    # Whatever there is: a journal alone, whose ledger was deleted, would bring the old pages into the new one.
    for file in there(ledger):
        file.rename(f"{aside}{file.name.removeprefix(ledger.name)}")
    flush(ledger.parent)
    for file in there(fresh):
        file.rename(f"{ledger}{file.name.removeprefix(fresh.name)}")
    flush(ledger.parent)
    marker.unlink()
    flush(ledger.parent)
    return aside if aside.exists() else None


def _aside(ledger: Path, marker: Path) -> Path:
    """Return a free place for the ledger that was there; the one that a restore which was cut has begun to fill."""
    begun = marker.read_text().strip() if marker.exists() else ""
    if begun == Path(begun).name != "" and not (place := ledger.with_name(begun)).exists():
        return place
    return ledger.with_name(datetime.now(UTC).strftime("ledger-before-restore-%Y%m%dT%H%M%S%fZ.db"))
