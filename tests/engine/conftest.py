from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from engine_world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A fleet, a client, a ledger and an escrow."""
    with closing(World(tmp_path)) as made:
        yield made
