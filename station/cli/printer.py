"""What a run without a screen prints: a line or a JSON object for each finished cycle, and the totals."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import asdict

import click

from station import clock
from station.model import Finished, Outcome, SlotView


class Printer:
    """Listens to a bench, prints to standard output."""

    def __init__(self, as_json: bool, wanted: int | None = None) -> None:
        """``wanted`` cycles are waited for (None: without end)."""
        self._json, self._wanted = as_json, wanted
        self._lock = threading.Lock()
        self._outcomes: Counter[Outcome] = Counter()
        self._pending: set[tuple[str | None, int]] = set()
        """Boards by serial number and attempt whose cycle has yet to close."""
        self._began = clock.monotonic()
        self.complete = threading.Event()
        """The wanted number of cycles has finished."""

    def slot_changed(self, view: SlotView) -> None:
        """Do nothing: steps are the journal's."""

    def cycle_finished(self, finished: Finished) -> None:
        """Print one cycle."""
        with self._lock:
            board = (finished.serial, finished.attempt)
            if finished.outcome is Outcome.PENDING:
                self._pending.add(board)
            else:
                self._pending.discard(board)
                self._outcomes[finished.outcome] += 1
            if self._json:
                click.echo(json.dumps(asdict(finished)))
            else:
                serial = ascii(finished.serial)[1:-1] if finished.serial else "-"
                text = f"slot {finished.slot:<3} {finished.outcome:<8} {serial:<20} {finished.duration_s:7.2f} s"
                click.echo(f"{text}  {finished.error}" if finished.error else text)
            if self._wanted is not None and self._outcomes.total() >= self._wanted:
                self.complete.set()

    def summarise(self, boards: int | None = None, passed: int | None = None) -> bool:
        """Print the totals and tell whether every board passed.

        ``boards`` and ``passed`` count boards over all runs on the same state
        folder, where that is known; else this run's cycles are counted.
        """
        with self._lock:
            cycles = self._outcomes.total()
            totals = {
                "boards": cycles if boards is None else boards,
                "passed": self._outcomes[Outcome.PASS] if passed is None else passed,
                "cycles": cycles,
                "outcomes": {str(o): self._outcomes[o] for o in Outcome} | {str(Outcome.PENDING): len(self._pending)},
                "duration_s": round(clock.monotonic() - self._began, 3),
            }
        if self._json:
            click.echo(json.dumps({"summary": totals}))
        else:
            click.echo("{passed} of {boards} boards passed; {cycles} cycles in {duration_s} s".format_map(totals))
        return totals["passed"] == totals["boards"]
