"""The station's own faults; ``drivers.errors`` draws the root and the boards' side.

::

    Fault
    └── StationError
        ├── BadInput            blame STATION, exit code 2: a settings or recipe file
        │   ├── SettingsError   settings-invalid
        │   └── RecipeError     recipe-invalid
        ├── StateBusy           state-busy          another engine owns the state folder, another server the file
        ├── DatabaseError       blame STATION
        │   ├── DatabaseFailed  database-failed     a write or read was refused: disk full, read-only, locked
        │   ├── DatabaseCorrupt database-corrupt
        │   └── DatabaseNewer   database-newer      made by a later version of this program
        ├── EscrowFailed        escrow-failed       a key could not be made safe
        ├── ClockWrong          clock-wrong         what the settings don't let pass
        ├── NotNow              blame PEOPLE: asked of a slot that can't do it at this moment
        │   ├── SlotRunning     slot-running        a board is being worked on
        │   └── SlotHeld        slot-held           the line stands still
        ├── Judgement           a rule of the recipe or the reconcile table said no
        └── Internal            internal            unforeseen; a traceback is in the journal

The fleet's errors hang below ``StationError`` too, in ``station.fleet.client.errors``.
"""

from __future__ import annotations

from drivers.errors import Blame, Fault


class StationError(Fault):
    """The root of what the station itself raises."""


class BadInput(StationError):
    """A file that a person wrote is wrong: the text names file, key and what was expected."""

    blame = Blame.STATION


class SettingsError(BadInput):
    """``station.toml`` is wrong."""

    code = "settings-invalid"


class RecipeError(BadInput):
    """A recipe is wrong."""

    code = "recipe-invalid"


class StateBusy(StationError):
    """Another engine owns the state folder, or another fleet server the file; the text says which process."""

    code = "state-busy"
    blame = Blame.STATION


class DatabaseError(StationError):
    """Something is wrong with one of our SQLite files."""

    blame = Blame.STATION


class DatabaseFailed(DatabaseError):
    """SQLite refused: the disk is full, the file is read-only or locked."""

    code = "database-failed"


class DatabaseCorrupt(DatabaseError):
    """The file is no database, or its content is damaged.  It is never overwritten."""

    code = "database-corrupt"


class DatabaseNewer(DatabaseError):
    """The file was made by a later version of this program."""

    code = "database-newer"


class EscrowFailed(StationError):
    """A device key could not be written or read where it waits for its board."""

    code = "escrow-failed"
    blame = Blame.STATION


class ClockWrong(StationError):
    """Something speaks against the clock for which the settings stop the line; the text says what."""

    code = "clock-wrong"
    blame = Blame.STATION


class NotNow(StationError):
    """What is asked of a slot can't be done at this moment; nothing has happened."""

    blame = Blame.PEOPLE


class NothingToAcknowledge(StationError):
    """The slot shows no verdict that somebody has to have seen."""

    code = "nothing-to-acknowledge"
    blame = Blame.PEOPLE


class SlotRunning(NotNow):
    """A board is being worked on in this slot."""

    code = "slot-running"


class SlotHeld(NotNow):
    """A board in this slot waits for the line, which stands still."""

    code = "slot-held"


class Judgement(StationError):
    """A rule said no.  Each subclass is one rule, so that each has its own code."""


class Internal(StationError):
    """Something unforeseen; the slot lives, the traceback is in the journal."""

    code = "internal"
    blame = Blame.STATION
