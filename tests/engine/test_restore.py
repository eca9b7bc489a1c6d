"""Yesterday's ledger and today's fleet: what was made in between is held, and nothing of it is changed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from engine_floor import LIMIT_S, Floor, Forgetful
from engine_world import MODEL, rows

from drivers.sim.memory import Memory
from station import words
from station.errors import DatabaseCorrupt, DatabaseFailed, SettingsError
from station.fleet.client import FleetError
from station.keeper import DAY_S
from station.ledger.backup import back_up, backups
from station.ledger.restore import Restored, restore, restoring
from station.model import Outcome, Phase

Make = Callable[..., Floor]
NO_KEY = ('fleet_key = "{cik}"\n', "")
FIELD = ('activate = "station"', 'activate = "field"\nwindow_h = 24\nreenabled_by = "the installer"')
DEFERRED = ((FIELD[0], FIELD[1] + "\ndeferred = true"), NO_KEY, ('fleet_rid = "{rid}"\n', ""))
ON_LINE = (('activate = "station"', 'activate = "on-line"\nfetch_s = 30'), NO_KEY)
LISTED = (('register = "station"', 'register = "listed"'),)
MODES = {"station": (), "on-line": ON_LINE, "field": (FIELD, NO_KEY), "deferred": DEFERRED, "listed": LISTED}
STATION = "9f2c41d07a3e4b56"


def ledger_of(floor: Floor) -> Path:
    return floor.folder / "state" / "ledger.db"


def backed_up(floor: Floor) -> Path:
    return back_up(ledger_of(floor), floor.folder / "copies", 14)


def put_back(floor: Floor, copy: Path) -> Restored:
    """Restore a copy while no station runs."""
    floor.stop()
    return restore(copy, ledger_of(floor), STATION)


def made(floor: Floor, number: int, **options: object) -> str:
    """Put a board in, wait for what becomes of it, take it out; return the code, or the outcome."""
    watcher = floor.watcher
    watcher.forget()
    floor.insert(number=number, **options)  # type: ignore[arg-type]
    finished = watcher.wait_finished()
    if finished.outcome is Outcome.PENDING:
        deliver(floor)
        finished = watcher.finished[-1]
    floor.remove()
    watcher.wait_left("1")
    return finished.error or str(finished.outcome)


def deliver(floor: Floor) -> None:
    """Tell the fleet all that is owed to it."""
    assert floor.bench is not None
    until = time.monotonic() + LIMIT_S
    while floor.bench.deliver().left:
        assert time.monotonic() < until


def fleet(floor: Floor) -> list[tuple[object, ...]]:
    """Everything that the fleet holds of boards."""
    return rows(floor.fleet_db, "SELECT name, rid, cik, phase FROM clients WHERE name LIKE 'SIM-%' ORDER BY name")


def by_themselves(floor: Floor) -> type[Memory]:
    """Boards that fetch their key by themselves, whenever they start with what a station has written."""

    class Fetching(Memory):
        def reset(self) -> None:
            super().reset()
            assert floor.client is not None
            if "label" in self.flash:
                with suppress(FleetError):
                    floor.client.device.activate(MODEL, self.flash["serial#"])

    return Fetching


@pytest.mark.parametrize("mode", list(MODES))
def test_every_newer_board_is_held_and_none_is_changed(mode: str, make: Make) -> None:
    floor = make(*MODES[mode])
    floor.start()
    kind = by_themselves(floor) if mode == "on-line" else Memory
    if mode == "listed":
        assert floor.client is not None
        floor.client.serials.add_many(MODEL, [f"SIM-{number:08d}" for number in range(1, 5)])
    assert made(floor, 1, kind=kind) == "PASS"
    assert made(floor, 2, kind=Forgetful) == "readback-differs"
    copy = backed_up(floor)
    assert made(floor, 2, kind=kind) == "PASS"  # by the very client that the copy knows as a failed one's
    assert made(floor, 3, kind=kind) == "PASS"  # by one that it doesn't know at all
    before = fleet(floor)
    assert len(before) == 3
    put_back(floor, copy)
    floor.start()
    assert made(floor, 1) == "already-passed"
    for _ in range(2):  # also when somebody tries again
        assert [made(floor, 2), made(floor, 3)] == ["not-in-records", "not-in-records"]
    assert fleet(floor) == before
    assert made(floor, 4, kind=kind) == "PASS"
    assert made(floor, 4) == "already-passed"


@pytest.mark.parametrize("mode", ["station", "field", "listed"])
def test_a_state_folder_that_was_set_back_kills_no_board_that_had_failed_before(mode: str, make: Make) -> None:
    """As a virtual machine's snapshot does: nothing in the folder shows it."""
    floor = make(*MODES[mode])
    floor.start()
    if mode == "listed":
        assert floor.client is not None
        floor.client.serials.add_many(MODEL, ["SIM-00000001"])
    assert made(floor, 1, kind=Forgetful) == "readback-differs"
    floor.stop()
    state = floor.folder / "state"
    shutil.copytree(state, floor.folder / "snapshot", symlinks=True)
    floor.start()
    assert made(floor, 1) == "PASS"
    floor.stop()
    shutil.rmtree(state)
    shutil.copytree(floor.folder / "snapshot", state, symlinks=True)
    before = fleet(floor)
    floor.start()
    for _ in range(2):
        assert made(floor, 1) == "not-in-records"
    assert fleet(floor) == before


def test_a_client_that_somebody_has_revived_is_for_people(floor: Floor) -> None:
    watcher = floor.start()
    assert made(floor, 1, kind=Forgetful) == "readback-differs"
    assert floor.client is not None
    floor.client.serials.regenerate(MODEL, "SIM-00000001")
    floor.client.device.activate(MODEL, "SIM-00000001")
    before = fleet(floor)
    for _ in range(2):
        assert made(floor, 1) == "not-in-records"
    assert fleet(floor) == before
    floor.client.serials.disable(MODEL, "SIM-00000001")
    assert made(floor, 1) == "PASS" and watcher


def test_a_board_that_is_new_since_a_restore_may_lose_an_answer(make: Make) -> None:
    floor = make(patience_s=0)
    floor.start()
    put_back(floor, backed_up(floor))
    floor.start()
    assert floor.client is not None
    floor.client.lose_answer("enable")
    assert made(floor, 1) == "fleet-unanswered"
    assert made(floor, 1) == "PASS"


def test_a_restored_board_that_waited_for_the_fleet_is_adopted_if_an_answer_is_lost(make: Make) -> None:
    floor = make(*DEFERRED)
    watcher = floor.start()
    assert floor.client is not None
    floor.client.away = True
    floor.insert()
    assert watcher.wait_finished().outcome is Outcome.PENDING
    floor.remove()
    watcher.wait_left("1")
    put_back(floor, backed_up(floor))
    floor.build()
    floor.client.lose_answer("enable")
    assert floor.bench is not None
    floor.bench.start()
    deliver(floor)
    assert floor.ledger("SELECT outcome, error FROM cycles") == [("PASS", None)]


def test_a_held_board_is_made_again_once_people_have_deleted_its_number(floor: Floor) -> None:
    floor.start()
    copy = backed_up(floor)
    assert made(floor, 1) == "PASS"
    put_back(floor, copy)
    floor.start()
    assert made(floor, 1) == "not-in-records"
    assert floor.client is not None
    floor.client.serials.delete(MODEL, "SIM-00000001")
    assert made(floor, 1) == "PASS"


def test_a_board_that_waits_for_the_fleet_is_asked_for_before_it_is_told(make: Make) -> None:
    floor = make(*DEFERRED)
    floor.start()
    assert floor.client is not None
    floor.client.away = True
    for number in (1, 2):
        floor.insert(number=number)
        floor.watcher.wait_finished(number)
        floor.remove()
        floor.watcher.wait_left("1")
        floor.watcher.wait_for(lambda: floor.watcher.views[-1].phase is Phase.EMPTY)
    floor.stop()
    copy = backed_up(floor)
    floor.start()
    assert floor.client is not None
    floor.client.away = False
    deliver(floor)
    before = fleet(floor)
    put_back(floor, copy)
    floor.start()
    deliver(floor)
    found = floor.ledger("SELECT outcome, error FROM cycles ORDER BY id")
    assert found == [("ERROR", "not-in-records")] * 2 and fleet(floor) == before


def test_a_cycle_that_was_open_is_closed_and_its_board_not_disabled(floor: Floor) -> None:
    watcher = floor.start()
    copies: list[Path] = []
    assert floor.client is not None
    floor.client.before("activate", lambda: copies.append(backed_up(floor)))
    floor.insert()
    assert watcher.wait_finished().outcome is Outcome.PASS
    before = fleet(floor)
    done = put_back(floor, copies[0])
    assert done.closed == (1,)
    assert floor.ledger("SELECT outcome, error FROM cycles") == [("ERROR", "not-in-records")]
    watcher = floor.start()
    assert watcher.wait_finished().error == "not-in-records"
    assert fleet(floor) == before


def test_a_number_that_was_to_be_disabled_is_not_any_more(floor: Floor) -> None:
    """It may have passed since."""
    floor.start()
    assert floor.client is not None
    floor.client.leave_after("activate")
    floor.amend("station.toml", "patience_s = 900", "patience_s = 0")
    floor.stop()
    floor.start()
    assert floor.client is not None
    floor.client.leave_after("activate")
    assert made(floor, 1, kind=Forgetful) == "readback-differs"
    floor.stop()
    copy = backed_up(floor)
    floor.start()
    deliver(floor)
    assert made(floor, 1) == "PASS"
    before = fleet(floor)
    put_back(floor, copy)
    floor.start()
    deliver(floor)
    assert fleet(floor) == before


def test_the_restore_is_an_event_that_names_what_is_lost_and_the_ledger_before_is_kept(floor: Floor) -> None:
    floor.start()
    assert made(floor, 1) == "PASS"
    copy = backed_up(floor)
    assert made(floor, 2) == "PASS"
    done = put_back(floor, copy)
    ((facts, lost),) = floor.ledger(
        "SELECT json_extract(body, '$.facts.backup'), json_extract(body, '$.facts.lost_from') FROM events "
        "WHERE kind = 'restore'"
    )
    assert facts == copy.name and lost.startswith("20")
    assert done.aside is not None and done.lost_from < done.lost_until
    assert rows(done.aside, "SELECT serial FROM cycles ORDER BY id") == [("SIM-00000001",), ("SIM-00000002",)]
    assert not restoring(ledger_of(floor)).exists()


# --------------------------------------------------------------------------- what is refused


def test_a_copy_is_whole_needs_no_other_file_and_holds_no_secret(floor: Floor) -> None:
    floor.start()
    assert made(floor, 1) == "PASS"
    copy = backed_up(floor)
    assert [path.name for path in copy.parent.iterdir()] == [copy.name] and copy.stat().st_mode & 0o777 == 0o600
    entry = floor.entry("SIM-00000001")
    assert entry is not None
    content = copy.read_bytes()
    assert entry[1].encode() not in content and floor.grant.token.encode() not in content
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_only_the_newest_copies_are_kept(floor: Floor) -> None:
    floor.start()
    floor.stop()
    folder = floor.folder / "copies"
    for day in (1, 2, 3):
        (folder / f"ledger-2026010{day}T000000Z.db").touch()
    copy = back_up(ledger_of(floor), folder, 2)
    assert [path.name for path in backups(folder)] == ["ledger-20260103T000000Z.db", copy.name]


def test_a_damaged_ledger_takes_no_good_copys_place(floor: Floor) -> None:
    floor.start()
    assert made(floor, 1) == "PASS"
    floor.stop()
    copy = back_up(ledger_of(floor), floor.folder / "copies", 1)
    damage(ledger_of(floor))
    with pytest.raises(DatabaseCorrupt):
        back_up(ledger_of(floor), floor.folder / "copies", 1)
    assert backups(copy.parent) == [copy]


def damage(path: Path) -> None:
    """Overwrite one page of the events, as a bad block does: everything else can still be read."""
    with closing(sqlite3.connect(path)) as connection:
        ((root,),) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'events_of_cycle'")
    with path.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(os.urandom(4096))


@pytest.mark.parametrize("wrong", ["damaged", "changed", "another station's", "missing"])
def test_a_backup_that_is_no_good_changes_nothing(wrong: str, floor: Floor) -> None:
    floor.start()
    assert made(floor, 1) == "PASS"
    floor.stop()
    copy = backed_up(floor)
    station = STATION
    if wrong == "damaged":
        damage(copy)
    elif wrong == "changed":
        with closing(sqlite3.connect(copy)) as connection:
            connection.executescript(
                "DROP TRIGGER events_stay; UPDATE events SET body = replace(body, 'PASS', 'FAIL') WHERE kind = 'close'"
            )
    elif wrong == "missing":
        copy.unlink()
    else:
        station = "0123456789abcdef"
    before = ledger_of(floor).read_bytes()
    with pytest.raises((DatabaseCorrupt, SettingsError)):
        restore(copy, ledger_of(floor), station)
    assert ledger_of(floor).read_bytes() == before


def test_a_ledger_that_is_gone_is_not_begun_anew(floor: Floor) -> None:
    floor.start()
    floor.stop()
    ledger_of(floor).unlink()
    with pytest.raises(DatabaseFailed, match="was here and is gone; put a backup in its place"):
        floor.build()
    assert not ledger_of(floor).exists()


def test_a_restore_that_was_cut_is_gone_on_with_before_anything_else(floor: Floor) -> None:
    floor.start()
    floor.stop()
    copy = backed_up(floor)
    restoring(ledger_of(floor)).touch()
    with pytest.raises(DatabaseFailed, match="a restore was interrupted"):
        floor.build()
    put_back(floor, copy)
    floor.start()
    assert made(floor, 1) == "PASS"


# --------------------------------------------------------------------------- by itself


def test_a_running_station_makes_a_copy_a_day(floor: Floor) -> None:
    watcher = floor.start()
    folder = floor.folder / "state" / "backups"
    watcher.wait_for(lambda: backups(folder))
    floor.stop()
    floor.start()
    floor.stop()
    (today,) = backups(folder)  # the newest one is of today
    yesterday = today.rename(folder / time.strftime("ledger-%Y%m%dT%H%M%SZ.db", time.gmtime(time.time() - DAY_S)))
    watcher = floor.start()
    watcher.wait_for(lambda: len(backups(folder)) == 2)
    assert backups(folder)[0] == yesterday


def test_a_copy_that_can_not_be_made_is_told_and_stops_nobody(floor: Floor) -> None:
    (floor.folder / "copies").rmdir()  # its disk is not mounted
    floor.config.write_text(floor.config.read_text().replace("[fleet]", '[backup]\nfolder = "copies"\n[fleet]'))
    watcher = floor.start()
    bench = floor.bench
    assert bench is not None
    watcher.wait_for(lambda: bench.line().warning)
    assert bench.line().warning == words.advice("backup-failed") and bench.line().stopped_code is None
    assert made(floor, 1) == "PASS"
    floor.stop()
    assert not (floor.folder / "copies").exists(), "it would be on the system's disk"
    (floor.folder / "copies").mkdir()
    watcher = floor.start()
    watcher.wait_for(lambda: backups(floor.folder / "copies"))
    assert floor.bench is not None and not floor.bench.line().warning
