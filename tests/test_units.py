"""The systemd units: systemd itself has nothing to say about them."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = sorted((Path(__file__).parent.parent / "systemd").glob("*.service"))
SYSTEM = Path("/usr/lib/systemd/system")


def parsed(unit: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(unit.read_text())
    return parser


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a root with the system's own units, ours, and the program where they expect it."""
    if shutil.which("systemd-analyze") is None or not SYSTEM.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail("no systemd: .ci/run should have installed it", pytrace=False)
        pytest.skip("no systemd here")
    shutil.copytree(SYSTEM, tmp_path / "usr/lib/systemd/system", symlinks=True)
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    for unit in UNITS:
        shutil.copy(unit, tmp_path / "etc/systemd/system")
    program = tmp_path / "opt/station/venv/bin/station"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return tmp_path


def verify(tree: Path, unit: str) -> tuple[int, str]:
    """Run systemd's own check; it warns on standard error with exit code 0, so both are read."""
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", f"--root={tree}", unit],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, "\n".join(line for line in done.stdout.splitlines() if unit in line)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_has_nothing_to_say(tree: Path, unit: Path) -> None:
    assert verify(tree, unit.name) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_would_tell_a_mistake(tree: Path, unit: Path) -> None:
    copy = tree / "etc/systemd/system" / unit.name
    copy.write_text(copy.read_text().replace("RestartSec", "RestartSecs"))
    assert "RestartSecs" in verify(tree, unit.name)[1]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_token_comes_as_a_credential_and_in_no_other_way(unit: Path) -> None:
    service = parsed(unit)["Service"]
    assert service["LoadCredential"] == "fleet-token:/etc/station/fleet-token"
    assert "token" not in service["ExecStart"]
    assert "token" not in service.get("Environment", "")


def test_the_screen_has_the_console_and_the_headless_station_the_journal() -> None:
    screen, headless = (
        parsed(Path(__file__).parent.parent / "systemd" / name)["Service"]
        for name in ("station.service", "station-headless.service")
    )
    assert screen["TTYPath"] == "/dev/tty1"
    # Textual draws on standard error: with the journal there, the screen would stay black.
    assert {screen[name] for name in ("StandardInput", "StandardOutput", "StandardError")} == {"tty"}
    assert "--headless" not in screen["ExecStart"]
    assert "--headless" in headless["ExecStart"]
    assert headless["StandardError"] == "journal"


def test_the_shipped_settings_read_the_same_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from station import settings

    facts = settings.load(Path(__file__).parent.parent / "config" / "station.toml")
    (tmp_path / "fleet-token").write_text("0123456789abcdef\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert facts.token() == "0123456789abcdef"
    assert str(facts.path(facts.state)) == parsed(UNITS[0])["Service"]["WorkingDirectory"]
