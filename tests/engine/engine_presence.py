"""A slot of any kind of presence, and hands that put boards in, pull them, and plug its adapter."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from engine_floor import Floor

from drivers.board import Board, Identity
from drivers.errors import Fault
from drivers.link import Link
from drivers.opening import port_present
from drivers.shell import Shell
from station.model import SlotView
from station.presence import Gate

QUICK = (("reply_s = 10.0", "reply_s = 1.6"), ("boot_s = 20.0", "boot_s = 2.0"))
"""Times in which a silent board fails while a test waits."""
LINE = "dsr"
"""The modem line of those that are tried here; the others differ by name."""


class Bed(Floor):
    """One slot; ``kind`` is how its recipe says that boards are seen."""

    def __init__(self, folder: Path, kind: str, patch: pytest.MonkeyPatch, *changes: tuple[str, str]) -> None:
        super().__init__(folder, ('presence = "port"', f'presence = "{kind}"'), *changes)
        self.kind = kind
        self.asserted = False
        """The level of the line, which ptys don't have."""
        self._spares: list[int] = []
        patch.setattr("drivers.wire.sense", lambda device, line: line == LINE and self.asserted)
        patch.setattr("station.presence._PROBE_S", 0.05)
        self.asked = 0
        """How often a board was asked who it is."""
        self.opened = 0
        """How often the port was opened, or looked for,"""
        self.opened_when_asked = 0
        """and how often it had been when a board was asked last."""
        self.looks = 0
        """How often the open port was looked at while a board was waited for."""
        identify, there, look = Shell.identify, port_present, Gate._look

        def asked(board: Shell) -> Identity:
            try:
                return identify(board)
            finally:
                self.asked += 1
                self.opened_when_asked = self.opened

        def looked(port: str) -> bool:
            self.opened += 1
            return there(port)

        def seen(gate: Gate, link: Link, board: Board) -> bool | None:
            self.looks += 1
            return look(gate, link, board)

        patch.setattr(Shell, "identify", asked)
        patch.setattr(Gate, "_look", seen)
        patch.setattr("station.presence.port_present", looked)

    def ready(self) -> None:
        """Start the station on an empty slot."""
        if self.kind != "port":
            self.plug()
        self.start()

    def arrive(self, number: int = 1) -> None:
        """Put a board in, and start it where nothing else shows it."""
        self.insert(number=number)
        self.asserted = True
        if self.kind == "start":
            self.press_start()

    def pull(self) -> None:
        """Take the board out."""
        self.asserted = False
        self.remove(port_stays=self.kind != "port")

    def lose(self) -> None:
        """Pull the adapter out; the board behind it stays where it is, and has power."""
        self.gone = os.readlink(self.wires["1"].path)
        self.unplug()

    def back(self) -> None:
        """Plug the adapter in again; it is another ``ttyUSBn`` then."""
        self._spares += os.openpty()  # takes the number that has just become free, if nobody else does
        self.plug()
        while os.readlink(self.wires["1"].path) == self.gone:
            self.unplug()
            self._spares += os.openpty()
            self.plug()

    def say(self, text: bytes) -> None:
        """Let something be heard from the slot, whatever is in it."""
        self._in_loop(lambda: self.wires["1"].write(text))

    def wait_idle(self) -> None:
        """Return once the station waits for a board at an open port: it would have begun one at its first looks."""
        looks, cycles = self.looks, len(self.cycles())
        self.watcher.wait_for(lambda: self.looks > looks + 3 or len(self.cycles()) > cycles)

    def press_start(self) -> Fault | None:
        assert self.bench is not None
        return self.bench.start_cycle("1")

    def in_the_middle(self, act: Any) -> None:
        """Do something while the cycle is about to fetch the board's key."""
        assert self.client is not None
        self.client.before("activate", act)

    def shown(self) -> SlotView:
        assert self.bench is not None
        return self.bench.views()[0]

    def cycles(self) -> list[tuple[Any, ...]]:
        return self.ledger("SELECT serial, outcome, error FROM cycles ORDER BY id")

    def close(self) -> None:
        super().close()
        for spare in self._spares:
            os.close(spare)


def opened_at(bed: Bed, cycle: int) -> float:
    """When a cycle was opened, in seconds of the wall clock."""
    ((opened,),) = bed.ledger("SELECT opened_at FROM cycles WHERE id = ?", cycle)
    return float(opened) / 1e6


def now() -> float:
    return time.time()
