"""The far ends of a rehearsal, given back as ordinary settings.

A rehearsal is the station as in production, with other settings: a fleet
server on loopback and simulated boards on ptys, in a process of their own, so
that neither end can borrow the other's memory, and a killed station leaves
the boards as a power cut would.

Everything is below one folder: ``station.toml`` and what it names, the
station's own state, ``fleet.db``, and the boards' memory in ``far-end/``.

What only the far end needs is imported where it comes up: whoever rehearses
starts that process first, and gets ready himself meanwhile.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from drivers.errors import Blame
from station import clock
from station.errors import SettingsError, StateBusy, StationError
from station.state import StateFolder

_LET_GO_S = 5.0
_FAR_END = "far-end"
"""The boards' folder below the rehearsal's."""
VENDOR = "rehearsal"
"""The vendor's name in the rehearsal's fleet."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is rehearsed."""

    folder: Path
    slots: int = 4
    boards: int | None = None
    """So many boards arrive in all; None: without end."""
    seed: int = 1
    """Makes the boards' serial numbers and MACs."""
    baud: int = 115200
    """The wires' pace; 0: they take no time."""
    boot_s: float = 0.8
    """Seconds in which a board starts."""
    save_s: float = 0.2
    """Seconds in which a board saves."""
    dialect: str = "shell"
    recipe: Path | None = None
    """The recipe, in place of the one that comes with the program for this dialect."""
    faults: tuple[str, ...] = ()
    """What is wrong with every other board, by turns (``drivers.sim.faults``)."""

    @property
    def config(self) -> Path:
        """The settings that a station is run with."""
        return self.folder / "station.toml"

    @property
    def slot_names(self) -> list[str]:
        """The slots' names, 1, 2, 3, ..."""
        return [str(number + 1) for number in range(self.slots)]


def arrived(plan: Plan) -> int:
    """Count the boards that have ever arrived, over all runs on this folder: each has a memory of its own."""
    return len(list((plan.folder / _FAR_END / "boards").glob("*.json")))


def sound(plan: Plan) -> int:
    """Count the boards that nothing is wrong with, and whose serial number no other has."""
    from drivers.sim.faults import assigned

    faults = [assigned(plan.faults, plan.seed, index) for index in range((plan.boards or 0) + 1)]
    doubled = [fault is not None and fault.name == "duplicate-serial" for fault in faults[1:]]
    return sum(fault is None and not twice for fault, twice in zip(faults, doubled, strict=False))


def shipped_recipe(name: str) -> Path:
    """Return a recipe that comes with the program: of an installed one inside the package, else of the checkout."""
    for folder in (Path(__file__).parent / "recipes", Path(__file__).parent.parent / "config" / "recipes"):
        if (folder / f"{name}.toml").is_file():
            return folder / f"{name}.toml"
    raise SettingsError(f"there is no recipe {name}.toml to rehearse with")


class FarEndDied(StationError):
    """The far end's process has ended before its rehearsal."""

    code = "far-end-died"
    blame = Blame.STATION


class FarEnd:
    """A fleet server and simulated boards in this process; close it."""

    def __init__(self, plan: Plan) -> None:
        """Bring both up, and write the settings that lead a station to them.

        Raises ``SettingsError`` for a folder with boards of another seed or dialect, ``StateBusy``, ``DatabaseError``.
        """
        from drivers.sim.fixture import Fixture
        from station import recipe as recipes
        from station.fleet.server import FleetServer, init

        plan.folder.mkdir(parents=True, exist_ok=True)
        lock = _owned(plan.folder / _FAR_END)
        with ExitStack() as held:
            held.callback(lock.release)
            recipe = plan.folder / "recipes" / f"rehearsal-{plan.dialect}.toml"
            recipe.parent.mkdir(exist_ok=True)
            shutil.copyfile(plan.recipe or shipped_recipe(recipe.stem), recipe)
            grant = init(plan.folder / "fleet.db", VENDOR, [recipes.load(recipe).fleet.model])
            _secret(plan.folder / "token", grant.token)
            self._server = FleetServer(plan.folder / "fleet.db")
            held.callback(self._server.stop)
            self._server.start()
            try:
                self.fixture = Fixture(
                    plan.folder / _FAR_END,
                    plan.slot_names,
                    plan.boards,
                    plan.seed,
                    dialect=plan.dialect,
                    faults=plan.faults,
                    baud=plan.baud,
                    boot_s=plan.boot_s,
                    save_s=plan.save_s,
                )
            except ValueError as other_boards:
                raise SettingsError(str(other_boards)) from None
            held.callback(self.fixture.close)
            ports = {slot: str(self.fixture.port(slot)) for slot in plan.slot_names}
            plan.config.write_text(_settings(plan, self._server.url, grant.owner_rid, recipe, ports))
            self.url = self._server.url
            self._held = held.pop_all()

    def close(self) -> None:
        """Power the boards off and stop the server; what they remember stays in the folder."""
        self._held.close()

    def busy(self) -> dict[str, float]:
        """Return the seconds of each part so far: ``wire_s``, ``board_s``, ``far_end_s`` (either), ``fleet_s``."""
        return {**self.fixture.busy(), "fleet_s": self._server.busy_s}

    def obey(self, orders: IO[str], answers: IO[str]) -> None:
        """Take orders, one a line, until they end: ``insert SLOT``, ``remove SLOT``, ``left``, ``busy``.

        Each is answered by one line of JSON, in order.
        """
        for order in orders:
            match order.split():
                case ["insert", slot]:
                    answer: Any = self.fixture.insert(slot)
                case ["remove", slot]:
                    answer = self.fixture.remove(slot)
                case ["left"]:
                    answer = self.fixture.left
                case ["busy"]:
                    answer = self.busy()
                case _:
                    answer = {"error": "insert SLOT, remove SLOT, left or busy"}
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


class RemoteFarEnd:
    """A far end in a process of its own, and the pipe to it; close it."""

    def __init__(self, plan: Plan) -> None:
        """Start the process; ``wait`` before anything else is asked."""
        self._plan = plan
        arguments = [
            *("--state", str(plan.folder), "--slots", str(plan.slots), "--seed", str(plan.seed)),
            *("--baud", str(plan.baud), "--boot-s", str(plan.boot_s), "--save-s", str(plan.save_s)),
            *("--dialect", plan.dialect, "--boards", str(plan.boards or 0)),
            *(("--faults", ",".join(plan.faults)) if plan.faults else ()),
            *(("--recipe", str(plan.recipe)) if plan.recipe else ()),
        ]
        # Its orders end when this process does, however that happens: then it stops by itself.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "station", "rehearse", "--far-end", "--by-orders", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._one_at_a_time = threading.Lock()

    def wait(self) -> Self:
        """Return once the far end is up and its settings are written.

        Raises ``SettingsError`` or ``FarEndDied`` with what the far end says of itself, if it doesn't start.
        """
        assert self._process.stdout is not None
        said = json.loads(self._process.stdout.readline() or "{}")
        if "config" not in said:
            self.close()
            fault = SettingsError if said.get("bad_input") else FarEndDied
            raise fault(said.get("error", "the rehearsal's far end ended before it began"))
        return self

    def ask(self, order: str) -> Any:
        """Give an order and return its answer."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with self._one_at_a_time:
            try:
                self._process.stdin.write(order + "\n")
                self._process.stdin.flush()
                return json.loads(self._process.stdout.readline())
            except (OSError, ValueError) as error:
                raise FarEndDied("the rehearsal's far end has ended") from error

    def close(self) -> None:
        """Let the far end stop, and wait until it has."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with self._one_at_a_time:
            with suppress(OSError):
                self._process.stdin.close()
            self._process.wait()
            self._process.stdout.close()


def _owned(folder: Path) -> StateFolder:
    """Take the far end's folder; one that was killed a moment ago may need a moment to let go."""
    until = clock.monotonic() + _LET_GO_S
    while True:
        try:
            return StateFolder(folder)
        except StateBusy:
            if clock.monotonic() > until:
                raise
            time.sleep(0.05)


def _settings(plan: Plan, url: str, owner: str, recipe: Path, ports: Mapping[str, str]) -> str:
    """Write the settings down; a JSON text is a TOML text, too."""
    from station import settings as station_settings

    uid = station_settings.load(plan.config).station if plan.config.exists() else uuid.uuid4().hex
    text = json.dumps
    slots = "\n".join(f"[[slots]]\nname = {text(name)}\nport = {text(port)}\n" for name, port in ports.items())
    return f"""\
# Written by `station rehearse`, anew at each start.
station = {text(uid)}
name = "rehearsal"
recipe = {text(os.path.relpath(recipe, plan.folder))}
state = "."

[fleet]
url = {text(url)}
vendor = {text(VENDOR)}
owner = {text(owner)}
token_file = "token"
late_s = 0  # nothing lies between station and fleet

{slots}"""


def _secret(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w") as file:
        file.write(text + "\n")
