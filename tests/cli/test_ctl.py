"""``station ctl`` and ``station status``, against a station in another process."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest
from far_end_process import FarEnd
from station_process import LIMIT_S, Station, python, station

from station.cli.status import _row


def test_without_a_station_both_say_so(tmp_path: Path) -> None:
    for command in (["ctl", "start", "1"], ["status"], ["status", "--json"]):
        done = station(*command, "--state", tmp_path)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"station: {tmp_path}: no station is running here\n"


def test_which_station_has_to_be_clear(tmp_path: Path) -> None:
    done = station("status", cwd=tmp_path)
    assert done.returncode == 2 and "--config" in done.stderr
    done = station("status", "--config", tmp_path / "none.toml")
    assert done.returncode == 2 and "none.toml" in done.stderr


def test_settings_that_this_user_may_not_see_are_named(tmp_path: Path) -> None:
    """As /etc/station is, which only the station's group may enter."""
    closed = tmp_path / "etc"
    closed.mkdir()
    (closed / "station.toml").touch()
    program = (
        "import sys, pathlib; from station.cli import main, running; running._USUAL = (pathlib.Path(sys.argv[1]),) * 2"
    )
    closed.chmod(0)
    try:
        for command in (["status"], ["ctl", "start", "1"], ["history"]):
            done = python("-c", f"{program}; main({command})", closed / "station.toml", mortal=True)
            assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
            assert f"{closed / 'station.toml'}: can't be read: Permission denied" in done.stderr
    finally:
        closed.chmod(0o700)


@pytest.mark.slow
def test_a_running_station_is_told_and_shows(far_end: FarEnd) -> None:
    recipe = next((far_end.folder / "recipes").glob("*.toml"))
    recipe.write_text(recipe.read_text().replace('presence = "port"', 'presence = "start"'))
    with Station("run", "--config", far_end.config, "--headless", "--json") as running:
        ends = time.monotonic() + LIMIT_S
        while (done := station("ctl", "start", "2", "--config", far_end.config)).returncode:
            assert "no station is running" in done.stderr and time.monotonic() < ends  # it is yet to open its door
        assert done.stdout == "slot 2: started\n"
        told = running.line("stderr", "control: start")
        assert "{'slot': '2'}, by process" in told
        cycle = json.loads(running.line(holding='"slot": "2"'))
        assert cycle["outcome"] == "PASS"
        shown = json.loads(station("status", "--json", "--state", far_end.folder).stdout)
        assert {slot["slot"]: slot["serial"] for slot in shown["slots"]}["2"] == cycle["serial"]
        table = station("status", cwd=far_end.folder).stdout
        assert cycle["serial"] in table and "PASS" in table
        done = station("ctl", "start", "3", "--config", far_end.config)
        assert (done.returncode, done.stderr) == (1, "station: there is no slot '3'; there are: 1, 2\n")
        assert running.end(signal.SIGTERM) == 0
    assert station("status", "--config", far_end.config).returncode == 1


def test_a_verdict_is_followed_by_what_is_wrong_with_its_port() -> None:
    slot = {"slot": "1", "phase": "remove", "outcome": "FAIL", "serial": "S1", "last": "", "step": "identify"}
    said = _row({**slot, "advice": "Put it aside.", "note": "The port is gone."}, 1)
    assert said.split() == ["1", "FAIL", "S1", *["Put", "it", "aside.", "The", "port", "is", "gone."]]
