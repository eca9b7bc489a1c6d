"""A byte gets lost on its way to a MicroPython board, wherever: nothing wrong is stored, and nothing else is done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drivers.board import Identity
from drivers.link import Link
from drivers.micropython import MicroPython
from drivers.sim.board import Pace
from drivers.sim.faults import Fault, Faults
from drivers.sim.label import Label
from drivers.sim.loop import LoopThread
from drivers.sim.memory import Memory
from drivers.sim.micropython import FACTORY, UNIQUE_ID, MicroPythonBoard
from drivers.sim.wire import Wire
from drivers.uart import LinkOptions

LABEL = Label("SIM-1", "02:00:00:00:00:01")
SETTINGS = {"name": "G1-7", "key": "0123456789abcdef" * 2, "note": "Grüße '\"\\"}
OPTIONS = {"path": "/c.json", "piece": 64, "reply_s": 0.3, "wake_s": 0.2, "boot_s": 20.0}
SENT = 3000
"""More bytes than either board is sent."""


class OldBoard(MicroPythonBoard):
    """Firmware without raw-paste mode, on a port that has little."""

    pastes = False
    missing = frozenset({"hashlib", "binascii", "json", "os.rename", "os.sync"})


def provision(kind: type[MicroPythonBoard], lost: int, loop: LoopThread, folder: Path) -> dict[str, str]:
    """Return the files on a board that was provisioned, and passed, though it did not hear one byte."""

    async def arrive() -> MicroPythonBoard:
        memory = Memory(folder / f"{lost}.json")
        memory.program(kind.program(LABEL))
        wire = Wire(folder / f"port-{lost}")
        wire.plug()
        board = kind(wire, memory, Pace(boot_s=0.0, save_s=0.0), Faults([Fault("drops-byte", str(lost))]))
        board.power_on()
        return board

    async def leave() -> None:
        await board.power_off()
        board.wire.unplug()

    board = loop.run(arrive())
    try:
        with Link.open(str(board.wire.path), LinkOptions()) as link:
            near = MicroPython(link, MicroPython.Options.model_validate(OPTIONS), {})
            who = near.identify()
            assert who == Identity("020000000001", "020000000001", who.firmware, who.hardware_revision)
            near.configure(SETTINGS)
            assert near.restart()
            assert near.identify() == who
            assert near.read(SETTINGS) == SETTINGS
    finally:
        loop.run(leave())
    return board.memory.flash


@pytest.mark.parametrize("kind", [MicroPythonBoard, OldBoard])
def test_a_lost_byte_is_sent_again(kind: type[MicroPythonBoard], tmp_path: Path) -> None:
    loop = LoopThread("lossy-boards")
    try:
        for lost in range(1, SENT, 37):
            flash = provision(kind, lost, loop, tmp_path)
            assert set(flash) == {UNIQUE_ID, FACTORY, "/c.json"}, lost
            assert json.loads(flash["/c.json"]) == SETTINGS, lost
    finally:
        loop.close()
