"""A fleet, a ledger and a board that does as it is told: all that a cycle needs but the wire.

Fleet server, client, ledger and escrow are the real ones.  The board is the
one piece that is scripted, since what boards do wrong on wires is the
drivers' business.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drivers.board import Identity
from drivers.errors import Fault
from station import recipe as recipes
from station.case import Case
from station.escrow import Escrow
from station.fleet.client import Client, ModelInfo, Reply, Request, Unanswered, Unreachable
from station.fleet.server import FleetServer, Grant, init
from station.ledger import CycleRow, History, Ledger, Reader
from station.model import Known, Step
from station.office import Office
from station.recipe import Recipe

STATION = "9f2c41d07a3e4b56"
VENDOR = "acme"
MODEL = "widget-1"
SERIAL = "SIM-00000001"
HARDWARE = "02:00:00:00:00:01"

RECIPE = """\
name = "widget"
version = "7"
dialect = "shell"
presence = "port"

[serial]
pattern = 'SIM-[0-9]{8}'

[fleet]
model = "widget-1"
activate = "station"
register = "station"

[link]
baud = 115200

[shell]
prompt = "=> "
wake = { send = "\\u0003", every_s = 1.0 }
interrupt = { on = "Hit any key", send = " " }
reply_s = 10.0
boot_s = 20.0
identify = [
  { send = "printenv serial#", capture = 'serial#=(?P<serial>\\S+)' },
  { send = "printenv ethaddr", capture = 'ethaddr=(?P<hardware_id>\\S+)' },
]
write = "setenv {name} {value}"
quote = "single"
commit = { send = "saveenv", expect = "OK", timeout_s = 20 }
read = { send = "printenv {name}", capture = '{name}=(?P<value>.*)' }
error = '(?m)^(?:## Error|Unknown command|Usage:|Failed)'
restart = { send = "reset", expect = "DRAM:", timeout_s = 20 }

[config]
fleet_key = "{cik}"
fleet_rid = "{rid}"
label = "{vendor} {model} {serial}"
"""


def write_recipe(folder: Path, *changes: tuple[str, str]) -> Path:
    """Write the recipe down with some of its texts replaced."""
    text = RECIPE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "widget.toml"
    path.write_text(text)
    return path


def rows(database: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Ask a database file through a connection of the test's own."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(sql, values).fetchall()


def procedure(request: Request) -> str:
    """Name what a request asks of the fleet."""
    form = request.body or b""
    if request.path == "/provision/activate":
        return "activate"
    if request.method == "GET":
        return "info"
    if form.startswith(b"sn="):
        return "add"
    if b"delete=true" in form:
        return "remove"
    if b"disable=true" in form:
        return "disable"
    return "enable" if b"owner=" in form else "regenerate"


class FickleClient(Client):
    """The real client, on a line that swallows what it is told to."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.asked: list[str] = []
        """The procedures that changed the fleet, or tried to, in their order."""
        self.away = False
        """Nobody answers; nothing is sent, nothing is in ``asked``."""
        self._plans: dict[str, list[Callable[[Request], Reply]]] = {}

    def leave_after(self, name: str) -> None:
        """Let the fleet be away from right after the next call of a procedure."""

        def last(request: Request) -> Reply:
            reply = Client.send(self, request)
            self.away = True
            return reply

        self.instead(name, last)

    def lose_answer(self, name: str) -> None:
        """Let the next call of a procedure take effect and its answer get lost."""

        def lost(request: Request) -> Reply:
            Client.send(self, request)
            raise Unanswered("the line was cut", request.asked)

        self.instead(name, lost)

    def lose_call(self, name: str) -> None:
        """Let the next call get lost before it takes effect, without anybody knowing that it did."""

        def lost(request: Request) -> Reply:
            raise Unanswered("the line was cut", request.asked)

        self.instead(name, lost)

    def refuse_connection(self, name: str) -> None:
        """Let the next call not even be sent."""

        def unsent(request: Request) -> Reply:
            raise Unreachable("nobody there", request.asked)

        self.instead(name, unsent)

    def before(self, name: str, act: Callable[[], object]) -> None:
        """Do something right before the next call of a procedure is sent."""

        def delayed(request: Request) -> Reply:
            act()
            return Client.send(self, request)

        self.instead(name, delayed)

    def instead(self, name: str, act: Callable[[Request], Reply]) -> None:
        """Do something in place of the next call of a procedure; more of them queue."""
        self._plans.setdefault(name, []).append(act)

    def send(self, request: Request) -> Reply:
        if self.away:
            raise Unreachable("nobody there", request.asked)
        name = procedure(request)
        if request.method != "GET":
            self.asked.append(name)
        if plans := self._plans.get(name):
            return plans.pop(0)(request)
        return super().send(request)


@dataclass
class TameBoard:
    """A board without a wire: it keeps what it is told in RAM, and on ``configure`` in flash."""

    serial: str = SERIAL
    hardware_id: str = HARDWARE
    flash: dict[str, str] = field(default_factory=dict)
    faults: dict[str, list[Fault | Callable[[], object]]] = field(default_factory=dict)
    """Method -> what happens at its next calls before it does its work: a fault is raised, a function called."""

    def _first(self, method: str) -> None:
        if waiting := self.faults.get(method):
            happens = waiting.pop(0)
            if isinstance(happens, Fault):
                raise happens
            happens()

    def present(self) -> bool:
        return True

    def identify(self) -> Identity:
        self._first("identify")
        return Identity(self.serial, self.hardware_id, "fw 1")

    def check(self, settings: Mapping[str, str]) -> None:
        """Take anything."""

    def configure(self, settings: Mapping[str, str]) -> None:
        self._first("configure")
        self.flash.update(settings)

    def restart(self) -> bool:
        self._first("restart")
        return True

    def read(self, expected: Mapping[str, str]) -> Mapping[str, str]:
        self._first("read")
        return {name: self.flash.get(name, "") for name in expected}


@dataclass(frozen=True)
class Entry:
    """What the fleet's own tables hold of a serial number."""

    rid: str | None
    extra: str
    phase: str | None
    cik: str | None


class World:
    """One station's insides and its fleet; close it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fleet_db = folder / "fleet.db"
        self.grant: Grant = init(self.fleet_db, VENDOR)
        self.token = self.grant.token
        """What the station shows the fleet."""
        self.server = FleetServer(self.fleet_db)
        self.server.start()
        self.client = FickleClient(self.server.url, VENDOR, lambda: self.token, read_s=30)
        self.client.models.create(MODEL, ModelInfo(rid=self.grant.template_rid))
        self.client.asked.clear()
        self.recipe = recipes.load(write_recipe(folder))
        self.ledger = Ledger(folder / "ledger.db", STATION)
        self.reader = Reader(folder / "ledger.db")
        self.escrow = Escrow(folder / "escrow")
        self.office = Office(STATION, VENDOR, self.grant.owner_rid, self.ledger, self.reader, self.escrow, self.client)
        self._closing = [self.reader.close, self.ledger.close, self.client.close, self.server.stop]

    def close(self) -> None:
        for close in self._closing:
            close()

    # ------------------------------------------------------------- the station's side

    def open_cycle(self, slot: str = "1") -> CycleRow:
        return self.ledger.open_cycle(slot, self.recipe.edition, self.recipe.plan[0])

    def case(self, row: CycleRow, board: Any, recipe: Recipe | None = None) -> Case:
        """What a cycle's steps have at hand, with the ledger's own history."""
        return self.office.case(row, recipe or self.recipe, board)

    def identified(self, board: TameBoard | None = None, history: History | None = None, **changes: Any) -> Case:
        """A case whose board has been identified; ``history`` replaces the ledger's."""
        board = board or TameBoard()
        row = self.open_cycle()
        case = self.case(row, board, **changes)
        case.known = Known(identity=board.identify())
        if history is not None:
            case.history = lambda identity: history
        return case

    def kinds(self, cycle: int) -> list[str]:
        """The events of a cycle as words: ``open``, ``intend identify``, ``settle identify`` ..."""
        sql = "SELECT kind, json_extract(body, '$.step') FROM events WHERE cycle = ? ORDER BY id"
        return [f"{kind} {step}" if step else kind for kind, step in rows(self.folder / "ledger.db", sql, cycle)]

    def keys(self) -> list[str]:
        """The keys in escrow."""
        return [path.read_text() for path in self.escrow._folder.glob("cycle-*.key")]

    # ------------------------------------------------------------- the fleet's side

    def entry(self, serial: str = SERIAL) -> Entry | None:
        sql = """SELECT serials.rid, serials.extra, clients.phase, clients.cik FROM serials
            LEFT JOIN clients ON clients.rid = serials.rid WHERE serials.sn = ?"""
        found = rows(self.fleet_db, sql, serial)
        return Entry(*found[0]) if found else None

    def clients_of(self, serial: str = SERIAL) -> int:
        """How many clients were ever made for a serial number."""
        return int(rows(self.fleet_db, "SELECT COUNT(*) FROM clients WHERE name = ?", serial)[0][0])

    def stranger(self) -> Client:
        """Another station's client of the same fleet."""
        client = Client(self.server.url, VENDOR, lambda: self.grant.token)
        self._closing.insert(0, client.close)
        return client


STEPS_OF_A_PASS = [
    "open",
    *(
        f"{kind} {step}"
        for step in (
            Step.IDENTIFY,
            Step.REGISTER,
            Step.ENABLE,
            Step.ACTIVATE,
            Step.CONFIGURE,
            Step.VERIFY_BOARD,
            Step.VERIFY_FLEET,
        )
        for kind in ("intend", "settle")
    ),
    "close",
]
"""Every event of a cycle that passes, in order."""
