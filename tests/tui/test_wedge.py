"""A scanner that types into the screen."""

from __future__ import annotations

import pytest
from tui_floor import FakeFloor, closed

from station.errors import StationError
from station.model import Outcome
from station.tui.app import StationApp
from station.tui.wedge import Wedge


def typed(wedge: Wedge, text: str) -> list[tuple[bool, str | None]]:
    return [wedge.key(character, character) for character in text]


def test_what_is_between_prefix_and_suffix_is_a_scan() -> None:
    wedge = Wedge("~", "enter", lambda: 0.0)
    assert typed(wedge, "a") == [(False, None)]
    assert all(taken for taken, _ in typed(wedge, "~OP:0042"))
    assert wedge.key("enter", "\r") == (True, "OP:0042")
    assert wedge.key("enter", "\r") == (False, None), "that is somebody's own"


def test_a_prefix_may_be_a_key_and_without_one_there_is_no_scanner() -> None:
    wedge = Wedge("ctrl+b", "tab", lambda: 0.0)
    assert wedge.key("ctrl+b", "\x02") == (True, None)
    typed(wedge, "SIM")
    assert wedge.key("tab", "\t") == (True, "SIM")
    none = Wedge("", "enter", lambda: 0.0)
    assert typed(none, "~a") == [(False, None)] * 2 and none.key("enter", "\r") == (False, None)


def test_what_is_begun_and_not_ended_is_forgotten() -> None:
    now = [0.0]
    wedge = Wedge("~", "enter", lambda: now[0])
    typed(wedge, "~SIM")
    now[0] = 5.0
    assert wedge.key("enter", "\r") == (False, None)
    typed(wedge, "~A~B")
    assert wedge.key("enter", "\r") == (True, "B"), "a new prefix begins anew"


class Scans:
    said = ""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def scan(self, text: str) -> None:
        self.heard.append(text)
        if text == "bad":
            raise StationError("bad")


@pytest.mark.parametrize("key", [None, "f1", "f10"])
async def test_a_scan_is_no_key_on_any_screen(key: str | None) -> None:
    """Not even its Enter, which would press whatever has the focus."""
    floor = FakeFloor(closed("1", Outcome.PASS))
    floor.scans = Scans()  # type: ignore[attr-defined]
    app = StationApp(floor, lambda: None, ("~", "enter"))  # type: ignore[arg-type]
    async with app.run_test() as pilot:
        if key is not None:
            await pilot.press(key)
        before = app.screen
        await pilot.press(*"~OP:0042", "enter", *"~bad", "enter", *"~f5", "f5", "enter")
        assert app.screen is before and floor.started == []
        assert floor.scans.heard == ["OP:0042", "bad", "f5"]  # type: ignore[attr-defined]
