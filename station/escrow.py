"""Secrets that the station must keep for a while: never in the ledger, in no backup, in no export.

A device key can't be asked for twice: a second activation answers 409, and a
regeneration kills the first key.  So it is durable here, in one 0600 file a
cycle, *before* it goes to the board, and is erased when the cycle closes,
whatever its outcome.  (Not in the ledger, since a deleted row stays readable
in the file and its WAL.)
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import logging
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

from station.errors import EscrowFailed

log = logging.getLogger(__name__)

_KEY = re.compile(rb"[0-9a-f]{40}")
"""A device key (API document, section 2)."""


class Escrow:
    """A 0700 folder with one file a key.  Its calls raise ``EscrowFailed``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with _translated(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
            folder.chmod(0o700)
            _flush(folder.parent)
            digest_key = folder / "digest.key"
            if not digest_key.exists():
                self._save(digest_key, secrets.token_hex(32))
            self._digest_key = bytes.fromhex(digest_key.read_text())
        if len(self._digest_key) != 32:
            raise EscrowFailed(f"{digest_key}: damaged; expected 64 hex digits")

    def put(self, cycle: int, key: str) -> None:
        """Make a key durable: once this returns, it survives a power cut."""
        with _translated(self._folder):
            self._save(self._file(cycle), key)

    def get(self, cycle: int) -> str | None:
        """Return the cycle's key, None if there is none; one that can't be read, or is damaged, is lost."""
        try:
            key = self._file(cycle).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            log.error("the key of cycle %d can't be read, and is taken for lost: %s", cycle, error.strerror)
            return None
        if not _KEY.fullmatch(key):
            log.error("the key of cycle %d is damaged, and is taken for lost", cycle)
            return None
        return key.decode()

    def erase(self, cycle: int) -> None:
        """Forget a key; nothing happens if there is none."""
        with _translated(self._folder):
            path = self._file(cycle)
            for held in (path, _unfinished(path)):  # the disk may have been full while it was written
                held.unlink(missing_ok=True)
            _flush(self._folder)

    def sweep(self, keep: Iterable[int]) -> None:
        """Forget every key but those of these (open) cycles, and whatever a crash left half written."""
        wanted = {self._file(cycle).name for cycle in keep} | {"digest.key"}
        with _translated(self._folder):
            for path in self._folder.iterdir():
                if path.name not in wanted:
                    path.unlink()
            _flush(self._folder)

    def digest(self, value: str, *, secret: bool) -> str:
        """Return what stands for a setting's value in a record.

        ``sha256:`` for what anybody may know; ``hmac-sha256:``, with a key
        that only this station has, for secrets, since a short secret could
        be found from its plain hash by trying.
        """
        if secret:
            return "hmac-sha256:" + hmac.digest(self._digest_key, value.encode(), "sha256").hex()
        return "sha256:" + hashlib.sha256(value.encode()).hexdigest()

    def _file(self, cycle: int) -> Path:
        return self._folder / f"cycle-{cycle}.key"

    def _save(self, path: Path, text: str) -> None:
        """Write, flush, rename, flush the folder: the file is whole or absent."""
        temporary = _unfinished(path)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)  # whatever the umask
            file.write(text.encode())  # all of it, or an error
            file.flush()
            os.fsync(descriptor)
        temporary.rename(path)
        _flush(self._folder)


def _unfinished(path: Path) -> Path:
    return path.with_suffix(".new")


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _translated(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EscrowFailed(f"{folder}: {error.strerror}") from error
    except ValueError:  # its own text may quote what is in the file
        raise EscrowFailed(f"{folder}: a file there is damaged; expected a key, as text") from None
