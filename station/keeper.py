"""The keeper of backups: copies the ledger once a day while the station runs.

A copy that can't be made stops nobody: the screen and the journal say so,
and ``station check`` how old the newest one is.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from drivers.errors import Blame
from station.errors import StationError
from station.ledger.backup import back_up, newest

log = logging.getLogger(__name__)

DAY_S = 86_400.0
_AGAIN_S = 3_600.0
"""Seconds after which a copy that could not be made is tried again."""


class BackupFailed(StationError):
    """The ledger could not be copied; boards are made all the same."""

    code = "backup-failed"
    blame = Blame.STATION


class Keeper:
    """A thread of its own, which sleeps."""

    def __init__(self, ledger: Path, folder: Path, keep: int, told: Callable[[BackupFailed | None], None]) -> None:
        """``folder`` takes the newest ``keep`` copies of ``ledger``; ``told`` hears how each attempt ended."""
        self._ledger, self._folder, self._keep, self._told = ledger, folder, keep, told
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
        wait_s = 0.0
        while not self._stopping.wait(wait_s):
            try:
                if (wait_s := self._due_in_s()) == 0.0:
                    log.info("backup: %s", back_up(self._ledger, self._folder, self._keep))
                self._told(None)
            except StationError as fault:
                wait_s = self._failed(fault.text)
            except Exception as fault:
                log.exception("a backup was interrupted")
                wait_s = self._failed(f"{self._folder}: {fault!r}")

    def _failed(self, why: str) -> float:
        """Tell why there is no copy; return the seconds until the next attempt."""
        log.warning("no backup: %s", why)
        self._told(BackupFailed(why))
        return _AGAIN_S

    def _due_in_s(self) -> float:
        """Seconds until the newest copy is a day old."""
        found = newest(self._folder, time.time())
        return max(0.0, DAY_S - found[1]) if found else 0.0
