"""Boards in every mode before a station that is killed and begun again, and what all three memories must tell then."""

from __future__ import annotations

from crossings import Crossing, Nursery
from engine_floor import Floor
from engine_world import MODEL, rows

from drivers.sim.memory import Memory
from station.fleet.client import Client, FleetError

NO_KEY = ('fleet_key = "{cik}"\n', "")
FIELD = ('activate = "station"', 'activate = "field"\nwindow_h = 24\nreenabled_by = "the installer"')
MODES: dict[str, tuple[tuple[str, str], ...]] = {
    "station": (),
    "on-line": (('activate = "station"', 'activate = "on-line"\nfetch_s = 10'), NO_KEY),
    "field": (FIELD, NO_KEY),
    "deferred": ((FIELD[0], FIELD[1] + "\ndeferred = true"), NO_KEY, ('fleet_rid = "{rid}"\n', "")),
}


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
