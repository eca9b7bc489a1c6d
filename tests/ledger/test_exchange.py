"""A backup takes the ledger's place: whatever lies there, and wherever that is cut."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from ledger_floor import STATION

from station.errors import DatabaseFailed
from station.ledger import Ledger
from station.ledger.backup import back_up
from station.ledger.restore import refuse_lost, restore, restoring


def kinds(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [kind for (kind,) in connection.execute("SELECT kind FROM events ORDER BY id")]


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A ledger after a kill, whose last event is in its journal alone, and a copy of what was before."""
    path, folder = tmp_path / "first" / "ledger.db", tmp_path / "state"
    path.parent.mkdir()
    folder.mkdir()
    with closing(Ledger(path, STATION)) as ledger:
        ledger.note("before", {})
        back_up(path, path.parent / "copies", 1).rename(tmp_path / "copy.db")
    with closing(Ledger(path, STATION)) as ledger:
        ledger.note("after", {})
        for file in path.parent.glob("ledger.db*"):
            shutil.copy(file, folder)
    return folder / path.name


def aside(killed: Path) -> Path:
    (kept,) = killed.parent.glob("ledger-before-restore-*Z.db")
    return kept


def test_the_ledger_that_was_there_is_kept_with_what_is_in_its_journal(killed: Path, tmp_path: Path) -> None:
    done = restore(tmp_path / "copy.db", killed, STATION)
    assert kinds(killed) == ["before", "restore"]
    assert done.aside == aside(killed) and kinds(aside(killed)) == ["before", "after"]
    Ledger(killed, STATION).close()


def test_a_journal_that_is_left_alone_does_not_come_back_in_the_restored_ledger(killed: Path, tmp_path: Path) -> None:
    killed.unlink()
    restore(tmp_path / "copy.db", killed, STATION)
    assert kinds(killed) == ["before", "restore"]
    assert list(killed.parent.glob("ledger-before-restore-*Z.db-wal"))


def test_a_ledger_that_was_set_back_is_gone_on_with_by_restoring_it_itself(killed: Path) -> None:
    killed.with_name("ledger.db-wal").unlink()
    restore(killed, killed, STATION)
    Ledger(killed, STATION).close()
    assert kinds(killed) == ["before", "restore"]


@pytest.mark.parametrize("number", range(1, 8))
def test_a_restore_that_is_cut_at_any_file_is_begun_again_and_nothing_is_lost(
    number: int, killed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (killed.parent / "escrow").mkdir()
    (killed.parent / "escrow" / "digest.key").touch()  # a station has run here
    before = killed.read_bytes()
    rename, unlink = Path.rename, Path.unlink
    moved = 0

    def cut(act):  # type: ignore[no-untyped-def]
        def acting(path: Path, *arguments: object, **options: object) -> object:
            nonlocal moved
            moved += path.parent == killed.parent and not path.name.endswith(".new")
            if moved == number:
                raise OSError(5, "Input/output error")
            return act(path, *arguments, **options)

        return acting

    monkeypatch.setattr(Path, "rename", cut(rename))
    monkeypatch.setattr(Path, "unlink", cut(unlink))
    with pytest.raises(DatabaseFailed, match="can't be restored: Input/output error"):
        restore(tmp_path / "copy.db", killed, STATION)
    monkeypatch.undo()
    with pytest.raises(DatabaseFailed, match="a restore was interrupted"):
        refuse_lost(killed, killed.parent / "escrow")
    restore(tmp_path / "copy.db", killed, STATION)
    assert not restoring(killed).exists()
    refuse_lost(killed, killed.parent / "escrow")
    assert kinds(killed) == ["before", "restore"]
    (kept,) = (path for path in killed.parent.glob("ledger-before-restore-*Z.db") if path.read_bytes() == before)
    assert kinds(kept) == ["before", "after"]
