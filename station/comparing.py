"""Do the boards that have passed still live in the fleet as they were passed?  Those that don't are held."""

from __future__ import annotations

from drivers.board import Identity
from station import clock, evidence
from station.inquiry import ask_for_good
from station.ledger.decisions import hold, passed_since
from station.ledger.history import history as history_of
from station.model import Facts, Step
from station.office import Office
from station.reconcile import decide
from station.situation import Found, Hardware, Held, Move, Ours, Situation

_DAY_US = 86_400_000_000
_ROUND_S = 3.0
"""Seconds after which a round ends, since whoever has asked for it waits for its end."""


def compare(office: Office, days: int, after: int) -> Facts:
    """Ask the fleet (M43) for each board that passed in the last days, from the cycle behind ``after`` on.

    Returns how many were ``looked`` at, those that are ``held`` now as pairs of serial number and what the fleet says,
    ``after`` for the next round, and whether that was the last one (``done``).  Raises ``FleetError``.
    """
    over, looked, held = clock.monotonic() + _ROUND_S, 0, []
    for board in passed_since(office.reader, clock.now_us() - days * _DAY_US, after):
        assert board.passed_cycle is not None
        found = _differs(office, board.model, board.serial, board.hardware_id or "", board.passed_cycle)
        if found is not None and hold(office.ledger, board, "pass-not-in-fleet"):
            held.append((board.serial, str(found)))
        looked, after = looked + 1, board.passed_cycle
        if clock.monotonic() >= over:
            return {"looked": looked, "held": held, "after": after, "done": False}
    return {"looked": looked, "held": held, "after": after, "done": True}


def _differs(office: Office, model: str, serial: str, hardware: str, cycle: int) -> Found | None:
    """Return what the fleet says of a board that has passed, if it is not what it should be."""
    row = office.reader.cycle(cycle)
    found, rid, extra = ask_for_good(office.fleet, model, serial)
    history = history_of(office.reader, model, serial, hardware, 0)
    mark = evidence.mark(office.station, Identity(serial, hardware))
    whose = evidence.claim(extra, mark, ours=rid == row.rid, doubt=False)
    lives = evidence.of_a_pass(found, evidence.activation(history))
    situation = Situation(Step.IDENTIFY, Held.SAME, Ours.PASS, Hardware.SAME, lives, whose)
    return None if decide(situation) is Move.STOP_PASSED else found
