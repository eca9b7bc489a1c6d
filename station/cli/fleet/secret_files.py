"""Files with one secret each: a token, a CIK, a device's key.  A secret is never printed, and never an argument.

A key is handed out once.  So the file for it is made, and safe on the disk,
before it is asked for: a full disk, a folder that is read-only or a name that
is taken then costs nothing.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from station.errors import BadInput, StationError

_LONGEST = 4096
"""Bytes; secrets of this API have 40."""


class SecretFileUnusable(BadInput):
    """A file that should hold a secret, or is to hold one, can't."""

    code = "secret-file-unusable"


class SecretLost(StationError):
    """A secret was handed out, and whether its file holds it is in doubt."""

    code = "secret-lost"


def read(path: Path, what: str) -> str:
    """Return what is in the file, which must be a regular one that nobody but its owner may read.

    Raises ``SecretFileUnusable``, which names the file and never repeats what
    is in it.
    """
    try:
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise SecretFileUnusable(f"{path}: expected a regular file with the {what}")
            if facts.st_mode & 0o077:
                raise SecretFileUnusable(f"{path}: others may read or write the {what}; run: chmod 600 {path}")
            content = file.read(_LONGEST + 1)
    except OSError as error:
        raise SecretFileUnusable(f"{path}: the {what} can't be read: {error.strerror}") from None
    secret = content.decode("ascii", "replace").strip()
    if not secret or not secret.isascii() or not secret.isprintable() or len(content) > _LONGEST:
        raise SecretFileUnusable(f"{path}: expected the {what}, one line of printable characters")
    return secret


@contextlib.contextmanager
def new(path: Path, what: str) -> Iterator[Callable[[str], None]]:
    """Make a 0600 file, and hand over what fills it; nothing is ever overwritten.

    The file has its room on the disk before the block begins, and is gone
    after a block that fails before it fills the file; from then on it may be
    the only place of the secret, and stays.  Raises ``SecretFileUnusable`` if
    it can't be made, ``SecretLost`` if it can't be filled.
    """
    filled = False
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise SecretFileUnusable(f"{path}: is there already, and is never overwritten; name another file") from None
    except OSError as error:
        raise SecretFileUnusable(f"{path}: can't be made: {error.strerror}") from None
    try:
        with open(descriptor, "wb", buffering=0) as file:
            try:
                os.fchmod(descriptor, 0o600)  # whatever the umask
                _put(file.fileno(), " " * 40 + "\n")
                _flush(path.parent)
            except OSError as error:
                raise SecretFileUnusable(f"{path}: can't be written: {error.strerror}") from None

            def fill(secret: str) -> None:
                nonlocal filled
                filled = True  # before it is so: what comes between must not cost the secret
                _put(file.fileno(), secret + "\n")

            yield fill
    except BaseException as error:
        if not filled:
            path.unlink(missing_ok=True)
            raise
        why = error.strerror if isinstance(error, OSError) else "interrupted"
        raise SecretLost(f"{path}: may hold the {what} that was handed out, and is kept: {why}") from error


def keep(path: Path, secret: str, what: str) -> None:
    """Have the secret in a 0600 file; nothing happens if it is there.

    Raises ``SecretFileUnusable`` for a file that holds anything else.
    """
    if os.path.exists(path):
        if read(path, what) != secret:
            raise SecretFileUnusable(f"{path}: holds another {what}, and is never overwritten; move it away")
        return
    with new(path, what) as fill:
        fill(secret)


def _put(descriptor: int, text: str) -> None:
    """Write all of the file, and have it on the disk."""
    data = text.encode()
    if os.pwrite(descriptor, data, 0) != len(data):
        raise OSError(0, "the disk took only a part of it")
    os.ftruncate(descriptor, len(data))
    os.fsync(descriptor)


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
