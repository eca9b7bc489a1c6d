"""What a slot shows while the fleet is away, and once it is back."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from engine_floor import LIMIT_S, Floor
from engine_world import MODEL, SERIAL

from station.fleet.client import Client, Reply, Request
from station.model import FleetState, Outcome


def test_a_slot_says_that_the_fleet_is_away_also_while_it_is_asked(floor: Floor) -> None:
    watcher = floor.start()
    assert floor.client is not None
    told: list[str] = []
    floor.client.lose_call("enable")
    floor.client.before("enable", lambda: told.append(watcher.views[-1].note))
    floor.insert()
    assert watcher.wait_finished().outcome is Outcome.PASS
    assert told == ["The fleet does not answer. Wait: the station tries again by itself."]


def test_a_board_that_is_taken_out_while_the_fleet_is_away_makes_room_at_once(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one may boot beyond reach while its slot waits for the fleet in the name of the one before."""
    monkeypatch.setattr("station.line._FIRST_RETRY_S", 10 * LIMIT_S)
    monkeypatch.setattr("station.line._LONGEST_RETRY_S", 10 * LIMIT_S)
    watcher = floor.start()
    assert floor.client is not None
    floor.client.leave_after("enable")
    floor.insert(number=1)
    watcher.wait_note("Next try at")
    floor.remove()
    floor.insert(number=2)
    first = watcher.wait_finished()
    assert (first.serial, first.error) == ("SIM-00000001", "board-pulled")
    floor.client.away = False
    assert watcher.wait_finished(2).serial == "SIM-00000002"


def test_a_slot_says_so_no_more_once_it_is_its_board_that_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("station.line._WATCH_S", LIMIT_S)  # whose questions are not the ones that get lost here
    on_line = ('activate = "station"', 'activate = "on-line"\nfetch_s = 60')
    with closing(Floor(tmp_path, on_line, ('fleet_key = "{cik}"\n', ""))) as floor:
        watcher = floor.start()
        client = floor.client
        assert client is not None
        watcher.wait_for(lambda: floor.bench and floor.bench.line().fleet is FleetState.OK)

        def enabled(request: Request) -> Reply:
            client.lose_call("info")
            return Client.send(client, request)

        client.instead("enable", enabled)
        floor.insert()
        watcher.wait_note("Next try at")
        watcher.wait_for(lambda: not watcher.views[-1].note)
        client.device.activate(MODEL, SERIAL)
        assert watcher.wait_finished().outcome is Outcome.PASS
