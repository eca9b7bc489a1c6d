"""What the engine tells the journal: one line for each step, verdict and change of a slot.

Words a person greps for, no escape codes, no text of a board that could hold
any (a serial number is quoted by ``repr`` unless the recipe has accepted it).
"""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from station.model import Finished, Outcome, Phase, SlotView

log = logging.getLogger("station.journal")

_FORMAT = "%(asctime)s %(levelname)s %(message)s"


class Journal:
    """Writes down what a bench tells its listeners."""

    def slot_changed(self, view: SlotView) -> None:
        """Note the step that a slot begins, or what it waits for."""
        if view.phase is Phase.RUNNING and view.step and not view.note:
            log.info("slot %s: %s %s", view.slot, view.step, _plain(view.serial))
        elif view.note and view.phase not in (Phase.EMPTY, Phase.REMOVE):
            log.warning("slot %s: %s", view.slot, _line(view.note))

    def cycle_finished(self, finished: Finished) -> None:
        """Note a verdict."""
        level = logging.INFO if finished.outcome is Outcome.PASS else logging.WARNING
        text = f"{finished.outcome} {_plain(finished.serial)} {finished.duration_s:.1f} s"
        log.log(level, "slot %s: %s%s", finished.slot, text, f" [{finished.error}]" if finished.error else "")


def to_stderr(level: int = logging.INFO) -> None:
    """Send the journal to standard error, for whoever runs without a screen (systemd keeps the time)."""
    logging.basicConfig(level=level, format=_FORMAT, force=True)


def to_file(path: Path) -> None:
    """Send the journal to a file, since the screen is drawn on standard error; at most 4 MB are kept."""
    handler = RotatingFileHandler(path, maxBytes=1_000_000, backupCount=3, encoding="utf-8")
    logging.basicConfig(level=logging.INFO, format=_FORMAT, handlers=[handler], force=True)


def _plain(serial: str | None) -> str:
    return "-" if serial is None else serial if serial.isascii() and serial.isprintable() else ascii(serial)


def _line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
