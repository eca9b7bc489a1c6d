"""``station check``: every finding by its cause, against a served fleet, real ports and a real ledger; and no trace."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from board_on_port import RECIPES, OnPort, soon
from click.testing import CliRunner
from moved_clock import MovedClock
from served_fleet import Served
from station_process import Station, station

from drivers.ports import holders
from station import clock
from station.check import timing
from station.cli import main
from station.clock import Ahead, Reading
from station.ledger import Ledger
from station.ledger.decisions import WorkOrder, keep_order
from station.settings import ClockSettings
from station.timekeeper import Doubt

SETTINGS = """\
station = "9f2c41d07a3e4b56"
name = "line 3"
recipe = "recipe.toml"
state = "state"

[fleet]
url = "{url}"
vendor = "acme"
owner = "0123456789abcdef0123456789abcdef01234567"
token_file = "token"

[[slots]]
name = "1"
port = "{port}"
"""


@pytest.fixture(scope="module")
def model(fleet: Served) -> str:
    return fleet.model()


@pytest.fixture
def board(tmp_path: Path) -> Iterator[OnPort]:
    board = OnPort(tmp_path)
    board.insert()
    yield board
    board.close()


@pytest.fixture
def config(fleet: Served, model: str, board: OnPort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A station to which nothing is wrong."""
    monkeypatch.setattr(clock, "state", lambda: "synced")
    recipe = (RECIPES / "rehearsal-shell.toml").read_text().replace("rehearsal-g1", model)
    (tmp_path / "recipe.toml").write_text(recipe)
    shutil.copy(fleet.folder / "acme" / "fleet_token", tmp_path / "token")
    (tmp_path / "token").chmod(0o600)
    (tmp_path / "station.toml").write_text(SETTINGS.format(url=fleet.url, port=board.port))
    (tmp_path / "state").mkdir()
    return tmp_path / "station.toml"


def checked(config: Path) -> tuple[int, dict[str, dict[str, str]]]:
    """Return the exit code, and the findings by what was looked at."""
    result = CliRunner().invoke(main, ["check", "--config", str(config), "--json"])
    assert isinstance(result.exception, SystemExit | None), result.exc_info
    token = config.with_name("token")
    assert not token.exists() or token.read_text().strip() not in result.output
    return result.exit_code, {line["what"]: line for line in map(json.loads, result.stdout.splitlines())}


def sole_trouble(config: Path, what: str, level: str = "FAIL") -> str:
    """Return the text and the advice of the only thing that is not well."""
    code, findings = checked(config)
    assert [name for name, finding in findings.items() if finding["level"] != "OK"] == [what], findings
    assert (findings[what]["level"], code) == (level, 1 if level == "FAIL" else 0) and findings[what]["advice"]
    return f"{findings[what]['text']} -> {findings[what]['advice']}"


def seen(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in folder.rglob("*")}


def edit(path: Path, old: str, new: str) -> None:
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


# ------------------------------------------------------------------ nothing is wrong


def test_a_station_that_is_well_is_said_so_and_nothing_is_changed(config: Path, board: OnPort) -> None:
    Ledger(config.parent / "state" / "ledger.db", "9f2c41d07a3e4b56").close()
    copy(config.parent / "state" / "ledger.db")
    before, ram = seen(config.parent), dict(board.memory.ram)
    done = station("check", "--config", config)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = {line[6:20].strip(): line[:4].strip() for line in done.stdout.splitlines()}
    assert list(lines) == [
        *("settings", "recipe", "token", "slot 1", "state", "ledger", "backup", "disk"),
        *("fleet", "fleet token", "fleet model", "fleet vendor", "fleet owner", "clock"),
    ]
    assert {what for what, level in lines.items() if level != "OK"} <= {"clock"}  # this machine's may be let go
    assert seen(config.parent) == before and board.memory.ram == ram
    assert checked(config)[0] == 0


def test_a_state_that_has_yet_to_be_made_is_not_made(config: Path) -> None:
    (config.parent / "state").rmdir()
    assert checked(config)[1]["state"]["text"].endswith("state will be made")
    assert not (config.parent / "state").exists()


def test_a_running_station_keeps_its_ports(config: Path) -> None:
    with Station("run", "--config", config, "--headless") as running:
        running.line("stderr", "identify")
        code, findings = checked(config)
        assert code == 0, findings
        assert "by the running station" in findings["slot 1"]["text"]
        assert f"process {running.process.pid}" in findings["state"]["text"]
        assert running.end(signal.SIGTERM) == 0


# ------------------------------------------------------------------ files


def test_wrong_settings_are_all_that_is_said(config: Path) -> None:
    edit(config, "name = ", "nmae = ")
    code, findings = checked(config)
    assert (code, list(findings)) == (1, ["settings"]) and "nmae" in findings["settings"]["text"]
    assert checked(config.with_name("no.toml"))[0] == 1


def test_a_wrong_recipe_leaves_the_rest_to_be_seen(config: Path) -> None:
    edit(config.with_name("recipe.toml"), "pattern", "patern")
    code, findings = checked(config)
    assert code == 1 and findings["recipe"]["level"] == "FAIL" and "patern" in findings["recipe"]["text"]
    assert findings["slot 1"]["level"] == "WARN" and findings["fleet token"]["level"] == "OK"
    edit(config.with_name("recipe.toml"), 'dialect = "shell"', 'dialect = "klingon"')
    assert "no dialect 'klingon'" in checked(config)[1]["recipe"]["text"]


def test_a_token_that_others_can_read_fails(config: Path) -> None:
    config.with_name("token").chmod(0o644)
    assert "others may read or write it (mode 644) -> chmod 600" in sole_trouble(config, "token")


def test_a_token_that_is_not_there_fails_and_the_fleet_is_still_seen(config: Path) -> None:
    config.with_name("token").unlink()
    code, findings = checked(config)
    assert code == 1 and "can't be read: No such file" in findings["token"]["text"]
    assert (findings["fleet"]["level"], findings["fleet token"]["level"]) == ("OK", "WARN")


def test_a_credential_that_only_the_service_has_is_no_failure(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    edit(config, 'token_file = "token"', 'token_credential = "fleet-token"')
    code, findings = checked(config)
    assert code == 0 and findings["token"]["level"] == findings["fleet token"]["level"] == "WARN"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(config.parent))
    shutil.copy(config.with_name("token"), config.with_name("fleet-token"))
    assert checked(config)[1]["token"]["text"] == "handed over by systemd as 'fleet-token'"


# ------------------------------------------------------------------ slots


def second_slot(config: Path, port: str) -> None:
    config.write_text(config.read_text() + f'\n[[slots]]\nname = "2"\nport = "{port}"\n')


def test_a_port_that_a_board_brings_may_be_away(config: Path) -> None:
    second_slot(config, "/dev/no-such-port")
    assert checked(config)[1]["slot 2"]["text"] == "/dev/no-such-port is not there now; a board brings it"
    edit(config.with_name("recipe.toml"), 'presence = "port"', 'presence = "probe"')
    assert "/dev/no-such-port is not there -> " in sole_trouble(config, "slot 2")


def test_one_port_in_two_slots_fails_in_both(config: Path, board: OnPort) -> None:
    link = config.with_name("link")
    link.symlink_to(board.port)
    second_slot(config, str(link))
    code, findings = checked(config)
    assert code == 1 and findings["slot 1"]["level"] == findings["slot 2"]["level"] == "FAIL"
    assert f"{link} is {os.path.realpath(board.port)}, as is another slot's" in findings["slot 2"]["text"]


def test_a_port_that_somebody_has_fails_by_name(config: Path, board: OnPort) -> None:
    with subprocess.Popen(["cat", board.port], stdout=subprocess.DEVNULL) as other:
        ends = soon()
        while not holders(board.port).by:  # until it has begun
            assert time.monotonic() < ends
        try:
            trouble = sole_trouble(config, "slot 1")
        finally:
            other.kill()
    assert f"{board.port} is in use by cat (process {other.pid}, user " in trouble and "end that program" in trouble
    assert checked(config)[0] == 0


def test_a_port_that_can_not_be_set_up_fails(config: Path) -> None:
    edit(config.with_name("recipe.toml"), "baud = 115200", "baud = 115200\ndtr = false")  # no pty has that line
    assert "has no DTR and RTS lines" in sole_trouble(config, "slot 1")


def test_a_bridge_where_nobody_listens_fails_unless_a_board_may_bring_it(config: Path) -> None:
    second_slot(config, "socket://127.0.0.1:1")
    assert "nothing listens at this address; a board may bring it" in sole_trouble(config, "slot 2", "WARN")
    edit(config.with_name("recipe.toml"), 'presence = "port"', 'presence = "probe"')
    assert "nothing listens at this address -> " in sole_trouble(config, "slot 2")


def test_a_port_that_may_be_there_or_not_is_not_well(config: Path) -> None:
    closed = config.with_name("closed")
    closed.mkdir()
    second_slot(config, str(closed / "port"))
    closed.chmod(0)
    try:
        done = station("check", "--config", config, mortal=True)
    finally:
        closed.chmod(0o700)
    assert done.returncode == 1
    assert f"FAIL  slot 2          {closed / 'port'} can't be seen: {closed} may not be entered" in done.stdout


# ------------------------------------------------------------------ records


def ledger(config: Path) -> Path:
    path = config.parent / "state" / "ledger.db"
    with closing(Ledger(path, "9f2c41d07a3e4b56")) as books:
        for number in range(3):
            books.note("port", {"slot": str(number)})
    copy(path)
    return path


def copy(path: Path, days: float = 0) -> Path:
    """A backup of so many days ago, as far as its name tells."""
    folder = path.parent / "backups"
    folder.mkdir(exist_ok=True)
    made = folder / time.strftime("ledger-%Y%m%dT%H%M%SZ.db", time.gmtime(time.time() - days * 86_400))
    made.touch()
    return made


def test_an_old_backup_is_told_and_one_that_is_missing(config: Path) -> None:
    path = ledger(config)
    assert checked(config)[1]["backup"]["level"] == "OK"
    shutil.rmtree(path.parent / "backups")
    assert "there is no copy of the ledger" in sole_trouble(config, "backup", "WARN")
    copy(path, days=-365)  # made by a clock that was wrong: how old it is nobody knows
    assert "there is no copy of the ledger" in sole_trouble(config, "backup", "WARN")
    copy(path, days=3)
    assert "is 3.0 days old" in sole_trouble(config, "backup", "WARN")


@pytest.mark.parametrize("how", ["gone", "emptied", "set back"])
def test_a_ledger_that_was_more_than_it_is_fails(how: str, config: Path) -> None:
    path = ledger(config)
    (path.parent / "escrow").mkdir()
    (path.parent / "escrow" / "digest.key").touch()  # a station has run here
    older = path.read_bytes()
    with closing(Ledger(path, "9f2c41d07a3e4b56")) as books:
        books.note("port", {"slot": "4"})
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(older if how == "set back" else b"")
    before = seen(path.parent)
    expected = {"gone": "was here and is gone", "emptied": "was here and is empty now", "set back": "ends with event 3"}
    assert expected[how] in checked(config)[1]["ledger"]["text"] and checked(config)[0] == 1
    assert seen(path.parent) == before


def test_a_state_folder_of_somebody_else_fails(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a user of whom root has made none here."""
    access = os.access
    state = config.parent / "state"
    monkeypatch.setattr(os, "access", lambda path, *more, **also: path != state and access(path, *more, **also))
    assert f"{state} can't be written to by this user" in sole_trouble(config, "state")


@pytest.mark.parametrize(
    "begun",
    [
        "",
        "PRAGMA journal_mode = WAL",
        "CREATE TABLE _sqlite_migrations (migration_set TEXT, name TEXT, applied_at TEXT)",
    ],
)
def test_a_ledger_that_was_only_begun_is_no_trouble(config: Path, begun: str) -> None:
    path = config.parent / "state" / "ledger.db"
    path.touch()
    with closing(sqlite3.connect(path)) as db:
        db.execute(begun)
    code, findings = checked(config)
    assert code == 0 and findings["ledger"]["text"] == f"{path} is empty and will be filled"
    ledger(config)  # as `run` does
    assert "sound; 0 boards" in checked(config)[1]["ledger"]["text"]


def tamper(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TRIGGER events_stay")
        db.execute("UPDATE events SET body = replace(body, '1', '9') WHERE id = 2")
        db.commit()


def from_later(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE _sqlite_migrations SET name = '9999_later' WHERE name = '0001_first'")
        db.commit()


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (tamper, "event 2 is not what it was when it was written"),
        (lambda path: path.write_bytes(b"no database" * 1000), "not a database"),
        (from_later, "made by a later version of this program (it has '9999_later')"),
    ],
    ids=["tampered", "overwritten", "later"],
)
def test_a_ledger_that_is_not_sound_fails(config: Path, spoil: Callable[[Path], None], expected: str) -> None:
    path = ledger(config)
    assert checked(config)[1]["ledger"]["text"].endswith("sound; 0 boards passed, 0 cycles open")
    spoil(path)
    assert expected in sole_trouble(config, "ledger")


@pytest.mark.parametrize(
    ("free", "files", "flag", "level", "expected"),
    [
        (1 << 20, 10**6, 0, "FAIL", "0.0 GiB free"),
        (500 << 20, 10**6, 0, "WARN", "make room soon"),
        (10 << 30, 50, 0, "FAIL", "only 50 more files fit"),
        (10 << 30, 5000, 0, "WARN", "only 5000 more files fit"),
        (10 << 30, 10**6, os.ST_RDONLY, "FAIL", "is read-only"),
    ],
)
def test_a_disk_without_room_is_said(
    config: Path, monkeypatch: pytest.MonkeyPatch, free: int, files: int, flag: int, level: str, expected: str
) -> None:
    facts = SimpleNamespace(f_bavail=free >> 12, f_frsize=4096, f_files=10**7, f_favail=files, f_flag=flag)
    monkeypatch.setattr(os, "statvfs", lambda path: facts)
    assert expected in sole_trouble(config, "disk", level)


# ------------------------------------------------------------------ the fleet


def test_a_fleet_that_is_away_fails(config: Path, fleet: Served) -> None:
    edit(config, fleet.url, "http://127.0.0.1:1")
    assert "can't be reached" in sole_trouble(config, "fleet")


def test_a_token_that_the_fleet_does_not_take_fails(config: Path) -> None:
    config.with_name("token").write_text("a" * 40)
    assert "the fleet answered 401 Unauthorized" in sole_trouble(config, "fleet token")


def test_a_model_that_the_fleet_does_not_know_fails(config: Path, model: str) -> None:
    edit(config.with_name("recipe.toml"), f'model = "{model}"', 'model = "no-such-model"')
    assert "the fleet does not know no-such-model" in sole_trouble(config, "fleet model")


def test_a_vendor_that_the_fleet_does_not_know_fails(config: Path) -> None:
    edit(config, 'vendor = "acme"', 'vendor = "acne"')
    assert "the fleet knows no vendor acne -> mend fleet.vendor" in sole_trouble(config, "fleet vendor")


def test_a_vendor_that_is_another_one_is_said(config: Path, model: str) -> None:
    edit(config, 'vendor = "acme"', 'vendor = "beta"')
    assert f"does not take {model} for a model of beta's" in sole_trouble(config, "fleet vendor", "WARN")


def test_of_the_owner_is_said_that_it_can_not_be_tried(config: Path) -> None:
    assert "only tells when a board is enabled" in checked(config)[1]["fleet owner"]["text"]


# ------------------------------------------------------------------ the clock


@pytest.mark.parametrize(
    ("last_s", "ahead_s", "state", "stops", "level", "expected"),
    [
        (-5, 0.5, "synced", (), "OK", ""),
        (-5, 4.5, "unknown", tuple(Doubt), "OK", ""),
        (30, None, "unknown", (), "WARN", "30 s behind what the ledger holds"),
        (30, None, "unknown", (Doubt.BEHIND,), "FAIL", "the line would stop for it (behind)"),
        (86400, 0.0, "synced", (), "FAIL", "86400 s behind what the ledger holds"),
        (None, 90.0, "synced", (), "WARN", "90 s behind the fleet's"),
        (None, -90.0, "synced", (Doubt.FLEET_DIFFERS,), "FAIL", "90 s ahead of the fleet's"),
        (None, -86400.0, "synced", (), "FAIL", "86400 s ahead of the fleet's"),
        (None, 0.0, "unsynced", (), "WARN", "nothing keeps it right"),
        (None, 0.0, "unsynced", (Doubt.JUMPED,), "WARN", "nothing keeps it right"),
        (None, 0.0, "unsynced", (Doubt.UNSYNCED,), "FAIL", "the line would stop for it (unsynced)"),
    ],
)
def test_the_clock_is_judged_by_the_ledger_the_fleet_and_the_kernel(
    monkeypatch: pytest.MonkeyPatch,
    last_s: int | None,
    ahead_s: float | None,
    state: str,
    stops: tuple[Doubt, ...],
    level: str,
    expected: str,
) -> None:
    now = Reading(10**15, 10**9, state)
    monkeypatch.setattr(clock, "read", lambda: now)
    last = None if last_s is None else now.at + last_s * 1_000_000
    fleet = None if ahead_s is None else Ahead(*[now.ahead + round(ahead_s * 1e6)] * 2)
    finding = timing.check(ClockSettings(stops=stops), last, fleet)
    assert finding.level == level and expected in finding.text and bool(finding.advice) == (level != "OK")


def test_a_ledger_of_the_future_shows_in_the_whole(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.now_us()
    monkeypatch.setattr(clock, "now_us", lambda: now + 10**12)
    ledger(config)
    monkeypatch.undo()
    monkeypatch.setattr(clock, "state", lambda: "synced")
    assert "s behind what the ledger holds" in sole_trouble(config, "clock")


def test_a_fleet_with_another_time_shows_in_the_whole(config: Path, wall: MovedClock) -> None:
    wall.move(-600)
    assert "s behind the fleet's" in sole_trouble(config, "clock", "WARN")
    edit(config, "[[slots]]", '[clock]\nstops = ["fleet-differs"]\n\n[[slots]]')
    assert "the line would stop for it (fleet-differs)" in sole_trouble(config, "clock")
    edit(config, 'stops = ["fleet-differs"]', "tolerance_s = 900")
    assert checked(config)[1]["clock"]["level"] == "OK"


def test_a_fleet_that_refuses_us_tells_the_time_all_the_same(config: Path, wall: MovedClock) -> None:
    config.with_name("token").write_text("0" * 40)
    wall.move(7200)
    assert "s ahead of the fleet's" in checked(config)[1]["clock"]["text"]


# ------------------------------------------------------------------ the shift


def test_a_work_order_of_another_product_is_found(config: Path) -> None:
    ledger = Ledger(config.parent / "state" / "ledger.db", "9f2c41d07a3e4b56")
    keep_order(ledger, "work-order", "boss", WorkOrder("WO-1", "another", 5, 1, 1, None), {})
    ledger.close()
    copy(config.parent / "state" / "ledger.db")
    text = config.read_text()
    config.write_text(text + '[work_order]\nid = "WO-2"\n')
    assert checked(config)[1]["work order"]["level"] == "OK"
    config.write_text(text + '[work_order]\nid = "WO-1"\n')
    assert "WO-1 is for another; " in sole_trouble(config, "work order")


def test_slots_that_were_not_tried_with_golden_units_are_named(config: Path) -> None:
    recipe = config.parent / "recipe.toml"
    edit(recipe, "[link]", '[golden]\ngood = ["G"]\nbad = ["B"]\neach_shift = true\n[link]')
    Ledger(config.parent / "state" / "ledger.db", "9f2c41d07a3e4b56").close()
    copy(config.parent / "state" / "ledger.db")
    assert "with a unit that is good or bad" in sole_trouble(config, "golden slot 1", "WARN")
