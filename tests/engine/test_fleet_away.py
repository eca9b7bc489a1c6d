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
