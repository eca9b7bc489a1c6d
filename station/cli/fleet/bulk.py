"""``station fleet serials import, export``: many at once, from a file and into one."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from station.cli.fleet.care import overwriting
from station.cli.fleet.connection import Fleet, connected
from station.cli.fleet.show import as_json, done, listing, progress, shortened

if TYPE_CHECKING:
    from station.cli.fleet.importer import Tally
    from station.fleet.client import Client


@click.command("import")
@click.argument("model")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@as_json
@connected
def import_serials(fleet: Fleet, model: str, file: Path, as_json: bool) -> None:
    """List all serial numbers of a CSV file that aren't listed yet (M37, looking with M33).

    A line is `sn` or `sn,extra`, in UTF-8; a first line that reads so is a
    heading.  What is listed already is left alone, its text too, so the
    command can be run again.  Lines that can't be added are shown with their
    numbers; the exit code is 1 if there are any.
    """
    from station.cli.fleet import sheet
    from station.cli.fleet.importer import Importer, Tally, rows

    tally = Tally()
    wanted = rows(list(sheet.lines(file)), tally)
    total = len(wanted) + tally.lines
    with fleet.client() as client:
        first = client.serials.page(model, 0, 5)  # a model that isn't there is no fault of the lines
        try:
            with progress(file.name) as show:
                Importer(client, model, tally, lambda: show(tally.lines, total), empty=not first.rows).add(wanted)
        finally:
            _tell(model, tally, total - tally.lines, as_json)
    sys.exit(1 if tally.refused else 0)


def _tell(model: str, tally: Tally, left: int, as_json: bool) -> None:
    tally.refused.sort(key=lambda setback: setback.line)
    setbacks = [asdict(setback) for setback in tally.refused]
    if setbacks and not as_json:
        short = ({"line": one.line, "serial": shortened(one.serial), "reason": one.reason} for one in tally.refused)
        listing(short, ("line", "serial", "reason"), as_json)
    sentence = f"{model}: {tally.added} added, {tally.existed} existed, {tally.lost} refused"
    if tally.unsure:
        sentence += f", {tally.unsure} added or existed, which nobody answered"
    if left:
        sentence += f", {left} not tried or without an answer: import the file again"
    facts = {
        "model": model,
        "added": tally.added,
        "existed": tally.existed,
        "unsure": tally.unsure,
        "left": left,
        "refused": setbacks,
    }
    done(sentence, facts, as_json)


@click.command("export")
@click.argument("model")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@as_json
@connected
def export_serials(fleet: Fleet, model: str, file: Path, force: bool, as_json: bool) -> None:
    """Write a model's serial numbers and their texts into a CSV file that `import` takes (M33); `-` prints it."""
    if str(file) == "-":
        with fleet.client() as client:
            _write(client, model, sys.stdout)
            sys.stdout.flush()  # so that it fails here if it does
        return
    overwriting(file, force)
    try:
        with fleet.client() as client, _replacing(file) as new:
            count = _write(client, model, new)
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from None
    done(f"{model}: {count} written to {file}", {"model": model, "written": count, "file": str(file)}, as_json)


@contextmanager
def _replacing(path: Path) -> Iterator[IO[str]]:
    """Hand over a file that takes the place of ``path`` once all is in it; if the block fails, nothing changes."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("x", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _write(client: Client, model: str, file: IO[str]) -> int:
    writer = csv.writer(file)  # ends lines by CRLF, without which a CR in a text is not quoted
    writer.writerow(["sn", "extra"])
    count = 0
    for row in client.serials.list(model):
        writer.writerow([row.serial, row.extra])
        count += 1
    return count
