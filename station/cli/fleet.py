"""``station fleet``: the bundled server of the fleet API."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path

import click


@click.group()
def command() -> None:
    """Serve the fleet API from a file."""


_DATABASE = click.option(
    "--db", "database", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The server's database."
)


@command.command()
@_DATABASE
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port to listen on; 0: a free one.")
def serve(database: Path, host: str, port: int) -> None:
    """Serve until SIGTERM; the first line of the output is the address."""
    from station.fleet.server import FleetServer

    try:
        server = FleetServer(database, host, port)
    except OSError as error:
        raise click.ClickException(f"{host}:{port}: {error.strerror}") from None
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: server.stop())
    click.echo(server.url)
    sys.stdout.flush()
    server.serve_forever()


@command.command("init")
@_DATABASE
@click.option("--vendor", required=True, help="The vendor's name.")
@click.option("--model", "models", multiple=True, help="A model to make, unless it is there; may be repeated.")
def initialise(database: Path, vendor: str, models: tuple[str, ...]) -> None:
    """Make a vendor, and print as JSON what its station needs: token, owner RID, template RID, vendor CIK."""
    from station.fleet.server import init

    try:
        grant = init(database, vendor, models)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    click.echo(json.dumps(asdict(grant)))
