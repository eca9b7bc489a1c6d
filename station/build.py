"""The composition root: settings in, a bench out.  Tests call it too.

The ports to the world (ledger, escrow, fleet, links) are made here and handed
in, so that a test can wrap any of them without a hook in the code.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from drivers import dialect
from drivers.guard import Guarded
from drivers.link import Link
from drivers.uart import LinkOptions
from station import golden
from station import recipe as recipes
from station.bench import Bench
from station.control import Control
from station.errors import DatabaseCorrupt
from station.escrow import Escrow
from station.fleet.client import Client
from station.keeper import Keeper
from station.labels import Labels
from station.ledger import Ledger, Reader
from station.ledger.restore import refuse_lost
from station.line import Line
from station.office import Office
from station.operators import Operators
from station.orders import WorkOrders
from station.outbox import Outbox
from station.printing import Printer
from station.recipe import Recipe
from station.rules import Rules
from station.scanner import Scanner
from station.settings import Settings
from station.shifts import Shifts
from station.slot import Equipment
from station.state import StateFolder
from station.supervision import Supervision
from station.timekeeper import Timekeeper
from station.vigil import Vigil


def client(settings: Settings) -> Client:
    """Make the client of the fleet that the settings name; raises ``UrlUnusable``."""
    fleet = settings.fleet
    return Client(
        fleet.url,
        fleet.vendor,
        settings.token,
        ca_file=settings.path(fleet.ca_file) if fleet.ca_file else None,
        allow_plain_http=fleet.allow_plain_http,
    )


@dataclass(frozen=True)
class Ports:
    """How each port to the world is made; the defaults are the real ones."""

    ledger: Callable[[Path, str, Timekeeper, Shifts], Ledger] = Ledger
    escrow: Callable[[Path], Escrow] = Escrow
    fleet: Callable[[Settings], Client] = client
    open_link: Callable[[str, Recipe], Link] = lambda port, recipe: Link.open(port, recipe.link)


_REAL = Ports()


def build(settings: Settings, ports: Ports = _REAL) -> Bench:
    """Put a station together; nothing runs until ``start``.

    Raises ``BadInput`` for the recipe or the token, ``StateBusy``,
    ``DatabaseError``, ``EscrowFailed``, ``UrlUnusable``; nothing is left
    open then.
    """
    recipe = recipes.load(settings.path(settings.recipe))
    language = dialect(recipe.dialect)
    settings.token()
    secrets = {name: settings.secret(name) for name in sorted(recipe.secrets)}
    with ExitStack() as held:
        folder = StateFolder(settings.path(settings.state))
        held.callback(folder.release)
        fleet = ports.fleet(settings)
        held.callback(fleet.close)
        timekeeper = Timekeeper(settings.clock.tolerance_s)
        refuse_lost(folder.ledger, folder.escrow)
        try:
            ledger = ports.ledger(folder.ledger, settings.station, timekeeper, settings.calendar)
        except DatabaseCorrupt as fault:
            hint = "it is left as it is; put a backup in its place: station restore"
            raise DatabaseCorrupt(f"{fault.text}; {hint}") from fault
        held.callback(ledger.close)
        reader = Reader(folder.ledger)
        held.callback(reader.close)
        line = Line(settings.fleet.patience_s, ledger.note)
        vigil = Vigil(timekeeper, lambda: fleet.time, line, settings.clock.stops)
        office = Office(
            station=settings.station,
            vendor=settings.fleet.vendor,
            owner=settings.fleet.owner,
            ledger=ledger,
            reader=reader,
            escrow=ports.escrow(folder.escrow),
            fleet=fleet,
            late_s=settings.fleet.late_s,
        )
        people = settings.people
        operators = Operators(ledger, reader, needed=people.sign_in, leave_s=60.0 * people.sign_out_min)
        printer = Printer(recipe.print, recipe.folder, ledger, reader, lambda fault: line.warn(fault, "print"))
        held.callback(printer.close)
        orders = WorkOrders(settings.work_order, operators, ledger, reader, recipe.fleet.model)
        rules = Rules(settings.line, ledger, reader, line, (slot.name for slot in settings.slots))
        equipment = Equipment(
            office=office,
            recipe=recipe,
            outbox=Outbox(office, line.refused),
            line=line,
            operators=operators,
            orders=orders,
            labels=Labels(),
            printer=printer,
            golden_due=lambda slot: golden.due(recipe.golden, reader, settings.calendar, slot),
            rules=rules,
            open_link=lambda port: _discreet(ports.open_link(port, recipe), recipe),
            board=lambda link: Guarded(recipe.dialect, language(link, recipe.options, secrets)),
        )
        control = Control(folder.path)
        scanners = held.enter_context(ExitStack())  # closed before what it tells
        keeper = Keeper(folder.ledger, settings.backups, settings.backup.keep, lambda fault: line.warn(fault, "backup"))
        held.callback(control.close)
        held.callback(keeper.stop)

        def serve(bench: Bench) -> None:
            if settings.scanner is not None:
                scanner = _scanner(settings.scanner, settings.scanner_baud, bench.scans.scan)
                scanners.callback(scanner.close)
                scanner.start()
            control.serve(bench)
            keeper.start()

        def look() -> None:
            vigil.look()
            operators.look()

        supervision = Supervision(operators, ledger, reader, line, rules, recipe, fleet, settings.station)
        return Bench(
            settings.name,
            settings.slots,
            equipment,
            supervision,
            settings.calendar,
            look,
            serve,
            held.pop_all().close,
        )


def _scanner(port: str, baud: int, scan: Callable[[str], object]) -> Scanner:
    options = LinkOptions(baud=baud)
    return Scanner(port, lambda: Link.open(port, options), scan)


def _discreet(link: Link, recipe: Recipe) -> Link:
    """Keep a board's secret settings out of what is kept of the link, even those that it tells unasked."""
    for name in recipe.secret_settings:
        link.hide_setting(name)
    return link
