"""The state folder, the ledger in it, and the disk below it."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from drivers.ports import holders
from station import words
from station.check.finding import Finding, Level, fail, ok, warn
from station.database import traceless, translated, unknown_migrations
from station.errors import DatabaseError, DatabaseFailed, DatabaseNewer
from station.keeper import DAY_S
from station.ledger.backup import newest
from station.ledger.read import LATEST
from station.ledger.restore import refuse_lost
from station.ledger.schema import migrations
from station.ledger.sound import verify_chain, verify_pages
from station.ledger.witness import Head, testimony, verify_head
from station.settings import Settings

_MIB = 1 << 20
_FULL, _NEARLY_FULL = 64 * _MIB, 1024 * _MIB
_NO_FILES, _FEW_FILES = 100, 10_000
_LONGEST_S = 10.0
"""For looking through a ledger."""
_EVENTS = 10_000
"""So many events, the newest ones, are hashed again."""
_OLD_DAYS = 2.0
_TABLES = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_sqlite\\_%' ESCAPE '\\'"
"""How many the ledger has, without those of what makes them."""


def running(settings: Settings) -> int | None:
    """Return the process of the station that has this state folder, if one runs."""
    lock = settings.path(settings.state) / "lock"
    by = holders(str(lock)).by
    return by[0].pid if by else None


def check(settings: Settings, running: int | None) -> tuple[int | None, list[Finding]]:
    """Return the latest time that the ledger holds (UTC microseconds), and what was found."""
    folder = settings.path(settings.state)
    state, disk = _folder(folder, running), _disk(_nearest(folder))
    if state.level is Level.FAIL or not os.path.exists(folder):
        return None, [state, *disk]
    last, ledger = _ledger(folder / "ledger.db", folder / "escrow")
    return last, [state, ledger, *_backup(settings.backups, folder / "ledger.db"), *disk]


def _nearest(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that is there and can be seen."""
    return next(place for place in (folder, *folder.parents) if os.path.exists(place))


def _folder(folder: Path, running: int | None) -> Finding:
    nearest = _nearest(folder)
    if not os.access(nearest, os.W_OK | os.X_OK, effective_ids=True):
        return fail("state", f"{nearest} can't be written to by this user", "give it to the station's user: chown")
    if nearest != folder:
        return ok("state", f"{folder} will be made")
    owner = folder.stat().st_uid
    if os.geteuid() == 0 and owner != 0:
        return warn(
            "state",
            f"{folder} belongs to another user (uid {owner}), and root may do more than that one",
            "run this check as the station's user",
        )
    return ok("state", f"{folder}: " + (f"in use by the running station, process {running}" if running else "free"))


def _ledger(path: Path, escrow: Path) -> tuple[int | None, Finding]:
    try:
        refuse_lost(path, escrow)
    except DatabaseError as fault:
        return None, fail("ledger", fault.text, "docs/backup.md says how")
    if not os.path.exists(path):
        return None, ok("ledger", f"{path} will be made")
    if not os.access(path, os.W_OK, effective_ids=True):
        return None, fail("ledger", f"{path} can't be written to by this user", "give it to the station's user: chown")
    try:
        seen = testimony(path)  # first: a running station goes on writing
        with closing(traceless(path)) as connection, translated(path):
            return _verified(path, connection, seen)
    except DatabaseError as fault:
        return None, fail("ledger", fault.text, words.advice(fault.code))


def _verified(path: Path, connection: sqlite3.Connection, seen: Head | None) -> tuple[int | None, Finding]:
    if strange := unknown_migrations(connection, migrations):
        raise DatabaseNewer(f"{path} was made by a later version of this program (it has {strange[-1]!r})")
    verify_head(path, connection, seen)
    if not connection.execute(_TABLES).fetchone()[0]:
        return None, ok("ledger", f"{path} is empty and will be filled")  # a station was ended while it made it
    until = time.monotonic() + _LONGEST_S
    connection.set_progress_handler(lambda: int(time.monotonic() > until), 100_000)
    try:
        verify_pages(path, connection)
        verify_chain(path, connection, _EVENTS)
        last = connection.execute(LATEST).fetchone()[0] or None
        passed = connection.execute("SELECT COUNT(*) FROM boards WHERE passed_cycle IS NOT NULL").fetchone()[0]
        unfinished = connection.execute("SELECT COUNT(*) FROM cycles WHERE closed_at IS NULL").fetchone()[0]
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorname", "") != "SQLITE_INTERRUPT":
            raise
        return None, warn("ledger", f"{path} is too large to be looked through in {_LONGEST_S:g} s", "archive it")
    return last, ok("ledger", f"{path}: sound; {passed} boards passed, {unfinished} cycles open")


def _backup(folder: Path, ledger: Path) -> Iterator[Finding]:
    """Say how old the newest copy of the ledger is, if there is a ledger."""
    if not ledger.exists():
        return
    found = newest(folder, time.time())
    if found is None:
        yield warn("backup", f"there is no copy of the ledger in {folder}", "make one: station backup")
        return
    days = found[1] / DAY_S
    text = f"{found[0]} is {days:.1f} days old"
    old = days > _OLD_DAYS
    yield (
        warn("backup", text, "why does none follow? see the journal; make one: station backup")
        if old
        else ok("backup", text)
    )


def _disk(place: Path) -> Iterator[Finding]:
    try:
        facts = os.statvfs(place)
    except OSError as error:
        yield fail("disk", f"{place}: {error.strerror}", words.advice(DatabaseFailed.code))
        return
    free = facts.f_bavail * facts.f_frsize
    text = f"{free / (1 << 30):.1f} GiB free for {place}"
    if facts.f_flag & os.ST_RDONLY:
        yield fail("disk", f"the disk of {place} is read-only", "mount it for writing; was it damaged?")
    elif free < _FULL:
        yield fail("disk", text, "make room before anything else")
    elif free < _NEARLY_FULL:
        yield warn("disk", text, "make room soon")
    elif facts.f_files and facts.f_favail < _FEW_FILES:
        level = fail if facts.f_favail < _NO_FILES else warn
        yield level("disk", f"{text}, but only {facts.f_favail} more files fit", "delete files that nobody needs")
    else:
        yield ok("disk", text)
