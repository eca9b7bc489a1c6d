"""A real station in a process of its own, killed when it has said so many lines; and what must be true afterwards."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

GENESIS = bytes(32)


def killed_after(lines: int, *arguments: str) -> bool:
    """Run ``station`` until its journal has that many lines, and SIGKILL it then; False if it had ended by itself.

    Journal lines are what each step begins with, so no clock decides where the kill falls.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "station", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process, process.stderr:
        for _ in range(lines):
            if not process.stderr.readline():
                return False
        os.kill(process.pid, signal.SIGKILL)
        process.stderr.read()  # its far end has the pipe, too, and is gone when the pipe ends
    return process.returncode == -signal.SIGKILL


def completed(*arguments: str, limit_s: float = 60) -> subprocess.CompletedProcess[str]:
    """Run ``station`` to its end."""
    command = [sys.executable, "-m", "station", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)


def rows(database: Path, sql: str) -> list[tuple[Any, ...]]:
    """Ask a database file, which nobody has open."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


def assert_chain_is_whole(ledger: Path) -> None:
    """Hash the stored text anew, as the ledger's documentation says, with none of its code."""
    before = GENESIS
    columns = "id, at, clock, station, boot, kind, cycle, actor, body"
    events = rows(ledger, f"SELECT {columns}, previous, hash FROM events ORDER BY id")
    assert [event[0] for event in events] == list(range(1, len(events) + 1))
    for *values, previous, hashed in events:
        text = "\t".join("" if value is None else str(value) for value in values)
        assert previous == before
        assert hashed == sha256(before + text.encode()).digest()
        before = hashed


def assert_all_agree(folder: Path, boards: int) -> None:
    """Ledger, fleet and boards tell the same of every board, and no key is left over."""
    ledger, fleet = folder / "ledger.db", folder / "fleet.db"
    passed = dict(rows(ledger, "SELECT serial, rid FROM cycles WHERE outcome = 'PASS'"))
    assert rows(ledger, "SELECT COUNT(*) FROM cycles WHERE outcome = 'PASS'") == [(boards,)], "a board passed twice"
    assert len(passed) == boards
    assert rows(ledger, "SELECT COUNT(*) FROM cycles WHERE closed_at IS NULL") == [(0,)]
    enabled = rows(
        fleet,
        """SELECT serials.sn, clients.rid, clients.cik, clients.phase FROM serials
        JOIN clients ON clients.rid = serials.rid""",
    )
    assert {serial: rid for serial, rid, _, _ in enabled} == passed
    assert {phase for *_, phase in enabled} == {"activated"}
    strays = "SELECT COUNT(*) FROM clients WHERE name LIKE 'SIM-%' AND rid NOT IN (SELECT rid FROM serials)"
    assert rows(fleet, strays) == [(0,)], "a serial number has had two clients"
    for serial, rid, cik, _ in enabled:
        flash = json.loads((folder / "far-end" / "boards" / f"{serial}.json").read_text())
        assert (flash["serial#"], flash["fleet_rid"], flash["fleet_key"]) == (serial, rid, cik)
    assert [path.name for path in (folder / "escrow").iterdir()] == ["digest.key"]
    assert_chain_is_whole(ledger)
