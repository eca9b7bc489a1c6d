"""The table: what we find -> what we do.  Pure, total, and held as data.

The fleet can't be asked to do things twice: the wrong repeat regenerates the
key of a good board, and a 409 means something different on each path.  So
every step that changes the fleet looks first, and asks here.

What it looks at:

* what the **fleet** says of the serial number (``M43``),
* the **claim** on it: a client that our ledger has made (by its RID), our
  mark beside the number (in ``extra``), another station's mark, or none,
* our **standing**: has this very cycle tried this step before and got no
  answer, or has an earlier, failed cycle of ours enabled the same board?

A mark says who *listed* a number, and that is less than who enabled it:
``M43`` hides ``extra`` while a number is unused, so a station that finds one
listed enables it under whatever mark is there.  So a mark is proof of a
client only together with an unanswered call of our own, and never of one that
somebody has activated, which we had not come to.  What that leaves open: two
boards with one serial number at two stations, one of which lost the answer to
its enabling, while the other has not fetched its key yet (or, with ``activate
= "field"``, never will).  If both fetch, one gets 409 and stops.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from drivers.board import Identity
from drivers.errors import Blame
from station.errors import Judgement
from station.ledger import History
from station.model import Step


class Found(StrEnum):
    """What the fleet says of a serial number."""

    UNKNOWN = "unknown"
    UNUSED = "unused"
    NOTACTIVATED = "notactivated"
    ACTIVATED = "activated"
    EXPIRED = "expired"
    LOCKED = "locked"
    ORPHANED = "orphaned"


class Claim(StrEnum):
    """Whose the serial number is."""

    CLIENT = "client"
    """Ours for certain: its client is this cycle's, or a failed cycle's of ours on the same hardware."""
    MARK = "mark"
    """The mark of this station and this hardware stands beside it; its client may be anybody's."""
    OTHER = "other"
    """Another station's mark, or ours for other hardware."""
    NONE = "none"
    """No mark, or none that can be read (the number is unused)."""


class Standing(StrEnum):
    """What we have to do with this serial number so far."""

    NEW = "new"
    """Nothing that could have made its client."""
    UNANSWERED = "unanswered"
    """This cycle has begun this step before and never learnt what became of it."""
    RETEST = "retest"
    """A cycle of ours on the same hardware closed without PASS, and has, or may have, enabled the number."""


class Move(StrEnum):
    """What a step does next."""

    ADD = "add"
    PROCEED = "proceed"
    """Nothing is to be done here: what this step is for is so already."""
    ENABLE = "enable"
    ADOPT = "adopt"
    """Take the client that our own unanswered call has made."""
    REGENERATE = "regenerate"
    """Ask for a new key; the old one, which no good board has, dies."""
    ACTIVATE = "activate"
    DISABLE = "disable"
    STOP_TAKEN = "stop-taken"
    STOP_UNPROVEN = "stop-unproven"
    STOP_VANISHED = "stop-vanished"
    STOP_ORPHANED = "stop-orphaned"
    STOP_LOCKED = "stop-locked"


class SerialTaken(Judgement):
    """The serial number belongs to somebody else's board."""

    code = "serial-taken"
    blame = Blame.BOARD


class SerialUnproven(Judgement):
    """An answer was lost, and nothing proves that what is there now is our own: no mark stands beside the number."""

    code = "serial-unproven"
    blame = Blame.FLEET


class SerialUnlisted(Judgement):
    """The recipe leaves listing to others, and nobody listed this serial number."""

    code = "serial-unlisted"
    blame = Blame.BOARD


class SerialVanished(Judgement):
    """The fleet no longer knows what this cycle has made there."""

    code = "serial-vanished"
    blame = Blame.FLEET


class SerialOrphaned(Judgement):
    """The fleet's entry points to a client that is gone; only its administrator can mend that."""

    code = "serial-orphaned"
    blame = Blame.FLEET


class SerialLocked(Judgement):
    """An administrator has locked this serial number's client."""

    code = "serial-locked"
    blame = Blame.FLEET


STOPS: Mapping[Move, type[Judgement]] = {
    Move.STOP_TAKEN: SerialTaken,
    Move.STOP_UNPROVEN: SerialUnproven,
    Move.STOP_VANISHED: SerialVanished,
    Move.STOP_ORPHANED: SerialOrphaned,
    Move.STOP_LOCKED: SerialLocked,
}


class Row(NamedTuple):
    """One row of the table: for these steps and findings, this move."""

    steps: frozenset[Step]
    found: frozenset[Found]
    claims: frozenset[Claim]
    standings: frozenset[Standing]
    move: Move


F, C, S = Found, Claim, Standing
_ANY_CLAIM, _ANY_STANDING = frozenset(Claim), frozenset(Standing)
_LIVE = frozenset({F.NOTACTIVATED, F.ACTIVATED, F.EXPIRED})
_OF_OURS = frozenset({S.UNANSWERED, S.RETEST})
_ALL_STEPS = frozenset({Step.REGISTER, Step.ENABLE, Step.ACTIVATE, Step.DISABLE})
_FORWARD = _ALL_STEPS - {Step.DISABLE}
_LISTING = frozenset({Step.REGISTER, Step.ENABLE})


def _row(
    steps: frozenset[Step] | Step,
    found: frozenset[Found] | Found,
    claims: frozenset[Claim] | Claim,
    standings: frozenset[Standing] | Standing,
    move: Move,
) -> Row:
    one = frozenset
    return Row(
        one({steps}) if isinstance(steps, Step) else steps,
        one({found}) if isinstance(found, Found) else found,
        one({claims}) if isinstance(claims, Claim) else claims,
        one({standings}) if isinstance(standings, Standing) else standings,
        move,
    )


TABLE: tuple[Row, ...] = (
    # register: is the number there, and may it be ours?
    _row(Step.REGISTER, F.UNKNOWN, _ANY_CLAIM, _ANY_STANDING, Move.ADD),
    _row(Step.REGISTER, F.UNUSED, _ANY_CLAIM, _ANY_STANDING, Move.PROCEED),
    _row(Step.REGISTER, _LIVE, C.CLIENT, _OF_OURS, Move.PROCEED),
    _row(Step.REGISTER, _LIVE - {F.ACTIVATED}, C.MARK, S.RETEST, Move.PROCEED),
    _row(Step.REGISTER, _LIVE - {F.ACTIVATED}, C.MARK, frozenset({S.NEW, S.UNANSWERED}), Move.STOP_TAKEN),
    # enable: has it a client, and is it ours?
    _row(Step.ENABLE, F.UNKNOWN, _ANY_CLAIM, _ANY_STANDING, Move.STOP_VANISHED),
    _row(Step.ENABLE, F.UNUSED, _ANY_CLAIM, _ANY_STANDING, Move.ENABLE),
    _row(Step.ENABLE, F.NOTACTIVATED, frozenset({C.CLIENT, C.MARK}), S.UNANSWERED, Move.ADOPT),
    _row(Step.ENABLE, frozenset({F.ACTIVATED, F.EXPIRED}), C.CLIENT, S.UNANSWERED, Move.REGENERATE),
    _row(Step.ENABLE, _LIVE, C.CLIENT, S.RETEST, Move.REGENERATE),
    _row(Step.ENABLE, _LIVE - {F.ACTIVATED}, C.MARK, S.RETEST, Move.REGENERATE),
    _row(Step.ENABLE, F.EXPIRED, C.MARK, S.UNANSWERED, Move.STOP_TAKEN),
    _row(Step.ENABLE, _LIVE - {F.ACTIVATED}, C.MARK, S.NEW, Move.STOP_TAKEN),
    # both: what is not ours, and what nothing proves to be
    _row(_LISTING, _LIVE, C.CLIENT, S.NEW, Move.STOP_TAKEN),
    _row(_LISTING, F.ACTIVATED, C.MARK, _ANY_STANDING, Move.STOP_TAKEN),
    _row(_LISTING, _LIVE, C.OTHER, _ANY_STANDING, Move.STOP_TAKEN),
    _row(_LISTING, _LIVE, C.NONE, S.NEW, Move.STOP_TAKEN),
    _row(_LISTING, _LIVE, C.NONE, _OF_OURS, Move.STOP_UNPROVEN),
    # activate: by now the client is this cycle's own; is its key still to be had?
    _row(Step.ACTIVATE, frozenset({F.UNKNOWN, F.UNUSED}), _ANY_CLAIM, _ANY_STANDING, Move.STOP_VANISHED),
    _row(Step.ACTIVATE, F.NOTACTIVATED, C.CLIENT, _ANY_STANDING, Move.ACTIVATE),
    _row(Step.ACTIVATE, frozenset({F.ACTIVATED, F.EXPIRED}), C.CLIENT, S.UNANSWERED, Move.REGENERATE),
    _row(Step.ACTIVATE, frozenset({F.ACTIVATED, F.EXPIRED}), C.CLIENT, frozenset({S.NEW, S.RETEST}), Move.STOP_TAKEN),
    _row(Step.ACTIVATE, _LIVE, _ANY_CLAIM - {C.CLIENT}, _ANY_STANDING, Move.STOP_TAKEN),
    # disable: a board that did not pass is to be no living identity, and nobody else's is to be touched
    _row(Step.DISABLE, frozenset({F.NOTACTIVATED, F.ACTIVATED}), C.CLIENT, _ANY_STANDING, Move.DISABLE),
    _row(Step.DISABLE, F.EXPIRED, C.CLIENT, _ANY_STANDING, Move.PROCEED),
    _row(Step.DISABLE, F.NOTACTIVATED, C.MARK, S.UNANSWERED, Move.DISABLE),
    _row(Step.DISABLE, F.NOTACTIVATED, C.MARK, frozenset({S.NEW, S.RETEST}), Move.PROCEED),
    _row(Step.DISABLE, frozenset({F.ACTIVATED, F.EXPIRED}), C.MARK, _ANY_STANDING, Move.PROCEED),
    _row(Step.DISABLE, _LIVE, frozenset({C.OTHER, C.NONE}), _ANY_STANDING, Move.PROCEED),
    _row(Step.DISABLE, frozenset(Found) - _LIVE, _ANY_CLAIM, _ANY_STANDING, Move.PROCEED),
    # what only the fleet's administrator can mend
    _row(_FORWARD, F.ORPHANED, _ANY_CLAIM, _ANY_STANDING, Move.STOP_ORPHANED),
    _row(_FORWARD, F.LOCKED, _ANY_CLAIM, _ANY_STANDING, Move.STOP_LOCKED),
)
"""Every situation matches exactly one row; a test enumerates them."""


def decide(step: Step, found: Found, claim: Claim, standing: Standing) -> Move:
    """Look up the move for a situation."""
    (move,) = (
        row.move
        for row in TABLE
        if step in row.steps and found in row.found and claim in row.claims and standing in row.standings
    )
    return move


def claim(extra: str, ours: str, client: bool) -> Claim:
    """Say whose a number is: by the text beside it, our mark, and whether its client is ours for certain."""
    if client:
        return Claim.CLIENT
    if extra == ours:
        return Claim.MARK
    return Claim.OTHER if extra.startswith("st=") else Claim.NONE


def mark(station: str, identity: Identity) -> str:
    """Return what this station writes beside a serial number, so that it knows its own work again.

    No comma in it: some clients of the API split a record on commas.
    """
    fingerprint = hashlib.sha256(identity.hardware_id.encode()).hexdigest()[:16]
    return f"st={station};hw={fingerprint}"


# ----------------------------------------------------------------- before the fleet is asked: our own history


class SerialInTwoSlots(Judgement):
    """The same serial number is in another slot at this moment."""

    code = "serial-in-two-slots"
    blame = Blame.BOARD


class SerialOnOtherHardware(Judgement):
    """The serial number was on other hardware before."""

    code = "serial-on-other-hardware"
    blame = Blame.BOARD


class HardwareHasOtherSerial(Judgement):
    """The hardware had another serial number before."""

    code = "hardware-has-other-serial"
    blame = Blame.BOARD


class AlreadyPassed(Judgement):
    """A PASS of this very board stands; doing it again is a decision of people."""

    code = "already-passed"
    blame = Blame.PEOPLE


def admit(identity: Identity, history: History) -> None:
    """Raise the ``Judgement`` that keeps a board out, by what our ledger knows of it."""
    serial, hardware = identity.serial, identity.hardware_id
    details = {"serial": serial, "hardware_id": hardware}
    if history.open_in is not None:
        raise SerialInTwoSlots(f"{serial!r} is in slot {history.open_in} too", **details, slot=history.open_in)
    before = history.hardware_of_serial
    if before is not None and before != hardware:
        raise SerialOnOtherHardware(
            f"{serial!r} was on hardware {before!r}, not {hardware!r}", **details, before=before
        )
    other = history.serial_of_hardware
    if other is not None and other != serial:
        raise HardwareHasOtherSerial(f"hardware {hardware!r} was {other!r}, not {serial!r}", **details, before=other)
    if history.passed:
        raise AlreadyPassed(f"{serial!r} has passed before", **details)
