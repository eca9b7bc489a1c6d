"""``station rehearse``: the whole job, without a board or a fleet at hand."""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from drivers.sim import simulated
from station.cli.extra import need_server
from station.cli.printer import Printer
from station.cli.run import on_screen, until_signalled
from station.errors import BadInput, StationError

if TYPE_CHECKING:
    from station.rehearsal import Plan

_DWELL_S = 2.5
"""Seconds for which a person looks at a verdict."""


class _Faults(click.ParamType[tuple[str, ...]]):
    name = "faults"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        from drivers.sim.faults import NAMES, Fault

        if value == "list":
            for name, (what, places) in NAMES.items():
                click.echo(f"{name:18}{what}{': @' if places else ''}{', @'.join(places)}")
            sys.exit(0)
        names = tuple(name.strip() for name in value.split(",")) if value else ()
        for name in names:
            try:
                _ = name == "random" or Fault.parse(name)
            except ValueError as unknown:
                self.fail(f"{unknown}.", param, ctx)
        return names


class _Simulated(click.Choice[str]):
    """A dialect whose boards can be simulated."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from drivers import dialects

        if value not in self.choices and value in dialects():
            self.fail(f"{value!r} has no simulated board, so it can't be rehearsed; try it on a real one", param, ctx)
        return super().convert(value, param, ctx)


@click.command()
@click.option("--slots", type=click.IntRange(1, 32), default=4, show_default=True, help="Places for boards.")
@click.option(
    "--boards",
    type=click.IntRange(0),
    help="Boards that arrive in all, over every run on the same state. "
    "[default: without end; with --headless two a slot; 0: without end]",
)
@click.option("--seed", type=click.IntRange(0, 999), default=1, show_default=True, help="Makes the serial numbers.")
@click.option("--headless", is_flag=True, help="Run without a screen, until every board has come and gone.")
@click.option("--json", "as_json", is_flag=True, help="Without a screen: print each finished cycle as a JSON object.")
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for everything that is written; used again, the rehearsal goes on. [default: a new one, thrown away]",
)
@click.option(
    "--far-end",
    is_flag=True,
    help="Only bring up the fleet and the boards, and write STATE/station.toml. "
    "A board leaves when it is done, or after 30 s without a command, and the next one of --boards comes.",
)
@click.option("--by-orders", is_flag=True, hidden=True)
@click.option(
    "--dialect", type=_Simulated(simulated()), default="shell", show_default=True, help="The boards' language."
)
@click.option(
    "--recipe",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A recipe of that dialect to try on them. [default: one that comes with the program]",
)
@click.option(
    "--faults",
    type=_Faults(),
    default="",
    metavar="NAME[@WHERE][,NAME...]",
    help="What is wrong with every other board, by turns; random: something by chance. --faults list tells all.",
)
@click.option("--baud", type=click.IntRange(0), help="The wires' pace. [default: 115200; with --headless none]")
@click.option("--boot-s", type=click.FloatRange(0), help="Seconds in which a board starts.")
@click.option("--save-s", type=click.FloatRange(0), help="Seconds in which a board saves its settings.")
def command(
    slots: int,
    boards: int | None,
    seed: int,
    headless: bool,
    as_json: bool,
    state: Path | None,
    far_end: bool,
    by_orders: bool,
    dialect: str,
    recipe: Path | None,
    faults: tuple[str, ...],
    baud: int | None,
    boot_s: float | None,
    save_s: float | None,
) -> None:
    """Provision simulated boards in a local fleet.

    The station is the one of `station run`: only its settings lead to a
    fleet server on this machine, and to boards that arrive and leave by
    themselves.
    """
    from station.rehearsal import Plan

    if as_json and not headless:
        raise click.UsageError("--json goes with --headless")
    need_server()
    if boards is None and headless:
        boards = 2 * slots
    with ExitStack() as held:
        folder = state or Path(held.enter_context(tempfile.TemporaryDirectory(prefix="station-rehearsal-")))
        plan = Plan(
            folder.absolute(),
            slots,
            boards or None,
            seed,
            baud=(0 if headless else 115200) if baud is None else baud,
            boot_s=(0.02 if headless else 0.8) if boot_s is None else boot_s,
            save_s=(0.01 if headless else 0.2) if save_s is None else save_s,
            dialect=dialect,
            recipe=recipe.absolute() if recipe else None,
            faults=faults,
        )
        code = _far_end(plan, by_orders) if far_end else _rehearse(plan, headless, as_json)
    sys.exit(code)


def _far_end(plan: Plan, by_orders: bool) -> int:
    """Serve the far end: by orders on standard input until it ends, else by itself until a signal."""
    from station.rehearsal import FarEnd

    stop = until_signalled()
    try:
        far_end = FarEnd(plan)
    except StationError as error:
        if not by_orders:
            raise
        click.echo(json.dumps({"error": error.text, "bad_input": isinstance(error, BadInput)}))
        return 1
    try:
        ports = {slot: str(far_end.fixture.port(slot)) for slot in plan.slot_names}
        click.echo(json.dumps({"config": str(plan.config), "fleet": far_end.url, "ports": ports}))
        sys.stdout.flush()
        if by_orders:
            far_end.obey(sys.stdin, sys.stdout)
        else:
            far_end.fixture.autonomous()
            stop.wait()
    finally:
        far_end.close()
    return 0


def _rehearse(plan: Plan, headless: bool, as_json: bool) -> int:
    """Bring up the far end, run the station on it, and be its hands."""
    from station.rehearsal import RemoteFarEnd, arrived, sound
    from station.robot import Robot

    with ExitStack() as held:
        remote = RemoteFarEnd(plan)
        held.callback(remote.close)
        from station import journal, settings
        from station.build import build
        from station.dedicated import keep_to_one_core, spare_collector

        if headless:
            journal.to_stderr()
        else:
            import_module("station.tui.app")  # while the far end comes up
        remote.wait()
        keep_to_one_core()
        bench = build(settings.load(plan.config))
        held.callback(bench.stop)
        robot = Robot(remote, plan.slot_names, 0 if headless else _DWELL_S)
        bench.subscribe(journal.Journal())
        bench.subscribe(robot)
        spare_collector()
        if not headless:
            journal.to_file(plan.folder / "station.log")
            bench.start()
            robot.start()
            held.callback(robot.stop)
            return on_screen(bench)
        printer, stop = Printer(as_json), until_signalled()
        bench.subscribe(printer)
        bench.start()
        robot.start()
        _either(stop, robot.done)
        robot.stop()
        bench.stop()
        if plan.boards:
            # More may have come in earlier runs than are asked for now.
            everything = printer.summarise(max(plan.boards, arrived(plan)), _passed(plan))
            if plan.faults:
                everything = _passed(plan) >= sound(plan)
        else:
            everything = printer.summarise()
    return 0 if everything else 1


def _either(first: threading.Event, second: threading.Event) -> None:
    """Return once one of two events is set."""
    either = threading.Event()

    def wait_for(event: threading.Event) -> None:
        event.wait()
        either.set()

    for event in (first, second):
        threading.Thread(target=wait_for, args=(event,), daemon=True).start()
    either.wait()


def _passed(plan: Plan) -> int:
    """Count the boards that have passed, over all runs on this folder."""
    from contextlib import closing

    from station.ledger import Reader

    with closing(Reader(plan.folder / "ledger.db")) as reader:
        return reader.passed()
