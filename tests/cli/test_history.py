"""``station history``: what people and programs are told of a board, and that nothing in it can hurt a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from moved_clock import MovedClock
from station_process import Station, station

from drivers.board import Identity
from drivers.transcript import Passage
from station import clock
from station.ledger import CycleRow, Ledger
from station.ledger.archive import Archive
from station.ledger.transcript import written
from station.model import Closing, Edition, Outcome, Step

RID = "0123456789abcdef0123456789abcdef01234567"
RECIPE = Edition("ab" * 32, "gateway", "3", 'name = "gateway"\n', "gateway")
HOSTILE = "\x1b[31m[red]\u202e../=1+1"
RECORD = ["cycle", "slot", "serial", "hardware_id", "attempt", "recipe", "rid", "outcome", "error", "advice", "text"]
RECORD += ["details", "started_at", "ended_at", "duration_s", "events"]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """One board that failed and passed, and one that said something hostile."""
    (tmp_path / "state").mkdir()
    ledger = Ledger(tmp_path / "state" / "ledger.db", "9f2c41d07a3e4b56")
    row = identified(ledger)
    said = [Passage(0.5, ">", b"saveenv\r"), Passage(1.25, "<", b"\x1b[2Jno\r\n[red]=> ")]
    failed = Closing(Outcome.FAIL, "board-commit-failed", f"no OK {HOSTILE}", {"sent": "saveenv"})
    ledger.close_cycle(row, failed, {}, 1500, written(said, row.opened_at))
    row = ledger.settle(identified(ledger), Step.ENABLE, {"rid": RID}, Step.VERIFY_BOARD)
    read = {"fleet_key": "hmac-sha256:00", "ca": "sha256:00"}
    proven = {"restarted": True, "settings": read, "proofs": {"fleet_key": "length", "ca": "sha256"}}
    row = ledger.settle(row, Step.VERIFY_BOARD, proven, Step.VERIFY_FLEET)
    ledger.close_cycle(row, Closing(Outcome.PASS), {}, 700)
    row = ledger.open_cycle("2", RECIPE, Step.IDENTIFY)
    ledger.close_cycle(row, Closing(Outcome.FAIL, "serial-malformed", "what?", {"serial": HOSTILE}), {}, 100)
    yield ledger
    ledger.close()


def identified(ledger: Ledger) -> CycleRow:
    row = ledger.open_cycle("1", RECIPE, Step.IDENTIFY)
    identity = {name: getattr(Identity("SN1", "02:00", "fw 7"), name) for name in Identity.__dataclass_fields__}
    return ledger.settle(row, Step.IDENTIFY, {"identity": identity}, Step.ENABLE)


def history(folder: Path, *arguments: str) -> Any:
    return station("history", "--ledger", folder / "state" / "ledger.db", *arguments)


def test_a_board_is_told_attempt_by_attempt(ledger: Ledger, tmp_path: Path) -> None:
    told = history(tmp_path, "SN1")
    assert told.returncode == 0, told.stderr
    first, second = told.stdout.strip().split("\n\n")
    for words in (
        "cycle 1, attempt 1: SN1: FAIL board-commit-failed",
        "The board could not save its settings. Put it aside for repair. (no OK ",
        ", 1.500 s, slot 1 on 02:00, recipe gateway 3",
        "identify: 0.0",
        "firmware fw 7",
        "enable: did not succeed",
        "sent: saveenv",
    ):
        assert words in first
    assert "cycle 2, attempt 2: SN1: PASS" in second and f"rid {RID}" in second
    assert "> saveenv" not in told.stdout
    assert ": restarted True, 2 settings, ca by its sha256, fleet_key by its length only\n" in second


def test_the_transcript_is_told_with_times_and_directions(ledger: Ledger, tmp_path: Path) -> None:
    told = history(tmp_path, "SN1", "--transcript").stdout
    exchange = [line for line in told.splitlines() if " > " in line or " < " in line]
    assert exchange == [
        r"     0.500    > saveenv\r",
        r"     1.250    < \x1b[2Jno\r\n",
        r"              < [red]=> ",
    ]
    assert "no transcript: none is kept of a PASS" in told


def test_what_spoke_against_the_clock_is_told_and_no_duration_is_read_off_it(tmp_path: Path, wall: MovedClock) -> None:
    (tmp_path / "state").mkdir()
    wall.state = "unsynced"
    with closing(Ledger(tmp_path / "state" / "ledger.db", "9f2c41d07a3e4b56")) as ledger:
        row = ledger.open_cycle("1", RECIPE, Step.IDENTIFY)
        wall.slept_s += 2
        wall.move(-3600)
        said = written([Passage(1.5, ">", b"hello")], clock.now_us() - 2_000_000)
        wall.slept_s += 1
        ledger.close_cycle(row, Closing(Outcome.FAIL, "board-silent", "no answer"), {}, 3000, said)
    told = history(tmp_path, "--cycle", "1", "--transcript").stdout.splitlines()
    assert told[-5] == "     0.000  opened; the clock: nothing keeps it right"
    assert told[-4].startswith("     0.00") and told[-4].endswith("identify: did not succeed")
    assert told[-3].startswith("     1.5") and told[-3].endswith("> hello")
    assert told[-2].startswith("     3.0") and "closed; the clock: nothing keeps it right, set back by 3600" in told[-2]
    (line,) = history(tmp_path, "--json").stdout.splitlines()
    opened, intended, ended = json.loads(line)["events"]
    assert (opened["clock"], opened["clock_ms"], "clock" in intended) == (["unsynced"], {}, False)
    assert ended["clock"] == ["unsynced", "jumped", "behind"] and ended["clock_ms"].keys() == {"jumped", "behind"}


def test_without_a_board_the_last_cycles_are_listed(ledger: Ledger, tmp_path: Path) -> None:
    lines = history(tmp_path).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["1", "2", "3"]
    assert lines[0].endswith("slot 1   FAIL     SN1                  board-commit-failed")
    assert lines[1].endswith("slot 1   PASS     SN1")


@pytest.mark.parametrize("arguments", [(), (HOSTILE,), ("--cycle", "3"), ("SN1", "--transcript"), ("--json",)])
def test_nothing_that_a_board_said_reaches_the_terminal(ledger: Ledger, tmp_path: Path, arguments: Any) -> None:
    told = history(tmp_path, *arguments)
    assert told.returncode == 0 and told.stdout
    assert all(character.isprintable() or character == "\n" for character in told.stdout)
    assert "SN1" in arguments or r"x1b" in told.stdout or r"u001b" in told.stdout


def test_programs_get_an_object_a_cycle(ledger: Ledger, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in history(tmp_path, "SN1", "--json").stdout.splitlines()]
    assert [list(line) for line in lines] == [RECORD, RECORD]
    assert [(line["outcome"], line["error"]) for line in lines] == [("FAIL", "board-commit-failed"), ("PASS", None)]
    assert [event["step"] for event in lines[0]["events"] if event["kind"] == "intend"] == ["identify", "enable"]
    (line,) = [
        json.loads(line) for line in history(tmp_path, "--cycle", "1", "--json", "--transcript").stdout.splitlines()
    ]
    assert [(said["direction"], said["text"]) for said in line["transcript"]] == [
        (">", r"saveenv\r"),
        ("<", r"\x1b[2Jno\r\n[red]=> "),
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("SN2",), 1, "no cycle of SN2 in "),
        (("--cycle", "9"), 1, "no cycle 9 in "),
        (("SN1", "--cycle", "1"), 2, "either SERIAL or --cycle"),
        (("--config", "nowhere.toml"), 2, "exclude each other"),
    ],
)
def test_what_is_not_there_is_said(ledger: Ledger, tmp_path: Path, arguments: Any, code: int, words: str) -> None:
    told = history(tmp_path, *arguments)
    assert told.returncode == code and words in told.stderr and not told.stdout


def test_a_file_that_is_no_ledger_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "ledger.db").write_bytes(b"shopping list\n" * 400)
    told = history(tmp_path)
    assert told.returncode == 1 and "ledger.db" in told.stderr and "Traceback" not in told.stderr


def test_a_ledger_in_a_folder_that_we_may_not_write_to_is_read_alone(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.close()
    state = tmp_path / "state"
    before = sorted(state.iterdir())
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write anywhere
    with closing(Archive(state / "ledger.db")) as archive:
        assert archive.cycles_of("SN1") == [1, 2]
        assert sorted(state.iterdir()) == before


@pytest.mark.parametrize("closed", ["state", "state/ledger.db"])
def test_a_ledger_that_this_user_may_not_read_says_who_may(ledger: Ledger, tmp_path: Path, closed: str) -> None:
    config = tmp_path / "station.toml"
    config.write_text(
        f'station = "9f2c41d07a3e4b56"\nname = "line 3"\nrecipe = "recipe.toml"\nstate = "state"\n'
        f'[fleet]\nurl = "http://127.0.0.1:1"\nvendor = "acme"\nowner = "{RID}"\ntoken_file = "token"\n'
        '[[slots]]\nname = "1"\nport = "/dev/x"\n'
    )
    (tmp_path / closed).chmod(0)
    try:
        for named in (("--config", config), ("--ledger", tmp_path / "state" / "ledger.db")):
            told = station("history", *named, mortal=True)
            assert told.returncode == 2 and "Traceback" not in told.stderr, told.stderr
            assert "can't be read: Permission denied; the station's own user can read it" in told.stderr
    finally:
        (tmp_path / closed).chmod(0o700)


def test_a_ledger_that_was_only_begun_is_none_yet(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "ledger.db").touch()
    told = history(tmp_path)
    assert told.returncode == 2 and "there is no ledger yet" in told.stderr


@pytest.mark.slow
def test_history_is_told_while_the_station_runs(far_end: Any) -> None:
    with Station("run", "--config", far_end.config, "--headless", "--json") as running:
        cycle = json.loads(running.line())
        told = station("history", cycle["serial"], "--config", far_end.config, "--json")
        assert told.returncode == 0, told.stderr
        assert json.loads(told.stdout)["rid"] == cycle["rid"]
        assert running.process.poll() is None
    empty = station("history", "--config", far_end.folder / "nowhere.toml")
    assert empty.returncode == 2 and "nowhere.toml" in empty.stderr
