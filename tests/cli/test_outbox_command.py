"""``station outbox`` and ``station report --lapsing``: boards that left before the fleet was told, in real life."""

from __future__ import annotations

import csv
import io
import json
import re
import signal
from pathlib import Path

import pytest
from far_end_process import FarEnd
from station_process import Station, station

from station.cli.outbox import _FIELDS
from station.cli.tables import as_csv

NOBODY = "http://127.0.0.1:9"
"""Where no fleet is."""


def defer(far_end: FarEnd) -> None:
    """Make the rehearsal's product one of which the fleet is told later."""
    recipe = next((far_end.folder / "recipes").glob("*.toml"))
    text = recipe.read_text().replace(
        'activate = "station"', 'activate = "field"\nwindow_h = 24\nreenabled_by = "the installer"\ndeferred = true'
    )
    recipe.write_text("".join(line for line in text.splitlines(keepends=True) if not re.search(r"\{(cik|rid)\}", line)))


def fleet_at(config: Path, url: str) -> str:
    """Let the settings name another fleet; return the one before."""
    text = config.read_text()
    before = re.search(r'(?m)^url = "(.*)"$', text)
    assert before
    config.write_text(text.replace(before[1], url))
    return before[1]


@pytest.mark.slow
def test_a_board_leaves_without_a_fleet_and_is_delivered_later(far_end: FarEnd) -> None:
    defer(far_end)
    url = fleet_at(far_end.config, NOBODY)
    which = ["--config", far_end.config]
    with Station("run", *which, "--headless", "--json") as running:
        pending = json.loads(running.line(holding='"slot": "1"'))
        assert (pending["outcome"], pending["error"], pending["rid"]) == ("PENDING", None, None)
        told = station("outbox", "retry", *which)
        assert told.returncode == 1 and re.match(r"0 delivered, [1-9]\d* left: ", told.stdout), told
        assert running.end(signal.SIGTERM) == 0
    listed = station("outbox", "list", *which)
    assert pending["serial"] in listed.stdout and "all the fleet's steps" in listed.stdout
    entries = [json.loads(line) for line in station("outbox", "list", "--json", *which).stdout.splitlines()]
    assert entries[0]["left_at"] and {entry["slot"] for entry in entries} <= {"1", "2"}
    table = list(csv.DictReader(io.StringIO(station("outbox", "export", *which).stdout)))
    assert [row["serial"] for row in table] == [entry["serial"] for entry in entries]

    fleet_at(far_end.config, url)
    with Station("run", *which, "--headless", "--json") as running:
        done = json.loads(running.line(holding=pending["serial"]))
        assert (done["outcome"], done["serial"]) == ("PASS", pending["serial"]) and done["rid"]
        assert station("outbox", "retry", *which).stdout.endswith(" 0 left\n")
        assert running.end(signal.SIGTERM) == 0
    assert station("outbox", "list", *which).stdout == "nothing is owed to the fleet\n"
    history = station("history", pending["serial"], *which).stdout
    assert "the board left the slot; the fleet is told later" in history and "PASS" in history
    report = station("report", "--lapsing", *which)
    assert f"{pending['serial']} " in report.stdout and "notactivated" in report.stdout, report
    assert "h left)  re-enabled by: the installer" in report.stdout


def test_what_a_spreadsheet_would_run_is_text() -> None:
    entry = dict.fromkeys(("cycle", "hardware_id", "slot", "operator", "lot", "opened_at", "left_at", "owed", "error"))
    (_, row) = csv.reader(io.StringIO(as_csv([{**entry, "serial": "=cmd|'/C calc'!A0"}], _FIELDS)))
    assert row[1] == "'=cmd|'/C calc'!A0"


def test_without_a_ledger_or_a_station_it_says_so(tmp_path: Path) -> None:
    done = station("outbox", "list", "--ledger", tmp_path / "none.db")
    assert done.returncode == 2 and "there is no ledger yet" in done.stderr
    done = station("outbox", "retry", "--state", tmp_path)
    assert done.returncode == 1 and "no station is running here" in done.stderr
