"""The keeper of backups: copies the ledger once a day while the station runs.

A copy that can't be made stops nobody: the journal says so, and
``station check`` how old the newest one is.
"""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from station.errors import StationError
from station.ledger.backup import back_up, backups

log = logging.getLogger(__name__)

DAY_S = 86_400.0
_AGAIN_S = 3_600.0
"""Seconds after which a copy that could not be made is tried again."""


class Keeper:
    """A thread of its own, which sleeps."""

    def __init__(self, ledger: Path, folder: Path, keep: int) -> None:
        """``folder`` takes the newest ``keep`` copies of ``ledger``."""
        self._ledger, self._folder, self._keep = ledger, folder, keep
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="backups", daemon=True)

    def start(self) -> None:
        """Make a copy now, unless the newest one is of today, and one a day from then on."""
        self._thread.start()

    def stop(self) -> None:
        """Make no more; one that is being made is finished."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._due_in_s()):
            try:
                made = back_up(self._ledger, self._folder, self._keep)
            except StationError as fault:
                log.warning("no backup: %s", fault.text)
                if self._stopping.wait(_AGAIN_S):
                    return
            else:
                log.info("backup: %s", made)

    def _due_in_s(self) -> float:
        """Seconds until the newest copy is a day old."""
        found = backups(self._folder)
        return max(0.0, found[-1].stat().st_mtime + DAY_S - time.time()) if found else 0.0
