"""For all tests: the fast ones first."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what takes seconds after what doesn't, so that a plain mistake shows at once."""
    items.sort(key=lambda item: any(item.get_closest_marker(name) for name in ("slow", "real")))
