"""``station boards``: one board at a time, for the engineer who writes its recipe; no fleet, no ledger.

::

    target.py      which port, which recipe, which secrets: PORT and the options of every command
    values.py      settings from the command line, and secrets from files
    talk.py        a board on an open link, and what was said with it
    terminal.py    raw mode, and the way back from it
    record.py      a transcript in a file, line by line
"""

from __future__ import annotations

import sys
from typing import Any

import click

from drivers.errors import DriverError
from station.cli.lazy import Lazy

_HERE = "station.cli.boards"

_COMMANDS = {
    "ports": (f"{_HERE}.ports", "command", "List the serial ports, what is plugged in, and who has them open."),
    "probe": (f"{_HERE}.probe", "command", "Find out at which speed a board talks, and in which language."),
    "console": (f"{_HERE}.console", "command", "Be a board's terminal, and keep a transcript."),
    "identify": (f"{_HERE}.identify", "command", "Ask a board who it is, as its recipe says."),
    "configure": (f"{_HERE}.configure", "command", "Write settings to a board, and read them back."),
}


class _Boards(Lazy):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DriverError as fault:
            from station import words

            click.echo(f"station: {fault.text} [{fault.code}]", err=True)
            for name in ("sent", "received"):
                if name in fault.details:
                    click.echo(f"  {name:<9} {fault.details[name]}", err=True)
            click.echo(f"  {words.advice(fault.code)}", err=True)
            sys.exit(1)


@click.group(cls=_Boards, within=_COMMANDS)
def command() -> None:
    """Look at ports, and talk to one board.

    PORT is a path, one of the links in /dev/serial, socket://HOST:PORT,
    rfc2217://HOST:PORT or, with --config, the name of a slot.
    """
