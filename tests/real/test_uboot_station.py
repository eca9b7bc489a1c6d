"""The station provisions a real boot loader, over a serial console, into the bundled fleet."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from real_station import RECIPES, bench_of, fleet_for
from uboot import UBoot

from station.fleet.client import Client
from station.model import Outcome

MODEL = "uboot-qemu"
pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Client]:
    """Yield a client of a running fleet server; station.toml beside it leads there."""
    with fleet_for(tmp_path, RECIPES / "uboot-qemu.toml", MODEL, tmp_path / "uboot") as client:
        yield client


def test_a_real_board_passes_and_keeps_its_settings_without_power(uboot: UBoot, fleet: Client, tmp_path: Path) -> None:
    bench, verdicts = bench_of(tmp_path)
    try:
        finished = verdicts.finished.get(timeout=60)
        assert (finished.outcome, finished.error, finished.serial) == (Outcome.PASS, None, "UB-000001")
        uboot.power_off()
        flash = uboot.saved_env()
        uboot.unplug()
        assert verdicts.left.get(timeout=10).last == "UB-000001 PASS"
    finally:
        bench.stop()

    # the flash itself, read without asking the board
    assert flash is not None
    info = fleet.serials.info(MODEL, "UB-000001")
    assert (info.status, info.rid) == ("activated", finished.rid)
    assert flash["fleet_rid"] == finished.rid
    assert flash["price_text"] == "$5 & 20% off; $bootdelay stays as it is"
    assert flash["windows_path"] == r"C:\tools\new"
    assert flash["device_name"] == """Gateway UB-000001, 'line A' "left\""""
    assert len(flash["long_note"]) >= 200
    assert flash["motd"] == "Grüße von Linie 2"

    # the key on the board is the fleet's, and is nowhere in what the station keeps
    key = flash["fleet_key"]
    with closing(sqlite3.connect(tmp_path / "fleet.db")) as served:
        assert (key,) in served.execute("SELECT cik FROM clients WHERE rid = ?", [finished.rid]).fetchall()
    for path in (tmp_path / "state").rglob("*"):
        assert path.is_dir() or key.encode() not in path.read_bytes(), path

    # the ledger holds the PASS, with a digest expected and read back for each setting
    with closing(sqlite3.connect(tmp_path / "state" / "ledger.db")) as ledger:
        ((outcome, body),) = ledger.execute(
            "SELECT cycles.outcome, events.body FROM cycles JOIN events ON events.cycle = cycles.id AND kind = 'close'"
        ).fetchall()
    record = json.loads(body)["facts"]
    assert outcome == "PASS"
    assert record["identity"]["hardware_id"] == "02:00:00:00:00:01"
    assert record["restarted"] is True
    assert record["status"] == "activated"
    assert len(record["settings"]) == 11
    assert all(digests["expected"] == digests["read"] for digests in record["settings"].values())
    assert record["settings"]["fleet_key"]["read"].startswith("hmac-sha256:")


def test_a_power_cycle_under_the_station_does_not_hurt_a_passed_board(
    uboot: UBoot, fleet: Client, tmp_path: Path
) -> None:
    bench, verdicts = bench_of(tmp_path)
    try:
        assert verdicts.finished.get(timeout=60).outcome is Outcome.PASS
        uboot.power_cycle()
    finally:
        bench.stop()
    # a station that starts again finds the same board, still in its slot, and does not begin anew
    bench, verdicts = bench_of(tmp_path)
    try:
        uboot.unplug()
        assert verdicts.left.get(timeout=30).last == "UB-000001 PASS"
        assert verdicts.finished.empty()
    finally:
        bench.stop()


def test_a_board_that_can_not_save_fails_and_is_no_living_identity(
    uboot_old: UBoot, fleet: Client, tmp_path: Path
) -> None:
    bench, verdicts = bench_of(tmp_path)
    try:
        finished = verdicts.finished.get(timeout=90)
    finally:
        bench.stop()
    assert (finished.outcome, finished.error) == (Outcome.FAIL, "board-commit-failed")
    assert fleet.serials.info(MODEL, "UB-000001").status == "expired"
    assert [path.name for path in (tmp_path / "state" / "escrow").iterdir()] == ["digest.key"]
