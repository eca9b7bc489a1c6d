"""Boards on their way through a ledger, in as few words as a test needs."""

from __future__ import annotations

from threading import Event, Thread
from typing import Any

from station.database import Piece
from station.ledger import CycleRow, Ledger
from station.model import Closing, Edition, Outcome, Step

MODEL = "gateway"
RECIPE = Edition("ab" * 32, "gateway-g1", "1", 'name = "gateway-g1"\n[fleet]\nmodel = "gateway"\n', MODEL)
STATION = "0123456789abcdef"
RID = "0123456789abcdef0123456789abcdef01234567"
PASSED = Closing(Outcome.PASS)


def opened(ledger: Ledger, slot: str = "1") -> CycleRow:
    return ledger.open_cycle(slot, RECIPE, Step.IDENTIFY)


def identified(ledger: Ledger, row: CycleRow, serial: str, hardware_id: str | None = None) -> CycleRow:
    hardware_id = f"02:00:{serial}" if hardware_id is None else hardware_id
    identity = {"serial": serial, "hardware_id": hardware_id, "firmware": "U-Boot", "hardware_revision": ""}
    return ledger.settle(row, Step.IDENTIFY, {"identity": identity}, Step.ENABLE)


def enabled(ledger: Ledger, row: CycleRow, rid: str = RID) -> CycleRow:
    return ledger.settle(row, Step.ENABLE, {"rid": rid, "found": "unused", "move": "enable"}, Step.CONFIGURE)


def closed(ledger: Ledger, row: CycleRow, outcome: Outcome, code: str | None = None) -> CycleRow:
    code = code or (None if outcome is Outcome.PASS else f"test-{outcome.lower()}")
    return ledger.close_cycle(row, Closing(outcome, code, "why", {"seen": 1}), {"rid": row.rid}, 1234)


def board(
    ledger: Ledger,
    serial: str | None,
    outcome: Outcome,
    *,
    slot: str = "1",
    hardware_id: str | None = None,
    rid: str | None = RID,
) -> CycleRow:
    """Take a board through a whole cycle; without a serial number it never says who it is."""
    row = opened(ledger, slot)
    if serial is not None:
        row = identified(ledger, row, serial, hardware_id)
        row = enabled(ledger, row, rid) if rid else row
    return closed(ledger, row, outcome)


def together(ledger: Ledger, *calls: Any) -> list[Piece[Any]]:
    """Have the work of several calls done in one transaction: it waits while the writer is kept busy."""
    pieces: list[Any] = []
    ledger.write = pieces.append  # type: ignore[method-assign] # the one door
    for call in calls:
        call()
    del ledger.write  # type: ignore[method-assign]
    begun, enough = Event(), Event()

    def busy(db: Any) -> None:
        begun.set()
        enough.wait()

    thread = Thread(target=ledger._writer.write, args=[busy])
    thread.start()
    begun.wait()
    waiting = [ledger._writer.submit(piece) for piece in pieces]
    enough.set()
    thread.join()
    return waiting
