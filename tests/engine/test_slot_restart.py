"""A station is restarted, and each slot knows from the ledger what it has to do with the board in it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from engine_floor import Floor, Forgetful

from drivers.opening import port_present
from station.model import Outcome, Phase

Make = Callable[..., Floor]


def cycles(floor: Floor) -> list[tuple[Any, ...]]:
    return floor.ledger("SELECT serial, outcome, error FROM cycles ORDER BY id")


# --------------------------------------------------------------------------- restarts of the station


def test_after_a_restart_the_board_that_passed_is_still_shown_and_not_begun_again(floor: Floor) -> None:
    watcher = floor.start()
    floor.insert()
    watcher.wait_finished()
    floor.stop()
    watcher = floor.start()
    view = watcher.wait_phase("1", Phase.REMOVE)
    assert (view.serial, view.outcome, view.cycle) == ("SIM-00000001", Outcome.PASS, 1)
    floor.remove()
    assert watcher.wait_left("1").last == "SIM-00000001 PASS"
    assert [v.phase for v in watcher.views if v.outcome] == [Phase.REMOVE]
    assert cycles(floor) == [("SIM-00000001", "PASS", None)] and watcher.finished == []


def test_after_a_restart_another_board_in_the_slot_is_never_seen_with_the_old_verdict(floor: Floor) -> None:
    watcher = floor.start()
    floor.insert()
    watcher.wait_finished()
    floor.stop()
    floor.remove()
    floor.insert(number=2)
    watcher = floor.start()
    assert watcher.wait_finished().serial == "SIM-00000002"
    assert {view.serial for view in watcher.views if view.outcome} == {"SIM-00000002"}


def test_after_a_restart_an_empty_slot_is_empty(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("station.slot._GRACE_S", 0.2)
    watcher = floor.start()
    floor.insert()
    watcher.wait_finished()
    floor.stop()
    floor.remove()
    watcher = floor.start()
    assert watcher.wait_left("1").last == "SIM-00000001 PASS"
    assert [view for view in watcher.views if view.outcome] == []


def test_a_board_whose_port_comes_late_after_a_restart_is_not_begun_again(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("station.slot._LEFT_S", 0.1)
    watcher = floor.start()
    floor.insert(kind=Forgetful)
    watcher.wait_finished()
    floor.stop()
    floor.unplug()
    absent, looked = count(), threading.Event()

    def look(port: str) -> bool:
        there = port_present(port)
        if not there and next(absent) == 8:  # longer than a board may be away at any other time
            looked.set()
        return there

    monkeypatch.setattr("station.presence.port_present", look)
    watcher = floor.start()
    assert looked.wait(20)
    floor.plug()
    assert watcher.wait_phase("1", Phase.REMOVE).cycle == 1
    assert watcher.finished == [] and len(cycles(floor)) == 1


def test_a_board_that_was_stopped_while_it_was_identified_is_not_begun_again(floor: Floor) -> None:
    watcher = floor.start()
    floor.insert()
    watcher.wait_finished()
    floor.remove()
    watcher.wait_left("1")
    floor.insert(number=2, serial="SIM-00000001")
    assert watcher.wait_finished(2).error == "serial-on-other-hardware"
    floor.stop()
    watcher = floor.start()
    view = watcher.wait_phase("1", Phase.REMOVE)
    assert (view.cycle, view.serial) == (2, "SIM-00000001")
    floor.remove()
    assert watcher.wait_left("1").last == "SIM-00000001 FAIL"
    assert watcher.finished == [] and len(cycles(floor)) == 2
    floor.insert(number=3)
    assert watcher.wait_finished().serial == "SIM-00000003"


def test_a_board_that_was_stopped_while_it_was_identified_is_named_when_it_left_while_the_station_was_off(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("station.slot._GRACE_S", 0.2)
    watcher = floor.start()
    floor.insert()
    watcher.wait_finished()
    floor.remove()
    watcher.wait_left("1")
    floor.insert()
    assert watcher.wait_finished(2).error == "already-passed"
    floor.stop()
    floor.remove()
    assert floor.start().wait_left("1").last == "SIM-00000001 ABORTED"


def test_a_board_that_can_not_be_told_a_setting_is_named_and_not_begun_again(make: Make) -> None:
    """It has said who it is, and what a recipe asks of it is looked at in the same step."""
    floor = make(('quote = "single"', 'quote = "none"'))
    watcher = floor.start()
    floor.insert()
    finished = watcher.wait_finished()
    assert (finished.serial, finished.error) == ("SIM-00000001", "value-unwritable")
    floor.stop()
    watcher = floor.start()
    assert watcher.wait_phase("1", Phase.REMOVE).serial == "SIM-00000001"
    floor.remove()
    assert watcher.wait_left("1").last == "SIM-00000001 ERROR"
    assert watcher.finished == [] and len(cycles(floor)) == 1


def test_the_second_of_two_with_one_serial_number_waits_for_people_also_when_the_first_has_failed(make: Make) -> None:
    floor = make(slots=2)
    watcher = floor.start()
    floor.bring_twin(watcher)
    floor.insert("1", kind=Forgetful)
    watcher.wait_finished(2)
    floor.stop()
    watcher = floor.start()
    assert watcher.wait_phase("2", Phase.REMOVE).cycle == 2
    floor.remove("2")
    watcher.wait_left("2")
    assert {(serial, outcome) for serial, outcome, _ in cycles(floor)} == {("SIM-00000001", "FAIL"), (None, "FAIL")}
    assert watcher.finished == []


def cut_in(floor: Floor, call: str) -> None:
    """Start, and stop the station while a board's cycle waits for the fleet."""
    watcher = floor.start()
    assert floor.client is not None
    floor.client.lose_answer(call)
    floor.insert()
    watcher.wait_note("Next try at")
    floor.stop()
    assert floor.ledger("SELECT closed_at FROM cycles") == [(None,)] and watcher.finished == []


def test_an_open_cycle_goes_on_after_a_restart(floor: Floor) -> None:
    cut_in(floor, "enable")
    finished = floor.start().wait_finished()
    assert (finished.serial, finished.outcome, finished.attempt) == ("SIM-00000001", Outcome.PASS, 1)
    assert cycles(floor) == [("SIM-00000001", "PASS", None)]


def test_an_open_cycle_whose_board_is_gone_is_aborted_after_a_restart(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("station.slot._GRACE_S", 0.2)
    cut_in(floor, "activate")
    floor.remove()
    watcher = floor.start()
    finished = watcher.wait_finished()
    assert (finished.serial, finished.outcome, finished.error) == ("SIM-00000001", Outcome.ABORTED, "board-pulled")
    assert watcher.wait_left("1").last == "SIM-00000001 ABORTED"
    entry = floor.entry("SIM-00000001")
    assert entry is not None and entry[0] == "expired" and floor.escrow() == ["digest.key"]


def test_another_board_in_the_slot_of_an_open_cycle_is_left_alone(floor: Floor) -> None:
    cut_in(floor, "activate")
    floor.remove()
    floor.insert(number=2)
    finished = floor.start().wait_finished()
    assert (finished.serial, finished.error) == ("SIM-00000001", "board-swapped")
    assert floor.entry("SIM-00000002") is None


@pytest.mark.parametrize("instead", [None, 3])
def test_a_board_of_an_open_cycle_that_is_in_another_slot_by_now_begins_anew_there(
    instead: int | None, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power cut boards are put back anywhere; it is no second board with its number."""
    monkeypatch.setattr("station.slot._GRACE_S", 0.5)
    floor = make(slots=2)
    cut_in(floor, "activate")
    floor.remove("1")
    floor.insert("2", number=1)
    if instead is not None:
        floor.insert("1", number=instead)
    watcher = floor.start()
    watcher.wait_finished(2)
    assert sorted(cycles(floor)[:2]) == [
        ("SIM-00000001", "ABORTED", "board-pulled" if instead is None else "board-swapped"),
        ("SIM-00000001", "PASS", None),
    ]
    waited = any(view.note.startswith("One moment: the station looks for the boards") for view in watcher.views)
    assert waited or instead is not None, "then it may have been found at once"


# --------------------------------------------------------------------------- slots that are called otherwise


def call(floor: Floor, **names: str) -> None:
    """Give slots other names: old name -> new name, without their leading "slot_"."""
    text = floor.config.read_text()
    for old, new in names.items():
        line = f'name = "{old.removeprefix("slot_")}"\nport'
        assert line in text
        text = text.replace(line, f'name = "<{new}>"\nport')
    floor.config.write_text(text.replace('"<', '"').replace('>"', '"'))


def test_slots_that_have_exchanged_their_ports_begin_no_board_again(make: Make) -> None:
    floor = make(slots=2)
    watcher = floor.start()
    floor.insert("1", number=1, kind=Forgetful)
    watcher.wait_finished(1)
    floor.insert("2", number=2, kind=Forgetful)
    watcher.wait_finished(2)
    before, there = cycles(floor), {"1": "SIM-00000001", "2": "SIM-00000002"}
    for exchanged in (True, False, True, True):
        floor.stop()
        if exchanged:
            call(floor, slot_1="2", slot_2="1")
            there = {"1": there["2"], "2": there["1"]}
        watcher = floor.start()
        assert {name: watcher.wait_phase(name, Phase.REMOVE).serial for name in there} == there
    assert cycles(floor) == before and watcher.finished == []


def test_a_renamed_slot_knows_its_board(floor: Floor) -> None:
    watcher = floor.start()
    floor.insert(kind=Forgetful)
    watcher.wait_finished()
    for old, new in (("1", "left"), ("left", "middle"), ("middle", "middle")):
        floor.stop()
        call(floor, **{f"slot_{old}": new})
        watcher = floor.start()
        assert watcher.wait_phase(new, Phase.REMOVE).serial == "SIM-00000001"
    floor.remove()
    watcher.wait_left("middle")
    floor.insert()
    assert watcher.wait_finished().outcome is Outcome.PASS
    assert cycles(floor) == [("SIM-00000001", "FAIL", "readback-differs"), ("SIM-00000001", "PASS", None)]


def test_a_slot_that_got_a_new_port_knows_its_board(floor: Floor) -> None:
    watcher = floor.start()
    floor.insert(kind=Forgetful)
    watcher.wait_finished()
    floor.stop()
    other = floor.folder / "by-path"
    other.symlink_to(floor.wires["1"].path)
    floor.amend("station.toml", f'port = "{floor.wires["1"].path}"', f'port = "{other}"')
    watcher = floor.start()
    assert watcher.wait_phase("1", Phase.REMOVE).serial == "SIM-00000001"
    assert cycles(floor) == [("SIM-00000001", "FAIL", "readback-differs")]


def test_an_open_cycle_of_a_slot_whose_port_is_anothers_now_is_closed_and_its_board_begun_anew(make: Make) -> None:
    floor = make(slots=2)
    cut_in(floor, "activate")
    call(floor, slot_1="2", slot_2="1")
    watcher = floor.start()
    watcher.wait_finished(2)
    assert cycles(floor) == [("SIM-00000001", "ABORTED", "board-pulled"), ("SIM-00000001", "PASS", None)]
    assert [done.slot for done in watcher.finished] == ["1", "2"]
    entry = floor.entry("SIM-00000001")
    assert entry is not None and entry[0] == "activated"
