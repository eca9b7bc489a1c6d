"""The ``station`` command: one noun a file, each imported when it is used.

Exit codes: 0 all is well; 1 something failed (a board, the station, the
fleet); 2 the command line, the settings or a recipe is wrong, and nothing was
started.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import Any, NoReturn

import click

from station import __version__
from station.cli.lazy import Lazy
from station.errors import BadInput, StationError

_COMMANDS = {
    "run": ("station.cli.run", "command", "Provision boards with the settings of this station."),
    "history": ("station.cli.history", "command", "Tell what happened to a board, from the ledger."),
    "outbox": ("station.cli.outbox", "command", "What the fleet is still to be told of boards that have left."),
    "report": ("station.cli.report", "command", "Figures of the boards that were made."),
    "hold": ("station.cli.hold", "command", "The boards that may not leave the house, and why."),
    "ctl": ("station.cli.ctl", "command", "Tell a running station what to do."),
    "operators": ("station.cli.operators", "command", "Who may work at the station, and as what."),
    "status": ("station.cli.status", "command", "Show what every slot of a running station shows."),
    "scrap": ("station.cli.scrap", "command", "Scrap a board: it leaves the fleet, and no slot takes it any more."),
    "rehearse": ("station.cli.rehearse", "command", "Provision simulated boards in a local fleet."),
    "boards": ("station.cli.boards", "command", "Look at ports, and talk to one board: for whoever writes a recipe."),
    "recipes": ("station.cli.recipes", "command", "Check recipes, and tell an editor what they may hold."),
    "backup": ("station.cli.backup", "backup", "Copy the ledger, also while the station works."),
    "restore": ("station.cli.backup", "restore", "Put a backup in the place of the ledger."),
    "check": ("station.cli.check", "command", "Look at everything before a shift, and change nothing."),
    "fleet": ("station.cli.fleet", "command", "Manage a fleet, or serve one from a file."),
}


_UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""What standard output fails with; whoever writes a file tells its name."""


class _Station(Lazy):
    def main(self, *args: Any, **extra: Any) -> Any:
        try:
            return super().main(*args, **extra)
        except UnicodeEncodeError as error:
            wrong = error.object[error.start : error.end]
            if any("\ud800" <= character <= "\udfff" for character in wrong):
                _fail(f"what was said is not UTF-8: {wrong!a}", 2)
            _fail(f"the output, in {error.encoding}, can't show {wrong!a}; PYTHONIOENCODING=utf-8 makes it UTF-8", 1)
        except OSError as error:
            if error.filename is not None or error.errno not in _UNWRITABLE:
                raise
            with open(os.devnull, "wb") as nowhere:  # for what is still to be written, which would fail once more
                os.dup2(nowhere.fileno(), sys.stdout.fileno())
            _fail(f"the output can't be written: {error.strerror}", 1)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except StationError as error:
            _fail(error.text, 2 if isinstance(error, BadInput) else 1)


def _fail(text: str, code: int) -> NoReturn:
    click.echo(f"station: {text}", err=True)
    sys.exit(code)


@click.group(cls=_Station, within=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="station")
def main() -> None:
    """The provisioning station: gives connected boards their identity."""
