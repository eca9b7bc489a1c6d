"""One thread in which every simulated board lives, as coroutines of one event loop."""

from __future__ import annotations

import asyncio
import ctypes
import selectors
import threading
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


_PR_SET_TIMERSLACK = 29
"""Of ``<linux/prctl.h>``; in nanoseconds."""
_EARLY_S = 0.0001
"""So much later than it asked for may a thread run that was woken up."""


class _Punctual(selectors.SelectSelector):
    """Returns when it was asked to.

    Bytes have to arrive when a UART has shifted them in: one takes 87 us at 115,200 baud, and all that the far end is
    late would be taken for the station's slowness.
    """

    # select(2) waits to the microsecond; epoll and poll round up to whole milliseconds.

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if not timeout or timeout < 0:
            return super().select(timeout)
        until = time.monotonic() + timeout
        ready = super().select(max(0.0, timeout - _EARLY_S))
        while not ready and time.monotonic() < until:
            ready = super().select(0)
        return ready


def _be_woken_in_time() -> None:
    """Take back the 50 us that Linux may let this thread's timers wait for company."""
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1)


class LoopThread:
    """A running event loop that other threads hand work to."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.SelectorEventLoop(_Punctual())
        self._loop.call_soon(_be_woken_in_time)
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
