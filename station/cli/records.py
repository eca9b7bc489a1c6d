"""Which ledger is meant, and how it is read: also while a station writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from station.cli.running import state_folder
from station.state import ledger_in

if TYPE_CHECKING:
    from station.ledger.archive import Archive

_READERS = "the station's own user can read it, and root"


def of_ledger(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command say which ledger, by a station's settings or by its file."""
    for option in (
        click.option(
            "--ledger",
            type=click.Path(path_type=Path, dir_okay=False, readable=False),
            help="The ledger's file itself.",
        ),
        click.option(
            "--config",
            type=click.Path(path_type=Path),
            help="The settings of the station whose ledger it is. "
            "[default: station.toml here, or /etc/station/station.toml]",
        ),
    ):
        command = option(command)
    return command


def ledger_of(config: Path | None, ledger: Path | None) -> Path:
    """Return the file of the ledger that is meant; raises ``UsageError``, ``SettingsError``."""
    if config and ledger:
        raise click.UsageError("--config and --ledger exclude each other")
    return ledger or ledger_in(state_folder(config, None))


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """Open a ledger, or say what to do; raises ``SettingsError``, ``DatabaseError``."""
    from station.errors import DatabaseFailed, SettingsError
    from station.ledger.archive import Archive

    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except FileNotFoundError:
        empty = True
    except OSError as error:
        raise SettingsError(f"{path}: can't be read: {error.strerror}; {_READERS}") from None
    if empty:
        raise SettingsError(f"{path}: there is no ledger yet; this station has not run")
    try:
        with closing(Archive(path)) as archive:
            yield archive
    except DatabaseFailed as fault:  # what lies beside a ledger that is in use has a mode of its own
        forbidden = getattr(fault.__cause__, "sqlite_errorname", "").startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY"))
        raise DatabaseFailed(f"{fault.text}; {_READERS}") if forbidden else fault from None


def plain(text: str) -> str:
    """Return text that can do nothing to a terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
