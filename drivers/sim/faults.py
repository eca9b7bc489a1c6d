"""What can be wrong with a simulated board, by name.

A fault is written ``NAME`` or ``NAME@WHERE``.  Some are the wire's (bytes that
get lost, that make no sense, that never end), some the firmware's, some the
label's; a board may have several.  A simulated board asks its ``Faults`` at
the places where they matter, so each dialect's far end takes all of them.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from drivers.sim.label import Label


class Moment(StrEnum):
    """What a board is asked for, whatever it speaks."""

    IDENTIFY = "identify"
    """Who it is;"""
    WRITE = "write"
    """to take a setting;"""
    COMMIT = "commit"
    """to make its settings permanent;"""
    RESTART = "restart"
    """to start again;"""
    READ = "read"
    """to tell a setting."""


HOSTILE = {
    "markup": "[bold red]SIM[/] <script>alert(1)</script>",
    "escape": "SIM\x1b[2J\x1b]0;owned\x07\x1b[31m",
    "path": "../../../../etc/passwd",
    "formula": "=cmd|'/C calc'!A0",
    "long": "A" * 10_000,
    "control": "SIM\x01\x02\x07\x08\x7f",
    "utf8": b"SIM\xff\xfe\xc3(".decode("utf-8", "surrogateescape"),
}
"""Serial numbers that somebody might put on a board to harm a station; the last one is no UTF-8."""

NAMES: dict[str, tuple[str, tuple[str, ...]]] = {
    "silent": ("never says anything", ()),
    "garbage": ("says random bytes only", ()),
    "noise": ("prints log lines between its lines", ()),
    "slow": ("takes its time for every few bytes", ()),
    "echo-off": ("doesn't echo what it hears", ()),
    "resets": ("restarts by itself when it is asked to ...", tuple(Moment)),
    "wrong-readback": ("tells other settings than it holds", ()),
    "drops-byte": ("never hears byte number N of what it is sent", ("N",)),
    "hangs-up": ("takes its port away when it is asked to ...", tuple(Moment)),
    "freezes": ("says nothing more when it is asked to ...", tuple(Moment)),
    "streams": ("never stops talking", ()),
    "duplicate-serial": ("has the serial number of the board before", ()),
    "hostile-serial": ("has a serial number made to harm", tuple(HOSTILE)),
    "forgets-on-reset": ("has lost its settings when it starts again", ()),
    "commit-lies": ("says that its settings are permanent, and they aren't", ()),
    "swapped": ("is another board when it starts again", ()),
}
"""Name -> what the board does, and the places that may follow an @ (without one: the first, or one by chance)."""

NOISE = b"[   12.345678] usb 1-1: new high-speed device\r\n"
"""A log line, as ``noise`` prints it."""
GARBAGE_SEED = 7


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with one board."""

    name: str
    where: str = ""

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read ``NAME`` or ``NAME@WHERE``; raises ``ValueError`` that says what there is."""
        name, _, where = text.strip().partition("@")
        if name not in NAMES:
            raise ValueError(f"there is no fault {name!r}; there are: {', '.join(NAMES)}, and random")
        places = NAMES[name][1]
        if not places and where:
            raise ValueError(f"the fault {name} has no place, {where!r}")
        if places == ("N",):
            if not (where or "40").isdecimal():
                raise ValueError(
                    f"the fault {name} is followed by the number of a byte, as in {name}@40, not {where!r}"
                )
            return cls(name, where or "40")
        if places and where and where not in places:
            raise ValueError(f"the fault {name} has no place {where!r}; there are: {', '.join(places)}")
        return cls(name, where or (places[0] if places else ""))

    def __str__(self) -> str:
        return f"{self.name}@{self.where}" if self.where else self.name


def assigned(names: Sequence[str], seed: int, index: int) -> Fault | None:
    """Return what is wrong with board ``index`` of a pile: every other board has a fault, the names by turns.

    ``random`` is one by chance, the same for the same seed and index.
    """
    if not names or index % 2:
        return None
    name = names[index // 2 % len(names)]
    if name != "random":
        return Fault.parse(name)
    chance = random.Random(f"{seed}/{index}")
    name = chance.choice(list(NAMES))
    places = NAMES[name][1]
    where = str(chance.randrange(1, 400)) if places == ("N",) else chance.choice(places) if places else ""
    return Fault(name, where)


def label(fault: Fault | None, seed: int, index: int) -> Label:
    """Return what the factory has put on board ``index``, if this is wrong with it."""
    own = Label.of(seed, index)
    match fault:
        case Fault("hostile-serial", where):
            return Label(HOSTILE[where], own.mac)
        case Fault("duplicate-serial") if index:
            return Label(Label.of(seed, index - 1).serial, own.mac)
    return own


class Faults:
    """All that is wrong with one board; each thing that happens at a moment happens once."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._all = tuple(faults)
        self._names = {fault.name for fault in self._all}
        self._happened: set[Fault] = set()
        self._heard = 0
        self._chance = random.Random(GARBAGE_SEED)

    def has(self, name: str) -> bool:
        """Tell whether the board has a fault of this name."""
        return name in self._names

    def at(self, moment: Moment) -> str | None:
        """Return ``resets``, ``hangs-up`` or ``freezes`` if that happens at this moment, and hasn't before."""
        for fault in self._all:
            if fault.where == moment and fault not in self._happened:
                self._happened.add(fault)
                return fault.name
        return None

    def hears(self, data: bytes) -> bytes:
        """Return what the board hears of what is sent to it."""
        began, self._heard = self._heard, self._heard + len(data)
        for fault in self._all:
            if fault.name == "drops-byte" and began < (number := int(fault.where)) <= self._heard:
                return data[: number - began - 1] + data[number - began :]
        return data

    def says(self, data: bytes) -> bytes:
        """Return what comes out of the board's mouth in place of ``data``."""
        if "silent" in self._names:
            return b""
        if "garbage" in self._names:
            return self._chance.randbytes(len(data))
        if "noise" in self._names:
            return data.replace(b"\n", b"\n" + NOISE)
        return data

    def reads(self, value: str) -> str:
        """Return what the board tells of a setting that it holds."""
        return value + "?" if "wrong-readback" in self._names else value


NONE = Faults()
"""Nothing is wrong."""
