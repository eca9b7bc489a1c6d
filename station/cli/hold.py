"""``station hold``: the boards that may not leave the house, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from station.cli import tables
from station.cli.pins import by_whom, decider
from station.cli.records import ledger_of, of_ledger, opened, plain
from station.cli.running import of_station, state_folder

if TYPE_CHECKING:
    from station.ledger.archive import Archive

_FIELDS = ("serial", "hardware_id", "model", "code", "advice", "held_at", "cycle", "slot", "work_order", "operator")


@click.group()
def command() -> None:
    """The boards that may not leave the house, and why: the hold list.

    A board is on it while it is PENDING; when it met a number or a state in the fleet that is not its own; and when its
    last cycle came to no verdict.  A PASS, a supervisor or the scrap takes it off.
    """


@command.command("list")
@click.option("--work-order", help="Only the boards of this one.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a board, a line each.")
@of_ledger
def listed(work_order: str | None, as_json: bool, config: Path | None, ledger: Path | None) -> None:
    """List what is held, the oldest first."""
    with opened(ledger_of(config, ledger)) as archive:
        held = list(_held(archive, work_order))
    for entry in held:
        click.echo(json.dumps(entry) if as_json else _line(entry))
    if not held and not as_json:
        click.echo("nothing is held")


@command.command()
@click.argument("serial")
@click.option("--reason", required=True, help="What was found out; it goes into the records.")
@by_whom
@of_station
def release(
    serial: str, reason: str, by: str | None, by_pin_file: Path | None, config: Path | None, state: Path | None
) -> None:
    """Take board SERIAL off the list: somebody has made sure that it may leave, or that there is no such board."""
    from station import control

    who = decider(by, by_pin_file)
    told = control.ask(state_folder(config, state), "release", serial=serial, reason=reason, **who)
    click.echo(f"{plain(told['serial'])}: held no longer ({', '.join(told['released'])})")


@command.command()
@click.option("--work-order", help="Only the boards of this one.")
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A file. [default: standard output]")
@of_ledger
def export(work_order: str | None, form: str, output: Path | None, config: Path | None, ledger: Path | None) -> None:
    """Write down what is held, with all that helps to find it."""
    with opened(ledger_of(config, ledger)) as archive:
        held = list(_held(archive, work_order))
    tables.export(held, _FIELDS, form, output)


@command.command()
@click.option("--days", type=click.IntRange(1), default=30, show_default=True, help="Boards of the last so many days.")
@of_station
def compare(days: int, config: Path | None, state: Path | None) -> None:
    """Have the running station ask the fleet for each board that has passed, and hold those that it knows otherwise.

    Nothing is changed in the fleet.
    """
    from station import control

    folder, after, looked, held = state_folder(config, state), 0, 0, 0
    while True:  # a round is short, so that others are heard
        told = control.ask(folder, "compare", days=str(days), after=str(after))
        after, looked, held = told["after"], looked + told["looked"], held + len(told["held"])
        for serial, found in told["held"]:
            click.echo(f"{plain(serial)}: {found} in the fleet; it is held now")
        if told["done"]:
            break
    click.echo(f"{looked} boards compared, {held} held")
    if held:
        raise SystemExit(1)


def _held(archive: Archive, work_order: str | None) -> Iterator[dict[str, Any]]:
    from station import clock, views
    from station.ledger.holds import PENDING, holds

    for one in holds(archive, work_order=work_order):
        entry = {name: getattr(one, name) for name in _FIELDS if name not in ("advice", "held_at")}
        advice = views.advice("already-pending" if one.code == PENDING else one.code, None)
        yield {**entry, "advice": advice, "held_at": clock.iso(one.held_at)}


def _line(entry: dict[str, Any]) -> str:
    told = (("work order", entry["work_order"]), ("operator", entry["operator"]))
    box = ", ".join(f"{name} {plain(value)}" for name, value in told if value)
    text = f"{plain(entry['serial']):<20} {entry['code']:<26} {entry['held_at']}  slot {entry['slot']}"
    return ", ".join(filter(None, (text, box)))
