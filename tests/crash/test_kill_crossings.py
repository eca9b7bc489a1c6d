"""A station is killed before and after every crossing of its ports, in every mode; begun again, it loses no board."""

from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path

import pytest
from crash_floor import MODES, device_fleet, passes
from crossings import Crossing, Nursery
from engine_floor import Floor

pytestmark = [pytest.mark.slow]

LINKS_TRIED = 12
"""Crossings of the link that are tried in each mode: the others differ by the line that was said."""


def tried(crossings: list[Crossing], chance: random.Random) -> list[Crossing]:
    """Return all crossings but for those of the link, of which there are some of each kind."""
    links = [one for one in crossings if one.name.startswith("link")]
    others = [one for one in crossings if not one.name.startswith("link")]
    return others + chance.sample(links, min(LINKS_TRIED, len(links)))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", list(MODES))
def test_a_station_killed_at_any_crossing_loses_no_board(mode: str, nursery: Nursery, tmp_path: Path) -> None:
    with closing(Floor(tmp_path, *MODES[mode])) as floor, device_fleet(floor) as fleet:
        every = passes(floor, nursery, 1, mode, fleet, None)
        names = {one.name for one in every}
        assert {"ledger open_cycle", "ledger settle", "ledger close_cycle", "fleet enable", "link write"} <= names
        assert ("escrow put" in names) == ("fleet activate" in names) == (mode == "station")
        places = tried(every, random.Random(mode))
        for number, fatal in enumerate(places, 2):
            passes(floor, nursery, number, mode, fleet, fatal)
        assert len(places) >= 35, "that is hardly every crossing"
