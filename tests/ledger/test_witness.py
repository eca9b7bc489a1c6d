"""A ledger that was set back, by a journal that was deleted or by an older copy, is known by what lies beside it."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from ledger_floor import STATION

from station.errors import DatabaseCorrupt, DatabaseFailed
from station.ledger import Ledger
from station.ledger.witness import witness_of


def noted(path: Path, count: int) -> None:
    with closing(Ledger(path, STATION)) as ledger:
        for _ in range(count):
            ledger.note("port", {})


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def killed(path: Path, folder: Path) -> Path:
    """Return a ledger as it lies there after a kill: what was written last is in its journal alone."""
    folder.mkdir()
    with closing(Ledger(path, STATION)) as ledger:
        ledger.note("port", {})
        for file in path.parent.glob("ledger.db*"):
            shutil.copy(file, folder)
    return folder / path.name


def test_a_killed_ledger_goes_on_with_its_journal_and_not_without(path: Path, tmp_path: Path) -> None:
    noted(path, 2)
    whole = killed(path, tmp_path / "whole")
    noted(whole, 1)
    cut = killed(path, tmp_path / "cut")
    cut.with_name("ledger.db-wal").unlink()
    before = contents(cut.parent)
    with pytest.raises(DatabaseCorrupt, match=r"ends with event 3, and had 4: its journal \(ledger.db-wal\) was rem"):
        Ledger(cut, STATION)
    assert contents(cut.parent) == before


def test_a_ledger_all_of_which_was_in_its_journal_is_not_begun_anew(path: Path, tmp_path: Path) -> None:
    cut = killed(path, tmp_path / "cut")
    cut.with_name("ledger.db-wal").unlink()
    before = contents(cut.parent)
    with pytest.raises(DatabaseCorrupt, match="ends with event 0, and had 1"):
        Ledger(cut, STATION)
    assert contents(cut.parent) == before


def test_an_older_copy_that_was_put_there_by_hand_is_refused(path: Path) -> None:
    noted(path, 2)
    older = path.read_bytes()
    noted(path, 1)
    path.write_bytes(older)
    with pytest.raises(DatabaseCorrupt, match="or an older copy was put in its place"):
        Ledger(path, STATION)
    assert path.read_bytes() == older


def test_another_ledger_that_was_put_there_is_refused(path: Path, tmp_path: Path) -> None:
    noted(path, 2)
    noted(tmp_path / "other.db", 3)
    shutil.copy(tmp_path / "other.db", path)
    with pytest.raises(DatabaseCorrupt, match="event 2 is another one than was written"):
        Ledger(path, STATION)


@pytest.mark.parametrize("said", [None, b"", b"\0" * 86, b"%020d %s\n" % (0, b"0" * 64)])
def test_where_nobody_knows_better_a_ledger_is_believed(said: bytes | None, path: Path) -> None:
    """As after a power cut, or where an earlier version of this program ran."""
    noted(path, 2)
    witness_of(path).unlink()
    if said is not None:
        witness_of(path).write_bytes(said)
    noted(path, 1)
    assert witness_of(path).read_bytes().startswith(b"%020d " % 3)


def test_a_witness_that_is_behind_is_no_trouble(path: Path) -> None:
    noted(path, 2)
    behind = witness_of(path).read_bytes()
    noted(path, 1)
    witness_of(path).write_bytes(behind)
    noted(path, 1)


def test_what_was_not_committed_is_not_noted(ledger: Ledger, path: Path) -> None:
    ledger.note("port", {})
    before = witness_of(path).read_bytes()

    def fail(db: Any) -> None:
        ledger.append(db, "port")
        raise ValueError

    with pytest.raises(ValueError):
        ledger.write(fail)
    assert witness_of(path).read_bytes() == before
    ledger.note("port", {})
    assert witness_of(path).read_bytes().startswith(b"%020d " % 2)


@pytest.mark.parametrize("lost", ["ledger.db", "ledger.db-wal"])
@pytest.mark.parametrize("replaced", [True, False])
def test_files_that_were_taken_away_from_an_open_ledger_are_missed_at_the_next_write(
    lost: str, replaced: bool, path: Path
) -> None:
    with closing(Ledger(path, STATION)) as ledger:
        ledger.note("port", {})
        file = path.with_name(lost)
        file.rename(path.with_name("taken"))
        if replaced:
            shutil.copy(path.with_name("taken"), file)
        with pytest.raises(DatabaseFailed, match=rf"{lost} was removed or replaced while the station works"):
            ledger.note("port", {})
        if replaced:
            file.unlink()
        path.with_name("taken").rename(file)
        ledger.note("port", {})  # it is the very file again
    noted(path, 1)
    assert witness_of(path).read_bytes().startswith(b"%020d " % 3)


def test_what_is_in_a_journal_that_was_deleted_is_saved_by_an_orderly_end(path: Path) -> None:
    with closing(Ledger(path, STATION)) as ledger:
        ledger.note("port", {})
        path.with_name("ledger.db-wal").unlink()
    noted(path, 1)
    assert witness_of(path).read_bytes().startswith(b"%020d " % 2)


def test_a_witness_that_can_not_be_written_stops_nobody(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*arguments: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    ledger.note("port", {})
    ledger.note("port", {})
    assert caplog.text.count("No space left on device") == 1
