from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from engine_floor import Floor
from engine_world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A fleet, a client, a ledger and an escrow."""
    with closing(World(tmp_path)) as made:
        yield made


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[Floor]:
    """A station with one slot, and boards to put into it."""
    with closing(Floor(tmp_path)) as made:
        yield made


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Floor]]:
    """Make such a station with other options or another recipe."""
    with ExitStack() as stack:
        yield lambda *changes, **options: stack.enter_context(closing(Floor(tmp_path, *changes, **options)))
