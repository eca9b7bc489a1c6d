"""``station fleet device``: what a device does, done on its behalf."""

from __future__ import annotations

from pathlib import Path

import click

from station.cli.fleet import secret_files
from station.cli.fleet.care import looking
from station.cli.fleet.connection import Fleet, connected
from station.cli.fleet.content import facts, force, into, target
from station.cli.fleet.enabling import refuse_unless
from station.cli.fleet.show import as_json, done, listing, progress, record

_FILE = click.Path(path_type=Path, dir_okay=False)

_key_file = click.option("--key-file", type=_FILE, required=True, help="A 0600 file with the device's key (CIK).")


@click.group()
def command() -> None:
    """What a device does: fetch its key, and with that key its model's content."""


@command.command()
@click.argument("model")
@click.argument("serial")
@click.option("--into", type=_FILE, required=True, help="The new file, readable by its owner alone, that gets the key.")
@as_json
@connected
def activate(fleet: Fleet, model: str, serial: str, into: Path, as_json: bool) -> None:
    """Fetch a serial number's key, which is handed out once, and keep it in a new file (D1).

    Where there is a vendor's credential, the serial number is looked at first (M43).
    """
    from station.fleet.client import SerialStatus

    with fleet.client(as_device=True) as client:
        if fleet.is_vendor:
            refuse_unless(client.serials.info(model, serial), {SerialStatus.NOTACTIVATED}, model, serial)
        lost = "; if it is activated, its key is lost, and `serials regenerate` makes a new one"
        with secret_files.new(into, "device's key") as fill, looking("serials", "show", model, serial, then=lost):
            fill(client.device.activate(model, serial))
    done(f"{serial}: activated; the key is in {into}", {"model": model, "serial": serial, "file": str(into)}, as_json)


@command.command("list")
@click.argument("model")
@_key_file
@as_json
@connected
def list_content(fleet: Fleet, model: str, key_file: Path, as_json: bool) -> None:
    """List the content that the device may read (D2)."""
    key = secret_files.read(key_file, "device's key")
    with fleet.client(as_device=True) as client:
        listing(({"id": name} for name in client.device.contents(model, key)), ("id",), as_json)


@command.command()
@click.argument("model")
@click.argument("id_", metavar="ID")
@_key_file
@as_json
@connected
def info(fleet: Fleet, model: str, id_: str, key_file: Path, as_json: bool) -> None:
    """Show what a content is (D4)."""
    key = secret_files.read(key_file, "device's key")
    with fleet.client(as_device=True) as client:
        record(facts(id_, client.device.info(model, id_, key)), as_json)


@command.command()
@click.argument("model")
@click.argument("id_", metavar="ID")
@_key_file
@into
@force
@as_json
@connected
def download(fleet: Fleet, model: str, id_: str, key_file: Path, into: Path | None, force: bool, as_json: bool) -> None:
    """Download a content (D3); what broke off goes on from there."""
    key, path = secret_files.read(key_file, "device's key"), target(into, id_, force)
    with fleet.client(as_device=True) as client, progress(id_) as show:
        got = client.device.download(model, id_, key, path, progress=show)
    done(f"{id_}: {got.size} bytes in {path}", {**facts(id_, got), "file": str(path)}, as_json)
