"""For all tests: the fast ones first; property tests with the same examples each time, in CI with fresh ones."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest
from hypothesis import settings
from moved_clock import MovedClock, moved_clock


@pytest.fixture
def wall() -> Iterator[MovedClock]:
    """This machine's clock, which a test may set."""
    with moved_clock() as made:
        yield made


def pytest_configure(config: pytest.Config) -> None:
    """Choose the examples of property tests, unless another profile is asked for.

    The same ones every time, so that nobody's work is stopped by what somebody
    else's chance has found.  In CI those of a fresh seed; and wherever one is
    given with ``--hypothesis-seed``, which is how a failure is repeated.
    """
    settings.register_profile("same", derandomize=True, database=None)
    settings.register_profile("seeded", derandomize=False, database=None, print_blob=True)
    if config.option.hypothesis_profile is not None:
        return
    if config.option.hypothesis_seed is None and os.environ.get("CI") == "true":
        config.option.hypothesis_seed = str(random.SystemRandom().getrandbits(32))
    settings.load_profile("same" if config.option.hypothesis_seed is None else "seeded")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Say how a failure of a property test is repeated; at once, since a run may be cut off, and also with ``-q``."""
    if (seed := session.config.option.hypothesis_seed) is not None:
        session.config.get_terminal_writer().line(f"property tests: repeat with --hypothesis-seed={seed}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run what takes seconds after what doesn't, so that a plain mistake shows at once; what takes minutes if asked."""
    if "long" not in config.option.markexpr:
        long = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]
    items.sort(key=lambda item: any(item.get_closest_marker(name) for name in ("slow", "real")))
