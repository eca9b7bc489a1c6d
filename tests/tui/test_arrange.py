"""Any number of slots finds its place on any screen from 80x24 on."""

from __future__ import annotations

import pytest

from station.tui.arrange import arrange


@pytest.mark.parametrize(("width", "height"), [(80, 21), (80, 18), (80, 13), (120, 37), (300, 97)])
def test_every_tile_has_room_for_name_verdict_and_serial_number(width, height):
    for slots in range(1, 33):
        grid = arrange(slots, width, height)
        assert grid.columns * grid.rows >= slots
        assert grid.columns * (grid.rows - 1) < slots, "no empty row"
        assert grid.width >= 10
        assert grid.height >= 3
        assert grid.columns * grid.width <= width
        assert grid.rows * grid.height <= height


def test_at_80x24_eight_tiles_hold_sentences_and_thirty_two_do_not():
    assert not arrange(8, 80, 21).terse
    assert arrange(32, 80, 21).terse


def test_a_screen_too_small_for_anything_is_still_arranged():
    grid = arrange(32, 5, 1)
    assert (grid.columns, grid.rows) == (1, 32)
    assert grid.width == 5
    assert grid.height == 1
