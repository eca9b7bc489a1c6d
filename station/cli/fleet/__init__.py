"""``station fleet``: the fleet API from the command line, a noun a module, and the bundled server.

::

    connection.py     which fleet, as whom: options, environment, settings
    secret_files.py   keys and tokens: where they are read from, where new ones are kept
    show.py           tables for people, JSON for programs, progress
    care.py           what is asked before a change, and said after one that nobody answered
    sheet.py          CSV files that people wrote, line by line
    bulk.py           how a long file of serial numbers gets into a model

With ``--json`` every line of the output is one JSON object: a list has one a
member, anything else has one in all.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from station.cli.fleet.connection import Fleet
from station.cli.lazy import Lazy
from station.errors import StationError

_HERE = "station.cli.fleet"

_COMMANDS = {
    "models": (f"{_HERE}.models", "command", "Models, and the templates that their devices are cloned from."),
    "serials": (f"{_HERE}.serials", "command", "Serial numbers: list, enable, disable, import, export."),
    "ranges": (f"{_HERE}.ranges", "command", "Ranges of serial numbers that are listed by a rule."),
    "groups": (f"{_HERE}.groups", "command", "Groups of serial numbers, content and groups."),
    "content": (f"{_HERE}.content", "command", "Firmware and files for a model's devices."),
    "shares": (f"{_HERE}.shares", "command", "The vendors that a model is shared with."),
    "vendor": (f"{_HERE}.vendor", "command", "The vendor's name."),
    "tokens": (f"{_HERE}.tokens", "command", "The vendor's tokens."),
    "device": (f"{_HERE}.device", "command", "What a device does: fetch its key, download content."),
    "serve": (f"{_HERE}.serve", "serve", "Serve the fleet API from a file."),
    "init": (f"{_HERE}.serve", "initialise", "Make a vendor in the server's file."),
    "window": (f"{_HERE}.serve", "window", "Set how long a model's keys wait to be fetched."),
}


class _Nouns(Lazy):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except StationError as error:
            from station.fleet.client import TokenUnusable, Unsendable

            if not isinstance(error, Unsendable):
                raise
            click.echo(f"station: {error.text}", err=True)
            if isinstance(error, TokenUnusable):
                click.echo("A token comes from --token-file, --settings or STATION_FLEET_TOKEN;", err=True)
                click.echo("a vendor's CIK from --cik-file or STATION_FLEET_CIK.", err=True)
            sys.exit(2)


_FILE = click.Path(path_type=Path, dir_okay=False)


def _something(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value == "":
        raise click.BadParameter("it is empty")
    return value


@click.group(cls=_Nouns, within=_COMMANDS)
@click.option("--url", metavar="URL", callback=_something, help="The fleet's address.  [env: STATION_FLEET_URL]")
@click.option(
    "--vendor", metavar="NAME", callback=_something, help="The vendor's name in the fleet.  [env: STATION_FLEET_VENDOR]"
)
@click.option("--token-file", type=_FILE, help="A 0600 file with the vendor's token.  [env: STATION_FLEET_TOKEN]")
@click.option("--cik-file", type=_FILE, help="A 0600 file with the vendor's CIK.  [env: STATION_FLEET_CIK]")
@click.option("--settings", type=_FILE, help="A station.toml, whose [fleet] says all of this but the CIK.")
@click.option(
    "--ca-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Certificate authorities to trust in place of the usual ones.",
)
@click.option("--allow-plain-http", is_flag=True, help="Let the token travel readably to another machine.")
@click.pass_context
def command(ctx: click.Context, /, **said: Any) -> None:
    """Manage a fleet, or serve one from a file.

    What an option says goes before what the settings say, and that before the
    environment.  The CIK is needed for `vendor` and `tokens`; for the rest a
    token is enough.  Neither is ever an argument, which others could read.
    """
    ctx.obj = Fleet(**said)
