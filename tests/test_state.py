"""One engine owns a state folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from station.errors import DatabaseFailed, StateBusy
from station.state import StateFolder

ROOT = Path(__file__).parents[1]

_HOLDER = """
import sys
from pathlib import Path
from station.state import StateFolder
held = StateFolder(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def holder(path: Path) -> subprocess.Popen[str]:
    """Start another process that takes the folder, and wait until it has it."""
    child = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path)], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None and child.stdout.readline() == "held\n"
    return child


def test_the_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "a" / "b")
    assert folder.ledger == tmp_path / "a" / "b" / "ledger.db"
    assert folder.escrow.parent == folder.ledger.parent == folder.path
    folder.release()


def test_a_second_start_is_told_who_has_it(tmp_path: Path) -> None:
    with holder(tmp_path) as other:
        comm = Path(f"/proc/{other.pid}/comm").read_text().strip()
        with pytest.raises(StateBusy) as busy:
            StateFolder(tmp_path)
        other.kill()
    expected = f"{tmp_path}: in use by another station, process {other.pid} ({comm}); stop that one first"
    assert busy.value.text == expected


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    with holder(tmp_path) as other:
        other.kill()
        other.wait()
        (tmp_path / "lock").write_text("99999999999\n")  # the longest process number there ever was
        folder = StateFolder(tmp_path)
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    with pytest.raises(StateBusy, match=f"process {os.getpid()} "):
        StateFolder(tmp_path)
    folder.release()
    StateFolder(tmp_path).release()


def test_a_refused_start_leaves_the_holder_alone(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    for _ in range(3):
        with pytest.raises(StateBusy):
            StateFolder(tmp_path)
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    folder.release()


def test_a_lock_that_says_nothing_of_use(tmp_path: Path) -> None:
    with holder(tmp_path) as other:
        for content, told in (
            (b"", "unknown"),
            (b"999999999\n", "999999999"),
            (b"\xff\n", "\N{REPLACEMENT CHARACTER}"),
        ):
            (tmp_path / "lock").write_bytes(content)
            with pytest.raises(StateBusy, match=f"process {told};"):
                StateFolder(tmp_path)
        other.kill()


def test_a_place_where_nothing_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(DatabaseFailed, match="the state folder can't be used: ") as failed:
            StateFolder(path)
        assert failed.value.text.startswith(f"{path}: ")
