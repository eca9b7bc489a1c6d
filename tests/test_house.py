"""The house stands: imports point down, the screen is a guest, and a question about the version waits for nobody."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def modules_after(code: str) -> set[str]:
    """Run code in a fresh process; return the modules that it has imported."""
    code += "\nimport sys; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    return set(done.stderr.split())


def test_the_version_imports_nothing_heavy() -> None:
    seen = modules_after("from station.cli import main\ntry: main(['--version'])\nexcept SystemExit: pass")
    assert "station.cli" in seen
    assert not seen & {"textual", "requests", "pydantic", "sqlite_utils", "serial", "waitress"}


@pytest.mark.parametrize("module", ["station.build", "station.cli.run", "station.cli.rehearse", "station.rehearsal"])
def test_the_engine_runs_without_a_screen(module: str) -> None:
    seen = modules_after(f"import {module}")
    assert module in seen
    assert not [name for name in seen if name.split(".")[0] == "textual" or name.startswith("station.tui")]


def test_the_near_ends_need_no_far_end() -> None:
    seen = modules_after("import station.build")
    assert not [name for name in seen if name.startswith(("station.fleet.server", "drivers.sim", "waitress"))]


@pytest.mark.slow
def test_imports_point_down() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([tool, "--no-cache"], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout


def test_no_near_end_is_left_out_of_what_a_far_end_must_not_use() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (parted,) = (c for c in contracts if c.get("source_modules") == ["drivers.sim"])
    files = {f"drivers.{path.stem}" for path in (ROOT / "drivers").glob("*.py") if path.stem != "__init__"}
    assert set(parted["forbidden_modules"]) == files
