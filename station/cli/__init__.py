"""The ``station`` command: one noun a file, each imported when it is used.

Exit codes: 0 all is well; 1 something failed (a board, the station); 2 the
command line, the settings or a recipe is wrong, and nothing was started.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from station import __version__
from station.errors import BadInput, StationError

_COMMANDS = {
    "run": ("station.cli.run", "Provision boards with the settings of this station."),
    "rehearse": ("station.cli.rehearse", "Provision simulated boards in a local fleet."),
    "fleet": ("station.cli.fleet", "Serve the fleet API from a file."),
}


class _Lazy(click.Group):
    """A group whose commands are imported when they are called, so that ``--version`` waits for none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        command: click.Command = import_module(_COMMANDS[name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except StationError as error:
            click.echo(f"station: {error.text}", err=True)
            sys.exit(2 if isinstance(error, BadInput) else 1)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="station")
def main() -> None:
    """The provisioning station: gives connected boards their identity."""
