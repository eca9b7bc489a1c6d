"""One thread in which every simulated board lives, as coroutines of one event loop."""

from __future__ import annotations

import asyncio
import selectors
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """A running event loop that other threads hand work to."""

    def __init__(self, name: str) -> None:
        # select(2) waits to the microsecond; epoll and poll round up to whole
        # milliseconds, which is twelve bytes late at 115200 baud.
        self._loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` in the loop's thread; return its result, or raise what it raises.  Any other thread may call."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """Stop the thread.  What still runs in the loop is dropped: end it first."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
