"""The registry of dialects."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from drivers import GROUP, dialect, dialects
from drivers.shell import Shell


def test_the_shell_dialect_is_built_in() -> None:
    assert dialect("shell") is Shell
    assert "shell" in dialects()


def test_an_unknown_dialect_names_the_known_ones() -> None:
    with pytest.raises(LookupError, match=r"no dialect 'telepathy'.*shell"):
        dialect("telepathy")


def test_a_dialect_of_another_package_is_found_but_takes_no_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dialects()
    info = tmp_path / "morse-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: morse\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nmorse = morse_dialect:Morse\nshell = morse_dialect:Morse\n")
    (tmp_path / "morse_dialect.py").write_text("class Morse:\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert dialects() == sorted([*before, "morse"])
    assert dialect("morse").__name__ == "Morse"  # type: ignore[attr-defined]
    assert dialect("shell") is Shell


def test_looking_up_names_imports_no_dialect() -> None:
    code = (
        "import sys, drivers; drivers.dialects(); assert not {'serial', 'pydantic', 'drivers.shell'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
