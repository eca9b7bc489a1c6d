"""Ports that are closed, and a thread for boards that ends, after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from uart_port import Port

from drivers.sim.loop import LoopThread


@pytest.fixture
def opened() -> Iterator[Callable[[Path], Port]]:
    """Open ports, and close them afterwards."""
    ports: list[Port] = []

    def open_(path: Path) -> Port:
        ports.append(Port(path))
        return ports[-1]

    yield open_
    for port in ports:
        port.close()


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    thread = LoopThread("test-boards")
    yield thread
    thread.close()
