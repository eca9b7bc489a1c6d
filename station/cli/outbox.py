"""``station outbox``: what the fleet is still to be told of boards that have left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from station.cli import tables
from station.cli.records import ledger_of, of_ledger, opened, plain
from station.cli.running import of_station, state_folder

if TYPE_CHECKING:
    from station.ledger.archive import Archive

_FIELDS = ("cycle", "serial", "hardware_id", "slot", "operator", "lot", "opened_at", "left_at", "owed", "error")


@click.group()
def command() -> None:
    """What the fleet is still to be told of boards that have left."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a board, a line each.")
@of_ledger
def listed(as_json: bool, config: Path | None, ledger: Path | None) -> None:
    """List what is owed, the oldest first: boards that are PENDING, and numbers that are to be disabled.

    A board whose delivery met a conflict is closed without PASS, and listed, too: it is to be fetched out of its box.
    """
    with opened(ledger_of(config, ledger)) as archive:
        owed = list(_owed(archive))
    for entry in owed:
        click.echo(json.dumps(entry) if as_json else _line(entry))
    if not owed and not as_json:
        click.echo("nothing is owed to the fleet")


@command.command()
@of_station
def retry(config: Path | None, state: Path | None) -> None:
    """Have the running station tell the fleet now, as far as it answers."""
    from station import control

    folder = state_folder(config, state)
    told = control.ask(folder, "deliver")
    delivered = told["delivered"]
    left, why = told["left"] + 1, told["why"]
    while 0 < told["left"] < left:  # a round is short, so that others are heard
        left = told["left"]
        told = control.ask(folder, "deliver")
        delivered += told["delivered"]
        why = told["why"] or why
    click.echo(f"{delivered} delivered, {told['left']} left{f': {plain(why)}' if why else ''}")
    if told["left"] or why:
        raise SystemExit(1)


@command.command()
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A file. [default: standard output]")
@of_ledger
def export(form: str, output: Path | None, config: Path | None, ledger: Path | None) -> None:
    """Write down what is owed, with lot, operator and time, so that the boards are found in their boxes."""
    with opened(ledger_of(config, ledger)) as archive:
        owed = list(_owed(archive))
    tables.export(owed, _FIELDS, form, output)


def _owed(archive: Archive) -> Iterator[dict[str, Any]]:
    from station import clock

    for owed, rows in (
        ("all the fleet's steps", archive.pending()),
        ("disable", archive.owed()),
        ("fetch it from its box", archive.conflicts()),
    ):
        for row in rows:
            yield {
                "cycle": row.id,
                "serial": row.serial,
                "hardware_id": row.hardware_id,
                "slot": row.slot,
                "operator": row.operator,
                "lot": row.work_order,
                "opened_at": clock.iso(row.opened_at),
                "left_at": clock.iso(row.released_at) if row.released_at else None,
                "owed": owed,
                "error": row.error,
            }


def _line(entry: dict[str, Any]) -> str:
    box = ", ".join(f"{name} {plain(str(entry[name]))}" for name in ("lot", "operator") if entry[name])
    error = f"({entry['error']})" if entry["error"] else ""
    text = f"{entry['cycle']:>6}  {entry['left_at']}  slot {entry['slot']:<3} {plain(entry['serial'] or '-'):<20}"
    return " ".join(filter(None, (text, entry["owed"], error, box)))
