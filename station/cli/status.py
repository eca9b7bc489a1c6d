"""``station status``: what a running station shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from station.cli.records import plain
from station.cli.running import of_station, state_folder


@click.command()
@of_station
@click.option("--json", "as_json", is_flag=True, help="One JSON object, with the line and all slots.")
def command(config: Path | None, state: Path | None, as_json: bool) -> None:
    """Show what every slot of a running station shows."""
    from station import control

    shown = control.ask(state_folder(config, state), "status")
    if as_json:
        click.echo(json.dumps(shown))
        return
    line = shown["line"]
    counters = line["counters"]
    fleet = f"fleet {line['fleet']}" + (f" {line['fleet_ms']} ms" if line["fleet_ms"] is not None else "")
    done = f"{counters['done']} done today, {counters['passed']} passed"
    click.echo(f"{plain(line['station'])}: {plain(line['recipe'])}, {fleet}, {done}")
    if line["operator"]:
        click.echo(f"signed in: {plain(line['operator'])}")
    if line["stopped"]:
        click.echo(f"LINE STOPPED: {plain(line['stopped'])}")
    if line["warning"]:
        click.echo(f"WARNING: {plain(line['warning'])}")
    width = max(len(slot["slot"]) for slot in shown["slots"])
    for slot in shown["slots"]:
        click.echo(_row(slot, width).rstrip())


def _row(slot: dict[str, Any], width: int) -> str:
    """Return one slot as a line: name, verdict or state, serial number, and the step or the sentence that is shown."""
    word = slot["outcome"] or slot["phase"].upper()
    serial = plain(slot["serial"] or (slot["last"] and f"last: {slot['last']}") or "-")
    said = " ".join(filter(None, (slot["advice"], slot["note"]))) or slot["step"] or ""
    return f"{slot['slot']:<{width}}  {word:<8} {serial:<24} {plain(said)}"
