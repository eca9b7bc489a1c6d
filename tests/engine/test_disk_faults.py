"""The disk is full, the ledger locked, read-only or damaged: the line stops before a verdict, and goes on after."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from engine_floor import Floor
from engine_world import STATION
from needed import missing

from station.errors import DatabaseCorrupt, EscrowFailed
from station.escrow import Escrow
from station.ledger.backup import back_up
from station.ledger.restore import restore
from station.model import Outcome, Phase

pytestmark = pytest.mark.slow

ALARM = "RECORDS CAN'T BE WRITTEN"


def ledger_of(floor: Floor) -> Path:
    return floor.folder / "state" / "ledger.db"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep a database locked, as a program that looks into it may."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield


def test_a_ledger_that_is_locked_stops_the_line_without_a_verdict_and_nothing_is_lost(floor: Floor) -> None:
    watcher = floor.start()
    watcher.wait_for(lambda: floor.bench is not None and floor.bench.line().fleet == "ok")
    with locked(ledger_of(floor)):
        floor.insert()
        watcher.wait_for(lambda: floor.bench is not None and floor.bench.line().stopped_code == "database-failed")
        assert floor.bench is not None and ALARM in floor.bench.line().stopped
        assert [view for view in watcher.views if view.outcome] == [] and watcher.finished == []
    floor.stop()
    floor.remove()  # it has booted beyond where a station can stop it
    watcher = floor.start()
    floor.insert()
    assert watcher.wait_finished().outcome is Outcome.PASS


def test_a_ledger_that_is_locked_in_the_middle_of_a_cycle_goes_on_where_it_was(floor: Floor) -> None:
    watcher = floor.start()
    assert floor.client is not None
    held = locked(ledger_of(floor))
    floor.client.before("activate", held.__enter__)
    floor.insert()
    watcher.wait_for(lambda: floor.bench is not None and floor.bench.line().stopped_code == "database-failed")
    assert watcher.finished == []
    held.__exit__(None, None, None)
    floor.stop()
    assert floor.start().wait_finished().outcome is Outcome.PASS
    assert floor.ledger("SELECT COUNT(*) FROM cycles") == [(1,)]
    entry = floor.entry("SIM-00000001")
    assert entry is not None and floor.flash()["fleet_key"] == entry[1]


FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = int(sys.argv.pop())
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from station.cli import main
main()
"""
"""A station none of whose files may grow beyond a limit, which is what a full disk is to SQLite."""


def test_a_full_disk_stops_the_line_with_a_sentence_and_no_verdict(floor: Floor) -> None:
    floor.start()
    floor.stop()
    # Room for nothing but what is there: the journal can't grow by a page.
    largest = max(path.stat().st_size for path in (floor.folder / "state").rglob("*") if path.is_file())
    command = [
        sys.executable,
        "-c",
        FULL,
        "run",
        "--config",
        str(floor.config),
        "--headless",
        "--json",
        "--boards",
        "1",
    ]
    floor.insert()
    process = subprocess.Popen([*command, str(largest // 4)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None and process.stdout is not None
    with process:
        said = []
        for line in process.stderr:
            said.append(line)
            if "line stopped" in line or "station:" in line:
                break
        process.terminate()
        printed = process.stdout.read()
    assert re.search(r"(line stopped: database-failed|station): .*ledger\.db: .*(full|I/O error)", said[-1]), said
    assert '"outcome":' not in printed, "a verdict that is nowhere recorded"
    assert floor.start().wait_finished().outcome is Outcome.PASS


def test_a_state_folder_that_became_read_only_is_told_at_the_start(floor: Floor) -> None:
    """As a damaged disk is mounted again after a power cut."""
    floor.start()
    floor.stop()
    state = floor.folder / "state"
    read_only = f"mount --bind {state} {state} && mount -o remount,ro,bind {state} && exec "
    station = f"{sys.executable} -m station run --config {floor.config} --headless"
    done = subprocess.run(
        [shutil.which("unshare") or missing("no unshare"), "-rm", "sh", "-c", read_only + station],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert re.search(rf"station: {re.escape(str(state))}.*[Rr]ead-only", done.stderr), done.stderr


@pytest.mark.parametrize("how", ["overwritten", "cut", "no database"])
def test_a_damaged_ledger_is_told_and_never_overwritten(how: str, floor: Floor) -> None:
    watcher = floor.start()
    floor.insert()
    watcher.wait_finished()
    floor.stop()
    path = ledger_of(floor)
    copy = back_up(path, floor.folder / "copies", 1)
    content = bytearray(path.read_bytes())
    if how == "overwritten":
        content[4096:] = os.urandom(len(content) - 4096)
    elif how == "cut":
        del content[len(content) // 2 :]
    else:
        content[:16] = b"\0" * 16
    path.write_bytes(content)
    with pytest.raises(DatabaseCorrupt, match=r"ledger\.db: .*; it is left as it is; put a backup in its place"):
        floor.start()
    assert path.read_bytes() == content
    done = restore(copy, path, STATION)
    assert done.aside is not None and done.aside.read_bytes() == content
    floor.remove()
    watcher = floor.start()
    floor.insert(number=2)
    assert watcher.wait_finished().outcome is Outcome.PASS


RUN = [sys.executable, "-m", "station", "run", "--headless", "--json", "--config"]


def test_a_journal_that_was_deleted_after_a_kill_is_missed_and_no_board_is_made_anew(floor: Floor) -> None:
    floor.start()
    floor.stop()
    copy = back_up(ledger_of(floor), floor.folder / "copies", 1)
    floor.insert()
    with subprocess.Popen([*RUN, str(floor.config)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None and b'"PASS"' in process.stdout.readline()
        process.kill()
    before = floor.entry("SIM-00000001")
    ledger_of(floor).with_name("ledger.db-wal").unlink()
    left = ledger_of(floor).read_bytes()
    with pytest.raises(
        DatabaseCorrupt, match=r"its journal \(ledger\.db-wal\) was removed.* put a backup in its place"
    ):
        floor.start()
    assert ledger_of(floor).read_bytes() == left
    restore(copy, ledger_of(floor), STATION)
    assert floor.start().wait_finished().error == "not-in-records"
    assert floor.entry("SIM-00000001") == before


def test_a_journal_that_is_deleted_while_the_station_works_stops_the_line_and_nothing_is_lost(floor: Floor) -> None:
    watcher = floor.start()
    floor.insert()
    watcher.wait_finished()
    floor.remove()
    watcher.wait_left("1")
    ledger_of(floor).with_name("ledger.db-wal").unlink()
    floor.insert(number=2)
    watcher.wait_for(lambda: floor.bench is not None and floor.bench.line().stopped_code == "database-failed")
    assert [finished.serial for finished in watcher.finished] == ["SIM-00000001"]
    floor.stop()
    floor.remove()
    watcher = floor.start()
    floor.insert(number=2)
    assert watcher.wait_finished().outcome is Outcome.PASS
    passed = floor.ledger("SELECT serial FROM cycles WHERE outcome = 'PASS' ORDER BY serial")
    assert passed == [("SIM-00000001",), ("SIM-00000002",)]


def test_a_ledger_that_is_damaged_while_the_station_works_stops_the_line(floor: Floor) -> None:
    watcher = floor.start()
    floor.insert()
    watcher.wait_finished()
    path = ledger_of(floor)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        size = path.stat().st_size
        file.seek(4096)
        file.write(os.urandom(size - 4096))
    floor.remove()
    floor.insert(number=2)
    watcher.wait_for(
        lambda: floor.bench is not None and (floor.bench.line().stopped_code or "").startswith("database-")
    )
    assert [finished.serial for finished in watcher.finished] == ["SIM-00000001"]
    assert watcher.views[-1].phase in (Phase.HELD, Phase.RUNNING, Phase.EMPTY, Phase.REMOVE)


def test_a_full_disk_below_the_escrow_stops_the_line_at_the_first_board(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(escrow: Escrow, cycle: int, key: str) -> None:
        raise EscrowFailed("No space left on device")

    monkeypatch.setattr(Escrow, "put", full)
    watcher = floor.start()
    floor.insert()
    finished = watcher.wait_finished()
    assert (finished.outcome, finished.error) == (Outcome.ERROR, "escrow-failed")
    floor.remove()
    floor.insert(number=2)
    watcher.wait_phase("1", Phase.HELD)
    assert floor.bench is not None and floor.bench.line().stopped_code == "escrow-failed"
    assert floor.ledger("SELECT COUNT(*) FROM cycles") == [(1,)]
