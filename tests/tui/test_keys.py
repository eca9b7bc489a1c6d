"""Keys do what the footer says, and nothing else does anything."""

from __future__ import annotations

import string
import threading

import pytest
from textual import events
from tui_floor import FakeFloor, busy, closed, mixed, painted

from station.model import Outcome
from station.tui.app import StationApp
from station.tui.help_screen import HelpScreen
from station.tui.line_screen import LineScreen
from station.tui.looks import PHASES, VERDICTS
from station.tui.quit_screen import QuitScreen
from station.tui.stopping_screen import StoppingScreen

SMALL = (80, 24)


def never() -> None:
    pytest.fail("the bench was stopped")


async def test_the_arrows_move_among_the_tiles_and_stay_at_the_edges():
    floor = FakeFloor(*mixed(7))
    app = StationApp(floor, never)
    async with app.run_test(size=SMALL) as pilot:
        assert app.focused.view.slot == "slot-1"
        for key, slot in [
            ("right", 2), ("down", 6), ("left", 5), ("left", 5), ("down", 5), ("up", 1), ("up", 1), ("left", 1),
            ("right", 2), ("right", 3), ("right", 4), ("right", 4), ("down", 4),
        ]:  # fmt: skip
            await pilot.press(key)
            assert app.focused.view.slot == f"slot-{slot}", key


async def test_f5_starts_the_focused_slot():
    floor = FakeFloor(*mixed(8))
    app = StationApp(floor, never)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("right", "down", "f5")
        assert floor.started == ["slot-6"]


async def test_f1_explains_every_state_and_goes_away():
    app = StationApp(FakeFloor(*mixed(8)), never)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("f1")
        assert isinstance(app.screen, HelpScreen)
        text = painted(app)
        for look in (*VERDICTS.values(), *PHASES.values()):
            assert f"{look.symbol} {look.word}" in text
            assert look.meaning in text
        assert "F10         Quit; it asks first." in text, "all of it fits 80x24"
        await pilot.press("escape")
        assert isinstance(app.screen, LineScreen)
        await pilot.press("f1", "f1")
        assert isinstance(app.screen, LineScreen)


async def test_quit_asks_and_names_what_happens_and_esc_goes_back():
    app = StationApp(FakeFloor(*mixed(8)), never)
    async with app.run_test(size=SMALL) as pilot:
        for key in ("f10", "ctrl+c", "ctrl+q"):
            await pilot.press(key)
            assert isinstance(app.screen, QuitScreen)
            assert "slot-2, slot-6." in painted(app)
            await pilot.press("escape")
            assert isinstance(app.screen, LineScreen)
        await pilot.press("f10", "enter", "space", "y", "ctrl+c", "ctrl+q", "f1", "f5")
        assert isinstance(app.screen, QuitScreen)
        assert not app.leaving.wanted


async def test_a_slot_of_any_name_is_named_literally():
    app = StationApp(FakeFloor(busy("[b]s/1[/b]")), never)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("f10")
        assert "in: [b]s/1[/b]." in painted(app)


async def test_quit_with_no_board_at_work_says_so():
    app = StationApp(FakeFloor(closed("slot-1", Outcome.PASS)), never)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("f10")
        assert "No board is being worked on." in painted(app)


async def test_f10_twice_stops_the_bench_and_then_leaves():
    release = threading.Event()
    stops = []

    def stop() -> None:
        stops.append(threading.current_thread())
        assert release.wait(60)

    floor = FakeFloor(*mixed(8))
    app = StationApp(floor, stop)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("f10", "f10")
        while not isinstance(app.screen, StoppingScreen):
            await pilot.pause(0.01)
        assert "The station is stopping" in painted(app)
        await pilot.press("escape", "f10", "f5", "f1", "ctrl+c", "ctrl+q", "enter")
        assert isinstance(app.screen, StoppingScreen)
        assert app.is_running, "not before the bench has stopped"
        release.set()
        while app.is_running:
            await pilot.pause(0.01)
    assert app.return_value == 0
    assert len(stops) == 1
    assert stops[0] is not threading.main_thread()
    assert floor.started == []


async def test_a_wish_to_leave_before_the_first_paint_is_kept():
    app = StationApp(FakeFloor(*mixed(1)), lambda: None)
    app.leaving.finish()
    async with app.run_test(size=SMALL) as pilot:
        while app.is_running:
            await pilot.pause(0.01)
    assert app.return_value == 0


async def test_no_letter_digit_space_or_other_key_does_anything():
    floor = FakeFloor(*mixed(8))
    app = StationApp(floor, never)
    keys = ["space", "enter", "escape", "backspace", "delete", "home", "end", "pageup", "pagedown"]
    keys += [f"f{number}" for number in range(1, 13) if number not in (1, 5, 10)]
    keys += [f"ctrl+{letter}" for letter in string.ascii_lowercase if letter not in "cqi"]  # ctrl+i is the tab
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("right", "ctrl+p")
        assert isinstance(app.screen, LineScreen), "no command palette"
        for character in string.ascii_letters + string.digits + string.punctuation:
            app.post_message(events.Key(character, character))
        for key in keys:
            app.post_message(events.Key(key, None))
        await pilot.pause()
        assert isinstance(app.screen, LineScreen)
        assert app.focused.view.slot == "slot-2"
        assert floor.started == []
        app.post_message(events.Key("f5", None))
        await pilot.pause()
        assert floor.started == ["slot-2"], "keys sent this way do arrive"
        assert app.is_running
