"""The bench as a whole: what it shows, what it counts, how it stands still, and that it stops whatever it is doing."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from engine_floor import LIMIT_S, Floor

from drivers.errors import Fault
from station.errors import BadInput, DatabaseFailed, NothingToAcknowledge, StateBusy
from station.fleet.server import init
from station.journal import Journal
from station.model import Counters, FleetState, Outcome, Phase, Step


def stopped_in_time(floor: Floor) -> bool:
    """Stop in a thread, so that one that hangs fails the test and not the whole run."""
    stopping = threading.Thread(target=floor.stop, daemon=True)
    stopping.start()
    stopping.join(LIMIT_S / 4)
    return not stopping.is_alive()


def line_events(floor: Floor) -> list[tuple[str, str]]:
    sql = "SELECT kind, json_extract(body, '$.facts.code') FROM events WHERE kind LIKE 'line-%' ORDER BY id"
    return floor.ledger(sql)


# --------------------------------------------------------------------------- what is shown


def test_the_counters_of_the_day(floor: Floor) -> None:
    watcher = floor.start()
    bench = floor.bench
    assert bench is not None and bench.line().counters == Counters()

    def serve(number: int, serial: str | None = None) -> None:
        floor.insert(number=number, serial=serial)
        watcher.wait_finished()
        floor.remove()
        watcher.wait_left("1")
        watcher.forget()

    serve(1)  # PASS
    serve(2, "WRONG")  # FAIL, nothing identified
    serve(1)  # ABORTED: has passed before
    serve(3)  # PASS
    assert bench.line().counters == Counters(done=4, passed=2, first=3, first_passed=2)
    assert bench.line().counters.fpy == pytest.approx(2 / 3)
    floor.stop()
    floor.start()
    assert floor.bench is not None and floor.bench.line().counters.done == 4


def test_views_are_the_same_objects_while_nothing_changes(floor: Floor) -> None:
    watcher = floor.start()
    bench = floor.bench
    assert bench is not None
    floor.insert()
    watcher.wait_finished()
    watcher.wait_phase("1", Phase.REMOVE)
    assert bench.views()[0] is bench.views()[0]
    assert bench.views()[0] is watcher.views[-1]
    watcher.wait_for(lambda: bench.line().fleet_ms is not None)  # the watch looks once, and then rests for seconds
    assert bench.line() is bench.line()
    assert (bench.line().station, bench.line().recipe, bench.line().fleet) == ("line 3", "widget 7", FleetState.OK)


def test_a_slot_is_shown_with_the_step_it_is_in(floor: Floor) -> None:
    watcher = floor.start()
    floor.insert()
    watcher.wait_finished()
    shown = [view.step for view in watcher.views if view.phase is Phase.RUNNING and view.step]
    assert floor.bench is not None
    assert tuple(dict.fromkeys(shown)) == watcher.views[-1].plan
    assert all(view.started is not None for view in watcher.views if view.phase is Phase.RUNNING)


# --------------------------------------------------------------------------- the line stands still


def test_a_refused_token_stops_the_line_once_and_a_new_one_lets_it_go_on(floor: Floor) -> None:
    floor.token.write_text("0" * 40)
    watcher = floor.start()
    assert floor.bench is not None
    floor.insert()
    watcher.wait_note("The fleet refuses this station")
    assert floor.bench.line().stopped_code == "fleet-not-allowed"
    assert "The fleet refuses this station" in floor.bench.line().stopped
    assert watcher.finished == []
    floor.token.write_text(floor.grant.token)
    assert watcher.wait_finished().outcome is Outcome.PASS
    assert floor.bench.line().stopped == ""
    assert line_events(floor) == [("line-stop", "fleet-not-allowed"), ("line-run", "fleet-not-allowed")]


def test_a_board_that_comes_while_the_line_stands_still_is_held(floor: Floor) -> None:
    floor.token.write_text("0" * 40)
    watcher = floor.start()
    watcher.wait_for(lambda: floor.bench and floor.bench.line().stopped_code)
    floor.insert()
    assert "refuses this station" in watcher.wait_phase("1", Phase.HELD).note
    assert floor.ledger("SELECT id FROM cycles") == []
    floor.token.write_text(floor.grant.token)
    assert watcher.wait_finished().outcome is Outcome.PASS


def test_an_unknown_owner_stops_the_line_and_it_stays_so(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("station.line._WATCH_S", 0.02)
    floor.write_settings(owner="f" * 40)
    watcher = floor.start()
    assert floor.bench is not None and floor.client is not None
    floor.insert()
    watcher.wait_for(
        lambda: floor.bench and floor.bench.line().stopped_code and watcher.views and watcher.views[-1].note
    )
    answers = threading.Semaphore(0)
    info = floor.client.models.info

    def counted(model: str) -> object:
        found = info(model)
        answers.release()
        return found

    monkeypatch.setattr(floor.client.models, "info", counted)
    for _ in range(5):
        assert answers.acquire(timeout=LIMIT_S)
    assert floor.bench.line().stopped_code == "fleet-not-allowed"
    assert floor.client.asked == ["add", "enable"], "the fleet was asked again and again"
    assert watcher.finished == [] and line_events(floor) == [("line-stop", "fleet-not-allowed")]


def test_a_fleet_that_is_away_makes_the_board_wait_with_the_time_of_the_next_try(floor: Floor) -> None:
    watcher = floor.start()
    assert floor.client is not None
    for _ in range(2):
        floor.client.lose_call("enable")
    floor.insert()
    assert watcher.wait_finished().outcome is Outcome.PASS
    notes = [view.note for view in watcher.views if "Next try at" in view.note]
    assert notes and all(note.startswith("The fleet does not answer.") for note in notes)


def test_when_patience_is_over_the_board_gets_an_error(tmp_path: Path) -> None:
    with closing(Floor(tmp_path, patience_s=0)) as floor:
        watcher = floor.start()
        assert floor.client is not None
        floor.client.lose_answer("enable")
        floor.insert()
        finished = watcher.wait_finished()
        assert (finished.outcome, finished.error) == (Outcome.ERROR, "fleet-unanswered")
        entry = floor.entry("SIM-00000001")
        assert entry is not None and entry[0] == "expired"


def test_a_ledger_that_cannot_be_written_stops_the_line_for_good(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = floor.start()
    bench = floor.bench
    assert bench is not None and floor.client is not None
    ledger, line = bench._equipment.office.ledger, bench._equipment.line
    standing = threading.Event()
    await_running = line.await_running

    def stand_still() -> None:
        standing.set()
        await_running()

    monkeypatch.setattr(line, "await_running", stand_still)

    def full(*_: object) -> None:
        raise DatabaseFailed("disk full")

    def fill_the_disk() -> None:
        patched.setattr(ledger, "write", full)

    with monkeypatch.context() as patched:
        floor.client.before("enable", fill_the_disk)
        floor.insert()
        watcher.wait_phase("1", Phase.HELD)
    assert standing.wait(LIMIT_S)
    assert bench.line().stopped_code == "database-failed" and "RECORDS" in bench.line().stopped
    floor.stop()  # and the disk has room again, which a person has to look at first
    assert watcher.finished == []
    assert floor.ledger("SELECT outcome FROM cycles") == [(None,)]
    assert floor.start().wait_finished().outcome is Outcome.PASS


# --------------------------------------------------------------------------- stopping


def test_stopping_twice_and_stopping_what_never_started(floor: Floor) -> None:
    floor.start()
    floor.stop()
    floor.stop()
    assert floor.ledger("SELECT kind FROM events WHERE kind IN ('start', 'stop')") == [("start",), ("stop",)]
    floor.build()
    assert stopped_in_time(floor)


def test_stopping_while_a_board_is_waited_for(floor: Floor) -> None:
    watcher = floor.start()
    watcher.wait_for(lambda: watcher.views)
    assert stopped_in_time(floor)


def test_stopping_while_a_board_says_nothing(floor: Floor) -> None:
    floor.plug()
    watcher = floor.start()
    watcher.wait_phase("1", Phase.RUNNING)
    assert stopped_in_time(floor)
    assert floor.ledger("SELECT step, outcome FROM cycles") == [("identify", None)]


def test_stopping_while_the_fleet_is_waited_for(floor: Floor) -> None:
    watcher = floor.start()
    assert floor.client is not None
    for _ in range(3):
        floor.client.lose_call("enable")
    floor.insert()
    watcher.wait_note("Next try at")
    assert stopped_in_time(floor)
    assert floor.ledger("SELECT step, outcome FROM cycles") == [("enable", None)]


def test_stopping_while_the_fleet_has_heard_and_says_nothing(floor: Floor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        floor.write_settings(url=f"http://127.0.0.1:{silent.getsockname()[1]}")
        floor.insert()
        watcher = floor.start()
        watcher.wait_for(lambda: watcher.views and watcher.views[-1].step is Step.REGISTER)
        assert stopped_in_time(floor)  # its answer is waited for for 2 s, not for the 20 s that a call may take
    assert floor.ledger("SELECT step, outcome FROM cycles") == [("register", None)]


def test_stopping_while_the_line_stands_still(floor: Floor) -> None:
    floor.token.write_text("0" * 40)
    watcher = floor.start()
    floor.insert()
    watcher.wait_note("refuses this station")
    assert stopped_in_time(floor)
    assert floor.ledger("SELECT COUNT(*) FROM cycles WHERE closed_at IS NOT NULL") == [(0,)]


def test_stopping_while_a_removal_is_waited_for(floor: Floor) -> None:
    watcher = floor.start()
    floor.insert()
    watcher.wait_phase("1", Phase.REMOVE)
    assert stopped_in_time(floor)
    assert floor.ledger("SELECT removed_at FROM cycles") == [(None,)]


# --------------------------------------------------------------------------- starting


def test_two_engines_do_not_share_a_state_folder(floor: Floor) -> None:
    floor.start()
    first = floor.bench
    with pytest.raises(StateBusy, match=r"in use by another station, process \d+ \("):
        floor.build()
    floor.bench = first


def test_nothing_is_left_open_when_building_fails(floor: Floor) -> None:
    (floor.folder / "widget.toml").write_text("name = 3\n")
    with pytest.raises(BadInput):
        floor.build()
    assert not (floor.folder / "state").exists()
    floor.token.write_text("")
    with pytest.raises(Fault):
        floor.build()
    assert not (floor.folder / "state").exists()


def test_keys_of_closed_cycles_are_forgotten_at_the_start_and_open_ones_kept(floor: Floor) -> None:
    watcher = floor.start()
    assert floor.client is not None
    floor.insert()
    watcher.wait_finished()
    floor.remove()
    watcher.wait_left("1")
    floor.client.lose_answer("enable")
    floor.insert(number=2)
    watcher.wait_note("Next try at")
    floor.stop()
    for number in (1, 2):
        (floor.folder / "state" / "escrow" / f"cycle-{number}.key").write_text("k" * 40)
    (floor.folder / "state" / "escrow" / "cycle-9.new").write_text("half")
    floor.remove()
    floor.start()
    assert floor.escrow() == ["cycle-2.key", "digest.key"]


def test_nothing_secret_is_in_the_journal(floor: Floor, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        floor.build().subscribe(Journal())
        assert floor.bench is not None
        floor.bench.start()
        floor.insert()
        floor.watcher.wait_finished()
        floor.stop()
    entry = floor.entry("SIM-00000001")
    assert entry is not None and "PASS SIM-00000001" in caplog.text
    assert entry[1] not in caplog.text and floor.grant.token not in caplog.text


# --------------------------------------------------------------------------- boards that have left


def test_a_fleet_that_refuses_the_station_is_told_of_no_board(make: Callable[..., Floor]) -> None:
    deferred = ('activate = "station"', 'activate = "field"\nwindow_h = 24\nreenabled_by = "the user"\ndeferred = true')
    floor = make(deferred, ('fleet_key = "{cik}"\n', ""), ('fleet_rid = "{rid}"\n', ""))
    watcher = floor.start()
    floor.client.away = True
    floor.insert(number=1)
    assert watcher.wait_finished().outcome is Outcome.PENDING
    floor.token.write_text(init(floor.fleet_db, "other").token)  # good, but another vendor's
    floor.client.away = False
    bench = floor.bench
    assert bench is not None
    watcher.wait_for(lambda: bench.line().stopped_code == "model-unknown")
    told = bench.deliver()
    assert (told.delivered, told.left) == (0, 1) and "404" in told.why
    assert floor.ledger("SELECT outcome FROM cycles") == [(None,)]
    floor.token.write_text(floor.grant.token)
    watcher.wait_for(lambda: [done.outcome for done in watcher.finished] == [Outcome.PENDING, Outcome.PASS])


def test_a_verdict_that_is_no_pass_is_acknowledged_by_name(floor: Floor) -> None:
    floor.amend("widget.toml", "'SIM-[0-9]{8}'", "'SN-[0-9]{8}'")
    watcher = floor.start()
    assert floor.bench is not None
    with pytest.raises(NothingToAcknowledge):
        floor.bench.acknowledge("1")
    floor.insert()
    watcher.wait_finished()
    watcher.wait_phase("1", Phase.REMOVE)
    assert floor.bench.acknowledge("1")["code"] == "serial-malformed"
    with pytest.raises(KeyError):
        floor.bench.acknowledge("9")
    sql = "SELECT actor, json_extract(body, '$.facts.code') FROM events WHERE kind = 'acknowledge'"
    assert floor.ledger(sql) == [("station", "serial-malformed")]
