"""Where the ``server`` extra is missing: what needs it says so in one line, and the rest works."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from station_process import station


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """The environment of a process that has no waitress."""
    folder = tmp_path / "bare"
    folder.mkdir()
    (folder / "waitress.py").write_text("raise ModuleNotFoundError(\"No module named 'waitress'\", name='waitress')\n")
    return {"PYTHONPATH": str(folder)}


@pytest.mark.parametrize(
    "words",
    [["fleet", "serve", "--db", "fleet.db"], ["rehearse", "--headless"], ["rehearse", "--far-end", "--state", "s"]],
    ids=["serve", "rehearse", "far end"],
)
def test_a_server_is_refused_without_the_extra(tmp_path: Path, bare: dict[str, str], words: list[str]) -> None:
    done = station(*words, env=bare, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: this needs the server extra: pip install 'provisioning-station[server]'\n"
    assert [path.name for path in tmp_path.iterdir()] == ["bare"]


def test_a_fleet_is_made_and_set_without_the_extra(tmp_path: Path, bare: dict[str, str]) -> None:
    made = station("fleet", "init", "--db", "fleet.db", "--vendor", "acme", "--model", "g1", env=bare, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["vendor"] == "acme"
    done = station("fleet", "window", "--db", "fleet.db", "--vendor", "acme", "g1", "60", env=bare, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "g1: 60 s\n"), done.stderr
