"""What some tests need of the system, and what becomes of them without it."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip the test, or fail it where nothing may be missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}: .ci/run should have installed it", pytrace=False)
    pytest.skip(f"{what}: .ci/run installs it")
