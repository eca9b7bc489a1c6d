"""What the reconcile table says no with: one class, one code, one side each.

The table itself is in ``station.reconcile``; what the technician reads of
each code is in ``station.words``.
"""

from __future__ import annotations

from drivers.errors import Blame
from station.errors import Judgement

# ----------------------------------------------------------------- who is in the slot


class BoardSwapped(Judgement):
    """Another board answers than the one that this cycle began with."""

    code = "board-swapped"
    blame = Blame.PEOPLE


# ----------------------------------------------------------------- what our ledger knows


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


class PassUnproven(Judgement):
    """A PASS of this serial number stands, and nothing proves that this is the board, or that it still lives by it."""

    code = "pass-unproven"
    blame = Blame.PEOPLE


class Scrapped(Judgement):
    """The very board was scrapped."""

    code = "scrapped"
    blame = Blame.PEOPLE


class AttemptsUsedUp(Judgement):
    """The board has failed as often as its recipe allows, and no rework was granted since."""

    code = "attempts-used-up"
    blame = Blame.PEOPLE


class AlreadyPending(Judgement):
    """The very board is good, and the fleet has yet to be told of it."""

    code = "already-pending"
    blame = Blame.PEOPLE


class PassNotInFleet(Judgement):
    """A PASS of this very board stands, and the fleet no longer holds what it was passed with: it may not ship."""

    code = "pass-not-in-fleet"
    blame = Blame.FLEET


class PassNotOnBoard(Judgement):
    """A board with this number and this hardware is good, and this one doesn't hold what that was found good with."""

    code = "pass-not-on-board"
    blame = Blame.PEOPLE


# ----------------------------------------------------------------- what the fleet says


class SerialTaken(Judgement):
    """The serial number belongs to somebody else's board."""

    code = "serial-taken"
    blame = Blame.BOARD


class BegunElsewhere(Judgement):
    """Another station has listed the number for this very board, and may be using it."""

    code = "begun-elsewhere"
    blame = Blame.PEOPLE


class NotInRecords(Judgement):
    """The fleet has a living client for it that our records know nothing of, and that a good board of ours may have."""

    code = "not-in-records"
    blame = Blame.STATION


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
