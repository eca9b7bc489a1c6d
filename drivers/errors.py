"""What can go wrong between the station and a board.

::

    Fault                       anything with a code and a side
    └── DriverError             raised by links and dialects
        ├── BoardError          blame BOARD: this board fails
        │   ├── BoardSilent     board-silent        no answer in its time
        │   ├── BoardFloods     board-floods        never stops talking
        │   ├── BoardGarbled    board-garbled       sends, but no text: another speed, a bad cable
        │   ├── BoardUnreadable board-unreadable    answers, but not what a pattern expects
        │   ├── BoardRefused    board-refused       answers with an error
        │   ├── BoardMisheard   board-misheard      got something else than was sent, again and again
        │   ├── LoginRefused    login-refused       does not let the station in
        │   ├── BoardRestarts   board-restarts      restarts by itself, again and again
        │   ├── BoardStays      board-does-not-restart   told to restart, and didn't
        │   ├── BoardGone       board-does-not-return    told to restart, and its own port never came back
        │   ├── BoardUnseen     board-unseen        said to be there, and its port is not
        │   └── CommitFailed    board-commit-failed  could not make its settings permanent
        ├── PortError           blame PORT: the board is not to blame
        │   ├── PortMissing     port-missing
        │   ├── PortBusy        port-busy
        │   ├── PortDenied      port-denied
        │   ├── PortUnusable    port-unusable       opens, but not with these link settings
        │   ├── PortLost        port-lost           went away while in use
        │   └── PortStuck       port-stuck          takes no bytes
        │       └── BoardHolds  board-holds-line    likewise, but blame BOARD: its flow control says so
        ├── ValueUnwritable     value-unwritable    blame STATION: the recipe asks what the board can't take
        ├── DialectBroken       dialect-broken      blame STATION: a dialect does what none may
        ├── BoardPulled         board-pulled        blame PEOPLE: taken out before its cycle was over
        └── Cancelled           cancelled           blame PEOPLE: the station is stopping

A timeout takes its owner's side.  Texts are for the journal and the test
engineer; the technician's sentence is looked up by ``code`` in
``station.words``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Blame(StrEnum):
    """Whose side a fault is on; the outcome of a cycle follows from it."""

    BOARD = "board"
    PORT = "port"
    STATION = "station"
    FLEET = "fleet"
    PEOPLE = "people"


class Fault(Exception):
    """A failure that a cycle can end with.

    ``code`` is stable: it is stored, counted and translated, and never
    renamed.  ``details`` are JSON scalars for the record, without secrets.
    """

    code: ClassVar[str]
    blame: ClassVar[Blame]

    def __init__(self, text: str, **details: str | int | bool | None) -> None:
        super().__init__(text)
        self.text = text
        self.details = details


class DriverError(Fault):
    """The root of what links and dialects raise."""


class BoardError(DriverError):
    """The board's own fault."""

    blame = Blame.BOARD


class BoardSilent(BoardError):
    """Nothing, or not what was waited for, came within its time."""

    code = "board-silent"


class BoardFloods(BoardError):
    """More bytes than the link keeps arrived without the awaited answer."""

    code = "board-floods"


class BoardUnreadable(BoardError):
    """The board answered, but a pattern of the recipe found nothing in it."""

    code = "board-unreadable"


class BoardGarbled(BoardError):
    """What the board sends is no text at all: its speed or its form of a character is another one."""

    code = "board-garbled"


class BoardRefused(BoardError):
    """The board answered with what the recipe calls an error."""

    code = "board-refused"


class BoardMisheard(BoardError):
    """What arrived at the board is not what was sent, by a checksum or a length, however often it was sent."""

    code = "board-misheard"


class LoginRefused(BoardError):
    """The board asks who is there, and does not take the answer."""

    code = "login-refused"


class BoardRestarts(BoardError):
    """The board restarted by itself more often than a dialect puts up with."""

    code = "board-restarts"


class BoardStays(BoardError):
    """The board was told to restart and went on as it was."""

    code = "board-does-not-restart"


class BoardGone(BoardError):
    """The board was told to restart, took its own port along, and did not bring it back."""

    code = "board-does-not-return"


class BoardUnseen(BoardError):
    """An operator says that a board is there, and the port that it should bring is not."""

    code = "board-unseen"


class CommitFailed(BoardError):
    """The board did not confirm that its settings are permanent."""

    code = "board-commit-failed"


class PortError(DriverError):
    """The serial port, its adapter or its cable."""

    blame = Blame.PORT


class PortMissing(PortError):
    """No such port now: unplugged, or a wrong path."""

    code = "port-missing"


class PortBusy(PortError):
    """Another program holds the port."""

    code = "port-busy"


class PortDenied(PortError):
    """The station's user may not open the port."""

    code = "port-denied"


class PortUnusable(PortError):
    """The port exists but can't be set as the recipe's ``[link]`` asks."""

    code = "port-unusable"


class PortLost(PortError):
    """The port went away while it was in use."""

    code = "port-lost"


class PortStuck(PortError):
    """The port took no bytes within the write deadline."""

    code = "port-stuck"


class BoardHolds(PortStuck):
    """The board, by its flow control, let nothing be sent to it within the write deadline."""

    code = "board-holds-line"
    blame = Blame.BOARD


class ValueUnwritable(DriverError):
    """A setting holds what this kind of board can't be told: too long, or a forbidden character."""

    code = "value-unwritable"
    blame = Blame.STATION


class DialectBroken(DriverError):
    """A dialect raised what none may raise, or returned what none may return; the text says which, and what."""

    code = "dialect-broken"
    blame = Blame.STATION


class BoardPulled(DriverError):
    """The board left before its cycle was over: with its port, or letting go of the line that showed it."""

    code = "board-pulled"
    blame = Blame.PEOPLE


class Cancelled(DriverError):
    """The station is stopping; the cycle stays open and is taken up again."""

    code = "cancelled"
    blame = Blame.PEOPLE
