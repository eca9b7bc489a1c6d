from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fleet_wire import Fleet

from station.fleet.server import FleetServer, init


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """A fleet on a loopback port, stopped afterwards."""
    database = tmp_path / "fleet.db"
    grant = init(database, "acme")
    server = FleetServer(database)
    server.start()
    found = Fleet(server, database, grant)
    yield found
    found.wire.socket.close()
    server.stop()
