"""``station backup`` and ``station restore``: copies of the ledger, and what is held once one was put back."""

from __future__ import annotations

from pathlib import Path

import click

from station.cli.running import settings_file

_FILE = click.Path(path_type=Path, dir_okay=False)
_CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The station's settings.  [default: station.toml here, or /etc/station/station.toml]",
)


@click.command()
@_CONFIG
def backup(config: Path | None) -> None:
    """Copy the ledger, also while the station works.

    The copy goes into the folder that the settings name, [backup] folder; a running station makes one a day by itself.
    """
    from station import settings
    from station.errors import DatabaseFailed
    from station.ledger.backup import back_up
    from station.state import ledger_in

    facts = settings.load(settings_file(config))
    ledger = ledger_in(facts.path(facts.state))
    if not ledger.exists():
        raise DatabaseFailed(f"{ledger}: there is no ledger to be copied yet")
    click.echo(back_up(ledger, facts.backups, facts.backup.keep))


@click.command()
@click.argument("file", type=_FILE)
@_CONFIG
def restore(file: Path, config: Path | None) -> None:
    """Put a backup in the place of the ledger, while no station runs.

    The ledger that is there is kept beside, whatever state it is in.  Boards that were made in the span that is lost
    are held when they come again (not-in-records), and none of them is changed.
    """
    from contextlib import closing

    from station import clock, settings
    from station.escrow import Escrow
    from station.ledger import Reader
    from station.ledger.restore import restore
    from station.state import StateFolder

    facts = settings.load(settings_file(config))
    folder = StateFolder(facts.path(facts.state))
    try:
        done = restore(file, folder.ledger, facts.station)
        with closing(Reader(folder.ledger)) as reader:  # of the cycles that nobody knows any more, no key stays either
            Escrow(folder.escrow).sweep(reader.open_cycles())
    finally:
        folder.release()
    click.echo(f"restored {file}")
    click.echo(f"lost: what happened between {clock.iso(done.lost_from)} and {clock.iso(done.lost_until)}")
    if done.closed:
        click.echo(f"closed as not-in-records, since nobody knows what became of them: cycles {_numbers(done.closed)}")
    if done.aside:
        click.echo(f"kept: the ledger before, as {done.aside}")


def _numbers(cycles: tuple[int, ...]) -> str:
    return ", ".join(map(str, cycles))
