"""``station scrap``: the end of a board."""

from __future__ import annotations

from pathlib import Path

import click

from station.cli.pins import by_whom, decider
from station.cli.records import plain
from station.cli.running import of_station, state_folder


@click.command()
@click.argument("serial")
@click.option("--reason", required=True, help="Why; it goes into the records.")
@by_whom
@of_station
def command(
    serial: str, reason: str, by: str | None, by_pin_file: Path | None, config: Path | None, state: Path | None
) -> None:
    """Scrap board SERIAL: its number is disabled and leaves the fleet, and no slot takes the board any more."""
    from station import control

    who = decider(by, by_pin_file)
    told = control.ask(state_folder(config, state), "scrap", serial=serial, reason=reason, **who)
    click.echo(f"{plain(told['serial'])}: scrapped")
