"""The station provisions boards that run the C implementation of the line protocol, by the recipe that is shipped."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from c_board import CBoard, asked
from real_station import RECIPES, bench_of, fleet_for

from station.fleet.client import Client
from station.model import Outcome

MODEL = "line-board"
ERASE = 4096
pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Client]:
    with fleet_for(tmp_path, RECIPES / "line-board.toml", MODEL, tmp_path / "uart") as client:
        yield client


def key_of(folder: Path, rid: str) -> str:
    """The key of a fleet's client, as the fleet has it."""
    with closing(sqlite3.connect(folder / "fleet.db")) as served:
        ((key,),) = served.execute("SELECT cik FROM clients WHERE rid = ?", [rid]).fetchall()
    return str(key)


def test_a_board_passes_and_holds_its_settings_without_power(line_board: CBoard, fleet: Client, tmp_path: Path) -> None:
    bench, verdicts = bench_of(tmp_path)
    try:
        line_board.power_on()
        finished = verdicts.finished.get(timeout=60)
        line_board.power_off()
        verdicts.wait_for_last("G1-00001234 PASS")
    finally:
        bench.stop()
    assert (finished.outcome, finished.error, finished.serial) == (Outcome.PASS, None, "G1-00001234")
    info = fleet.serials.info(MODEL, "G1-00001234")
    assert (info.status, info.rid) == ("activated", finished.rid)

    # what a fresh process tells of its flash: the settings, and of the key only the digest
    assert finished.rid
    key = key_of(tmp_path, finished.rid)
    settings = {"vendor": "acme", "model": MODEL, "serial": "G1-00001234", "rid": finished.rid}
    told, _ = line_board.hears(asked(*(f"GET fleet.{name} 0".encode() for name in settings), b"GET fleet.key 0"))
    assert told == [*(f"OK {len(value)} {value}".encode() for value in settings.values()), b"ERR secret"]
    held = sorted((f"fleet.{name}", value) for name, value in {**settings, "key": key}.items())
    image = b"".join(name.encode() + b"\0" + len(value).to_bytes(4, "big") + value.encode() for name, value in held)
    assert line_board.holds() == hashlib.sha256(image).hexdigest().encode()

    # the key is nowhere in what the station keeps, in no form that it was sent in
    for path in (tmp_path / "state").rglob("*"):
        assert path.is_dir() or key.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("cut", [0, ERASE + 100])
def test_a_board_that_loses_its_power_in_the_middle_of_the_commit_ends_as_pulled_and_the_next_one_passes(
    cut: int, line_board: CBoard, line_firmware: Path, fleet: Client, tmp_path: Path
) -> None:
    bench, verdicts = bench_of(tmp_path)
    try:
        line_board.power_on("--power-cut", str(cut))
        finished = verdicts.finished.get(timeout=60)
        assert (finished.outcome, finished.error) == (Outcome.ABORTED, "board-pulled")
        line_board.power_off()
        verdicts.wait_for_last("G1-00001234 ABORTED")
        with closing(CBoard(line_firmware, tmp_path, "G1-00005678")) as good:
            good.power_on()
            finished = verdicts.finished.get(timeout=60)
            assert (finished.outcome, finished.serial) == (Outcome.PASS, "G1-00005678")
            good.power_off()
            verdicts.wait_for_last("G1-00005678 PASS")

            # the same board, whole again, is a good one, too
            line_board.power_on()
            finished = verdicts.finished.get(timeout=60)
            assert (finished.outcome, finished.serial) == (Outcome.PASS, "G1-00001234")
    finally:
        bench.stop()
