"""``station run``: the station itself."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from station.cli.printer import Printer

if TYPE_CHECKING:
    from station.bench import Bench


def until_signalled() -> threading.Event:
    """Return an event that is set by SIGTERM, SIGINT or SIGHUP."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    return stop


def on_screen(bench: Bench, scanner: tuple[str, str] = ("", "enter")) -> int:
    """Show a started bench on the screen until somebody quits; return the exit code.

    ``scanner``: what one that types into the screen begins and ends with.
    """
    from station.tui.app import run_screen

    return run_screen(bench, bench.stop, scanner)


@click.command()
@click.option("--config", type=click.Path(path_type=Path), required=True, help="The station's settings (station.toml).")
@click.option("--headless", is_flag=True, help="Run without a screen, until SIGTERM.")
@click.option("--json", "as_json", is_flag=True, help="Without a screen: print each finished cycle as a JSON object.")
@click.option("--boards", type=click.IntRange(1), help="Without a screen: stop after so many finished cycles.")
def command(config: Path, headless: bool, as_json: bool, boards: int | None) -> None:
    """Provision boards with the settings of this station."""
    if (as_json or boards) and not headless:
        raise click.UsageError("--json and --boards go with --headless")
    from station import journal, settings
    from station.build import build
    from station.dedicated import keep_to_one_core, spare_collector

    facts = settings.load(config)
    keep_to_one_core()
    if headless:
        journal.to_stderr()
    bench = build(facts)
    bench.subscribe(journal.Journal())
    spare_collector()
    if not headless:
        journal.to_file(facts.path(facts.state) / "station.log")
        bench.start()
        sys.exit(on_screen(bench, (facts.wedge.prefix, facts.wedge.suffix)))
    printer, stop = Printer(as_json, boards), until_signalled()
    bench.subscribe(printer)
    bench.start()
    try:
        while not (stop.is_set() or printer.complete.is_set()):
            stop.wait(0.1) if boards else stop.wait()
    finally:
        bench.stop()
    sys.exit(0 if printer.summarise() or not boards else 1)
