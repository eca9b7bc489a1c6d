"""The station provisions real MicroPython: the micro:bit's firmware, which has little memory and loses characters."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import serial
from microbit import UNIQUE_ID, MicroBit
from real_station import RECIPES, bench_of, fleet_for

from drivers.errors import BoardRestarts
from drivers.link import Link
from drivers.micropython import MicroPython
from drivers.sim.board import Pace
from drivers.sim.label import Label
from drivers.sim.loop import LoopThread
from drivers.sim.memory import Memory
from drivers.sim.micropython import MicroPythonBoard
from drivers.sim.wire import Wire
from drivers.uart import LinkOptions
from station.fleet.client import Client
from station.model import Outcome

RECIPE = RECIPES / "microbit.toml"
PACED = LinkOptions.model_validate({"pace": {"bytes": 32, "gap_s": 0.01}})
OPTIONS = MicroPython.Options.model_validate({"path": "config.json", "piece": 256})
OLD = {"fleet_serial": "A-1", "note": "old " * 30}
NEW = {"fleet_serial": "A-1", "note": "new " * 60, "more": "0123456789" * 20}
pytestmark = [pytest.mark.real, pytest.mark.slow]


class Repl:
    """The board's files, seen without the station: pyserial, and a line of Python at a time."""

    def __init__(self, port: Path) -> None:
        self._port = serial.Serial(str(port), 115200, timeout=1)
        for _ in range(20):  # what is typed before it has started is lost
            self._port.write(b"\x03\x03\x01")
            if self._port.read_until(b"raw REPL; CTRL-B to exit\r\n>").endswith(b"\r\n>"):
                break
        self._port.timeout = 20

    def run(self, code: str) -> str:
        self._port.write(code.encode() + b"\x04")
        said = self._port.read_until(b"\x04>")
        assert said.startswith(b"OK")
        assert said.endswith(b"\x04\x04>"), said
        return said[2:-3].decode().replace("\r\n", "\n")

    def files(self) -> dict[str, str]:
        names = self.run("import os\nprint('\\n'.join(os.listdir()))").split()
        return {name: self.run(f"print(open('{name}').read(),end='')") for name in names}

    def leave(self) -> None:
        """Go back to the prompt for people."""
        self._port.write(b"\x02")
        self._port.read_until(b">>> ")

    def close(self) -> None:
        self._port.close()


def files_of(board: MicroBit) -> dict[str, str]:
    with closing(Repl(board.port)) as repl:
        return repl.files()


def whole(text: str | None) -> Any:
    """Return what a file holds, or None if it isn't there or isn't whole."""
    try:
        return json.loads(text or "")
    except ValueError:
        return None


class SmallBoard(MicroPythonBoard):
    """The simulated board, with what this firmware has."""

    pastes = False
    missing = frozenset({"hashlib", "binascii", "json", "os.rename", "os.sync"})


CONVERSATION = [
    (b"abc\x03", b"\r\n>>> "),
    (b"\x05print(3)\x04", b"3\r\n>>> "),
    (b"\x05print(3)\x03", b"\r\n>>> "),
    (b"\x01", b"exit\r\n>"),
    (b"\x01", b"exit\r\n>"),
    (b"\x05A\x01", b"exit\r\n>"),
    (b"print(1,'a')\x04", b"\x04>"),
    (b"1\x03print(2)\x04", b"\x04>"),
    (b"print(3)\nraise ValueError('no')\x04", b"\x04>"),
    (b"def f():\n raise KeyError(1)\nf()\x04", b"\x04>"),
    (b"import hashlib\x04", b"\x04>"),
    (b"import os\nprint(hasattr(os,'rename'))\x04", b"\x04>"),
    (b"f=open('a','w')\nf.write('xyz')\nf.close()\x04", b"\x04>"),
    (b"print(open('a').read(2),open('a','rb').read())\x04", b"\x04>"),
    (b"\x02", b">>> "),
]


def conversation(port: Path) -> list[bytes]:
    with closing(serial.Serial(str(port), 115200, timeout=20)) as opened:
        opened.write(b"\x03")
        opened.read_until(b"\r\n>>> ")
        answers = []
        for line, until in CONVERSATION:
            opened.write(line)
            answers.append(re.sub(rb"MicroPython v.*\r\n", b"", opened.read_until(until)))
        return answers


def test_the_simulated_board_answers_as_the_real_one_does(microbit: MicroBit, loop: LoopThread, tmp_path: Path) -> None:
    async def simulate() -> SmallBoard:
        memory = Memory(tmp_path / "flash.json")
        memory.program(SmallBoard.program(Label("SIM-1", "02:00:00:00:00:01")))
        wire = Wire(tmp_path / "simulated")
        wire.plug()
        board = SmallBoard(wire, memory, Pace(boot_s=0.0))
        board.power_on()
        return board

    async def leave() -> None:
        await board.power_off()
        board.wire.unplug()

    board = loop.run(simulate())
    try:
        simulated = conversation(board.wire.path)
    finally:
        loop.run(leave())
    with closing(Repl(microbit.port)) as repl:
        repl.leave()
    assert simulated == conversation(microbit.port)


@pytest.fixture
def fleet(microbit: MicroBit, tmp_path: Path) -> Iterator[Client]:
    with fleet_for(tmp_path, RECIPE, "microbit", microbit.port) as client:
        yield client


def test_a_real_board_passes_and_holds_its_settings(microbit: MicroBit, fleet: Client, tmp_path: Path) -> None:
    bench, verdicts = bench_of(tmp_path)
    try:
        finished = verdicts.finished.get(timeout=90)
    finally:
        bench.stop()
    assert (finished.outcome, finished.error, finished.serial) == (Outcome.PASS, None, UNIQUE_ID)

    files = files_of(microbit)
    assert list(files) == ["config.json"]
    settings = json.loads(files["config.json"])
    assert settings["fleet_rid"] == finished.rid
    assert settings["device_name"] == f"""Tag {UNIQUE_ID}, 'line A' "left\""""
    assert settings["motd"] == "Grüße von Linie 2"
    assert fleet.serials.info("microbit", UNIQUE_ID).status == "activated"

    # the key on the board is the fleet's, and is nowhere in what the station keeps
    key = settings["fleet_key"]
    with closing(sqlite3.connect(tmp_path / "fleet.db")) as served:
        assert (key,) in served.execute("SELECT cik FROM clients WHERE rid = ?", [finished.rid]).fetchall()
    for path in (tmp_path / "state").rglob("*"):
        assert path.is_dir() or key.encode() not in path.read_bytes(), path
    with closing(sqlite3.connect(tmp_path / "state" / "ledger.db")) as ledger:
        (body,) = ledger.execute("SELECT body FROM events WHERE kind = 'close'").fetchone()
    record = json.loads(body)["facts"]
    assert record["restarted"] is True
    assert record["identity"]["hardware_id"] == UNIQUE_ID
    assert record["identity"]["firmware"].startswith("micro:bit v1.0.1")


class CutLink(Link):
    """A link on which the board's power fails: in the middle of the Nth message to it, or when that is just over."""

    board: MicroBit
    left = 0
    middle = False

    def write(self, data: bytes, deadline: float) -> None:
        self.left -= 1
        if self.left:
            super().write(data, deadline)
            return
        half = len(data) // 2 if self.middle else len(data)
        super().write(data[:half], deadline)
        self.board.press_reset()
        super().write(data[half:], deadline)


def test_a_power_cut_in_the_middle_of_the_write_leaves_the_old_file_or_the_new_one(microbit: MicroBit) -> None:
    left = set()
    for number, middle in [(1, True), (3, True), *((number, False) for number in range(1, 30))]:
        with Link.open(str(microbit.port), PACED) as link:
            board = MicroPython(link, OPTIONS, {})
            board.configure(OLD)
            assert board.read(OLD) == OLD
        with CutLink.open(str(microbit.port), PACED) as cut:
            board = MicroPython(cut, OPTIONS, {})
            board.identify()
            cut.board, cut.left, cut.middle = microbit, number, middle
            if middle:
                with pytest.raises(BoardRestarts):
                    board.configure(NEW)
            else:
                with suppress(BoardRestarts):  # it may have been over
                    board.configure(NEW)
        files = files_of(microbit)
        held, beside = whole(files.get("config.json")), whole(files.get("config.json.new"))
        assert held in (OLD, NEW) or beside == NEW, (number, files)
        left.add("old" if held == OLD else "new" if held == NEW else "beside")
        if cut.left > 0:
            break  # fewer messages do it
    else:
        pytest.fail("it takes more messages than were cut")
    assert left >= {"old", "new"}


def test_a_board_that_is_sent_too_much_at_a_time_is_sent_less(microbit: MicroBit) -> None:
    options = OPTIONS.model_copy(update={"piece": 2048})
    settings = {f"setting_{number}": "0123456789abcdef" * 5 for number in range(10)}
    with Link.open(str(microbit.port), PACED) as link:
        board = MicroPython(link, options, {})
        board.configure(settings)
        assert board.restart()
        assert board.read(settings) == settings
    assert json.loads(files_of(microbit)["config.json"]) == settings


def test_a_program_that_runs_is_interrupted(microbit: MicroBit) -> None:
    with closing(Repl(microbit.port)) as repl:
        repl.run("f=open('main.py','w')\nf.write('while 1:pass')\nf.close()")
    microbit.press_reset()
    with Link.open(str(microbit.port), PACED) as link:
        board = MicroPython(link, OPTIONS, {})
        assert board.identify().serial == UNIQUE_ID
        began = time.monotonic()
        assert board.restart()
        assert time.monotonic() - began < 30
        assert board.identify().serial == UNIQUE_ID
