"""A client and the scripted far end that it talks to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest
from client_under_test import TOKEN, Start
from scripted_fleet import Act, ScriptedFleet

from station.fleet.client import Client


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a far end with a script for each connection, and a client of it."""
    with ExitStack() as stack:

        def start(*scripts: Sequence[Act], tls: bool = False, **options: Any) -> tuple[Client, ScriptedFleet]:
            fleet = stack.enter_context(ScriptedFleet(*scripts, tls=tls))
            options.setdefault("token", lambda: TOKEN)
            return stack.enter_context(Client(fleet.url, "weaver", **options)), fleet

        yield start
