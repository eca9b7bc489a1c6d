"""A ledger on a real file, its reader, and the audit of both after every test that used them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ledger_audit import audit
from ledger_floor import STATION

from station.ledger import Ledger, Reader


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    """Whatever a test does to it, the chain is whole afterwards and every table follows from the events."""
    ledger = Ledger(path, STATION)
    yield ledger
    ledger.close()
    audit(path)


@pytest.fixture
def reader(ledger: Ledger, path: Path) -> Iterator[Reader]:
    reader = Reader(path)
    yield reader
    reader.close()
