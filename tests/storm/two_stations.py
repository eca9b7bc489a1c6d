"""Two stations with ledgers of their own, one fleet, one product, and two boards with the same serial number."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from engine_world import MODEL, VENDOR, TameBoard, procedure, rows, write_recipe
from interleaving import PARTIES, Begun, Gates

from station import recipe as recipes
from station.cycle import Cycle
from station.errors import StationError
from station.escrow import Escrow
from station.fleet.client import Client, FleetError, ModelInfo, NotAllowed, Reply, Request, Unanswered
from station.fleet.server import FleetServer, init
from station.ledger import Ledger, Reader
from station.model import Closing, Outcome
from station.office import Office

STATIONS = ("aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb")
LOST_ANSWER, LOST_CALL = "answer lost", "call lost"
CHANGES = ("add", "enable", "regenerate", "activate", "disable")
_PATIENCE = 20
"""So many faults of the fleet make a cycle give up: far more than any run has."""


class GatedClient(Client):
    """The real client, which waits at a gate before each request, and may lose it there."""

    who = 0
    gates: Gates
    said: list[tuple[str, str, Hashable]]
    """What it has been told in this run."""

    def send(self, request: Request) -> Reply:
        name = procedure(request)
        fate = self.gates.pass_through(self.who, name)
        if fate == LOST_CALL:
            return self._lose(name, fate, request)
        try:
            reply = super().send(request)
        except FleetError as refusal:
            if fate == LOST_ANSWER:
                self._lose(name, fate, request)
            self.said.append((name, fate, refusal.code))
            raise
        if fate == LOST_ANSWER:
            return self._lose(name, fate, request)
        self.said.append((name, fate, (reply.status, reply.body)))
        return reply

    def _lose(self, name: str, fate: str, request: Request) -> Reply:
        self.said.append((name, fate, None))
        raise Unanswered("the line was cut", request.asked)


class Open(Gates):
    """Gates that let everybody through."""

    def pass_through(self, who: int, call: str) -> str:
        return ""


@dataclass(frozen=True)
class Ending:
    """What came of one serial number: both closings, and what is wrong with that."""

    closings: tuple[Closing, Closing]
    complaints: list[str]
    again: dict[int, str] = field(default_factory=dict)
    """What came of it when a station that had not passed its board tried once more, when all was quiet."""

    @property
    def brief(self) -> tuple[str, ...]:
        """What both came to, A's first."""
        return tuple(closing.code or str(closing.outcome) for closing in self.closings)


class Rivals:
    """Two stations and their fleet.  Each run is about a serial number of its own; close it."""

    def __init__(self, folder: Path, *changes: tuple[str, str], same_hardware: bool = False) -> None:
        """``changes`` are made to the recipe; ``same_hardware``: the hardware ids are the same as well."""
        self._same_hardware = same_hardware
        self._fleet_db = folder / "fleet.db"
        grant = init(self._fleet_db, VENDOR)
        server = FleetServer(self._fleet_db)
        server.start()
        self.direct = Client(server.url, VENDOR, lambda: grant.token)
        self.direct.models.create(MODEL, ModelInfo(rid=grant.template_rid))
        self._recipe = recipes.load(write_recipe(folder, *changes))
        self._numbers = count(1)
        self._last = [0, 0]
        """Each station's last cycle."""
        self._offices, self._closing = [], [self.direct.close]
        for who, station in enumerate(STATIONS):
            ledger = Ledger(folder / f"ledger-{who}.db", station)
            reader = Reader(folder / f"ledger-{who}.db")
            client = GatedClient(server.url, VENDOR, lambda: grant.token)
            client.who = who
            escrow = Escrow(folder / f"escrow-{who}")
            self._offices.append(Office(station, VENDOR, grant.owner_rid, ledger, reader, escrow, client))
            self._closing += [reader.close, ledger.close, client.close]
        self._closing.append(server.stop)

    def close(self) -> None:
        for close in self._closing:
            close()

    @property
    def mark(self) -> bool:
        """Whether the stations list the numbers, so that a mark of theirs stands beside each."""
        return 'register = "station"' in self._recipe.text

    def listed(self, serial: str) -> None:
        """List a serial number, for products of which others do that."""
        self.direct.serials.add(MODEL, serial)

    def begin(self, gates: Gates) -> Begun[Ending]:
        """Put two boards with a new serial number before the stations."""
        number = next(self._numbers)
        serial = f"SIM-{number:08d}"
        hardware = [f"02:00:00:00:{number:04x}:{0 if self._same_hardware else who}" for who in PARTIES]
        boards = [TameBoard(serial, hardware[who]) for who in PARTIES]
        if not self.mark:
            self.listed(serial)
        for office in self._offices:
            assert isinstance(office.fleet, GatedClient)
            office.fleet.gates, office.fleet.said = gates, []
        cycles = [self._cycle(who, boards[who]) for who in PARTIES]

        def judge(closings: Sequence[Closing]) -> Ending:
            ending = Ending((closings[0], closings[1]), self._complaints(serial, boards, closings))
            now = list(closings)
            for who in PARTIES:
                if closings[who].outcome is not Outcome.PASS:
                    now[who] = self._tried_again(who, boards[who])
                    ending.again[who] = now[who].code or str(now[who].outcome)
                    ending.complaints.extend(f"tried again, {one}" for one in self._complaints(serial, boards, now))
            return ending

        return Begun([one.run for one in cycles], lambda: self._state(serial), judge)

    def _cycle(self, who: int, board: TameBoard) -> Cycle:
        office, recipe, faults = self._offices[who], self._recipe, []

        def hold(fault: StationError, waited: float) -> None:
            faults.append(fault)
            if len(faults) == _PATIENCE or not isinstance(fault, Unanswered):
                raise fault

        row = office.ledger.open_cycle("1", recipe.edition, recipe.plan[0])
        self._last[who] = row.id
        return Cycle(row, office.case(row, recipe, board), office.ledger, hold, lambda row, step, code: None)

    # ------------------------------------------------------------- what is the case

    def _entry(self, serial: str) -> tuple[Any, ...]:
        sql = """SELECT serials.extra, serials.rid, clients.phase, clients.cik FROM serials
            LEFT JOIN clients ON clients.rid = serials.rid WHERE serials.sn = ?"""
        found = rows(self._fleet_db, sql, serial)
        return found[0] if found else (None, None, None, None)

    def _state(self, serial: str) -> Hashable:
        """Return what counts of the fleet, and what both stations were told, in words that each run has anew."""
        told = [tuple(office.fleet.said) for office in self._offices]  # type: ignore[attr-defined]
        words: dict[Any, int] = {}

        def anew(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(anew(one) for one in value)
            if isinstance(value, str | bytes) and len(value) >= 16:
                return words.setdefault(value if isinstance(value, bytes) else value.encode(), len(words))
            return value

        return anew((*told, self._entry(serial)))

    def _complaints(self, serial: str, boards: Sequence[TameBoard], closings: Sequence[Closing]) -> list[str]:
        """Say what is wrong: nobody may pass for want of another, and a winner must be able to live."""
        _, rid, phase, cik = self._entry(serial)
        wrong = []
        winners = [who for who in PARTIES if closings[who].outcome is Outcome.PASS]
        if len(winners) > 1:
            wrong.append("both passed")
        for who in PARTIES:
            office, board, name = self._offices[who], boards[who], "AB"[who]
            key = board.flash.get("fleet_key", "")
            if who in winners and not self._recipe.needs("cik"):
                if (board.flash.get("fleet_rid"), "notactivated") != (rid, phase):
                    wrong.append(f"{name} passed, and its board can't fetch its key: the fleet says {phase}")
            elif who in winners:
                if (board.flash.get("fleet_rid"), key, "activated") != (rid, cik, phase):
                    wrong.append(f"{name} passed, and its board does not live in the fleet, which says {phase}")
                if not self._works(key):
                    wrong.append(f"{name} passed, and its key does not work")
            elif key and self._works(key):
                wrong.append(f"{name} did not pass, and its key works")
            if office.reader.open_cycles():
                wrong.append(f"{name} left a cycle open")
            if office.escrow.get(self._last[who]) is not None:
                wrong.append(f"{name} left a key in escrow")
        clients = rows(self._fleet_db, "SELECT COUNT(*) FROM clients WHERE name = ?", serial)
        if clients[0][0] > 1:
            wrong.append("the serial number has had two clients")
        return wrong

    def _tried_again(self, who: int, board: TameBoard) -> Closing:
        """Return what comes of it if the technician tries a board once more, when all is quiet."""
        client = self._offices[who].fleet
        assert isinstance(client, GatedClient)
        client.gates = Open()
        return self._cycle(who, board).run()

    def _works(self, key: str) -> bool:
        """Tell whether the fleet takes a device for one of its own."""
        try:
            self.direct.device.contents(MODEL, key)
        except NotAllowed:
            return False
        return True
