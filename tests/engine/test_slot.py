"""A slot on a real pty: boards arrive, are pulled, swapped, doubled and put in again; a station is restarted."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from engine_floor import LIMIT_S, Floor, SwappedAtRestart
from pytest_mock import MockerFixture

from drivers.opening import port_present
from station.model import Outcome, Phase, Step

Make = Callable[..., Floor]

PROBED = ('presence = "port"', 'presence = "probe"')
"""The port is the fixture's, and always there."""


def port_events(floor: Floor) -> list[str]:
    sql = "SELECT json_extract(body, '$.facts.state') FROM events WHERE kind = 'port' ORDER BY id"
    return [state for (state,) in floor.ledger(sql)]


def cycles(floor: Floor) -> list[tuple[Any, ...]]:
    return floor.ledger("SELECT serial, outcome, error FROM cycles ORDER BY id")


# --------------------------------------------------------------------------- boards that come and go


def test_a_board_passes_and_the_next_one_too(floor: Floor) -> None:
    watcher = floor.start()
    for number in (1, 2):
        floor.insert(number=number)
        finished = watcher.wait_finished(number)
        assert (finished.serial, finished.outcome, finished.attempt) == (f"SIM-{number:08d}", Outcome.PASS, 1)
        shown = watcher.wait_view("1", phase=Phase.REMOVE, serial=finished.serial)
        assert (shown.outcome, shown.step, shown.advice) == (Outcome.PASS, Step.VERIFY_FLEET, "")
        floor.remove()
        watcher.wait_view("1", phase=Phase.EMPTY, last=f"{finished.serial} PASS")
        entry = floor.entry(f"SIM-{number:08d}")
        flash = json.loads(floor.memory(number).read_text())
        assert entry == ("activated", flash["fleet_key"])
    assert floor.escrow() == ["digest.key"]


def test_the_verdict_is_on_the_disk_before_it_is_shown(floor: Floor) -> None:
    watcher = floor.start()
    seen: list[Any] = []
    tell = watcher.slot_changed

    def look(view: Any) -> None:
        if view.outcome is not None:
            seen.append(floor.ledger("SELECT outcome FROM cycles WHERE id = ?", view.cycle))
        tell(view)

    watcher.slot_changed = look  # type: ignore[method-assign]
    floor.insert()
    watcher.wait_finished()
    assert seen == [[("PASS",)]]


def test_a_board_that_is_pulled_is_aborted_and_the_next_one_passes(floor: Floor) -> None:
    watcher = floor.start()
    assert floor.client is not None
    floor.client.before("activate", floor.remove)
    floor.insert()
    finished = watcher.wait_finished()
    assert (finished.serial, finished.outcome, finished.error) == ("SIM-00000001", Outcome.ABORTED, "board-pulled")
    entry = floor.entry("SIM-00000001")
    assert entry is not None and entry[0] == "expired" and floor.escrow() == ["digest.key"]
    floor.insert(number=2)
    assert watcher.wait_finished(2).outcome is Outcome.PASS
    floor.remove()
    watcher.wait_left("1")
    floor.insert(number=1)
    finished = watcher.wait_finished(3)
    assert (finished.outcome, finished.attempt) == (Outcome.PASS, 2)


def test_a_board_that_is_swapped_before_the_read_back_is_aborted(floor: Floor) -> None:
    watcher = floor.start()
    floor.insert(kind=SwappedAtRestart)
    finished = watcher.wait_finished()
    assert (finished.serial, finished.outcome, finished.error) == ("SIM-00000001", Outcome.ABORTED, "board-swapped")
    entry = floor.entry("SIM-00000001")
    assert entry is not None and entry[0] == "expired"
    assert floor.entry("SIM-00000099") is None


def test_a_malformed_serial_number_is_a_fail_that_says_what_was_read(floor: Floor) -> None:
    watcher = floor.start()
    floor.insert(serial="=SUM(A1)[red]")
    finished = watcher.wait_finished()
    assert (finished.outcome, finished.error, finished.serial, finished.attempt) == (
        Outcome.FAIL,
        "serial-malformed",
        "=SUM(A1)[red]",
        0,
    )
    ((text,),) = floor.ledger("SELECT json_extract(body, '$.text') FROM events WHERE kind = 'close'")
    assert "'=SUM(A1)[red]'" in text and "SIM-[0-9]{8}" in text
    assert text in watcher.wait_phase("1", Phase.REMOVE).advice
    floor.remove()
    watcher.wait_left("1")
    floor.insert(number=2)
    assert watcher.wait_finished(2).outcome is Outcome.PASS


def test_a_board_that_has_passed_is_kept_out_when_it_comes_again(floor: Floor) -> None:
    watcher = floor.start()
    floor.insert()
    watcher.wait_finished()
    before = floor.entry("SIM-00000001")
    floor.remove()
    watcher.wait_left("1")
    floor.insert()
    finished = watcher.wait_finished(2)
    assert (finished.outcome, finished.error) == (Outcome.ABORTED, "already-passed")
    assert floor.entry("SIM-00000001") == before
    floor.remove()
    assert watcher.wait_left("1").last == "SIM-00000001 ABORTED"


def test_the_same_serial_number_in_two_slots_stops_the_second(make: Make) -> None:
    floor = make(slots=2)
    watcher = floor.start()
    floor.bring_twin(watcher)
    floor.insert("1")
    second, first = watcher.wait_finished(), watcher.wait_finished(2)
    assert (second.slot, second.outcome, second.error) == ("2", Outcome.FAIL, "serial-in-two-slots")
    assert (first.slot, first.outcome) == ("1", Outcome.PASS)


def test_the_same_serial_number_on_other_hardware_is_a_fail(floor: Floor) -> None:
    watcher = floor.start()
    floor.insert()
    watcher.wait_finished()
    floor.remove()
    watcher.wait_left("1")
    floor.insert(number=2, serial="SIM-00000001")
    finished = watcher.wait_finished(2)
    assert (finished.outcome, finished.error) == (Outcome.FAIL, "serial-on-other-hardware")


# --------------------------------------------------------------------------- ports


def test_a_missing_port_is_told_in_words_and_recorded_once(floor: Floor) -> None:
    watcher = floor.start()
    watcher.wait_note("is not there")
    assert watcher.views[-1].phase is Phase.EMPTY
    floor.insert()
    watcher.wait_finished()
    assert port_events(floor) == ["port-missing"]


def test_a_busy_port_takes_its_slot_out_and_no_other(make: Make) -> None:
    floor = make(slots=2)
    floor.plug("1")
    holder = os.open(floor.wires["1"].path, os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    try:
        watcher = floor.start()
        view = watcher.wait_phase("1", Phase.OUT)
        assert "Another program uses this slot's port." in view.note and "in use by another program" in view.note
        floor.insert("2")
        assert watcher.wait_finished().slot == "2"
    finally:
        os.close(holder)
    floor.insert("1", number=2)
    assert watcher.wait_finished(2).outcome is Outcome.PASS
    assert [state for state in port_events(floor) if state != "port-missing"] == ["port-busy", "ok"]


# --------------------------------------------------------------------------- a fixture's port that is always there


def test_probing_sees_boards_come_and_go_on_a_port_that_stays(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("station.presence._PROBE_S", 0.05)
    floor = make(PROBED)
    floor.plug()
    watcher = floor.start()
    for number in (1, 2):
        floor.insert(number=number)
        assert watcher.wait_finished(number).outcome is Outcome.PASS
        floor.remove(port_stays=True)
        watcher.wait_view("1", phase=Phase.EMPTY, last=f"SIM-{number:08d} PASS")
    floor.unplug()
    watcher.wait_note("is not there")
    floor.plug()
    watcher.wait_for(lambda: "is not there" not in watcher.views[-1].note)
    floor.stop()
    assert port_events(floor) == ["port-missing", "ok"]


def test_an_adapter_that_comes_back_with_the_same_board_starts_nothing(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("station.presence._PROBE_S", 0.05)
    monkeypatch.setattr("station.slot._LEFT_S", 0.2)
    absent, looked = count(), threading.Event()

    def look(port: str) -> bool:
        there = port_present(port)
        if not there and next(absent) == 8:  # far more than 0.2 s
            looked.set()
        return there

    monkeypatch.setattr("station.presence.port_present", look)
    floor = make(PROBED)
    floor.plug()
    watcher = floor.start()
    floor.insert()
    watcher.wait_finished()
    floor.remove()
    assert looked.wait(LIMIT_S)
    assert floor.ledger("SELECT removed_at FROM cycles") == [(None,)], "nobody saw the board leave"
    assert floor.bench is not None and floor.bench.views()[0].phase is Phase.REMOVE
    floor.insert()
    floor.remove(port_stays=True)
    assert watcher.wait_left("1").last == "SIM-00000001 PASS"
    assert cycles(floor) == [("SIM-00000001", "PASS", None)]


def test_the_operators_start_takes_what_is_there_as_new(make: Make) -> None:
    floor = make(PROBED, ("boot_s = 20.0", "boot_s = 0.2"))
    floor.plug()
    watcher = floor.start()
    assert floor.bench is not None
    floor.bench.start_cycle("1")
    finished = watcher.wait_finished()
    assert (finished.outcome, finished.error, finished.serial) == (Outcome.FAIL, "board-silent", None)
    floor.bench.start_cycle("1")
    assert watcher.wait_finished(2).error == "board-silent"
    with pytest.raises(KeyError):
        floor.bench.start_cycle("no such slot")


def test_the_operators_start_on_a_port_that_brings_its_board(floor: Floor) -> None:
    watcher = floor.start()
    floor.insert()
    watcher.wait_finished()
    assert floor.bench is not None
    floor.bench.start_cycle("1")
    finished = watcher.wait_finished(2)
    assert (finished.outcome, finished.error) == (Outcome.ABORTED, "already-passed")


@pytest.mark.parametrize(
    ("method", "does"),
    [("restart", {"side_effect": SystemExit(3)}), ("read", {"return_value": {"label": b"x"}})],
)
def test_a_broken_dialect_ends_one_board_and_the_next_one_passes(
    floor: Floor, mocker: MockerFixture, method: str, does: dict[str, Any]
) -> None:
    broken = mocker.patch(f"drivers.shell.Shell.{method}", **does)
    watcher = floor.start()
    floor.insert()
    finished = watcher.wait_finished()
    assert (finished.outcome, finished.error) == (Outcome.ERROR, "dialect-broken")
    assert floor.ledger("SELECT COUNT(*) FROM events WHERE json_extract(body, '$.step') = 'disable'") != [(0,)]
    mocker.stop(broken)
    floor.remove()
    floor.insert(number=2)
    assert watcher.wait_finished(2).outcome is Outcome.PASS
