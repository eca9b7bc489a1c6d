"""``station fleet serve, init, window``: the bundled server, and what no call of the API does to its file."""

from __future__ import annotations

import json
import os
import signal
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any

import click

from station.cli.extra import need_server

_DATABASE = click.option(
    "--db", "database", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The server's database."
)

_LONGEST_S = 10 * 365 * 86_400
"""Seconds of an activation window: ten years."""


@click.command()
@_DATABASE
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port to listen on; 0: a free one.")
@click.option(
    "--window",
    type=click.IntRange(1, _LONGEST_S),
    default=86_400,
    show_default=True,
    help="Seconds in which a key may be fetched, for models without a window of their own.",
)
@click.option(
    "--content-mib",
    type=click.IntRange(1, 1 << 20),
    default=100,
    show_default=True,
    help="The largest content that may be uploaded.",
)
@click.option(
    "--unknown-activation",
    type=click.Choice(["404", "403"]),
    default="404",
    show_default=True,
    help="What a device is answered whose vendor, model or serial number is unknown.",
)
@click.option("--wrapped-ranges", is_flag=True, help='List ranges as {"ranges": [...]} and not as a bare array.')
@click.option("--behind-proxy", is_flag=True, help="Log the last address of X-Forwarded-For, which our proxy wrote.")
def serve(database: Path, host: str, port: int, **said: Any) -> None:
    """Serve until SIGTERM; the first line of the output is the address."""
    need_server()
    from station.fleet.server import FleetServer, Options

    options = Options(
        window_s=said["window"],
        content_bytes=said["content_mib"] << 20,
        unknown_activation=HTTPStatus(int(said["unknown_activation"])),
        wrapped_ranges=said["wrapped_ranges"],
        behind_proxy=said["behind_proxy"],
    )
    try:
        server = FleetServer(database, host, port, options)
    except OSError as error:
        raise click.ClickException(f"{host}:{port}: {error.strerror}") from None
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: server.stop())
    click.echo(server.url)
    sys.stdout.flush()
    server.serve_forever()


@click.command("init")
@_DATABASE
@click.option("--vendor", required=True, help="The vendor's name.")
@click.option("--model", "models", multiple=True, help="A model to make, unless it is there; may be repeated.")
@click.option(
    "--credentials",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder that gets the files fleet_token and vendor_cik, readable by their owner alone.",
)
def initialise(database: Path, vendor: str, models: tuple[str, ...], credentials: Path | None) -> None:
    """Make a vendor, and print as JSON below which client its devices go, and from which they are cloned.

    Its secrets go into files, and are never printed.  The same again changes
    nothing, and prints and keeps the same.
    """
    from station.cli.fleet import secret_files
    from station.fleet.server import init

    try:
        grant = init(database, vendor, models)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if credentials is not None:
        try:
            credentials.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise click.ClickException(f"{credentials}: {error.strerror}") from None
        secret_files.keep(credentials / "fleet_token", grant.token, "vendor's token")
        secret_files.keep(credentials / "vendor_cik", grant.vendor_cik, "vendor's CIK")
    said = {"vendor": grant.vendor, "owner_rid": grant.owner_rid, "template_rid": grant.template_rid}
    click.echo(json.dumps(said))


def _seconds(ctx: click.Context, param: click.Parameter, value: str) -> int | None:
    """Return the seconds; None for the word default."""
    if value == "default":
        return None
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= _LONGEST_S):
        raise click.BadParameter(f"expected the word default, or 1 to {_LONGEST_S} seconds; found {value!r}")
    return int(value)


@click.command()
@_DATABASE
@click.option("--vendor", required=True, help="The name of the vendor whose model it is.")
@click.argument("model")
@click.argument("seconds", metavar="SECONDS|default", callback=_seconds)
def window(database: Path, vendor: str, model: str, seconds: int | None) -> None:
    """Set how long a model's keys wait to be fetched, from the next one that is made.

    The API has no call for it, so it is written into the server's file; the
    server may be running.  `default` is what `serve --window` says.
    """
    from station.fleet.server import set_window

    if not os.path.isfile(database):
        raise click.UsageError(f"{database}: there is no such database; init or serve makes one")
    try:
        set_window(database, vendor, model, seconds)
    except LookupError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{model}: {'the default' if seconds is None else f'{seconds} s'}")
