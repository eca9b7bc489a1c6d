"""``station ctl``: what a running station can be told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from station.cli.pins import by_whom, decider, pin_of
from station.cli.records import plain
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


@command.command()
@click.argument("slot")
@of_station
def acknowledge(slot: str, config: Path | None, state: Path | None) -> None:
    """Record that somebody has seen the verdict in SLOT, which is no PASS."""
    from station import control

    told = control.ask(state_folder(config, state), "acknowledge", slot=slot)
    click.echo(f"slot {plain(slot)}: {plain(told['serial'] or '-')} {told['code']}: acknowledged")


@command.command("sign-in")
@click.argument("operator", metavar="ID")
@click.option("--pin", "with_pin", is_flag=True, help="Ask for the PIN, which supervisors and engineers have.")
@click.option("--pin-file", type=click.Path(path_type=Path, dir_okay=False), help="Read it from a file.")
@of_station
def sign_in(operator: str, with_pin: bool, pin_file: Path | None, config: Path | None, state: Path | None) -> None:
    """Sign in whose badge says ID, in place of whoever is signed in."""
    from station import control

    pin = pin_of(operator, pin_file) if with_pin or pin_file else ""
    told = control.ask(state_folder(config, state), "sign-in", operator=operator, pin=pin)
    click.echo(f"{plain(told['name'])}: signed in as {told['role']}")


@command.command("sign-out")
@of_station
def sign_out(config: Path | None, state: Path | None) -> None:
    """Sign out whoever is signed in."""
    from station import control

    control.ask(state_folder(config, state), "sign-out")
    click.echo("nobody is signed in")


@command.command()
@click.option("--reason", required=True, help="Why; it goes into the records.")
@by_whom
@of_station
def accept(reason: str, by: str | None, by_pin_file: Path | None, config: Path | None, state: Path | None) -> None:
    """Let the station's recipe be made, as it is written now."""
    from station import control

    who = decider(by, by_pin_file)
    told = control.ask(state_folder(config, state), "accept", reason=reason, **who)
    click.echo(f"recipe {plain(told['name'])} {plain(told['version'])}: accepted")


@command.command()
@click.argument("serial")
@click.option("--reason", required=True, help="One of the recipe's [rework] reasons.")
@click.option("--note", default="", help="More about it, for the records.")
@click.option("--replaced", is_flag=True, help="It has a new main board: its number leaves the fleet, and begins anew.")
@by_whom
@of_station
def rework(
    serial: str,
    reason: str,
    note: str,
    replaced: bool,
    by: str | None,
    by_pin_file: Path | None,
    config: Path | None,
    state: Path | None,
) -> None:
    """Let board SERIAL be worked on again, which has passed, failed too often, or has a new main board."""
    from station import control

    who = decider(by, by_pin_file)
    needs = {"serial": serial, "reason": reason, "note": note, "replaced": "yes" if replaced else "no"}
    told = control.ask(state_folder(config, state), "rework", **needs, **who)
    click.echo(f"{plain(told['serial'])}: may be worked on again")


@command.command()
@click.argument("serial")
@of_station
def reprint(serial: str, config: Path | None, state: Path | None) -> None:
    """Print the label of board SERIAL once more, whose PASS stands; the records say so."""
    from station import control

    told = control.ask(state_folder(config, state), "reprint", serial=serial)
    click.echo(f"{plain(told['serial'])}: printed again")


@command.command()
@click.argument("text")
@of_station
def scan(text: str, config: Path | None, state: Path | None) -> None:
    """Do what a scanner that says TEXT would: OP:badge, WO:order, SLOT:name, else a board's label."""
    from station import control

    click.echo(plain(control.ask(state_folder(config, state), "scan", text=text)["text"]))


@command.group("work-order")
def work_order() -> None:
    """What is made, and how much of it is done."""


@work_order.command()
@click.argument("number", metavar="ID")
@click.option("--planned", type=click.IntRange(1, 10_000_000), help="How many boards it has.")
@of_station
def take(number: str, planned: int | None, config: Path | None, state: Path | None) -> None:
    """Make work order ID from now on, as a scan of WO:ID does."""
    from station import control

    told = control.ask(state_folder(config, state), "work-order", id=number, planned=str(planned or ""))
    click.echo(_order(told))


@work_order.command()
@click.argument("number", metavar="[ID]", default="")
@by_whom
@of_station
def close(number: str, by: str | None, by_pin_file: Path | None, config: Path | None, state: Path | None) -> None:
    """Close work order ID, or the current one: its lot may leave.  Not while a board of it is on hold."""
    from station import control

    who = decider(by, by_pin_file)
    told = control.ask(state_folder(config, state), "work-order-close", id=number, **who)
    click.echo(_order(told))


@work_order.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a work order, a line each.")
@of_station
def orders(as_json: bool, config: Path | None, state: Path | None) -> None:
    """List every work order, the one that was taken last first."""
    import json

    from station import control

    for one in control.ask(state_folder(config, state), "work-orders")["work_orders"]:
        click.echo(json.dumps(one) if as_json else _order(one))


def _order(told: dict[str, Any]) -> str:
    planned = f"of {told['planned']} " if told["planned"] is not None else ""
    rest = ", ".join(f"{told[name]} {word}" for name, word in _REST.items() if told[name])
    state = "closed" if told["closed_at"] else "being made" if told["current"] else "open"
    return f"{plain(told['id'])}: {told['passed']} {planned}passed{f', {rest}' if rest else ''}; {state}"


_REST = {"running": "being worked on", "held": "on hold"}


@command.command()
@click.option("--reason", required=True, help="What was found, and done; it goes into the records.")
@click.option("--slot", default="", help="A slot that was closed; left out, the line.")
@by_whom
@of_station
def clear(
    reason: str, slot: str, by: str | None, by_pin_file: Path | None, config: Path | None, state: Path | None
) -> None:
    """Let the line, or a slot, go on that has stopped since boards failed again and again."""
    from station import control

    who = decider(by, by_pin_file)
    told = control.ask(state_folder(config, state), "clear", reason=reason, slot=slot, **who)
    click.echo(f"{f'slot {plain(slot)}' if slot else 'the line'}: cleared of {', '.join(told['cleared'])}")
