"""The ``station`` command: one noun a file, each imported when it is used.

Exit codes: 0 all is well; 1 something failed (a board, the station, the
fleet); 2 the command line, the settings or a recipe is wrong, and nothing was
started.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from station import __version__
from station.cli.lazy import Lazy
from station.errors import BadInput, StationError

_COMMANDS = {
    "run": ("station.cli.run", "command", "Provision boards with the settings of this station."),
    "rehearse": ("station.cli.rehearse", "command", "Provision simulated boards in a local fleet."),
    "fleet": ("station.cli.fleet", "command", "Manage a fleet, or serve one from a file."),
}


class _Station(Lazy):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except StationError as error:
            click.echo(f"station: {error.text}", err=True)
            sys.exit(2 if isinstance(error, BadInput) else 1)


@click.group(cls=_Station, within=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="station")
def main() -> None:
    """The provisioning station: gives connected boards their identity."""
