from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from far_end_process import FarEnd
from served_fleet import Served
from station_process import Station


@pytest.fixture
def far_end(tmp_path: Path) -> Iterator[FarEnd]:
    """Two slots, with boards that come and go by themselves."""
    arguments = ["--slots", "2", "--baud", "0", "--boot-s", "0", "--save-s", "0"]
    with Station("rehearse", "--far-end", "--state", tmp_path, *arguments) as process:
        yield FarEnd(tmp_path, process, json.loads(process.line()))


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A served fleet with two vendors, shared by a module's tests; each makes a model of its own."""
    with Served(tmp_path_factory.mktemp("fleet")) as served:
        yield served
