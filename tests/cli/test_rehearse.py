"""``station rehearse --headless``: the whole job in two processes, and its exit codes."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest
from station_process import Station, station

from drivers.sim.fixture import Fixture


@pytest.mark.slow
def test_every_board_passes_and_a_second_run_goes_on(tmp_path: Path) -> None:
    common = ["rehearse", "--headless", "--json", "--state", str(tmp_path), "--slots", "2"]
    first = station(*common, "--boards", "3")
    assert first.returncode == 0, first.stderr
    *cycles, last = [json.loads(line) for line in first.stdout.splitlines()]
    assert sorted(cycle["serial"] for cycle in cycles) == ["SIM-00100000", "SIM-00100001", "SIM-00100002"]
    assert {cycle["outcome"] for cycle in cycles} == {"PASS"}
    assert (last["summary"]["boards"], last["summary"]["passed"], last["summary"]["cycles"]) == (3, 3, 3)
    assert last["summary"]["outcomes"] == {"PASS": 3, "FAIL": 0, "ERROR": 0, "ABORTED": 0, "PENDING": 0}
    second = station(*common, "--boards", "4")
    assert second.returncode == 0, second.stderr
    *cycles, last = [json.loads(line) for line in second.stdout.splitlines()]
    assert [cycle["serial"] for cycle in cycles] == ["SIM-00100003"]
    assert (last["summary"]["boards"], last["summary"]["passed"], last["summary"]["cycles"]) == (4, 4, 1)
    third = station(*common, "--boards", "3")
    assert third.returncode == 0, third.stderr
    (last,) = [json.loads(line) for line in third.stdout.splitlines()]
    assert (last["summary"]["boards"], last["summary"]["passed"], last["summary"]["cycles"]) == (4, 4, 0)
    token = (tmp_path / "token").read_text().strip()
    assert token not in first.stdout + first.stderr + second.stdout + second.stderr


@pytest.mark.slow
def test_a_board_that_does_not_pass_is_exit_code_1(tmp_path: Path) -> None:
    """The first board of the pile carries another product's serial number."""
    boards = tmp_path / "far-end" / "boards"
    boards.mkdir(parents=True)
    wrong = {"serial#": "OTHER-1", "ethaddr": "02:00:00:01:86:a0", "bootdelay": "2"}
    (boards / "SIM-00100000.json").write_text(json.dumps(wrong))
    done = station("rehearse", "--headless", "--slots", "1", "--boards", "2", "--state", tmp_path)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].split()[2:4] == ["FAIL", "OTHER-1"] and lines[0].endswith("serial-malformed")
    assert lines[1].split()[2:4] == ["PASS", "SIM-00100001"]
    assert lines[2].startswith("1 of 2 boards passed; 2 cycles in ")
    fewer = station("rehearse", "--headless", "--slots", "1", "--boards", "1", "--state", tmp_path)
    assert fewer.returncode == 1
    assert fewer.stdout.startswith("1 of 2 boards passed; 0 cycles in ")


def test_another_seed_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "far-end").mkdir()
    (tmp_path / "far-end" / "fixture.json").write_text('{"seed": 1, "taken": 0, "slots": {}}')
    for mode in ("--headless", "--far-end"):
        done = station("rehearse", mode, "--seed", "2", "--state", tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"station: {tmp_path / 'far-end'} holds boards of seed 1, not 2\n"


def test_a_far_end_that_is_in_use_is_said_in_one_line(far_end: Any) -> None:
    done = station("rehearse", "--headless", "--state", far_end.folder)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"station: {far_end.folder / 'far-end'}: in use by another station, process ")


def test_the_tools_meet_a_board_of_the_far_end_whenever_they_come(tmp_path: Path) -> None:
    """As docs/boards-tools.md has it: such a board doesn't boot on into something silent."""
    with Station("rehearse", "--far-end", "--slots", "1", "--dialect", "line", "--state", tmp_path) as process:
        process.line()
        written = station("boards", "configure", "1", "--config", tmp_path / "station.toml", "--set", "device_name=x")
        assert written.returncode == 0, written.stderr
        told = station("boards", "identify", "1", "--config", tmp_path / "station.toml")
        assert told.returncode == 0 and "SIM-00100000" in told.stdout, told.stderr


def test_help_says_how_long_a_board_waits_for_a_station() -> None:
    patience_s = inspect.signature(Fixture.autonomous).parameters["patience_s"].default
    text = " ".join(station("rehearse", "--help").stdout.split())
    assert f"A board leaves when it is done, or after {patience_s:g} s without a command" in text


@pytest.mark.parametrize("arguments", [["--json"], ["--slots", "0", "--headless"], ["--dialect", "klingon"]])
def test_a_wrong_command_line_is_exit_code_2(arguments: list[str], tmp_path: Path) -> None:
    done = station("rehearse", *arguments, "--state", tmp_path / "state")
    assert done.returncode == 2 and not (tmp_path / "state").exists()
