"""One slot: wait for a board, run its cycle, wait until it leaves.

A slot remembers nothing by itself.  Each turn asks the ledger what the last
one left: an open cycle is gone on with if its board is here, and a board that
was not seen to leave is not begun again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from drivers.board import Board, Identity, NoBoard
from drivers.errors import Cancelled, DriverError, PortError, PortLost, PortMissing
from drivers.link import Link
from station import clock, views, words
from station.case import Case
from station.cycle import BoardPulled, Cycle
from station.errors import DatabaseError, StationError
from station.escrow import Escrow
from station.fleet.client import Client
from station.ledger import CycleRow, History, Ledger, Reader
from station.ledger.transcript import written
from station.line import Line
from station.model import Closing, Finished, Phase, SlotView, Step
from station.outbox import Outbox
from station.presence import Gate, Nobody
from station.recipe import Presence, Recipe
from station.settings import SlotSettings

log = logging.getLogger(__name__)

_GRACE_S = 10.0
"""Seconds after a restart in which the board of an open cycle may turn up (USB ports come late)."""
_LEFT_S = 1.5
"""Seconds without a board after which one that had been here has left."""
_AWAKE_S = 0.2
"""Seconds between two signs of life to a board that has to wait for the line."""
_SIGNS = 3
"""So many signs of life without an answer mean that a board which had to wait has left."""
_BEFORE_S = 5.0
"""Seconds before a cycle whose transcript is part of it: a board may talk while it arrives."""
_RETRY_S = 1.0
"""Seconds between two turns after something unforeseen."""


@dataclass(frozen=True)
class Equipment:
    """What all slots of a station share."""

    station: str
    """The station's uid."""
    vendor: str
    owner: str
    recipe: Recipe
    ledger: Ledger
    reader: Reader
    escrow: Escrow
    fleet: Client
    outbox: Outbox
    line: Line
    open_link: Callable[[str], Link]
    board: Callable[[Link], Board]
    """Makes the dialect's near end on a link."""


class Slot:
    """A place for one board, and the thread that serves it."""

    def __init__(
        self,
        settings: SlotSettings,
        equipment: Equipment,
        publish: Callable[[SlotView], None],
        finished: Callable[[Finished], None],
    ) -> None:
        """``publish`` is told of each new view, ``finished`` of each closed cycle, both in the slot's thread."""
        self.name = settings.name
        self._port, self._equipment, self._line = settings.port, equipment, equipment.line
        self._publish, self._finished = publish, finished
        self._view = SlotView(self.name)
        self._trouble: str | None = None
        recipe = equipment.recipe
        self._gate = Gate(settings.port, recipe.presence, equipment.open_link, equipment.board, self._note_port)
        self._thread = threading.Thread(target=self._run, name=f"slot {self.name}", daemon=True)

    # ------------------------------------------------------------- for other threads

    @property
    def view(self) -> SlotView:
        """What a screen may see."""
        return self._view

    def open(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def start(self) -> None:
        """Take the board in this slot as new, though its arrival could not be seen."""
        if self._view.phase not in (Phase.RUNNING, Phase.HELD):
            self._gate.start()

    def stop(self) -> None:
        """Stop soon: what is on the wire is cut, an open cycle stays open."""
        self._gate.cancel()

    def join(self, timeout_s: float | None = None) -> None:
        """Wait until the slot has stopped, if it was ever opened; at most ``timeout_s``."""
        if self._thread.ident is not None:
            self._thread.join(None if timeout_s is None else max(0.0, timeout_s))

    def give_up(self) -> None:
        """Close the open cycle of a slot that the settings no longer have; asks neither the board nor the fleet."""
        try:
            row = self._equipment.reader.open_cycle(self.name)
            if row is not None:
                cycle = self._taken_up(row, NoBoard(), None)
                ending = cycle.write_off(BoardPulled("the settings no longer have this slot"))
                self._show_finished(cycle.row, ending)
                self._leave(cycle.row)
        except StationError as fault:
            log.warning("slot %s: its open cycle stays open: %s", self.name, fault.text)

    # ------------------------------------------------------------- turns

    def _run(self) -> None:
        """Serve one board after the other; nothing that goes wrong with one ends the slot."""
        try:
            while True:
                try:
                    self._turn()
                except DatabaseError as fault:
                    self._line.halt(fault)
                    self._show(phase=Phase.HELD, note=words.advice(fault.code), outcome=None)
                    self._line.await_running()
                except Cancelled:
                    raise
                except PortError as fault:
                    self._note_port(fault)
                    self._line.rest(_RETRY_S)
                except Exception:
                    log.exception("slot %s: unforeseen", self.name)
                    self._show(phase=Phase.OUT, note=words.advice("internal"), outcome=None)
                    self._line.rest(_RETRY_S)
        except Cancelled:
            return

    def _turn(self) -> None:
        """Serve one board, from its arrival until it leaves."""
        row = self._equipment.reader.last_cycle(self.name)
        if row is not None and row.removed_at is not None:
            row = None
        patience = None if row is None else _GRACE_S if row.closed_at is None else _LEFT_S
        try:
            link, board = self._gate.await_board(patience)
        except Nobody:
            assert row is not None
            gone = "the board was gone when the station came back"
            self._leave(row if row.closed_at is not None else self._abandon(row, gone))
            return
        with closing(link), suppress(PortLost):
            if row is None:
                row = self._begin(link, board)
                if row is None:
                    return
            elif row.closed_at is None:
                row = self._go_on(row, link, board)
            elif self._same(row, board):
                if self._view.phase is not Phase.REMOVE:
                    # Not any sooner: another board would be seen with this verdict.
                    self._replace(views.closed(row, self._equipment.recipe.plan))
            else:
                self._leave(row)
                return
            self._gate.await_removal(link, board)
            self._leave(row)

    def _begin(self, link: Link, board: Board) -> CycleRow | None:
        """Run a new cycle; None if the board had to wait for the line, and left."""
        said_to_be_there, self._gate.started = self._gate.started, False
        while (why := self._line.obstacle) is not None:
            self._show(phase=Phase.HELD, note=words.advice(why))
            if not (self._waits(board) or said_to_be_there):
                return None
            self._line.rest(_AWAKE_S)
        recipe = self._equipment.recipe
        named = (recipe.sha256, recipe.name, recipe.version, recipe.text)
        row = self._equipment.ledger.open_cycle(self.name, named, recipe.plan[0])
        return self._run_cycle(self._cycle(row, board, link))

    def _go_on(self, row: CycleRow, link: Link, board: Board) -> CycleRow:
        """Go on with a cycle that an earlier run of the station left open."""
        self._gate.started = False
        return self._run_cycle(self._taken_up(row, board, link))

    def _abandon(self, row: CycleRow, why: str) -> CycleRow:
        """Close a cycle that an earlier run of the station left open, and whose board is not here any more."""
        cycle = self._taken_up(row, NoBoard(), None)
        ending = cycle.abandon(BoardPulled(why))
        self._show_finished(cycle.row, ending)
        return cycle.row

    def _taken_up(self, row: CycleRow, board: Board, link: Link | None) -> Cycle:
        cycle, reader = self._cycle(row, board, link), self._equipment.reader
        cycle.take_up(reader.settled(row.id), reader.decided(row.id), reader.transcript(row.id))
        return cycle

    def _run_cycle(self, cycle: Cycle) -> CycleRow:
        self._replace(views.running(cycle.row, self._equipment.recipe.plan))
        ending = cycle.run()
        self._show_finished(cycle.row, ending)
        return cycle.row

    def _cycle(self, row: CycleRow, board: Board, link: Link | None) -> Cycle:
        shared = self._equipment

        def history(identity: Identity) -> History:
            shared.outbox.make_way(identity.serial)
            return shared.reader.history(identity.serial, identity.hardware_id, row.id)

        def hold(fault: StationError, waited: float) -> None:
            self._hold(fault, waited)
            if link is not None and not self._waits(board):  # nothing is to be done in the name of one that left
                raise BoardPulled("the board was taken out while it waited for the fleet")

        case = Case(
            number=row.id,
            recipe=shared.recipe,
            station=shared.station,
            vendor=shared.vendor,
            owner=shared.owner,
            board=board,
            hide=link.hide if link else lambda secret: None,
            mask=link.masked_text if link else lambda text: text,
            fleet=shared.fleet,
            escrow=shared.escrow,
            history=history,
            transcript=_transcript_of(link) if link else lambda: "",
        )
        return Cycle(row, case, shared.ledger, hold, self._show_step)

    def _waits(self, board: Board) -> bool:
        """Tell whether a board that has to wait is still here, and keep it from starting what it can't be stopped in.

        Raises ``PortLost`` if it took its port along.
        """
        answers = any(board.present() for _ in range(_SIGNS))
        return answers or self._equipment.recipe.presence is Presence.PORT

    def _same(self, row: CycleRow, board: Board) -> bool:
        """Tell whether the board of a closed cycle is still here, after a restart of the station."""
        if self._gate.started:
            return False
        try:
            seen = board.identify()
        except (Cancelled, PortLost):
            raise
        except DriverError:
            return row.serial is None  # silent then and silent now; a board that had spoken is not taken for granted
        if row.serial is None:
            return self._equipment.recipe.complaint(seen) is not None
        return (seen.serial, seen.hardware_id) == (row.serial, row.hardware_id)

    def _leave(self, row: CycleRow) -> None:
        """Record that the board of a closed cycle has left."""
        self._equipment.ledger.removed(row)
        if self._equipment.recipe.presence is Presence.PORT:
            self._trouble = PortMissing.code  # the port left with its board: an empty slot, and no trouble
        self._replace(views.empty(self.name, row))

    # ------------------------------------------------------------- waiting, in words

    def _hold(self, fault: StationError, waited: float) -> None:
        def say(pause: float) -> None:
            at = datetime.now() + timedelta(seconds=pause)
            self._show(note=f"{words.advice(fault.code)} {words.NEXT_TRY} {at:%H:%M:%S}.")

        self._show(note=words.advice(fault.code))
        self._line.wait_for_fleet(fault, waited, say)
        self._show(note="")

    def _note_port(self, fault: PortError | None) -> None:
        """Show how the port is; record a change once."""
        code = fault.code if fault else None
        if self._view.phase is not Phase.REMOVE:
            usable = fault is None or isinstance(fault, PortMissing)
            note = f"{words.advice(fault.code)} {fault.text}." if fault else words.advice("slot-empty")
            self._show(phase=Phase.EMPTY if usable else Phase.OUT, note=note)
        if code == self._trouble:
            return
        came_back = self._trouble == PortMissing.code and code is None
        self._trouble = code
        if not (came_back and self._equipment.recipe.presence is Presence.PORT):  # there it is a board that arrives
            log.info("slot %s: port: %s", self.name, fault.text if fault else "ok")
            facts = {"slot": self.name, "port": self._port, "state": code or "ok", "text": fault.text if fault else ""}
            self._equipment.ledger.note("port", facts)

    # ------------------------------------------------------------- showing

    def _show_step(self, row: CycleRow, step: Step) -> None:
        self._show(serial=row.serial, attempt=row.attempt or 0, step=step, note="")

    def _show_finished(self, row: CycleRow, ending: Closing) -> None:
        """Show the verdict, which is on the disk by now, and tell of it."""
        self._replace(views.closed(row, self._equipment.recipe.plan, ending))
        self._finished(views.finished(row, ending))

    def _show(self, **changes: Any) -> None:
        self._replace(replace(self._view, **changes))

    def _replace(self, view: SlotView) -> None:
        if view != self._view:
            self._view = view
            self._publish(view)


def _transcript_of(link: Link) -> Callable[[], str]:
    """Return what writes down the exchange of a cycle that begins now, without the waiting for its board."""
    began = clock.monotonic() - link.opened - _BEFORE_S

    def transcript() -> str:
        opened_at = clock.now_us() - round((clock.monotonic() - link.opened) * 1e6)
        return written((passage for passage in link.transcript if passage.seconds >= began), opened_at)

    return transcript
