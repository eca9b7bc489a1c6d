"""From what was found to the words of the table: whose is it, what do we know, who is here.  Pure."""

from __future__ import annotations

import hashlib
import tomllib

from drivers.board import Identity
from drivers.errors import Fault
from station.fleet_rules import Activation
from station.ledger import History
from station.model import Outcome
from station.situation import STOPS, Claim, Found, Hardware, Move, Ours

_LAST = {Outcome.FAIL: Ours.FAIL, Outcome.ERROR: Ours.ERROR, Outcome.ABORTED: Ours.ABORTED}


def mark(station: str, identity: Identity) -> str:
    """Return what this station writes beside a serial number, so that it knows its own work again.

    No comma in it: some clients of the API split a record on commas.
    """
    return f"st={station};hw={_fingerprint(identity.hardware_id)}"


def _fingerprint(hardware_id: str) -> str:
    return hashlib.sha256(hardware_id.encode()).hexdigest()[:16]


_NO_HARDWARE = f"hw={_fingerprint('')}"


def _for_this_board(extra: str, mark: str) -> bool:
    """Tell whether a station has listed a number for the board of this ``mark``; its hardware id shows that."""
    hardware = mark.rpartition(";")[2]
    return extra.rpartition(";")[2] == hardware != _NO_HARDWARE


def claim(extra: str, mark: str, *, ours: bool, doubt: bool, lost: bool = False) -> Claim:
    """Say whose a number is, by the text beside it and our ``mark``.

    ``ours``: its client is one that our ledger has made; ``doubt``: a call of ours that never got an answer may have
    made it; ``lost``: what our ledger held of it since may be lost.
    """
    if lost and (extra == mark or not extra.startswith("st=")):
        return Claim.FORGOTTEN
    if not extra.startswith("st="):
        return Claim.UNMARKED if ours else Claim.DOUBT if doubt else Claim.NONE
    if extra == mark and (ours or doubt):
        return Claim.CLIENT if ours else Claim.MARK
    if _for_this_board(extra, mark):
        return Claim.ELSEWHERE
    return Claim.FOREIGN if ours else Claim.OTHER


def of_a_pass(found: Found, activate: Activation) -> Found:
    """Say what the fleet holds of a board that has passed.

    Had it its key by then, ``notactivated`` means that somebody has made a new one since: it is as good as expired.
    """
    dead = found is Found.NOTACTIVATED and activate is not Activation.FIELD
    return Found.EXPIRED if dead else found


def activation(history: History, today: Activation = Activation.FIELD) -> Activation:
    """Return how the board was activated that has passed: by the recipe of then, which may be another one ``today``.

    ``today`` counts if the recipe of then can't tell; the default is the one that allows most.
    """
    table = tomllib.loads(history.passed_recipe.removeprefix("\ufeff")) if history.passed_recipe else {}
    mode = table.get("fleet", {}).get("activate")
    return Activation(mode) if mode in list(Activation) else today


def standing(history: History) -> Ours:
    """Say what our ledger knows of a serial number, apart from the cycle that asks."""
    if history.pending:
        return Ours.PENDING
    if history.open_in is not None:
        return Ours.ELSEWHERE
    if history.scrapped:
        return Ours.SCRAPPED
    if history.passed_rid is not None:
        return Ours.PASS
    if history.reworked:
        return Ours.REWORK
    # A PASS that doesn't stand any more was taken back by people: what follows it is a new beginning.
    return _LAST.get(history.closed[-1], Ours.NOTHING) if history.closed else Ours.NOTHING


def hardware(identity: Identity, history: History) -> Hardware:
    """Compare a board's hardware id with what our ledger knows."""
    before, other = history.hardware_of_serial, history.serial_of_hardware
    if before is not None and before != identity.hardware_id:
        return Hardware.OTHER  # also where only one of the two has told one: it is not the same then
    if other is not None and other != identity.serial:
        return Hardware.RENAMED
    return Hardware.SAME if before else Hardware.UNKNOWN


def objection(
    move: Move, identity: Identity, history: History, found: Found | None = None, whose: Claim | None = None
) -> Fault:
    """Return what a stop is raised as: what was found, both boards or numbers named where there are two."""
    serial, ours = identity.serial, identity.hardware_id
    details: dict[str, str] = {"serial": serial, "hardware_id": ours}
    if found is not None:
        details |= {"found": found, "claim": whose or ""}
    match move:
        case Move.STOP_TWO_SLOTS:
            details |= {"slot": history.open_in or ""}
            text = f"{serial!r} is in slot {history.open_in} too"
        case Move.STOP_OTHER_HARDWARE:
            details |= {"before": history.hardware_of_serial or ""}
            text = f"{serial!r} was on hardware {history.hardware_of_serial!r}, not {ours!r}"
        case Move.STOP_OTHER_SERIAL:
            details |= {"before": history.serial_of_hardware or ""}
            text = f"hardware {ours!r} was {history.serial_of_hardware!r}, not {serial!r}"
        case Move.STOP_PASS_UNPROVEN if found is None:
            text = f"{serial!r} has passed before, and nothing tells whether it was this board"
        case Move.STOP_PASSED:
            text = f"{serial!r} has passed before"
        case Move.STOP_SCRAPPED:
            text = f"{serial!r} was scrapped"
        case Move.STOP_PENDING:
            text = f"{serial!r} waits for the fleet"
        case Move.STOP_HOLD:
            text = f"{serial!r} has passed before, and the fleet says {found} of it, the claim on it is {whose}"
        case _:
            text = f"{serial!r} is {found} in the fleet, the claim on it is {whose}"
    return STOPS[move](text, **details)
