"""What is looked at before a step is taken, and what can be done about it: the words of the table in ``reconcile``.

A ``Situation`` is

* the **step** that is to be taken,
* who is **held** by the slot now,
* what our ledger says of the serial number (**ours**), and of the **hardware**,
* what the **fleet** says of the serial number (``M43``), and whose it is there (the **claim**).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from drivers.errors import BoardPulled, BoardSilent, Fault
from station.judgements import (
    AlreadyPassed,
    AlreadyPending,
    BegunElsewhere,
    BoardSwapped,
    HardwareHasOtherSerial,
    NotInRecords,
    PassNotInFleet,
    PassUnproven,
    Scrapped,
    SerialInTwoSlots,
    SerialLocked,
    SerialOnOtherHardware,
    SerialOrphaned,
    SerialTaken,
    SerialUnproven,
    SerialVanished,
)
from station.model import Step

# ----------------------------------------------------------------- what is looked at


class Held(StrEnum):
    """Who is in the slot now."""

    SAME = "same"
    """The board that this is about; it has just been identified."""
    ANOTHER = "another"
    NONE = "none"
    SILENT = "silent"
    """Something may be there, and answers nothing."""


class Ours(StrEnum):
    """What our ledger says of the serial number."""

    NOTHING = "nothing"
    OPEN = "open"
    """This very cycle has begun this step before and never learnt what became of it: no answer, or a crash."""
    ELSEWHERE = "elsewhere"
    """A cycle of it is open in another slot."""
    PENDING = "pending"
    """A cycle of it is good, and waits for the fleet."""
    PASS = "pass"
    """A PASS of it stands; for the other outcomes, it is that of its last cycle."""
    REWORK = "rework"
    """A rework was granted after its last cycle, whatever that was: what it has in the fleet is ours to renew."""
    SCRAPPED = "scrapped"
    FAIL = "fail"
    ERROR = "error"
    ABORTED = "aborted"


class Hardware(StrEnum):
    """What our ledger says of the board's hardware id."""

    SAME = "same"
    """It had this serial number before."""
    OTHER = "other"
    """This serial number was on other hardware."""
    RENAMED = "renamed"
    """This hardware had another serial number, or has passed as another product's board."""
    UNKNOWN = "unknown"
    """There is nothing to compare: neither was seen before, or the board had no hardware id then and has none now."""


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
    """Whose the serial number is in the fleet."""

    CLIENT = "client"
    """Ours: its client is this cycle's or an earlier one's of ours (by its RID), and our mark stands beside it."""
    UNMARKED = "unmarked"
    """Its client is ours by its RID, and no station's mark stands beside it: somebody else lists the numbers."""
    RENEWED = "renewed"
    """Likewise ours by its RID, and its board, which has left, has fetched its key, or may have: a call of this cycle
    that never got an answer has made it anew, or an earlier cycle's client was still alive."""
    FOREIGN = "foreign"
    """Its client is ours by its RID, and another board's mark stands beside it: it was listed for that one."""
    MARK = "mark"
    """Our mark stands beside it, and a call of ours that never got an answer may have made its client."""
    DOUBT = "doubt"
    """Likewise, and no mark at all stands beside it."""
    FORGOTTEN = "forgotten"
    """It may be a good board's of ours that our records know nothing of: a span of them was lost to a restore, our mark
    stands beside a number that is new to them, or a client lives that they know to be disabled."""
    ELSEWHERE = "elsewhere"
    """A mark for this very board stands beside it, and it is not by that mark that we may use its client: it is another
    station's, whoever has made the client; or ours, and we can't have."""
    OTHER = "other"
    """A mark for another board, or one for boards without a hardware id beside a client that we can't have made."""
    NONE = "none"
    """No mark, and we can't have made its client; or none that can be read, since the number is unused."""


class Situation(NamedTuple):
    """All that counts."""

    step: Step
    held: Held
    ours: Ours
    hardware: Hardware
    found: Found
    claim: Claim


# ----------------------------------------------------------------- what is done


class Move(StrEnum):
    """What a step does next.  Only ``REGENERATE`` and ``DISABLE`` can harm a good board."""

    GO_ON = "go-on"
    """This table has nothing against it."""
    WAIT = "wait"
    """There is no board to work on."""
    ADD = "add"
    PROCEED = "proceed"
    """Nothing is to be done here: what this step is for is so already, or is none of ours."""
    ENABLE = "enable"
    ADOPT = "adopt"
    """Take the client that our own unanswered call has made."""
    REGENERATE = "regenerate"
    """Ask for a new key; the old one, which no good board has, dies."""
    ACTIVATE = "activate"
    DISABLE = "disable"
    STOP_LEFT = "stop-left"
    STOP_SWAPPED = "stop-swapped"
    STOP_SILENT = "stop-silent"
    STOP_TWO_SLOTS = "stop-two-slots"
    STOP_OTHER_HARDWARE = "stop-other-hardware"
    STOP_OTHER_SERIAL = "stop-other-serial"
    STOP_PASSED = "stop-passed"
    STOP_PASS_UNPROVEN = "stop-pass-unproven"
    STOP_PENDING = "stop-pending"
    STOP_SCRAPPED = "stop-scrapped"
    STOP_HOLD = "stop-hold"
    STOP_TAKEN = "stop-taken"
    STOP_ELSEWHERE = "stop-elsewhere"
    STOP_UNPROVEN = "stop-unproven"
    STOP_FORGOTTEN = "stop-forgotten"
    STOP_VANISHED = "stop-vanished"
    STOP_ORPHANED = "stop-orphaned"
    STOP_LOCKED = "stop-locked"

    @property
    def code(self) -> str:
        """The code of the sentence that the technician reads."""
        return STOPS[self].code if self in STOPS else f"move-{self}"


STOPS: Mapping[Move, type[Fault]] = {
    Move.STOP_LEFT: BoardPulled,
    Move.STOP_SWAPPED: BoardSwapped,
    Move.STOP_SILENT: BoardSilent,
    Move.STOP_TWO_SLOTS: SerialInTwoSlots,
    Move.STOP_OTHER_HARDWARE: SerialOnOtherHardware,
    Move.STOP_OTHER_SERIAL: HardwareHasOtherSerial,
    Move.STOP_PASSED: AlreadyPassed,
    Move.STOP_PASS_UNPROVEN: PassUnproven,
    Move.STOP_PENDING: AlreadyPending,
    Move.STOP_SCRAPPED: Scrapped,
    Move.STOP_HOLD: PassNotInFleet,
    Move.STOP_TAKEN: SerialTaken,
    Move.STOP_ELSEWHERE: BegunElsewhere,
    Move.STOP_UNPROVEN: SerialUnproven,
    Move.STOP_FORGOTTEN: NotInRecords,
    Move.STOP_VANISHED: SerialVanished,
    Move.STOP_ORPHANED: SerialOrphaned,
    Move.STOP_LOCKED: SerialLocked,
}
