"""The state folder of one station, and the lock that says which process owns it, or a fleet server's file."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from station.errors import DatabaseFailed, StateBusy


class StateFolder:
    """Everything that a station remembers lies below one folder, and one engine owns it at a time."""

    def __init__(self, path: Path) -> None:
        """Make the folder if need be and take its lock.

        Raises ``StateBusy`` that says who has it, ``DatabaseFailed`` if nothing can be kept there.
        """
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o750)
            self._lock = hold(path / "lock", path, "station")
        except OSError as error:
            raise DatabaseFailed(f"{path}: the state folder can't be used: {error.strerror}") from error

    @property
    def ledger(self) -> Path:
        """The audit database."""
        return ledger_in(self.path)

    @property
    def escrow(self) -> Path:
        """The folder of keys on their way to a board."""
        return self.path / "escrow"

    def release(self) -> None:
        """Let another engine have the folder."""
        os.close(self._lock)


def ledger_in(folder: Path) -> Path:
    """Return where the ledger is in a state folder; for those who only read it, and need no lock."""
    return folder / "ledger.db"


def hold(lock: Path, used: Path, by: str) -> int:
    """Take a lock file, which is made where it is missing, until the descriptor returned is closed or the process ends.

    Raises ``StateBusy``, which says which process has what is ``used`` ``by``
    one at a time; ``OSError`` if the file can't be made.
    """
    held = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(held, 64, 0).decode(errors="replace").strip()
        os.close(held)
        raise StateBusy(f"{used}: in use by another {by}, process {_described(holder)}; stop that one first") from None
    os.ftruncate(held, 0)
    os.pwrite(held, f"{os.getpid()}\n".encode(), 0)
    return held


def _described(pid: str) -> str:
    """Say what a process is; the arguments are left out, since they are nobody's business."""
    try:
        return f"{pid} ({Path('/proc', pid, 'comm').read_text().strip()})"
    except OSError:
        return pid or "unknown"
