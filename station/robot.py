"""The hands of a rehearsal: whoever puts boards in and takes them out, going by what the screen shows."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Sequence

from drivers.errors import BoardUnseen
from station import clock
from station.model import Finished, Phase, SlotView
from station.rehearsal import FarEndDied, RemoteFarEnd

log = logging.getLogger(__name__)

_STAYS_S = 10.0
"""Seconds after which a verdict that is still shown will not go away by its board's leaving."""


class Robot:
    """The hands of a rehearsal: puts boards in, and takes each out once its verdict was shown.

    Like a person it goes by what a screen shows.  It listens to the bench,
    and acts in a thread of its own.
    """

    def __init__(self, far_end: RemoteFarEnd, slots: Sequence[str], dwell_s: float) -> None:
        """``dwell_s`` is how long, in seconds, a verdict is looked at before the board is taken out."""
        self._far_end, self._slots, self._dwell_s = far_end, slots, dwell_s
        self._seen: queue.SimpleQueue[SlotView | None] = queue.SimpleQueue()
        self.done = threading.Event()
        """Every board has come and gone."""
        self._thread = threading.Thread(target=self._run, name="robot", daemon=True)

    def slot_changed(self, view: SlotView) -> None:
        """See a slot's new view."""
        if view.phase in (Phase.RUNNING, Phase.REMOVE) or (view.phase is Phase.EMPTY and view.last):
            self._seen.put(view)

    def cycle_finished(self, finished: Finished) -> None:
        """Do nothing: a robot, too, goes by the screen."""

    def start(self) -> None:
        """Fill every slot, and go on."""
        self._thread.start()

    def stop(self) -> None:
        """Put nothing in any more."""
        self._seen.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._feed()
        except FarEndDied as fault:
            log.error("%s", fault.text)
            self.done.set()

    def _feed(self) -> None:
        busy = {slot for slot in self._slots if self._far_end.ask(f"insert {slot}")}
        due: dict[str, tuple[float, str]] = {}
        """Slot -> when it is to be served, and the order."""
        while busy:
            for slot, (when, order) in list(due.items()):
                if when <= clock.monotonic():
                    del due[slot]
                    done = self._far_end.ask(f"{order} {slot}")
                    if order == "remove":
                        # Not every verdict goes away with its board: then the slot is found empty at the next look.
                        due[slot] = self._in(_STAYS_S, "remove") if done else self._in(self._dwell_s / 3, "insert")
                    elif not done:
                        busy.discard(slot)
            if not busy:
                break
            try:
                timeout = max(0, min(when for when, _ in due.values()) - clock.monotonic()) if due else None
                view = self._seen.get(timeout=timeout)
            except queue.Empty:
                continue
            if view is None:
                return
            if view.phase is Phase.RUNNING:  # whatever was intended, the slot has a board that is worked on
                due.pop(view.slot, None)
            elif view.phase is Phase.EMPTY:
                due[view.slot] = self._in(self._dwell_s / 3, "insert")
            else:  # what was started without a board needs one, and no removal
                due[view.slot] = self._in(self._dwell_s, "insert" if view.code == BoardUnseen.code else "remove")
        self.done.set()

    @staticmethod
    def _in(seconds: float, order: str) -> tuple[float, str]:
        return clock.monotonic() + seconds, order
