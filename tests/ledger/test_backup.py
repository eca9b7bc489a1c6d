"""Copies of a ledger: whole or absent, made while it is written, and never in the way of what they are for."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace

import pytest
from ledger_floor import STATION

from station.errors import DatabaseCorrupt, DatabaseFailed
from station.ledger import Ledger
from station.ledger.backup import back_up, backups, newest

LIMIT_S = 60
"""Far more than anything here needs, on the busiest machine."""


def fill(ledger: Ledger, mebibytes: int) -> None:
    with ledger._writer.together():
        for _ in range(mebibytes * 16):
            ledger.note("padding", {"text": "x" * (1 << 16)})


def events(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM events").fetchone()[0])


def test_a_copy_gets_done_while_the_line_writes_without_a_pause(ledger: Ledger, path: Path, tmp_path: Path) -> None:
    """In parts, each write would begin it anew, and a large ledger's would never end."""
    fill(ledger, 64)
    enough, copied = Event(), Event()

    def write() -> None:
        while not enough.is_set():
            ledger.note("port", {})

    def copy() -> None:
        back_up(path, tmp_path / "copies", 3)
        copied.set()

    threads = [Thread(target=write), Thread(target=copy)]
    for thread in threads:
        thread.start()
    done = copied.wait(LIMIT_S / 2)
    enough.set()
    for thread in threads:
        thread.join()
    assert done
    (made,) = backups(tmp_path / "copies")
    assert events(made) >= 64 * 16


SMALL_FILES = """
import resource, signal, sys
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
from station.errors import DatabaseFailed
from station.ledger.backup import back_up
try:
    back_up(Path(sys.argv[1]), Path(sys.argv[2]), 3)
except DatabaseFailed as fault:
    print(fault.text)
"""


def test_a_copy_that_does_not_fit_leaves_nothing_and_names_its_folder(
    ledger: Ledger, path: Path, tmp_path: Path
) -> None:
    fill(ledger, 1)
    folder = tmp_path / "copies"
    command = [sys.executable, "-c", SMALL_FILES, str(path), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=True)
    assert done.stdout.startswith(f"{folder}: no backup can be made: ")
    assert list(folder.iterdir()) == []


def test_a_copy_that_would_fill_the_disk_is_not_begun(
    ledger: Ledger, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=64 << 20))
    with pytest.raises(DatabaseFailed, match=r"copies: .* it needs 65 MiB of room, and 64 are free"):
        back_up(path, tmp_path / "copies", 3)
    assert list((tmp_path / "copies").iterdir()) == []


def test_what_a_killed_process_left_half_made_is_removed_and_what_another_one_makes_is_not(
    ledger: Ledger, path: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    left, made = (folder / f"ledger-20260101T000000Z.db.{pid}.new" for pid in (1, 2))
    left.touch()
    made.touch()
    os.utime(left, (0, 0))
    back_up(path, folder, 3)
    assert not left.exists() and made.exists()


def test_a_new_copy_stays_also_among_those_that_a_wrong_clock_has_named(
    ledger: Ledger, path: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    for day in (1, 2, 3):
        (folder / f"ledger-2099010{day}T000000Z.db").touch()
    made = back_up(path, folder, 2)
    assert backups(folder) == [made, folder / "ledger-20990103T000000Z.db"]
    found = newest(folder, time.time())
    assert found is not None and found[0] == made and 0 <= found[1] < LIMIT_S


def test_other_files_are_no_backups(tmp_path: Path) -> None:
    for name in ("ledger-99999999T999999Z.db", "ledger-before-restore-20260101T000000Z.db", "notes.db"):
        (tmp_path / name).touch()
    assert backups(tmp_path) == [] and newest(tmp_path, time.time()) is None
    assert backups(tmp_path / "nowhere") == []


@pytest.mark.slow
def test_a_ledger_that_somebody_has_locked_is_not_waited_for_without_end(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Ledger(path, STATION).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=DELETE")  # as whoever looks into it with a tool may leave it
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseFailed, match=r"ledger\.db: "):
            back_up(path, tmp_path / "copies", 3)
    assert list((tmp_path / "copies").iterdir()) == []


def test_a_ledger_that_was_set_back_takes_no_good_copys_place(tmp_path: Path) -> None:
    path, folder = tmp_path / "ledger.db", tmp_path / "copies"
    with closing(Ledger(path, STATION)) as ledger:
        ledger.note("port", {})
    older = path.read_bytes()
    with closing(Ledger(path, STATION)) as ledger:
        ledger.note("port", {})
    good = back_up(path, folder, 1)
    path.write_bytes(older)
    with pytest.raises(DatabaseCorrupt, match="ends with event 1, and had 2"):
        back_up(path, folder, 1)
    assert list(folder.iterdir()) == [good]
