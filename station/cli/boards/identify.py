"""``station boards identify``."""

from __future__ import annotations

import sys

import click

from station.cli.boards.talk import show, talking
from station.cli.boards.target import Target, target
from station.cli.fleet.show import as_json, printable, record


@click.command()
@target
@show
@as_json
def command(board: Target, show: bool, as_json: bool) -> None:
    """Ask the board on PORT who it is, and judge its answer by the recipe.

    Nothing is written; the exit code is 1 if the board does not answer, or
    is not what the recipe expects.
    """
    with talking(board, show) as (_, near_end):
        seen = near_end.identify()
    complaint = board.recipe.complaint(seen)
    facts = {
        "serial": seen.serial,
        "hardware_id": seen.hardware_id,
        "firmware": seen.firmware,
        "hardware_revision": seen.hardware_revision,
    }
    record({**facts, "complaint": complaint} if as_json else facts, as_json)
    if complaint:
        click.echo(f"station: the board says {printable(complaint)} [serial-malformed]", err=True)
        sys.exit(1)
