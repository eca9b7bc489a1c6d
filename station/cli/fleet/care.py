"""What is asked before a change that can't be taken back, and what is said after one that nobody answered."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from station.errors import StationError

yes = click.option("--yes", is_flag=True, help="Don't ask.")

by_form = click.option(
    "--by-form", is_flag=True, help="Ask with POST, for a fleet behind something that blocks DELETE."
)
"""The option of whatever the API deletes in two ways."""

shared_by = click.option("--shared-by", metavar="VENDOR", help="The model is this vendor's, who shares it.")
"""The option of what a vendor may do with another's model."""


class Doubtful(StationError):
    """A change may have been made, or may not; the text says where to look."""

    code = "fleet-doubtful"


def sure(question: str, said_yes: bool) -> None:
    """Return if a person agrees; else end the command, with nothing changed."""
    if said_yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question}  There is nobody to ask; --yes says it.")
    click.confirm(question, abort=True, err=True)


def overwriting(path: Path, force: bool) -> None:
    """Return if a file may be written there, in place of none or, with ``force``, of a regular one.

    Raises ``click.UsageError``.
    """
    if not os.path.isdir(path.parent):
        raise click.UsageError(f"{path}: there is no such folder")
    if os.path.exists(path):
        if not os.path.isfile(path):
            raise click.UsageError(f"{path} is no regular file, and is not replaced")
        if not force:
            raise click.UsageError(f"{path} is there already; --force replaces it")


@contextmanager
def looking(*words: str, then: str = "") -> Iterator[None]:
    """Say where to look if a change in the block is not answered, or not waited for.

    ``words`` follow ``station fleet``; ``then`` is what to do about what is found.
    """
    from station.fleet.client import Unanswered, Unreachable

    try:
        yield
    except Unreachable:
        raise  # certainly not done
    except (Unanswered, KeyboardInterrupt) as error:
        why = error.text if isinstance(error, Unanswered) else "interrupted"
        look = shlex.join(["station", "fleet", *words])
        raise Doubtful(f"{why}; it may have been done all the same: look with `{look}` first{then}") from error
