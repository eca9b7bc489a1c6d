"""The registry of dialects."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from drivers import GROUP, dialect, dialects
from drivers.shell import Shell
from station.cli.recipes import command as recipes


def test_the_shell_dialect_is_built_in() -> None:
    assert dialect("shell") is Shell
    assert "shell" in dialects()


def test_an_unknown_dialect_names_the_known_ones() -> None:
    with pytest.raises(LookupError, match=r"no dialect 'telepathy'.*shell"):
        dialect("telepathy")


def install_morse(folder: Path, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """Install a package that offers a dialect."""
    info = folder / "morse-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: morse\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nmorse = morse_dialect:Morse\nshell = morse_dialect:Morse\n")
    (folder / "morse_dialect.py").write_text(module)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "morse_dialect", raising=False)


@pytest.mark.parametrize("module", ["raise RuntimeError('no key')", "1 / 0", "import morsels", "Morse = 1"])
def test_a_dialect_of_another_package_that_is_broken_is_told_and_hurts_no_other(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_morse(tmp_path, monkeypatch, module)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('name = "x"\nversion = "1"\ndialect = "morse"\n')
    checked = CliRunner().invoke(recipes, ["check", str(recipe)])
    assert checked.exit_code == 2, checked
    assert "'morse' is installed but can't be used" in checked.output, checked.output
    made = CliRunner().invoke(recipes, ["schema"])
    assert made.exit_code == 0 and made.stderr.count("left out: ") == 1 and "morse" in made.stderr
    assert json.loads(made.stdout)["properties"]["dialect"]["enum"] == ["at", "line", "micropython", "shell"]


def test_a_dialect_of_another_package_is_found_but_takes_no_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dialects()
    install_morse(tmp_path, monkeypatch, "class Morse:\n    pass\n")
    assert dialects() == sorted([*before, "morse"])
    assert dialect("morse").__name__ == "Morse"  # type: ignore[attr-defined]
    assert dialect("shell") is Shell


def test_looking_up_names_imports_no_dialect() -> None:
    code = (
        "import sys, drivers; drivers.dialects(); assert not {'serial', 'pydantic', 'drivers.shell'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
