"""A station is killed before and after every crossing of its ports, in every mode; begun again, it loses no board."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from crash_floor import MODES, device_fleet, passes
from crossings import Nursery
from engine_floor import Floor

pytestmark = [pytest.mark.slow]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", list(MODES))
def test_a_station_killed_at_any_crossing_loses_no_board(mode: str, nursery: Nursery, tmp_path: Path) -> None:
    with closing(Floor(tmp_path, *MODES[mode])) as floor, device_fleet(floor) as fleet:
        every = passes(floor, nursery, 1, mode, fleet, None)
        names = {one.name for one in every}
        assert {"ledger open_cycle", "ledger settle", "ledger close_cycle", "fleet enable", "link write"} <= names
        assert ("escrow put" in names) == ("fleet activate" in names) == (mode == "station")
        for number, fatal in enumerate(every, 2):
            passes(floor, nursery, number, mode, fleet, fatal)
        assert len(every) >= 45, "that is hardly every crossing"
