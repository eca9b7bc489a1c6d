from __future__ import annotations

from collections.abc import Iterator

import pytest
from conformance_far_end import FarEnd, Scene


@pytest.fixture(scope="module")
def far_end(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarEnd]:
    """A fleet that the tests of a module share; each has vendors of its own."""
    far_end = FarEnd(tmp_path_factory.mktemp("fleet"))
    yield far_end
    far_end.close()


@pytest.fixture
def scene(far_end: FarEnd) -> Scene:
    return far_end.scene()
