"""``station operators``: who may work at the station, and as what."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from station.cli.pins import by_whom, decider, new_pin, pin_of
from station.cli.records import plain
from station.cli.running import of_station, settings_file, state_folder

if TYPE_CHECKING:
    from station.operators import Operators

Ask = Callable[..., dict[str, Any]]


@click.group()
def command() -> None:
    """Who may work at the station: technicians, supervisors and engineers.

    Asks the running station; where none runs, the ledger is written here.
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON object an operator, a line each.")
@of_station
def listed(as_json: bool, config: Path | None, state: Path | None) -> None:
    """List everybody who may work here, or could once."""
    with _asked(config, state) as ask:
        told = ask("operators")
    for one in told["operators"]:
        here = one["id"] == told["signed_in"]
        if as_json:
            click.echo(json.dumps({**one, "signed_in": here}))
        else:
            remark = "" if one["active"] else "  has left"
            click.echo(f"{plain(one['id']):<20} {one['role']:<12} {plain(one['name'])}{remark}{'  signed in' * here}")
    if not told["operators"] and not as_json:
        click.echo("nobody was added yet; the first one is a supervisor: station operators add ID --name NAME ...")


@command.command()
@click.argument("operator", metavar="ID")
@click.option("--name", required=True, help="As the screen and the records show it.")
@click.option("--role", type=click.Choice(["technician", "supervisor", "engineer"]), default="technician")
@new_pin
@by_whom
@of_station
def add(
    operator: str,
    name: str,
    role: str,
    pin_file: Path | None,
    by: str | None,
    by_pin_file: Path | None,
    config: Path | None,
    state: Path | None,
) -> None:
    """Let somebody work here, whose badge says ID; or change name, role or PIN of somebody who does.

    The first one has to be a supervisor.  Supervisors and engineers have a PIN.
    """
    pin = pin_of(operator, pin_file, new=True) if pin_file or role != "technician" else ""
    with _asked(config, state) as ask:
        ask("operators-add", operator=operator, name=name, role=role, pin=pin, **decider(by, by_pin_file, "by_pin"))
    click.echo(f"{plain(operator)}: may work here as a {role}")


@command.command()
@click.argument("operator", metavar="ID")
@by_whom
@of_station
def disable(operator: str, by: str | None, by_pin_file: Path | None, config: Path | None, state: Path | None) -> None:
    """Let somebody work here no longer; the records keep the name."""
    with _asked(config, state) as ask:
        ask("operators-disable", operator=operator, **decider(by, by_pin_file, "by_pin"))
    click.echo(f"{plain(operator)}: may work here no longer")


@command.command("reset-pin")
@click.argument("operator", metavar="ID")
@new_pin
@by_whom
@of_station
def reset_pin(
    operator: str,
    pin_file: Path | None,
    by: str | None,
    by_pin_file: Path | None,
    config: Path | None,
    state: Path | None,
) -> None:
    """Give somebody a new PIN: by a supervisor, or by himself (--by ID, with the old one)."""
    pin = pin_of(operator, pin_file, new=True)
    with _asked(config, state) as ask:
        ask("operators-reset-pin", operator=operator, pin=pin, **decider(by, by_pin_file, "by_pin"))
    click.echo(f"{plain(operator)}: has a new PIN")


@contextmanager
def _asked(config: Path | None, state: Path | None) -> Iterator[Ask]:
    """Give what asks the running station, or does by the same rules what it would do."""
    from station import control

    folder = state_folder(config, state)
    try:
        control.ask(folder, "operators")
    except control.NoStation:
        if state is not None:
            raise
    else:
        yield lambda verb, **needs: control.ask(folder, verb, **needs)
        return
    with _by_ourselves(settings_file(config)) as operators:
        yield lambda verb, **needs: dict(control.VERBS[verb](_Backroom(operators), **needs))


class _Backroom:
    """What the verbs for operators need of a ``live.Floor``."""

    def __init__(self, operators: Operators) -> None:
        self.operators = operators


@contextmanager
def _by_ourselves(config: Path) -> Iterator[Operators]:
    """Open the ledger of a station that does not run; raises ``StateBusy``, ``DatabaseError``."""
    from contextlib import ExitStack

    from station import settings
    from station.ledger import Ledger, Reader
    from station.ledger.restore import refuse_lost
    from station.operators import Operators
    from station.state import StateFolder

    facts = settings.load(config)
    with ExitStack() as held:
        folder = StateFolder(facts.path(facts.state))
        held.callback(folder.release)
        refuse_lost(folder.ledger, folder.escrow)
        ledger = Ledger(folder.ledger, facts.station)
        held.callback(ledger.close)
        reader = Reader(folder.ledger)
        held.callback(reader.close)
        yield Operators(ledger, reader)
