"""Which blobs are in somebody's hands: one that is must not be swept, whether an entry names it or not."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Holds:
    """Who is writing or reading which blob just now, in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders: Counter[int] = Counter()

    def __contains__(self, blob: int) -> bool:
        with self._lock:
            return blob in self._holders

    @contextmanager
    def on(self, blob: int) -> Iterator[None]:
        """Keep a blob from being swept in here, whether it is named or not."""
        with self._lock:
            self._holders[blob] += 1
        try:
            yield
        finally:
            with self._lock:
                self._holders[blob] -= 1
                if not self._holders[blob]:
                    del self._holders[blob]
