"""A station's worth of ledger calls in a process that can be killed: says what was acknowledged, a line each.

Run as ``ledger_child.py PATH SLOTS``; it goes on until it is killed.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from ledger_floor import RECIPE, RID, STATION, closed, enabled, identified

from station.ledger import Ledger
from station.model import Outcome, Step


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())  # at once, and whole


def serve(ledger: Ledger, slot: str) -> None:
    recipe = RECIPE
    while True:
        row = ledger.open_cycle(slot, recipe, Step.IDENTIFY)
        say(f"{row.id} open")
        row = identified(ledger, row, f"SN-{row.id}")
        say(f"{row.id} identify")
        row = enabled(ledger, row, RID)
        say(f"{row.id} enable")
        row = closed(ledger, row, Outcome.PASS)
        say(f"{row.id} close")
        ledger.removed(row)
        say(f"{row.id} remove")


if __name__ == "__main__":
    the_ledger = Ledger(Path(sys.argv[1]), STATION)
    for number in range(int(sys.argv[2])):
        threading.Thread(target=serve, args=(the_ledger, f"{os.getpid()}-{number}")).start()
