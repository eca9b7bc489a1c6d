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
from dataclasses import dataclass

from drivers.board import Board, Identity, NoBoard
from drivers.errors import (
    BoardGone,
    BoardPulled,
    BoardUnseen,
    Cancelled,
    DriverError,
    Fault,
    PortError,
    PortLost,
    PortMissing,
)
from drivers.link import Link
from station import clock
from station.cycle import SCAN_LABEL, Cycle
from station.errors import DatabaseError, EscrowFailed, SlotHeld, SlotRunning, StationError
from station.front import Front
from station.labels import Labels
from station.ledger import CycleRow, History
from station.ledger.transcript import written
from station.line import Line
from station.model import Finished, Outcome, Phase, SlotView, Step
from station.office import Office
from station.operators import Operators
from station.orders import WorkOrders
from station.outbox import Outbox
from station.presence import Gate, Nobody, leaves_unseen
from station.printing import Printer
from station.recipe import Presence, Recipe
from station.rules import Rules
from station.settings import SlotSettings

log = logging.getLogger(__name__)

_GRACE_S = 10.0
"""Seconds after a restart in which the board that was here may turn up: USB ports come late."""
_PORT_S = 20.0
"""So many more for a port that can't be used: its board may be tried elsewhere then."""
_LEFT_S = 1.5
"""Seconds without a board after which one that had been here has left."""
_AWAKE_S = 0.2
"""Seconds between two signs of life to a board that has to wait for the line."""
_SIGNS = 3
"""So many signs of life without an answer mean that a board which had to wait has left."""
_BEFORE_S = 5.0
"""Seconds before a cycle whose transcript is part of it: a board may talk while it arrives."""
_RETRY_S = 1.0
"""Seconds between two turns after something unforeseen, and between two questions to a board that answers none."""
_ASK_AGAIN_S = 5.0
"""Seconds that a board which had fallen silent may answer again before it is asked whether it is still the same."""
_CUT_OFF = (PortLost.code, BoardGone.code, BoardUnseen.code)
"""What a cycle ends with that has lost its port, or never had it."""
_LOSSES = 3
"""So many cycles may end one board's tries with the loss of its port before it has to be taken out first."""


@dataclass(frozen=True)
class Equipment:
    """What all slots of a station share."""

    office: Office
    recipe: Recipe
    outbox: Outbox
    line: Line
    operators: Operators
    orders: WorkOrders
    labels: Labels
    printer: Printer
    golden_due: Callable[[str], str]
    """Says which golden units a slot has yet to be tried with in this shift."""
    rules: Rules
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
        recipe = equipment.recipe
        self._presence = recipe.presence
        self.grace_s = max(_GRACE_S, recipe.link.returns_s or 0.0)  # it may have been restarting
        """Seconds after a start in which the board that was here may turn up."""
        if recipe.presence is Presence.PROBE:
            self.grace_s = max(self.grace_s, getattr(recipe.options, "boot_s", 0.0))  # the power may have been off
        self._just_started = True
        self._losses = 0
        """So many cycles of the board that is here have ended with the loss of its port, one after the other."""
        self._tenant: int | None = None
        self._newest = 0
        office = equipment.office
        self._front = Front(self.name, self._port, recipe, publish, finished, office.ledger.note, office.reader.stopped)
        self._gate = Gate(settings.port, recipe.presence, equipment.open_link, equipment.board, self._front.port)
        self._thread = threading.Thread(target=self._run, name=f"slot {self.name}", daemon=True)

    # ------------------------------------------------------------- for other threads

    @property
    def view(self) -> SlotView:
        """What a screen may see."""
        return self._front.view

    def open(self, tenant: int | None) -> None:
        """Begin to serve; ``tenant`` is the cycle whose board may be here, perhaps begun in a slot of another name."""
        self._tenant, self._newest = tenant, self._equipment.office.reader.last_number()
        self._thread.start()

    def start(self) -> Fault | None:
        """Take the board in this slot as new, though its arrival could not be seen; return why not, if it can't be."""
        if self.view.phase is Phase.RUNNING:
            return SlotRunning(f"slot {self.name}: a board is being worked on")
        if self.view.phase is Phase.HELD:
            return SlotHeld(f"slot {self.name}: the line stands still")
        if (closed := self._equipment.rules.obstacle(self.name)) is not None:
            return closed
        trouble = self._front.trouble
        if trouble is not None and not (self._presence is Presence.PORT and isinstance(trouble, PortMissing)):
            return trouble
        self._losses = 0
        self._gate.start()
        return None

    def stop(self) -> None:
        """Stop soon: what is on the wire is cut, an open cycle stays open."""
        self._gate.cancel()

    def join(self, timeout_s: float | None = None) -> None:
        """Wait until the slot has stopped, if it was ever opened; at most ``timeout_s``."""
        if self._thread.ident is not None:
            self._thread.join(None if timeout_s is None else max(0.0, timeout_s))

    def give_up(self) -> None:
        """Close the open cycle of a slot that is none of the settings' any more; asks neither board nor fleet."""
        try:
            row = self._equipment.office.reader.open_cycle(self.name)
            if row is not None:
                cycle = self._taken_up(row, NoBoard(), None)
                ending = cycle.write_off(BoardPulled("the settings no longer have this slot, or not at this port"))
                self._front.closed(cycle.row, ending)
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
                    self._front.held(fault.code)
                    self._line.await_running()
                except Cancelled:
                    raise
                except PortError as fault:
                    self._front.port(fault)
                    self._line.rest(_RETRY_S)
                except Exception:
                    log.exception("slot %s: unforeseen", self.name)
                    self._front.out("internal")
                    self._line.rest(_RETRY_S)
        except Cancelled:
            return

    def _turn(self) -> None:
        """Serve one board, from its arrival until it leaves."""
        row = self._last_cycle()
        if row is None or row.removed_at is not None:
            self._serve_new()
        elif row.released_at is None:
            self._serve_cut(row)
        else:
            self._serve_closed(row)
        self._just_started = False

    def _last_cycle(self) -> CycleRow | None:
        """Return the cycle whose board was here last."""
        reader = self._equipment.office.reader
        row = reader.last_cycle(self.name)
        if row is None or row.id <= self._newest:  # of an earlier run, in which this slot may have been another one
            return reader.cycle(self._tenant) if self._tenant is not None else None
        return row

    def _serve_new(self) -> None:
        """Wait for a board, and run its cycle."""
        while (why := self._equipment.rules.obstacle(self.name)) is not None:
            self._front.out(why.code)
            self._line.rest(_AWAKE_S)
        try:
            link, board = self._gate.await_board(None)
        except Nobody:
            self._begin(None, NoBoard(BoardUnseen(f"a board was started, and {self._port} is not there")))
            return
        with closing(link), suppress(PortLost, BoardPulled):
            self._serve(link, board)

    def _serve(self, link: Link, board: Board) -> None:
        """Run the cycle of a new board, and wait until it has left."""
        row = self._begin(link, board)
        if row is not None:
            self._see_off(row, link, board)

    def _serve_cut(self, row: CycleRow) -> None:
        """Go on with a cycle that an earlier run of the station left open, if its board is still here."""
        try:
            try:
                link, board = self._gate.await_board(self.grace_s, on_trust=True, port_s=self.grace_s + _PORT_S)
            except Nobody:
                self._leave(self._abandon(row, "the board was gone when the station came back"))
                return
            with closing(link), suppress(PortLost, BoardPulled):
                closed = self._run_cycle(self._taken_up(row, board, link))
                self._line.recalled(self.name)
                self._see_off(closed, link, board)
        finally:
            self._line.recalled(self.name)

    def _serve_closed(self, row: CycleRow) -> None:
        """Wait until the board of a closed cycle leaves, which nobody has seen so far; serve another that is here."""
        lingers = leaves_unseen(self._presence, row.error)
        stays_started = self._stays_started(row)
        if lingers:
            self._front.recall(row, sure=False)
        patience_s = None if lingers else self.grace_s if self._just_started else _LEFT_S
        try:
            link, board = self._gate.await_board(patience_s, on_trust=stays_started)
        except Nobody:
            self._losses = 0
            self._leave(row)
            return
        with closing(link), suppress(PortLost, BoardPulled):
            while not (self._gate.started or self._was_cut_off(row) or self._is_another(row, board)):
                self._front.recall(row, sure=True)
                if self._see_off(row, link, board) or self._gate.await_silence(board, _ASK_AGAIN_S):
                    return
            self._leave(row)
            if stays_started:
                self._gate.start()
            self._serve(link, board)  # on the same link: to open a terminal server's port anew takes most of a second

    def _see_off(self, row: CycleRow, link: Link, board: Board) -> bool:
        """Wait until the board of a closed cycle has left; False where nothing would show it."""
        pulled = row.error == BoardPulled.code
        unseen = leaves_unseen(self._presence, row.error)
        if pulled or self._gate.await_removal(link, board, unseen, lambda: self._was_swapped(row, board)):
            self._losses = 0
            self._leave(row)
            return True
        return False

    def _begin(self, link: Link | None, board: Board) -> CycleRow | None:
        """Run a new cycle; None if the board had to wait for the line, and left."""
        said_to_be_there, self._gate.started = self._gate.started, False
        operators, orders = self._equipment.operators, self._equipment.orders
        operators.touch()
        while True:
            why = self._line.obstacle or operators.obstacle or orders.obstacle
            if why is None and (row := orders.begin(self._open_cycle)) is not None:
                return self._run_cycle(self._cycle(row, board, link))
            if why is not None:
                self._front.held(why)
            if not (self._waits(board) or said_to_be_there):
                return None
            self._line.rest(_AWAKE_S)

    def _open_cycle(self, work_order: str | None) -> CycleRow:
        recipe, who = self._equipment.recipe, self._equipment.operators.signed_in
        return self._equipment.office.ledger.open_cycle(
            self.name, recipe.edition, recipe.plan[0], who.id if who else None, work_order
        )

    def _abandon(self, row: CycleRow, why: str) -> CycleRow:
        """Close a cycle that an earlier run of the station left open, and whose board is not here any more."""
        cycle = self._taken_up(row, NoBoard(), None)
        ending = cycle.abandon(BoardPulled(why))
        self._front.closed(cycle.row, ending)
        return cycle.row

    def _taken_up(self, row: CycleRow, board: Board, link: Link | None) -> Cycle:
        cycle = self._cycle(row, board, link)
        cycle.take_up(self._equipment.office.reader.past(row))
        return cycle

    def _run_cycle(self, cycle: Cycle) -> CycleRow:
        self._front.running(cycle.row, cycle.opened)
        self._gate.started = False  # what was pressed until here meant this board; from here on a start is refused
        ending = cycle.run()
        self._losses = self._losses + 1 if ending.code in _CUT_OFF else 0
        if ending.code == EscrowFailed.code:  # before the next board's number is used up for nothing
            self._line.halt(EscrowFailed(ending.text or "a key could not be made safe"))
        self._front.closed(cycle.row, ending)
        if ending.outcome is Outcome.PASS:
            self._equipment.printer.passed(cycle.row)
        return cycle.row

    def _cycle(self, row: CycleRow, board: Board, link: Link | None) -> Cycle:
        shared = self._equipment

        def history(identity: Identity) -> History:
            shared.outbox.make_way(identity.serial)
            return shared.office.history(identity, row)

        def hold(fault: StationError, waited: float) -> None:
            self._front.waiting(fault.code)
            self._line.wait_for_fleet(fault, waited, lambda pause: self._front.waiting(fault.code, pause), stays)
            self._front.waiting(fault.code)  # until it has answered, which may take as long as the waiting
            stays()

        def rest(seconds: float, code: str | None) -> None:
            self._front.waiting(code)  # the fleet has answered
            self._line.rest(seconds)
            stays()

        def stays() -> None:
            if link is not None and not self._waits(board):  # nothing is to be done in the name of one that left
                raise BoardPulled("the board was taken out while it waited for the fleet")

        def publish(row: CycleRow, step: Step, code: str) -> None:
            if step is not Step.DISABLE:  # this is its board; else its cycle is about to close
                self._line.recalled(self.name)
            self._front.step(row, step, code)

        kept = {"hide": link.hide, "mask": link.masked_text, "transcript": _transcript_of(link)} if link else {}

        def label() -> str:
            return shared.labels.wait(self.name, lambda seconds: rest(seconds, SCAN_LABEL))

        asked = {"label": label, "golden_due": lambda: shared.golden_due(self.name)}
        case = shared.office.case(row, shared.recipe, board, history, rest=rest, **asked, **kept)
        return Cycle(row, case, shared.office.ledger, hold, publish)

    def _waits(self, board: Board) -> bool:
        """Tell whether a board that has to wait is still here, and keep it from starting what it can't be stopped in.

        Raises ``PortLost`` if it took its port along.
        """
        answers = any(board.present() for _ in range(_SIGNS))
        return answers or self._presence is not Presence.PROBE

    def _was_cut_off(self, row: CycleRow) -> bool:
        """Tell whether a cycle ended for want of its port, which is there by now: its board may be tried once more.

        Not for ever: some boards take so much current that their adapter goes, and some always come back too late.
        """
        return row.error in _CUT_OFF and self._losses < _LOSSES

    def _stays_started(self, row: CycleRow) -> bool:
        """Tell whether an operator's start holds for another try: his board was cut off while this station ran."""
        shown = self.view.phase is Phase.REMOVE
        return self._presence is Presence.START and shown and self._was_cut_off(row)

    def _is_another(self, row: CycleRow, board: Board) -> bool:
        """Tell whether another board is here than that of a closed cycle."""
        try:
            seen = board.identify()
        except (Cancelled, PortLost, BoardPulled):
            raise
        except DriverError:
            # A board that had spoken is not taken for granted, unless it is one that falls silent by itself.
            return row.serial is not None and not leaves_unseen(self._presence, row.error)
        return self._differs(row, seen)

    def _differs(self, row: CycleRow, seen: Identity) -> bool:
        """Tell whether this is not the board of a closed cycle."""
        if row.serial is None and row.error in _CUT_OFF:
            return False  # it may be the one that was cut off so often
        if row.serial is None:
            # Stopped while it was identified, by what the ledger knows of it; or it was never understood.
            named = self._equipment.office.reader.stopped(row.id)
            stopped = named.get("serial"), named.get("hardware_id", seen.hardware_id)
            return (seen.serial, seen.hardware_id) != stopped and self._equipment.recipe.complaint(seen) is None
        return (seen.serial, seen.hardware_id) != (row.serial, row.hardware_id)

    def _was_swapped(self, row: CycleRow, board: Board) -> bool:
        """Tell whether another board says who it is; one that says nothing may be the same, which does something else.

        Boards can be changed by hand faster than three probes miss them.
        """
        try:
            return self._differs(row, board.identify())
        except (Cancelled, PortLost, BoardPulled):
            raise
        except DriverError:
            return False

    def _leave(self, row: CycleRow) -> None:
        """Record that the board of a closed cycle has left."""
        self._equipment.office.ledger.removed(row)
        self._front.empty(row)


def _transcript_of(link: Link) -> Callable[[], str]:
    """Return what writes down the exchange of a cycle that begins now, without the waiting for its board."""
    began = clock.monotonic() - link.opened - _BEFORE_S

    def transcript() -> str:
        opened_at = clock.now_us() - round((clock.monotonic() - link.opened) * 1e6)
        return written((passage for passage in link.transcript if passage.seconds >= began), opened_at)

    return transcript
