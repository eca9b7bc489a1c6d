"""``station ctl``: what a running station can be told."""

from __future__ import annotations

from pathlib import Path

import click

from station.cli.running import of_station, state_folder


@click.group()
def command() -> None:
    """Tell a running station what to do."""


@command.command()
@click.argument("slot")
@of_station
def start(slot: str, config: Path | None, state: Path | None) -> None:
    """Take the board in SLOT as new, whatever can be seen of it; if it does not answer, it fails."""
    from station import control

    control.ask(state_folder(config, state), "start", slot=slot)
    click.echo(f"slot {slot}: started")
