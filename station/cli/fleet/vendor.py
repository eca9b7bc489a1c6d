"""``station fleet vendor``."""

from __future__ import annotations

import click

from station.cli.fleet.care import looking, sure, yes
from station.cli.fleet.connection import Fleet, connected
from station.cli.fleet.show import as_json, done, record


@click.group()
def command() -> None:
    """The name under which a client of the platform is a vendor; shown by that client's CIK."""


@command.command()
@as_json
@connected
def show(fleet: Fleet, as_json: bool) -> None:
    """Show the name that the CIK's client holds (M56)."""
    with fleet.client() as client:
        record({"vendor": client.vendor.name()}, as_json)


@command.command()
@click.argument("name")
@as_json
@connected
def register(fleet: Fleet, name: str, as_json: bool) -> None:
    """Take a name (M57)."""
    with fleet.client() as client, looking("vendor", "show"):
        client.vendor.register(name)
    done(f"{name}: registered", {"vendor": name}, as_json)


@command.command()
@click.argument("name")
@yes
@as_json
@connected
def unregister(fleet: Fleet, name: str, yes: bool, as_json: bool) -> None:
    """Give a name up (M58); refused while the vendor has models."""
    with fleet.client() as client:
        sure(f"Give up the name {name}, which another may take then?", yes)
        with looking("vendor", "show"):
            client.vendor.unregister(name)
    done(f"{name}: given up", {"vendor": name}, as_json)
