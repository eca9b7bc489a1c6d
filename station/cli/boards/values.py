"""Settings as a command line gives them: ``NAME=VALUE``, or ``NAME=@FILE`` for what others may not read.

Arguments can be read by every user of the machine, so a secret is never one.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import click

_LARGEST = 64 * 1024
"""Bytes."""


@dataclass(frozen=True, slots=True)
class Value:
    """A setting's value."""

    text: str
    secret: bool
    """It came from a file, and is shown nowhere."""


def parse(arguments: Iterable[str]) -> dict[str, Value]:
    """Read ``NAME=VALUE`` and ``NAME=@FILE``; ``NAME=@@...`` is a value that begins with one @.

    Raises ``click.BadParameter``, which never repeats what is in a file.
    """
    values: dict[str, Value] = {}
    for argument in arguments:
        name, sign, text = argument.partition("=")
        if not sign or not name:
            raise click.BadParameter("expected NAME=VALUE or NAME=@FILE")  # not repeated: it may be a secret
        if name in values:
            raise click.BadParameter(f"{name} is there twice")
        if text.startswith("@@") or not text.startswith("@"):
            if not _is_text(argument):
                raise click.BadParameter("expected UTF-8 text")
            values[name] = Value(text.removeprefix("@"), secret=False)
        else:
            values[name] = Value(_content(Path(text[1:]), name), secret=True)
    return values


def _is_text(argument: str) -> bool:
    """Tell whether an argument was UTF-8: what was not, Python keeps as lone surrogates."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True


def _content(path: Path, name: str) -> str:
    """Return what is in a file that only its owner can read, without its last line's end."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise click.BadParameter(f"{name}: {path} is no regular file")
            if facts.st_mode & 0o077:
                raise click.BadParameter(f"{name}: others may read or write {path}; run: chmod 600 {path}")
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise click.BadParameter(f"{name}: {path} can't be read: {error.strerror}") from None
    if len(data) > _LARGEST:
        raise click.BadParameter(f"{name}: {path} has more than {_LARGEST} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise click.BadParameter(f"{name}: {path} is not UTF-8 text") from None
    return text.removesuffix("\n").removesuffix("\r")
