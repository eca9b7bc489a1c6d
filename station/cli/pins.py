"""PINs on a command line: typed without being shown, or read from a file; never an argument, which others can read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

_FILE = click.Path(path_type=Path, dir_okay=False)


def new_pin(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command read a new PIN from a file."""
    text = "The new PIN; else it is asked for."
    return click.option("--pin-file", type=_FILE, help=text)(command)


def by_whom(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command say who decides it, and where his PIN is read from."""
    for option in (
        click.option("--by-pin-file", type=_FILE, help="Where that PIN is; else it is asked for."),
        click.option("--by", metavar="ID", help="Who decides it; else whoever is signed in."),
    ):
        command = option(command)
    return command


def decider(by: str | None, file: Path | None, pin: str = "pin") -> dict[str, str]:
    """Return what an order says of who decides it, the PIN by the name ``pin``; nothing, if it is who is signed in."""
    return {"by": by, pin: pin_of(by, file)} if by else {}


def pin_of(who: str, file: Path | None, *, new: bool = False) -> str:
    """Return somebody's PIN; raises ``UsageError``, which doesn't repeat it."""
    if file is None:
        if not sys.stdin.isatty():
            raise click.UsageError(f"the PIN of {who} can't be asked for here: name a file with it")
        typed: str = click.prompt(f"PIN of {who}", hide_input=True, confirmation_prompt=new, err=True)
        return typed
    try:
        return file.read_text().removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{file}: can't be read: {getattr(error, 'strerror', 'not text')}") from None
