"""What a station does after long absences: of the fleet, of the station itself, of a board, of a slot's name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from engine_floor import VENDOR, Floor, Forgetful

from drivers.board import Identity
from drivers.shell import Shell
from station.fleet.client import Client, ModelInfo
from station.model import Outcome, Phase

Make = Callable[..., Floor]

SERIAL = "SIM-00000001"


def phase(floor: Floor) -> str | None:
    entry = floor.entry(SERIAL)
    return entry[0] if entry else None


def cut(floor: Floor, slot: str = "1") -> None:
    """Stop the station while a board, all but passed and its key still in escrow, waits for a fleet that is away."""
    watcher = floor.start()
    assert floor.client is not None
    floor.client.leave_after("activate")
    floor.insert(slot)
    watcher.wait_note("Next try at")
    floor.stop()
    assert floor.ledger("SELECT step, closed_at FROM cycles") == [("verify-fleet", None)]
    assert floor.escrow() == ["cycle-1.key", "digest.key"] and phase(floor) == "activated"


def verdicts(floor: Floor) -> list[tuple[object, ...]]:
    return floor.ledger("SELECT slot, outcome, error FROM cycles ORDER BY id")


# --------------------------------------------------------------------------- the fleet is away for longer than we wait


def fail_while_the_fleet_is_away(floor: Floor) -> None:
    watcher = floor.start()
    assert floor.client is not None
    floor.client.leave_after("activate")
    floor.insert(kind=Forgetful)
    finished = watcher.wait_finished()
    assert (finished.outcome, finished.error) == (Outcome.FAIL, "readback-differs")
    assert floor.details(1)["disable"] == "fleet-unreachable"
    assert phase(floor) == "activated" and floor.events("disable") == []


def test_a_number_left_alive_is_disabled_as_soon_as_the_fleet_answers(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("station.line._WATCH_S", 0.02)
    floor = make(patience_s=0)
    fail_while_the_fleet_is_away(floor)
    assert floor.client is not None
    floor.client.away = False
    floor.watcher.wait_for(lambda: floor.events("disable"))
    assert phase(floor) == "expired"
    floor.remove()
    floor.watcher.wait_left("1")
    floor.insert(number=2)  # meanwhile the watch has looked again and again
    assert floor.watcher.wait_finished(2).outcome is Outcome.PASS
    floor.stop()
    assert floor.events("disable") == [(1,)] and floor.client.asked.count("disable") == 1


def test_a_number_left_alive_is_disabled_by_a_later_run_of_the_station(make: Make) -> None:
    floor = make(patience_s=0)
    fail_while_the_fleet_is_away(floor)
    floor.stop()
    assert phase(floor) == "activated"
    watcher = floor.start()
    watcher.wait_for(lambda: floor.events("disable"))
    assert phase(floor) == "expired" and floor.events("disable") == [(1,)]
    assert floor.client is not None and floor.client.asked == ["disable"]


@pytest.mark.parametrize("presence", ["port", "probe"])
def test_nothing_is_done_in_the_name_of_a_board_that_left_while_it_waited_for_the_fleet(
    presence: str, make: Make
) -> None:
    floor = make(('presence = "port"', f'presence = "{presence}"'))
    watcher = floor.start()
    assert floor.client is not None
    floor.client.leave_after("add")
    floor.insert()
    watcher.wait_note("Next try at")
    floor.remove(port_stays=presence == "probe")
    floor.client.away = False
    finished = watcher.wait_finished()
    assert (finished.serial, finished.outcome, finished.error) == (SERIAL, Outcome.ABORTED, "board-pulled")
    assert floor.client.asked == ["add"] and floor.entry(SERIAL) is None
    watcher.wait_left("1")


# --------------------------------------------------------------------------- the station was away


@pytest.mark.parametrize(
    ("old", "new"), [('version = "7"', 'version = "8"'), ("{vendor} {model} {serial}", "{model} {serial}")]
)
def test_a_recipe_changed_under_an_open_cycle_passes_nothing(old: str, new: str, floor: Floor) -> None:
    cut(floor)
    key = floor.flash()["fleet_key"]
    floor.amend("widget.toml", old, new)
    watcher = floor.start()
    finished = watcher.wait_finished()
    assert (finished.serial, finished.outcome, finished.error) == (SERIAL, Outcome.ABORTED, "recipe-changed")
    assert floor.details(1)["disable"] == "owed"
    watcher.wait_for(lambda: floor.events("disable"))
    assert phase(floor) == "expired" and floor.escrow() == ["digest.key"]
    floor.remove()
    watcher.wait_left("1")
    floor.insert()
    finished = watcher.wait_finished(2)
    assert (finished.outcome, finished.attempt) == (Outcome.PASS, 2)
    assert floor.entry(SERIAL) == ("activated", floor.flash()["fleet_key"]) and floor.flash()["fleet_key"] != key
    assert len(set(floor.ledger("SELECT recipe FROM cycles"))) == 2


def test_a_product_changed_under_an_open_cycle_leaves_no_living_number_behind(floor: Floor) -> None:
    cut(floor)
    with Client(floor.server.url, VENDOR, lambda: floor.grant.token) as client:
        client.models.create("widget-2", ModelInfo(rid=floor.grant.template_rid))
    floor.amend("widget.toml", 'model = "widget-1"', 'model = "widget-2"')
    watcher = floor.start()
    assert watcher.wait_finished().error == "recipe-changed"
    watcher.wait_for(lambda: floor.events("disable"))
    assert phase(floor) == "expired", "the number of the old model"


def test_an_open_cycle_of_a_slot_that_was_renamed_is_closed_and_its_number_disabled(floor: Floor) -> None:
    cut(floor)
    floor.remove()
    floor.amend("station.toml", 'name = "1"', 'name = "left"')
    watcher = floor.start()
    assert verdicts(floor) == [("1", "ABORTED", "board-pulled")], "nothing else may begin before"
    assert floor.escrow() == ["digest.key"] and watcher.wait_finished().slot == "1"
    watcher.wait_for(lambda: floor.events("disable"))
    assert phase(floor) == "expired" and floor.events("disable") == [(1,)] and floor.events("remove") == [(1,)]
    floor.insert()
    assert watcher.wait_finished(2).outcome is Outcome.PASS
    assert verdicts(floor)[1:] == [("left", "PASS", None)]


def test_a_board_passes_in_a_slot_that_was_renamed_while_it_was_in_there(floor: Floor) -> None:
    cut(floor)
    old = floor.entry(SERIAL)
    floor.amend("station.toml", 'name = "1"', 'name = "left"')
    watcher = floor.start()
    finished = watcher.wait_finished(2)
    assert (finished.slot, finished.outcome, finished.attempt) == ("left", Outcome.PASS, 2)
    assert verdicts(floor) == [("1", "ABORTED", "board-pulled"), ("left", "PASS", None)]
    new = floor.entry(SERIAL)
    assert new == ("activated", floor.flash()["fleet_key"]) and new != old


def test_a_renamed_slot_waits_for_no_fleet(floor: Floor) -> None:
    cut(floor)
    floor.remove()
    floor.amend("station.toml", 'name = "1"', 'name = "left"')
    floor.build()
    assert floor.bench is not None and floor.client is not None
    floor.client.away = True
    floor.bench.start()
    assert verdicts(floor) == [("1", "ABORTED", "board-pulled")] and phase(floor) == "activated"
    floor.client.away = False
    floor.watcher.wait_for(lambda: floor.events("disable"))
    assert phase(floor) == "expired"


# --------------------------------------------------------------------------- a board that was there, and is not


def test_a_silent_board_is_not_shown_with_the_pass_of_the_one_before(floor: Floor) -> None:
    watcher = floor.start()
    floor.insert()
    watcher.wait_finished()
    floor.stop()
    floor.remove(port_stays=True)
    floor.amend("widget.toml", "boot_s = 20.0", "boot_s = 0.2")
    watcher = floor.start()
    finished = watcher.wait_finished()
    assert (finished.serial, finished.outcome, finished.error) == (None, Outcome.FAIL, "board-silent")
    assert [view.outcome for view in watcher.views if view.outcome] == [Outcome.FAIL]
    assert floor.events("remove") == [(1,)]


def test_another_board_is_not_shown_with_the_pass_of_the_one_before(floor: Floor) -> None:
    watcher = floor.start()
    floor.insert()
    watcher.wait_finished()
    floor.stop()
    floor.remove()
    floor.insert(number=2)
    watcher = floor.start()
    finished = watcher.wait_finished()
    assert (finished.serial, finished.outcome) == ("SIM-00000002", Outcome.PASS)
    assert {view.cycle for view in watcher.views if view.outcome} == {2}
    assert floor.events("remove") == [(1,)]


def test_an_adapter_that_goes_while_the_board_is_asked_who_it_is_says_nothing_of_it(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    floor = make(('presence = "port"', 'presence = "probe"'))
    watcher = floor.start()
    floor.insert()
    watcher.wait_finished()
    floor.stop()
    identify = Shell.identify

    def interrupted(board: Shell) -> Identity:
        monkeypatch.setattr(Shell, "identify", identify)
        floor.unplug()
        return identify(board)

    monkeypatch.setattr(Shell, "identify", interrupted)
    watcher = floor.start()
    watcher.wait_note("is not there")
    floor.plug()
    view = watcher.wait_phase("1", Phase.REMOVE)
    assert (view.serial, view.outcome, view.cycle) == (SERIAL, Outcome.PASS, 1)
    assert floor.events("remove") == [] and watcher.finished == []
