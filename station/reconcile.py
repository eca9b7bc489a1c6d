"""The table: what we find -> what we do.  Pure, total, and held as data.

The fleet can't be asked to do things twice: the wrong repeat regenerates the
key of a good board, and a 409 means something different on each path.  So
every step that changes the fleet looks first, and asks here.

A ``Situation`` holds all that counts, a ``Move`` says what is done (``station.situation``).

Three tables are asked, in this order: may this board be worked on, given who
is here (``HELD``) and what our ledger knows (``KNOWN``); and if so, what does
the step do in view of the fleet (``FLEET``)?  The first that says anything but
"go on" has decided.  A test enumerates every situation; ``docs/reconcile.md``
shows the tables with the sentence that the technician reads of each move.

A mark says who *listed* a number, and for which hardware.  ``M43`` hides
``extra`` while a number is unused, so a station may find out only after it has
enabled one that another station has listed, for another board or for this one:
then it stops, passes nobody by that client, and leaves it alone
(``Claim.FOREIGN``, ``Claim.ELSEWHERE``).  By that rule, what stands under our
mark was made by a call of ours, or by somebody who will never use it, so an
unanswered call of ours may be taken to have made it.  So a board that was begun
at one station is finished there, or begins anew by a supervisor's word: there
may be two of it, alike down to the hardware id.
What that leaves open: a client of the API that is no such station and enables
what others have listed; and a client that was activated before we had come to
that, perhaps by the very board, which is left to people.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

from station.model import Step
from station.situation import Claim, Found, Hardware, Held, Move, Ours, Situation

# ----------------------------------------------------------------- the tables


class Row(NamedTuple):
    """One row: where each of a situation's columns is one of these, this move."""

    columns: tuple[frozenset[Any], ...]
    move: Move


def _table(*rows: tuple[Any, ...]) -> tuple[Row, ...]:
    """Make a table of rows that name a member or a set of members for each column, and last the move."""
    return tuple(
        Row(tuple(one if isinstance(one, frozenset) else frozenset({one}) for one in columns), move)
        for *columns, move in rows
    )


H, O, W, F, C, S, M = Held, Ours, Hardware, Found, Claim, Step, Move  # noqa: E741 - columns of a table, in its rows only
_DISABLE = frozenset({S.DISABLE})
_FORWARD = frozenset(Step) - _DISABLE
_CYCLE = frozenset({O.OPEN})
_CLOSED = frozenset({O.FAIL, O.ERROR, O.ABORTED, O.REWORK})
_MAY_GO_ON = frozenset({O.NOTHING}) | _CYCLE | _CLOSED
_ANY_HELD, _ANY_OURS, _ANY_HARDWARE, _ANY_FOUND, _ANY_CLAIM = (
    frozenset(Held),
    frozenset(Ours),
    frozenset(Hardware),
    frozenset(Found),
    frozenset(Claim),
)
_COMPARABLE = frozenset({W.SAME, W.UNKNOWN})
_LIVE = frozenset({F.NOTACTIVATED, F.ACTIVATED, F.EXPIRED})
_ALIVE = frozenset({F.NOTACTIVATED, F.ACTIVATED})
_BY_RID = frozenset({C.CLIENT, C.UNMARKED, C.RENEWED})
_STRANGE = frozenset({C.OTHER, C.NONE, C.FOREIGN})
_NOT_FOR_US = frozenset({C.FOREIGN, C.ELSEWHERE})
_BOARDS_OWN = frozenset({S.LABEL, S.CONFIGURE, S.VERIFY_BOARD})
_LISTING = frozenset({S.REGISTER, S.ENABLE})
_CHANGING = _LISTING | {S.ACTIVATE}

HELD: tuple[Row, ...] = _table(
    # step, ours, held
    (_DISABLE, _ANY_OURS, _ANY_HELD, M.GO_ON),  # a board that did not pass need not be here for it
    (_FORWARD, _ANY_OURS, H.SAME, M.GO_ON),
    (_FORWARD, O.OPEN, H.NONE, M.STOP_LEFT),
    (_FORWARD, O.OPEN, H.ANOTHER, M.STOP_SWAPPED),
    (_FORWARD, O.OPEN, H.SILENT, M.STOP_SILENT),
    (_FORWARD, _ANY_OURS - _CYCLE, frozenset({H.NONE, H.SILENT}), M.WAIT),
    (_FORWARD, _ANY_OURS - _CYCLE, H.ANOTHER, M.WAIT),  # that one's own situation is another
)
"""May anything be done, given who is in the slot?"""

KNOWN: tuple[Row, ...] = _table(
    # step, ours, hardware
    (_DISABLE, _ANY_OURS, _ANY_HARDWARE, M.GO_ON),
    (_FORWARD, O.ELSEWHERE, _ANY_HARDWARE, M.STOP_TWO_SLOTS),
    (_FORWARD, _ANY_OURS - {O.ELSEWHERE}, W.OTHER, M.STOP_OTHER_HARDWARE),
    (_FORWARD, _ANY_OURS - {O.ELSEWHERE}, W.RENAMED, M.STOP_OTHER_SERIAL),
    (_FORWARD, O.PENDING, W.SAME, M.STOP_PENDING),
    (_FORWARD, O.SCRAPPED, _COMPARABLE, M.STOP_SCRAPPED),
    # no hardware id: it may be another board with this number
    (_FORWARD, frozenset({O.PASS, O.PENDING}), W.UNKNOWN, M.STOP_PASS_UNPROVEN),
    (_FORWARD - {S.IDENTIFY}, O.PASS, W.SAME, M.STOP_PASSED),
    (S.IDENTIFY, O.PASS, W.SAME, M.GO_ON),  # the fleet is asked whether it knows of the PASS
    (_FORWARD, _MAY_GO_ON, _COMPARABLE, M.GO_ON),
)
"""May this board be worked on, by what our ledger knows?"""

FLEET: tuple[Row, ...] = _table(
    # step, ours, found, claim
    # identify: for a board that has passed, does the fleet still hold what it was passed with?
    (S.IDENTIFY, _ANY_OURS - {O.PASS}, _ANY_FOUND, _ANY_CLAIM, M.PROCEED),
    (S.IDENTIFY, O.PASS, _ALIVE, _BY_RID, M.STOP_PASSED),
    (S.IDENTIFY, O.PASS, F.LOCKED, _BY_RID, M.STOP_LOCKED),
    (S.IDENTIFY, O.PASS, _ALIVE | {F.LOCKED}, _ANY_CLAIM - _BY_RID, M.STOP_HOLD),
    (S.IDENTIFY, O.PASS, _ANY_FOUND - _ALIVE - {F.LOCKED}, _ANY_CLAIM, M.STOP_HOLD),
    # register: is the number there, and may it be ours?
    (S.REGISTER, _MAY_GO_ON, F.UNKNOWN, _ANY_CLAIM, M.ADD),
    (S.REGISTER, _MAY_GO_ON, F.UNUSED, _ANY_CLAIM, M.PROCEED),
    (S.REGISTER, _CYCLE | _CLOSED, _LIVE, _BY_RID, M.PROCEED),
    (S.REGISTER, _CYCLE | _CLOSED, _LIVE - {F.ACTIVATED}, C.MARK, M.PROCEED),
    # enable: has it a client, and is it ours?
    (S.ENABLE, _MAY_GO_ON, F.UNKNOWN, _ANY_CLAIM, M.STOP_VANISHED),
    (S.ENABLE, _MAY_GO_ON, F.UNUSED, _ANY_CLAIM, M.ENABLE),
    (S.ENABLE, _CYCLE, F.NOTACTIVATED, C.MARK, M.ADOPT),
    (S.ENABLE, _CYCLE, F.EXPIRED, C.MARK, M.REGENERATE),  # an earlier, failed cycle's, and disabled
    (S.ENABLE, _CYCLE, _LIVE, C.CLIENT, M.REGENERATE),  # an earlier, failed cycle's, perhaps with an old window
    (S.ENABLE, _CYCLE, F.EXPIRED, frozenset({C.UNMARKED, C.RENEWED}), M.REGENERATE),  # disabled: no board lives by it
    (S.ENABLE, _CYCLE, _ALIVE, C.RENEWED, M.ADOPT),
    (S.ENABLE, _CYCLE, _ALIVE, C.UNMARKED, M.STOP_UNPROVEN),
    (S.ENABLE, _CLOSED, _LIVE, _BY_RID - {C.RENEWED}, M.REGENERATE),
    (S.ENABLE, _CLOSED, _LIVE - {F.ACTIVATED}, C.RENEWED, M.REGENERATE),
    (S.ENABLE, _CLOSED, F.ACTIVATED, C.RENEWED, M.STOP_UNPROVEN),  # with the key of before, or since it has left?
    (S.ENABLE, _CLOSED, _LIVE - {F.ACTIVATED}, C.MARK, M.REGENERATE),
    # both: what is not ours, and what nothing proves to be
    (_LISTING, O.NOTHING, _LIVE, _ANY_CLAIM - {C.FORGOTTEN, C.ELSEWHERE}, M.STOP_TAKEN),
    (_LISTING, _MAY_GO_ON, _LIVE, C.ELSEWHERE, M.STOP_ELSEWHERE),
    (_LISTING, _MAY_GO_ON, _LIVE, C.FORGOTTEN, M.STOP_FORGOTTEN),
    (_LISTING, _CYCLE | _CLOSED, F.ACTIVATED, C.MARK, M.STOP_UNPROVEN),  # by the very board, or by whom?
    (_LISTING, _CYCLE | _CLOSED, _LIVE, _STRANGE, M.STOP_TAKEN),
    (_LISTING, _CYCLE | _CLOSED, _LIVE, C.DOUBT, M.STOP_UNPROVEN),
    # activate: by now the client is this cycle's own; is its key still to be had?
    (S.ACTIVATE, _MAY_GO_ON, frozenset({F.UNKNOWN, F.UNUSED}), _ANY_CLAIM, M.STOP_VANISHED),
    (S.ACTIVATE, _MAY_GO_ON, F.NOTACTIVATED, _BY_RID, M.ACTIVATE),
    # the key was lost on its way
    (S.ACTIVATE, _CYCLE, frozenset({F.ACTIVATED, F.EXPIRED}), frozenset({C.CLIENT, C.RENEWED}), M.REGENERATE),
    (S.ACTIVATE, _CYCLE, frozenset({F.ACTIVATED, F.EXPIRED}), C.UNMARKED, M.STOP_UNPROVEN),
    # its window was over before anybody fetched it: we have not asked yet, and nobody lives by it
    (S.ACTIVATE, _MAY_GO_ON - _CYCLE, F.EXPIRED, _BY_RID, M.REGENERATE),
    (S.ACTIVATE, _MAY_GO_ON - _CYCLE, F.ACTIVATED, _BY_RID, M.STOP_TAKEN),
    (S.ACTIVATE, _MAY_GO_ON, _LIVE, _ANY_CLAIM - _BY_RID - {C.FORGOTTEN, C.ELSEWHERE}, M.STOP_TAKEN),
    (S.ACTIVATE, _MAY_GO_ON, _LIVE, C.ELSEWHERE, M.STOP_ELSEWHERE),
    (S.ACTIVATE, _MAY_GO_ON, _LIVE, C.FORGOTTEN, M.STOP_FORGOTTEN),
    # the board's own steps are none of the fleet's, and the last one judges by the recipe; but nobody passes by a
    # client that was listed for another board
    (_BOARDS_OWN | {S.VERIFY_FLEET}, _MAY_GO_ON, _ANY_FOUND, _ANY_CLAIM - _NOT_FOR_US, M.PROCEED),
    (_BOARDS_OWN | {S.VERIFY_FLEET}, _MAY_GO_ON, _ANY_FOUND, C.FOREIGN, M.STOP_TAKEN),
    (_BOARDS_OWN | {S.VERIFY_FLEET}, _MAY_GO_ON, _ANY_FOUND, C.ELSEWHERE, M.STOP_ELSEWHERE),
    # disable: a board that did not pass is to be no living identity, and nobody else's is to be touched
    (S.DISABLE, _MAY_GO_ON, _ALIVE | {F.LOCKED}, _BY_RID, M.DISABLE),  # what is locked is disabled once it is not
    (S.DISABLE, _MAY_GO_ON, F.NOTACTIVATED, C.MARK, M.DISABLE),
    (S.DISABLE, _MAY_GO_ON, F.ACTIVATED, C.MARK, M.PROCEED),
    (S.DISABLE, _MAY_GO_ON, _ALIVE, _STRANGE | {C.DOUBT, C.FORGOTTEN, C.ELSEWHERE}, M.PROCEED),
    (S.DISABLE, _MAY_GO_ON, F.LOCKED, _ANY_CLAIM - _BY_RID, M.PROCEED),
    (S.DISABLE, _MAY_GO_ON, _ANY_FOUND - _ALIVE - {F.LOCKED}, _ANY_CLAIM, M.PROCEED),
    (S.DISABLE, _ANY_OURS - _MAY_GO_ON, _ANY_FOUND, _ANY_CLAIM, M.PROCEED),  # it lives by a PASS, or another cycle
    # what only the fleet's administrator can mend
    (_CHANGING, _MAY_GO_ON, F.ORPHANED, _ANY_CLAIM, M.STOP_ORPHANED),
    (_CHANGING, _MAY_GO_ON, F.LOCKED, _ANY_CLAIM, M.STOP_LOCKED),
    # what ``KNOWN`` has stopped before, should it become true in between
    (_FORWARD - {S.IDENTIFY}, O.PASS, _ANY_FOUND, _ANY_CLAIM, M.STOP_PASSED),
    (_FORWARD - {S.IDENTIFY}, O.PENDING, _ANY_FOUND, _ANY_CLAIM, M.STOP_PENDING),
    (_FORWARD - {S.IDENTIFY}, O.SCRAPPED, _ANY_FOUND, _ANY_CLAIM, M.STOP_SCRAPPED),
    (_FORWARD - {S.IDENTIFY}, O.ELSEWHERE, _ANY_FOUND, _ANY_CLAIM, M.STOP_TWO_SLOTS),
)
"""What does the step do, in view of the fleet?"""


@cache
def attend(step: Step, ours: Ours, held: Held) -> Move:
    """Look up ``HELD``."""
    return _only(HELD, step, ours, held)


@cache
def admit(step: Step, ours: Ours, hardware: Hardware) -> Move:
    """Look up ``KNOWN``."""
    return _only(KNOWN, step, ours, hardware)


@cache
def decide(situation: Situation) -> Move:
    """Return the one move for a situation."""
    step, held, ours, hardware, found, claim = situation
    for move in (attend(step, ours, held), admit(step, ours, hardware)):
        if move is not Move.GO_ON:
            return move
    return _only(FLEET, step, ours, found, claim)


def _only(table: tuple[Row, ...], *values: StrEnum) -> Move:
    """Return the move of the one row that matches; there is always exactly one."""
    (move,) = (
        row.move for row in table if all(value in column for value, column in zip(values, row.columns, strict=True))
    )
    return move
