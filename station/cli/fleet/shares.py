"""``station fleet shares``."""

from __future__ import annotations

import sys

import click

from station.cli.fleet.care import by_form, looking
from station.cli.fleet.connection import Fleet, connected
from station.cli.fleet.show import as_json, done, listing


@click.group()
def command() -> None:
    """The vendors that a model is shared with.

    What others share with this vendor is shown by `models list --shared`.
    """


@command.command("list")
@click.argument("model")
@as_json
@connected
def list_shares(fleet: Fleet, model: str, as_json: bool) -> None:
    """List the vendors that a model is shared with (M51)."""
    with fleet.client() as client:
        listing(({"vendor": name} for name in client.shares.list(model)), ("vendor",), as_json)


@command.command()
@click.argument("model")
@click.argument("vendor")
@as_json
@connected
def add(fleet: Fleet, model: str, vendor: str, as_json: bool) -> None:
    """Share a model with a vendor (M52)."""
    with fleet.client() as client, looking("shares", "test", model, vendor):
        client.shares.add(model, vendor)
    done(f"{model}: shared with {vendor}", {"model": model, "vendor": vendor}, as_json)


@command.command()
@click.argument("model")
@click.argument("vendor")
@as_json
@connected
def test(fleet: Fleet, model: str, vendor: str, as_json: bool) -> None:
    """Tell whether a model is shared with a vendor (M54); the exit code is 1 if it isn't."""
    with fleet.client() as client:
        shared = client.shares.exists(model, vendor)
    sentence = f"{model}: {'shared' if shared else 'not shared'} with {vendor}"
    done(sentence, {"model": model, "vendor": vendor, "shared": shared}, as_json)
    sys.exit(0 if shared else 1)


@command.command()
@click.argument("model")
@click.argument("vendor")
@by_form
@as_json
@connected
def remove(fleet: Fleet, model: str, vendor: str, by_form: bool, as_json: bool) -> None:
    """Share a model with a vendor no more (M55; by form M53).  Devices that the vendor enabled live on."""
    with fleet.client() as client, looking("shares", "test", model, vendor):
        (client.shares.remove if by_form else client.shares.delete)(model, vendor)
    done(f"{model}: not shared with {vendor}", {"model": model, "vendor": vendor}, as_json)
