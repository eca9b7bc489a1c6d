"""The home screen in Textual's own pilot, at 80x24 unless told otherwise."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime

import pytest
from tui_floor import ADVICE, FakeFloor, busy, closed, mixed, painted

from station.model import Counters, FleetState, Outcome, Phase, SlotView
from station.tui import line_screen
from station.tui.app import StationApp
from station.tui.figures import percent
from station.tui.header import Header
from station.tui.looks import PHASES, VERDICTS
from station.tui.tile import Tile

SMALL = (80, 24)


class Clocks:
    """Both clocks, moved by hand."""

    def __init__(self) -> None:
        self.wall = datetime(2026, 11, 23, 12, 34, 56)
        self.running = 75.0


def station(floor: FakeFloor, clocks: Clocks | None = None) -> StationApp:
    clocks = clocks or Clocks()
    return StationApp(floor, lambda: None, now=lambda: clocks.wall, monotonic=lambda: clocks.running)


async def pulled(app: StationApp, pilot) -> str:
    """What the screen shows once it has looked at the floor again."""
    app.screen.pull()
    await pilot.pause()
    return painted(app)


async def test_every_state_as_word_symbol_and_colour():
    floor = FakeFloor(SlotView("slot-1"))
    app = station(floor)
    states = [(closed("slot-1", outcome), VERDICTS[outcome]) for outcome in Outcome]
    states += [(SlotView("slot-1", phase, note="Wait."), PHASES[phase]) for phase in Phase]
    colours = set()
    async with app.run_test(size=SMALL) as pilot:
        for view, look in states:
            floor.slots[0] = view
            text = await pulled(app, pilot)
            assert f"{look.symbol} {look.word}" in text
            assert view.note in text
            styles = app.screen.query_one(Tile).styles
            colours.add((styles.color, styles.background))
    assert len(colours) == len(states) - 1, "a slot that is out and one that is held share theirs"


async def test_header_figures_and_keys():
    app = station(FakeFloor(*mixed(8)))
    async with app.run_test(size=SMALL) as pilot:
        lines = (await pulled(app, pilot)).splitlines()
        assert lines[0].split() == ["line-3", "│", "gateway-g1", "v3", "fleet", "OK", "12", "ms", "│", "12:34:56"]
        assert lines[1].split() == ["done", "128", "passed", "120", "FPY", "97.4", "%"]
        assert lines[23].split() == ["F1", "Help", "F5", "Start", "slot", "F10", "Quit"]


async def test_what_is_wrong_and_stops_nobody_stands_beside_the_figures():
    floor = FakeFloor(*mixed(8))
    app = station(floor)
    async with app.run_test(size=SMALL) as pilot:
        floor.change_line(warning="The records could not be copied. Go on working and tell the supervisor.")
        line = (await pulled(app, pilot)).splitlines()[1]
        assert line.startswith(" done 128   passed 120   FPY 97.4 %   ! The records could not be copied.")
        assert len(line.rstrip()) == 80
        floor.change_line(warning="")
        assert "!" not in (await pulled(app, pilot)).splitlines()[1]


async def test_the_fleet_in_words_and_a_long_name_gives_way():
    floor = FakeFloor(*mixed(1))
    floor.change_line(station="s" * 200)
    said = {FleetState.UNKNOWN: "fleet ?", FleetState.AWAY: "! fleet AWAY", FleetState.REFUSED: "! fleet REFUSES"}
    app = station(floor)
    async with app.run_test(size=SMALL) as pilot:
        for fleet, words in said.items():
            floor.change_line(fleet=fleet)
            top = (await pulled(app, pilot)).splitlines()[0]
            assert len(top) == 80
            assert words in top
            assert "ms" not in top
            assert top.endswith("12:34:56 ")


def test_a_yield_is_never_rounded_up():
    assert percent(9999, 10000) == "99.9 %"
    assert percent(29, 100) == "29.0 %"
    assert percent(3, 3) == "100.0 %"
    assert percent(0, 0) == "-"


@pytest.mark.parametrize("count", [1, 8, 32])
async def test_every_slot_shows_name_verdict_and_serial_tail(count):
    floor = FakeFloor(*(closed(f"s{n}", Outcome.FAIL, serial=f"G1-{n:08}") for n in range(1, count + 1)))
    app = station(floor)
    async with app.run_test(size=SMALL) as pilot:
        for stopped in ("", "The disk is full."):
            floor.change_line(stopped=stopped)
            text = await pulled(app, pilot)
            words = text.replace("─", " ").replace("▶", " ").split()
            assert text.count("X FAIL") >= count
            for n in range(1, count + 1):
                assert f"s{n}" in words
                assert any(word.endswith(f"{n:08}"[-4:]) for word in words)


async def test_eight_tiles_hold_their_sentences_and_need_no_other_place():
    app = station(FakeFloor(*(closed(f"s{n}", Outcome.FAIL) for n in range(8))))
    async with app.run_test(size=SMALL) as pilot:
        text = await pulled(app, pilot)
        assert text.count("again.") == 8
        assert not app.screen.query_one("Detail").display


async def test_thirty_two_tiles_leave_the_sentence_to_the_detail_of_the_focused_one():
    floor = FakeFloor(*(closed(f"s{n}", Outcome.PASS) for n in range(31)), closed("s31", Outcome.FAIL))
    app = station(floor)
    async with app.run_test(size=SMALL) as pilot:
        assert ADVICE[:40] not in await pulled(app, pilot)
        await pilot.press("up", "left")
        assert ADVICE[:40] not in await pulled(app, pilot), "there is nothing above or left of the first"
        app.screen.query(Tile).last().focus()
        await pilot.pause()
        text = await pulled(app, pilot)
        assert "▶s31  X FAIL  4/7 activate  G1-00000042" in text
        assert ADVICE[:40] in text


async def test_a_hostile_serial_number_is_shown_literally():
    app = station(FakeFloor(closed("s1", Outcome.FAIL, serial="[red]A[/red]\x1b[2J\n")))
    async with app.run_test(size=SMALL) as pilot:
        assert r"[red]A[/red]\x1b[2J\x0a" in await pulled(app, pilot)


async def test_the_words_of_settings_and_engine_are_no_markup_either():
    view = SlotView("[b]s", Phase.OUT, note="[link=x]Port[/] \x1b[5m gone.")
    floor = FakeFloor(view)
    floor.change_line(station="[i]line", stopped="[red]full")
    app = station(floor)
    async with app.run_test(size=SMALL) as pilot:
        text = await pulled(app, pilot)
        for literal in ("[b]s", r"[link=x]Port[/] \x1b[5m gone.", "[i]line", "[red]full"):
            assert literal in text


async def test_the_banner_is_there_only_while_the_line_is_stopped():
    floor = FakeFloor(*mixed(8))
    app = station(floor)
    async with app.run_test(size=SMALL) as pilot:
        calm = await pulled(app, pilot)
        floor.change_line(stopped="The ledger can't be written: the disk is full.")
        text = await pulled(app, pilot)
        assert "The ledger can't be written: the disk is full." in text
        assert "█   ███ ██  ███     ███ ███ ███ ███ ███ ███ ██" in text
        floor.change_line(stopped="")
        assert await pulled(app, pilot) == calm


async def test_a_low_screen_has_a_low_banner():
    floor = FakeFloor(*mixed(8))
    floor.change_line(stopped="The disk is full.")
    app = station(floor)
    async with app.run_test(size=(80, 16)) as pilot:
        text = await pulled(app, pilot)
        assert "! LINE STOPPED !" in text
        assert "The disk is full." in text


async def test_only_what_changed_is_painted_again(monkeypatch):
    painter: Counter[str] = Counter()
    tile_render, header_render = Tile.render, Header.render

    def count_tile(self):
        painter[self.view.slot] += 1
        return tile_render(self)

    def count_header(self):
        painter["header"] += 1
        return header_render(self)

    monkeypatch.setattr(Tile, "render", count_tile)
    monkeypatch.setattr(Header, "render", count_header)
    clocks = Clocks()
    floor = FakeFloor(closed("a", Outcome.PASS), busy("b", started=0.0), SlotView("c"))
    app = station(floor, clocks)
    async with app.run_test(size=SMALL) as pilot:
        await pulled(app, pilot)

        painter.clear()
        for _ in range(3):
            await pulled(app, pilot)
        assert not painter, "the same views"

        floor.change(2, note="Insert a board.")
        await pulled(app, pilot)
        assert painter == {"c": 1}

        painter.clear()
        floor.slots[0] = replace(floor.slots[0])
        await pulled(app, pilot)
        assert painter == {"a": 1}, "compared by identity"

        painter.clear()
        clocks.running += 1
        assert "1:16" in await pulled(app, pilot)
        assert painter == {"b": 1}, "the time of the running one"

        painter.clear()
        clocks.wall = clocks.wall.replace(second=57)
        assert "12:34:57" in await pulled(app, pilot)
        assert painter == {"header": 1}


async def test_figures_follow_the_floor():
    floor = FakeFloor(*mixed(2))
    app = station(floor)
    async with app.run_test(size=SMALL) as pilot:
        floor.change_line(counters=Counters())
        assert (await pulled(app, pilot)).splitlines()[1].split() == ["done", "0", "passed", "0", "FPY", "-"]


async def test_the_screen_looks_by_itself(monkeypatch):
    monkeypatch.setattr(line_screen, "TICK", 0.001)
    floor = FakeFloor(SlotView("s1"))
    app = station(floor)
    async with app.run_test(size=SMALL) as pilot:
        floor.slots[0] = closed("s1", Outcome.PASS)
        while "■ PASS" not in painted(app):
            await pilot.pause(0.001)


async def test_a_resize_loses_no_verdict():
    app = station(FakeFloor(*(closed(f"s{n}", Outcome.ABORTED) for n in range(8))))
    async with app.run_test(size=SMALL) as pilot:
        for size in [(120, 40), (300, 100), (80, 24), (40, 12)]:
            await pilot.resize_terminal(*size)
            assert (await pulled(app, pilot)).count("◀ ABORTED") >= 8
