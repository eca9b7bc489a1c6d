"""What keeps a board from being begun or passed, and what nobody gets to see of it: line, recipe, keys, listeners."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from engine_floor import Floor, Watcher

from drivers.shell import Shell
from drivers.sim.memory import Memory
from station.journal import Journal
from station.model import Finished, FleetState, Outcome, Phase, SlotView, Step

Make = Callable[..., Floor]

SERIAL = "SIM-00000001"


class Chatty(Memory):
    """The memory of a board that mixes its key up with another setting when it starts."""

    def reset(self) -> None:
        super().reset()
        if "fleet_key" in self.ram:
            self.ram["label"] = f"{'x' * 60}{self.ram['fleet_key']}"


class Raiser:
    """A listener that can't take anything."""

    def slot_changed(self, view: SlotView) -> None:
        raise RuntimeError("no room on the screen")

    def cycle_finished(self, finished: Finished) -> None:
        raise RuntimeError("no room on the screen")


def cycles(floor: Floor) -> list[tuple[object, ...]]:
    return floor.ledger("SELECT serial, outcome, error, step FROM cycles ORDER BY id")


def line_events(floor: Floor) -> list[tuple[object, ...]]:
    sql = "SELECT kind, json_extract(body, '$.facts.code') FROM events WHERE kind LIKE 'line-%' ORDER BY id"
    return floor.ledger(sql)


# --------------------------------------------------------------------------- the key


@contextmanager
def nothing_of_the_key(floor: Floor, caplog: pytest.LogCaptureFixture) -> Iterator[Watcher]:
    """A started station with its journal; afterwards, no piece of board 1's key is anywhere but on the board."""
    with caplog.at_level(logging.DEBUG):
        floor.build().subscribe(Journal())
        assert floor.bench is not None
        floor.bench.start()
        yield floor.watcher
    key = floor.flash()["fleet_key"]
    pieces = [key[at : at + 12] for at in range(len(key) - 11)]
    ledger = [path.read_bytes() for path in (floor.folder / "state").glob("ledger.db*")]
    assert len(ledger) >= 2, "the WAL is looked at as well"
    for piece in pieces:
        assert not any(piece.encode() in content for content in ledger)
        assert piece not in caplog.text
        assert piece not in repr(floor.watcher.views) and piece not in repr(floor.watcher.finished)


def test_a_board_that_answers_with_its_own_key_does_not_spread_it(
    floor: Floor, caplog: pytest.LogCaptureFixture
) -> None:
    with nothing_of_the_key(floor, caplog) as watcher:
        floor.insert(kind=Chatty)
        assert watcher.wait_finished().error == "readback-differs"
        assert "label is 'xxx" in watcher.wait_phase("1", Phase.REMOVE).advice


@pytest.mark.parametrize("method", ["restart", "read"])
def test_what_is_unforeseen_and_speaks_of_the_key_does_not_spread_it(
    method: str, floor: Floor, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(board: Shell, *_: object) -> None:
        raise LookupError(f"unexpected answer: {floor.flash()['fleet_key']}")

    monkeypatch.setattr(Shell, method, stumble)
    with nothing_of_the_key(floor, caplog) as watcher:
        floor.insert()
        finished = watcher.wait_finished()
        assert (finished.outcome, finished.error) == (Outcome.ERROR, "dialect-broken")
        assert "LookupError: unexpected answer" in watcher.wait_phase("1", Phase.REMOVE).advice
    assert "in stumble" in caplog.text


def test_a_cycle_that_is_gone_on_with_knows_what_to_hide(
    floor: Floor, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key was fetched by an earlier run, and this one stumbles before it has used it."""
    watcher = floor.start()
    assert floor.client is not None
    floor.client.leave_after("activate")
    floor.insert()
    watcher.wait_note("Next try at")
    floor.stop()

    def stumble(board: Shell) -> None:
        raise LookupError(f"unexpected answer: {floor.flash()['fleet_key']}")

    monkeypatch.setattr(Shell, "identify", stumble)
    with nothing_of_the_key(floor, caplog) as watcher:
        assert watcher.wait_finished().error == "dialect-broken"


# --------------------------------------------------------------------------- the line stands still


@pytest.mark.parametrize("presence", ["port", "probe"])
def test_a_board_that_leaves_while_the_line_stands_still_was_never_begun(presence: str, make: Make) -> None:
    floor = make(('presence = "port"', f'presence = "{presence}"'))
    if presence == "probe":
        floor.plug()
    floor.token.write_text("0" * 40)
    watcher = floor.start()
    watcher.wait_for(lambda: floor.bench and floor.bench.line().stopped_code)
    floor.insert()
    held = watcher.wait_phase("1", Phase.HELD)
    assert held.note.startswith("The fleet refuses this station.")
    watcher.forget()
    floor.remove(port_stays=presence == "probe")
    assert watcher.wait_phase("1", Phase.EMPTY).note.startswith("Insert a board")
    assert cycles(floor) == []
    floor.token.write_text(floor.grant.token)
    watcher.wait_for(lambda: floor.bench and not floor.bench.line().stopped)
    assert cycles(floor) == [] and floor.bench is not None and floor.bench.views()[0].phase is Phase.EMPTY
    floor.insert(number=2)
    finished = watcher.wait_finished()
    assert (finished.serial, finished.outcome) == ("SIM-00000002", Outcome.PASS)
    assert line_events(floor) == [("line-stop", "fleet-not-allowed"), ("line-run", "fleet-not-allowed")]


def test_the_start_key_on_a_held_slot_takes_no_verdict_away(floor: Floor) -> None:
    floor.token.write_text("0" * 40)
    watcher = floor.start()
    watcher.wait_for(lambda: floor.bench and floor.bench.line().stopped_code)
    floor.insert()
    watcher.wait_phase("1", Phase.HELD)
    assert floor.bench is not None
    floor.bench.start_cycle("1")
    floor.token.write_text(floor.grant.token)
    assert watcher.wait_finished().outcome is Outcome.PASS
    floor.stop()
    assert floor.ledger("SELECT outcome, removed_at FROM cycles") == [("PASS", None)]


def test_a_fleet_that_never_answers_holds_a_board_for_a_moment_only(floor: Floor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        floor.write_settings(url=f"http://127.0.0.1:{silent.getsockname()[1]}")
        floor.insert()
        watcher = floor.start()
        assert floor.bench is not None
        assert watcher.wait_phase("1", Phase.HELD).note == "One moment: the station asks the fleet."
        watcher.wait_phase("1", Phase.RUNNING)
        assert floor.bench.line().fleet is FleetState.UNKNOWN, "it was waited for until the first call gave up"
        floor.stop()
    assert floor.ledger("SELECT closed_at FROM cycles") == [(None,)]


def test_a_wrong_vendor_of_boards_that_fetch_their_keys_in_the_field_is_found_before_any_is_begun(floor: Floor) -> None:
    """The station itself never names its vendor to the fleet then: a whole lot would pass that can't come to life."""
    field = 'activate = "field"\nwindow_h = 24\nreenabled_by = "the installer"'
    floor.amend("widget.toml", 'activate = "station"', field)
    floor.amend("widget.toml", 'fleet_key = "{cik}"\n', "")
    floor.amend("station.toml", 'vendor = "acme"', 'vendor = "acne"')
    watcher = floor.start()
    floor.insert()
    watcher.wait_note("The fleet does not know this vendor.")
    assert floor.ledger("SELECT id FROM cycles") == [] and len(floor.events("line-stop")) == 1
    floor.stop()
    floor.amend("station.toml", 'vendor = "acne"', 'vendor = "acme"')
    assert floor.start().wait_finished().outcome is Outcome.PASS


def test_a_wrong_vendor_stops_the_line_once_and_costs_no_board(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("station.line._WATCH_S", 0.02)
    floor.amend("station.toml", 'vendor = "acme"', 'vendor = "acne"')
    watcher = floor.start()
    bench = floor.bench
    assert bench is not None and floor.client is not None
    floor.insert()
    watcher.wait_note("The fleet does not know this vendor.")
    seen = bench._equipment.line._good_answers
    watcher.wait_for(lambda: bench._equipment.line._good_answers > seen + 4)  # which say nothing of the vendor
    assert bench.line().stopped_code == "vendor-unknown"
    assert floor.client.asked == ["add", "enable", "activate"], "the fleet was asked again and again"
    floor.stop()
    assert line_events(floor) == [("line-stop", "vendor-unknown")]
    assert watcher.finished == [] and cycles(floor) == [(SERIAL, None, None, "activate")]
    floor.amend("station.toml", 'vendor = "acne"', 'vendor = "acme"')
    assert floor.start().wait_finished().outcome is Outcome.PASS
    assert cycles(floor) == [(SERIAL, "PASS", None, "verify-fleet")]


# --------------------------------------------------------------------------- the recipe asks too much


@pytest.mark.parametrize(
    "change",
    [
        ('label = "{vendor} {model} {serial}"', 'label = "{serial}\\u0007"'),
        ('quote = "single"', 'quote = "single"\nline_limit = 40'),  # the key's line needs 59
        ('quote = "single"', 'quote = "none"'),  # the label holds blanks
    ],
)
def test_a_setting_that_cannot_be_written_is_found_before_anything_is_registered(
    change: tuple[str, str], make: Make
) -> None:
    floor = make(change)
    watcher = floor.start()
    floor.insert()
    finished = watcher.wait_finished()
    assert (finished.outcome, finished.error, finished.rid) == (Outcome.ERROR, "value-unwritable", None)
    assert watcher.wait_phase("1", Phase.REMOVE).step is Step.IDENTIFY
    assert floor.client is not None and floor.client.asked == []
    assert floor.entry(SERIAL) is None and set(floor.flash()) == {"serial#", "ethaddr", "bootdelay"}


# --------------------------------------------------------------------------- listeners


def test_a_listener_that_raises_hurts_neither_the_slot_nor_other_listeners(
    floor: Floor, caplog: pytest.LogCaptureFixture
) -> None:
    floor.build().subscribe(Raiser())
    assert floor.bench is not None
    after = Watcher()
    floor.bench.subscribe(after)
    floor.bench.start()
    for number in (1, 2):
        floor.insert(number=number)
        assert floor.watcher.wait_finished(number).outcome is Outcome.PASS
        assert after.wait_finished(number).outcome is Outcome.PASS
        floor.remove()
        after.wait_left("1")
    assert after.views == floor.watcher.views
    assert "RuntimeError: no room on the screen" in caplog.text


def test_a_wrong_vendor_is_found_before_a_board_is_enabled_though_the_fleet_was_away_at_the_start(floor: Floor) -> None:
    """The slots may be quicker to hear that it is back than the watch."""
    field = 'activate = "field"\nwindow_h = 24\nreenabled_by = "the installer"'
    floor.amend("widget.toml", 'activate = "station"', field)
    floor.amend("widget.toml", 'fleet_key = "{cik}"\n', "")
    floor.amend("station.toml", 'vendor = "acme"', 'vendor = "acne"')
    floor.build()
    assert floor.bench is not None and floor.client is not None
    floor.bench._watch._args = (lambda: None, *floor.bench._watch._args[1:])  # type: ignore[attr-defined] # has yet to ask
    floor.insert()
    floor.bench.start()
    floor.watcher.wait_note("The fleet does not know this vendor.")
    assert "enable" not in floor.client.asked and floor.watcher.finished == []
