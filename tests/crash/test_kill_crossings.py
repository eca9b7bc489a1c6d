"""A station is killed before and after every crossing of its ports, in every mode; begun again, it loses no board."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from crossings import Crossing, Nursery
from engine_floor import Floor
from engine_world import MODEL, rows
from needed import missing

from drivers.sim.memory import Memory
from station.fleet.client import Client, FleetError

pytestmark = [pytest.mark.slow]

NO_KEY = ('fleet_key = "{cik}"\n', "")
FIELD = ('activate = "station"', 'activate = "field"\nwindow_h = 24\nreenabled_by = "the installer"')
MODES: dict[str, tuple[tuple[str, str], ...]] = {
    "station": (),
    "on-line": (('activate = "station"', 'activate = "on-line"\nfetch_s = 10'), NO_KEY),
    "field": (FIELD, NO_KEY),
    "deferred": ((FIELD[0], FIELD[1] + "\ndeferred = true"), NO_KEY, ('fleet_rid = "{rid}"\n', "")),
}
KILLS = 200
"""At random instants, in all modes together."""
LINKS_TRIED = 12
"""Crossings of the link that are tried in each mode: the others differ by the line that was said."""


class Fetching(Memory):
    """The memory of a board that fetches its key from the fleet whenever it starts with its settings."""

    fleet: Client

    def reset(self) -> None:
        super().reset()
        if "label" in self.ram and "key" not in self.ram:
            try:
                key = self.fleet.device.activate(MODEL, self.ram["serial#"])
            except FleetError:
                return  # not yet enabled, or it has been there before
            self.program({**self.flash, "key": key})
            self.ram["key"] = key


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as made:
        yield made


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
        assert len(places) >= 40, "that is hardly every crossing"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", list(MODES))
def test_a_station_killed_at_random_instants_loses_no_board(mode: str, nursery: Nursery, tmp_path: Path) -> None:
    chance = random.Random(mode)
    with closing(Floor(tmp_path, *MODES[mode])) as floor, device_fleet(floor) as fleet:
        began = time.monotonic()
        passes(floor, nursery, 1, mode, fleet, None)
        whole_s = time.monotonic() - began
        killed, number = 0, 1
        while killed < KILLS // len(MODES):
            number += 1
            insert(floor, number, mode, fleet)
            for _ in range(chance.randint(1, 4)):
                status, _ = nursery.run(floor.config, number, after_s=chance.uniform(0, whole_s))
                killed += status == -9
            finish(floor, nursery, number, mode, None)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", [pytest.param(mode, marks=pytest.mark.long) for mode in MODES] + ["some"])
def test_a_station_killed_at_any_flush_to_the_disk_loses_no_board(mode: str, nursery: Nursery, tmp_path: Path) -> None:
    """The kernel kills it as it asks for one: what was written before may be on the disk, or not."""
    strace = shutil.which("strace") or missing("no strace")
    some, mode = (mode == "some"), ("station" if mode == "some" else mode)
    with closing(Floor(tmp_path, *MODES[mode])) as floor, device_fleet(floor) as fleet:
        number, status, flush = 0, -9, 1
        while status == -9:
            number += 1
            insert(floor, number, mode, fleet)
            inject = f"inject=fdatasync,fsync:signal=KILL:when={flush}"
            with Nursery(strace, "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync,fsync", "-e", inject) as traced:
                status, _ = traced.run(floor.config, number)
            finish(floor, nursery, number, mode, None)
            flush += 3 if some else 1
        assert number >= (4 if some else 12), "that is hardly every flush"


def device_fleet(floor: Floor) -> Client:
    return Client(floor.server.url, "acme", lambda: floor.grant.token)


def passes(
    floor: Floor, nursery: Nursery, number: int, mode: str, fleet: Client, fatal: Crossing | None
) -> list[Crossing]:
    """Put a new board in, let the station die, begin it again, and see that all three memories agree."""
    insert(floor, number, mode, fleet)
    if fatal is not None:
        status, _ = nursery.run(floor.config, number, fatal)
        assert status in (-9, 0), fatal  # a poll less, and the crossing wasn't reached this time
        assert status == -9 or fatal.name.startswith("link"), f"it did not die {fatal}"
    return finish(floor, nursery, number, mode, fatal)


def insert(floor: Floor, number: int, mode: str, fleet: Client) -> None:
    """Put a new board into the slot."""

    class Board(Fetching if mode == "on-line" else Memory):  # type: ignore[misc]
        pass

    Board.fleet = fleet
    floor.insert(number=number, mac=f"02:00:00:00:{number // 256:02x}:{number % 256:02x}", kind=Board)


def finish(floor: Floor, nursery: Nursery, number: int, mode: str, fatal: Crossing | None) -> list[Crossing]:
    """Let a station live until all is done, take the board out, and see that all agree."""
    status, crossings = nursery.run(floor.config, number)
    assert status == 0, fatal
    floor.remove()
    agree(floor, number, mode, fatal)
    return crossings


def agree(floor: Floor, number: int, mode: str, fatal: Crossing | None) -> None:
    """Ledger, fleet and board tell the same, and nothing is left over."""
    serial = f"SIM-{number:08d}"
    cycles = floor.ledger("SELECT outcome, error, rid, attempt FROM cycles WHERE serial = ?", serial)
    assert [cycle[:2] for cycle in cycles] == [("PASS", None)], fatal
    clients = rows(floor.fleet_db, "SELECT rid, cik, phase FROM clients WHERE name = ?", serial)
    assert len(clients) == 1, f"{fatal}: the serial number has had two clients"
    ((rid, key, phase),) = clients
    flash = floor.flash(number)
    assert rid == cycles[0][2], fatal
    assert phase == ("activated" if mode in ("station", "on-line") else "notactivated"), fatal
    assert flash["label"] == f"acme {MODEL} {serial}", fatal
    if mode != "deferred":
        assert flash["fleet_rid"] == rid, fatal
    if mode == "station":
        assert flash["fleet_key"] == key, f"{fatal}: the board can't live by its key"
    assert floor.escrow() == ["digest.key"], fatal
    assert floor.ledger("SELECT COUNT(*) FROM cycles WHERE closed_at IS NULL") == [(0,)], fatal
    assert floor.ledger("SELECT COUNT(*) FROM cycles") == [(number,)], f"{fatal}: a cycle more than boards"
