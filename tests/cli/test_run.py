"""``station run --headless``: what it prints, what it refuses, how it stops; against a far end in another process."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from station_process import LIMIT_S, Station, station

KEYS = ["slot", "serial", "outcome", "error", "attempt", "rid", "started_at", "duration_s"]
TOTALS = ["boards", "passed", "cycles", "outcomes", "duration_s"]

SETTINGS = """\
station = "9f2c41d07a3e4b56"
name = "line 3"
recipe = "recipe.toml"
state = "state"

[fleet]
url = "http://127.0.0.1:9"
vendor = "acme"
owner = "0123456789abcdef0123456789abcdef01234567"
token_file = "token"

[[slots]]
name = "1"
port = "no-such-port"
"""


def ask(database: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """The settings of a station that could start, with nobody at its fleet's address."""
    shipped = Path(__file__).parents[2] / "config" / "recipes" / "rehearsal-shell.toml"
    (tmp_path / "recipe.toml").write_text(shipped.read_text())
    (tmp_path / "token").write_text("a" * 40)
    (tmp_path / "station.toml").write_text(SETTINGS)
    return tmp_path / "station.toml"


@pytest.mark.slow
def test_boards_pass_and_are_told_one_json_object_a_line(far_end: Any) -> None:
    done = station("run", "--config", far_end.config, "--headless", "--boards", "2", "--json")
    assert done.returncode == 0, done.stderr
    *cycles, summary = [json.loads(line) for line in done.stdout.splitlines()]
    assert [list(cycle) for cycle in cycles] == [KEYS, KEYS]
    assert {cycle["slot"] for cycle in cycles} == {"1", "2"}
    for cycle in cycles:
        assert (cycle["outcome"], cycle["error"], cycle["attempt"]) == ("PASS", None, 1)
        assert cycle["duration_s"] > 0 and cycle["started_at"].endswith("Z")
    assert list(summary) == ["summary"] and list(summary["summary"]) == TOTALS
    assert (summary["summary"]["boards"], summary["summary"]["passed"]) == (2, 2)
    rids = {(cycle["serial"], cycle["rid"]) for cycle in cycles}
    assert rids == set(ask(far_end.folder / "fleet.db", "SELECT sn, rid FROM serials"))
    files = [path.read_bytes() for path in far_end.folder.glob("ledger.db*")]
    for secret in far_end.secrets():
        assert secret not in done.stdout + done.stderr + far_end.process.said()
        assert not any(secret.encode() in content for content in files)
    assert [path.name for path in (far_end.folder / "escrow").iterdir()] == ["digest.key"]


def test_the_far_end_says_where_it_is(far_end: Any) -> None:
    assert list(far_end.said) == ["config", "fleet", "ports"]
    assert far_end.said["config"] == str(far_end.config)
    assert far_end.said["fleet"].startswith("http://127.0.0.1:")
    assert set(far_end.said["ports"]) == {"1", "2"}
    assert far_end.said["fleet"] in far_end.config.read_text()
    assert (far_end.folder / "token").stat().st_mode & 0o777 == 0o600
    assert far_end.process.end(signal.SIGTERM) == 0
    assert list((far_end.folder / "far-end" / "ports").iterdir()) == []


def test_sigterm_leaves_an_open_cycle_open(tmp_path: Path) -> None:
    """The boards take so long to start that the signal finds the station listening to them."""
    config = tmp_path / "station.toml"
    with Station("rehearse", "--far-end", "--state", tmp_path, "--slots", "1", "--boot-s", "300") as boards:
        boards.line()
        with Station("run", "--config", config, "--headless") as running:
            running.line("stderr", "identify")
            assert running.end(signal.SIGTERM) == 0
            assert "Traceback" not in running.said()
    assert ask(tmp_path / "ledger.db", "SELECT step, outcome FROM cycles") == [("identify", None)]
    assert ask(tmp_path / "ledger.db", "SELECT kind FROM events ORDER BY id DESC LIMIT 1") == [("stop",)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_a_station_whose_fleet_is_away(number: signal.Signals, bare: Path) -> None:
    with Station("run", "--config", bare, "--headless", "--json") as running:
        running.line("stderr", "no-such-port is not there")
        assert running.end(number) == 0
    last = json.loads(running.said().splitlines()[0])
    assert last["summary"]["cycles"] == 0


def test_a_second_station_on_the_same_state_is_told_who_has_it(bare: Path) -> None:
    with Station("run", "--config", bare, "--headless") as running:
        running.line("stderr", "no-such-port is not there")
        second = station("run", "--config", bare, "--headless")
        assert second.returncode == 1 and second.stdout == ""
        assert f"in use by another station, process {running.process.pid} (" in second.stderr
        assert len(second.stderr.splitlines()) == 1


def replaced(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))

    return change


BAD_INPUT = {
    "no settings": (lambda folder: (folder / "station.toml").unlink(), ["station.toml"]),
    "no TOML": (replaced("station.toml", "station =", "station"), ["station.toml"]),
    "unknown key": (replaced("station.toml", "name = ", "nmae = "), ["station.toml", "nmae"]),
    "wrong type": (replaced("station.toml", 'name = "line 3"', "name = 3"), ["station.toml", "name"]),
    "missing key": (replaced("station.toml", 'vendor = "acme"\n', ""), ["station.toml", "fleet.vendor"]),
    "no token": (lambda folder: (folder / "token").unlink(), ["token"]),
    "plain HTTP": (replaced("station.toml", "127.0.0.1:9", "192.0.2.1"), ["fleet.url", "allow_plain_http"]),
    "bad address": (replaced("station.toml", "127.0.0.1:9", "127.0.0.1:99999"), ["station.toml", "fleet.url"]),
    "no CA file": (
        replaced("station.toml", "[[slots]]", 'ca_file = "ca.pem"\n[[slots]]'),
        ["station.toml", "fleet.ca_file"],
    ),
    "no port": (replaced("station.toml", '"no-such-port"', '"socket://h"'), ["station.toml", "slots #1.port"]),
    "no folder": (replaced("station.toml", 'state = "state"', 'state = "token"'), ["station.toml", "state: "]),
    "no recipe": (lambda folder: (folder / "recipe.toml").unlink(), ["recipe.toml"]),
    "unknown key in the recipe": (replaced("recipe.toml", "pattern", "patern"), ["recipe.toml", "serial.patern"]),
    "wrong type in the recipe": (replaced("recipe.toml", "baud = 115200", 'baud = "fast"'), ["recipe.toml", "baud"]),
    "an unfilled placeholder": (replaced("recipe.toml", "{rid}", "{ridd}"), ["recipe.toml", "{ridd}"]),
    "a placeholder out of place": (
        replaced(
            "recipe.toml", 'activate = "station"', 'activate = "field"\nwindow_h = 24\nreenabled_by = "the installer"'
        ),
        ["recipe.toml", "{cik}"],
    ),
    "unknown dialect": (replaced("recipe.toml", 'dialect = "shell"', 'dialect = "klingon"'), ["klingon", "shell"]),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_line_and_nothing_is_started(case: str, bare: Path) -> None:
    spoil, expected = BAD_INPUT[case]
    spoil(bare.parent)  # type: ignore[no-untyped-call]
    done = station("run", "--config", bare, "--headless")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("station: ")
    for text in expected:
        assert text in done.stderr
    assert "a" * 40 not in done.stderr
    assert not (bare.parent / "state" / "ledger.db").exists()


@pytest.mark.parametrize("arguments", [["--json"], ["--boards", "2"], ["--headless", "--boards", "0"], ["--nonsense"]])
def test_a_wrong_command_line_is_exit_code_2(arguments: list[str], bare: Path) -> None:
    done = station("run", "--config", bare, *arguments)
    assert done.returncode == 2 and "Error" in done.stderr
    assert not (bare.parent / "state").exists()


def test_a_headless_run_does_not_import_textual(far_end: Any) -> None:
    program = (
        "import sys\n"
        "from station.cli import main\n"
        f"try: main(['run', '--headless', '--boards', '1', '--config', {str(far_end.config)!r}])\n"
        "finally: sys.stdout.write(f'{sorted(sys.modules)}')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert "PASS" in done.stdout and "'station.bench'" in done.stdout, done.stderr
    assert "'textual" not in done.stdout and "'rich" not in done.stdout and "station.tui" not in done.stdout
