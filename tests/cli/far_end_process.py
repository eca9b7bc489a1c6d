"""A running ``station rehearse --far-end``, and what is in its folder."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
