from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from served_fleet import Served
from station_process import Station


@dataclass(frozen=True)
class FarEnd:
    """A running ``station rehearse --far-end`` and its folder."""

    folder: Path
    process: Station
    said: dict[str, Any]

    @property
    def config(self) -> Path:
        return self.folder / "station.toml"

    def secrets(self) -> list[str]:
        """The vendor token, and every key in the fleet."""
        with closing(sqlite3.connect(f"{(self.folder / 'fleet.db').as_uri()}?mode=ro", uri=True)) as fleet:
            keys = [cik for (cik,) in fleet.execute("SELECT cik FROM clients")]
        return [(self.folder / "token").read_text().strip(), *keys]


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
