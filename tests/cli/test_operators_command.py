"""``station operators`` and signing in, with and without a running station."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from far_end_process import FarEnd
from station_process import Station, station


def pin(folder: Path, text: str) -> Path:
    file = folder / f"pin-{text}"
    file.write_text(text + "\n")
    return file


def run(far_end: FarEnd, *words: str | Path, code: int = 0) -> str:
    done = station(*words, "--config", far_end.config)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_people_are_added_before_the_first_start_and_while_the_station_runs(far_end: FarEnd, tmp_path: Path) -> None:
    boss, tech = ("--pin-file", pin(tmp_path, "2468")), ("--by", "boss", "--by-pin-file", pin(tmp_path, "2468"))
    assert "nobody was added yet" in run(far_end, "operators", "list")
    said = run(far_end, "operators", "add", "0042", "--name", "Kim", code=1)
    assert "the first one has to be a supervisor" in said
    said = run(far_end, "operators", "add", "x", "--name", "X", "--role", "engineer", code=2)
    assert "can't be asked for here" in said
    run(far_end, "operators", "add", "boss", "--name", "Änne", "--role", "supervisor", *boss)
    run(far_end, "operators", "add", "0042", "--name", "Kim", *tech)
    wrong = ("--by", "boss", "--by-pin-file", pin(tmp_path, "9999"))
    assert "the PIN of boss is wrong" in run(far_end, "operators", "disable", "0042", *wrong, code=1)

    said = run(far_end, "check", code=1)
    assert "nobody has accepted" in said and "acceptance" in said

    with Station("run", "--config", far_end.config, "--headless", "--json") as running:
        running.line("stderr", "line stopped: recipe-unaccepted")
        assert "signed in as technician" in run(far_end, "ctl", "sign-in", "0042")
        shown = run(far_end, "status")
        assert "LINE STOPPED: This recipe is new here" in shown and "signed in: Kim" in shown
        assert "for a supervisor or engineer to decide" in run(far_end, "ctl", "accept", "--reason", "ok", code=1)
        assert ": accepted" in run(far_end, "ctl", "accept", "--reason", "first article", *tech)
        running.line("stderr", "line runs again")
        run(far_end, "operators", "reset-pin", "boss", "--pin-file", pin(tmp_path, "8642"), *tech)
        run(far_end, "ctl", "sign-in", "boss", "--pin-file", pin(tmp_path, "8642"))
        run(far_end, "operators", "disable", "0042")
        listed = [json.loads(line) for line in run(far_end, "operators", "list", "--json").splitlines()]
        assert [(one["id"], one["active"], one["signed_in"]) for one in listed] == [
            ("0042", False, False),
            ("boss", True, True),
        ]
        run(far_end, "ctl", "sign-out")
        assert "accepted by boss" in run(far_end, "check", code=0)


def test_a_pin_is_no_argument(tmp_path: Path) -> None:
    done = station("ctl", "sign-in", "boss", "--pin", "2468", "--state", tmp_path)
    assert done.returncode == 2 and "2468" not in done.stdout
