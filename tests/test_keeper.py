"""The keeper tries again, whatever happens to it, and says when a copy is there after all."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from station import keeper
from station.keeper import BackupFailed, Keeper
from station.ledger import Ledger
from station.ledger.backup import backups

LIMIT_S = 60
"""Far more than anything here needs, on the busiest machine."""


def until(so: Callable[[], object]) -> None:
    ends = time.monotonic() + LIMIT_S
    while not so():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_a_warning_is_over_once_a_copy_is_there_whoever_made_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "_AGAIN_S", 0.02)
    path, folder = tmp_path / "ledger.db", tmp_path / "copies"
    told: list[BackupFailed | None] = []
    folder.touch()  # no folder
    with closing(Ledger(path, "0123456789abcdef")):
        kept = Keeper(path, folder, 3, told.append)
        kept.start()
        until(lambda: len(told) > 1)
        assert all(fault is not None and fault.text.startswith(f"{folder}: no backup") for fault in told)
        folder.unlink()
        until(lambda: told[-1] is None)
        kept.stop()
        assert len(backups(folder)) == 1
        told.clear()
        again = Keeper(path, folder, 3, told.append)
        again.start()
        until(lambda: told)
        again.stop()
        assert told == [None] and len(backups(folder)) == 1


def test_what_nobody_has_foreseen_is_told_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "_AGAIN_S", 0.02)
    attempts: list[Path] = []

    def fails(ledger: Path, folder: Path, keep: int) -> Path:
        attempts.append(ledger)
        raise ValueError("unforeseen")

    monkeypatch.setattr(keeper, "back_up", fails)
    told: list[BackupFailed | None] = []
    kept = Keeper(tmp_path / "ledger.db", tmp_path, 3, told.append)
    kept.start()
    until(lambda: len(attempts) > 2)
    kept.stop()
    assert told[0] is not None and "unforeseen" in told[0].text


def test_one_that_was_never_started_can_be_stopped(tmp_path: Path) -> None:
    Keeper(tmp_path / "ledger.db", tmp_path, 3, lambda fault: None).stop()
