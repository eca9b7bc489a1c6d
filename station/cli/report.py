"""``station report``: figures of the boards that were made."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from station.cli.records import opened, plain
from station.cli.running import settings_file

if TYPE_CHECKING:
    from station.lapsing import Lapsing

_DAY_US = 86_400_000_000


@click.command()
@click.option("--lapsing", "wanted", is_flag=True, required=True, help="Boards that passed and are not activated yet.")
@click.option("--days", type=click.IntRange(1), default=30, show_default=True, help="Of the last so many days.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a board, a line each.")
@click.option("--config", type=click.Path(path_type=Path), help="The settings of the station whose boards they are.")
def command(wanted: bool, days: int, as_json: bool, config: Path | None) -> None:
    """List the boards that were passed to be activated in the field, and are not, by the end of their window.

    The fleet is asked for each; nothing is changed.
    """
    from station import build, clock, lapsing, settings
    from station.state import ledger_in

    facts = settings.load(settings_file(config))
    with opened(ledger_in(facts.path(facts.state))) as archive, build.client(facts) as fleet:
        count = 0
        for board in lapsing.lapsing(archive, fleet, clock.now_us() - days * _DAY_US):
            count += 1
            click.echo(json.dumps(_record(board)) if as_json else _line(board))
    if not count and not as_json:
        click.echo(f"every board of the last {days} days that is to be activated in the field is")


def _record(board: Lapsing) -> dict[str, Any]:
    from station import clock

    times = {name: clock.iso(getattr(board, name)) for name in ("passed_at", "expires_at")}
    return {**asdict(board), **times}


def _line(board: Lapsing) -> str:
    from station import clock

    left = (board.expires_at - clock.now_us()) / 3_600_000_000
    window = f"{left:.1f} h left" if left > 0 else f"over for {-left:.1f} h"
    by = f"  re-enabled by: {plain(board.reenabled_by)}" if board.reenabled_by else ""
    return f"{plain(board.serial):<20} {board.found:<13} until {clock.iso(board.expires_at)} ({window}){by}"
