"""``station check``: everything before a shift."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from station.cli.fleet.show import as_json, printable

_WHAT = 14
"""Columns for the name of what was looked at."""


@click.command()
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=Path("/etc/station/station.toml"),
    show_default=True,
    help="The station's settings.",
)
@as_json
def command(config: Path, as_json: bool) -> None:
    """Look at everything before a shift: settings, secrets, ports, ledger, disk, fleet, clock.

    One line each: OK, WARN or FAIL, and what to do.  Nothing is changed
    anywhere; a port that is free is opened and closed.  The exit code is 1
    if anything failed.
    """
    from station.build import client
    from station.check import Level, check

    failed = False
    for finding in check(config, client):
        failed |= finding.level is Level.FAIL
        if as_json:
            click.echo(json.dumps(asdict(finding)))
        else:
            advice = f" -> {finding.advice}" if finding.advice else ""
            click.echo(printable(f"{finding.level:<4}  {finding.what:<{_WHAT}}  {finding.text}{advice}"))
        sys.stdout.flush()
    sys.exit(1 if failed else 0)
