"""The states of one serial number and what each call does in each (API document, section 4).

Pure: ``TABLE`` *is* the state machine.  A status of 400 or more leaves the
state as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType


class State(StrEnum):
    """What a serial number is at one instant."""

    ABSENT = "absent"
    UNUSED = "unused"
    NOTACTIVATED = "notactivated"
    ACTIVATED = "activated"
    EXPIRED = "expired"
    LOCKED = "locked"
    """Its client may do nothing until it is unlocked (U3), and then is what it was, or expired if it was disabled."""
    ORPHANED = "orphaned"
    """Its client was dropped behind the back of provisioning."""


class Phase(StrEnum):
    """What is stored of a client's key.  That a window has lapsed is seen only when somebody looks."""

    NOTACTIVATED = "notactivated"
    ACTIVATED = "activated"
    EXPIRED = "expired"
    LOCKED = "locked"
    """Stored beside the others, each of which it hides."""


class Act(StrEnum):
    """A call, as far as it concerns the state.

    ``ADD`` and ``DELETE`` are about a row of the list: for them a serial
    number that is there by virtue of a range alone is absent.
    """

    ADD = "add"
    INFO = "info"
    ENABLE = "enable"
    REMAP_TO = "remap to"
    """M47 gives it the client of another serial number."""
    REMAP_FROM = "remap from"
    """M47 takes its client."""
    REENABLE = "re-enable"
    DISABLE = "disable"
    ACTIVATE = "activate"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call is answered, and the state afterwards."""

    status: HTTPStatus
    then: State


_K = None  # as it was
_U, _N, _A, _E, _X = State.UNUSED, State.NOTACTIVATED, State.ACTIVATED, State.EXPIRED, State.ABSENT

# fmt: off
_ROWS: Mapping[Act, tuple[tuple[int, State | None], ...]] = {
    #                absent       unused       notactivated activated    expired      locked       orphaned
    Act.ADD:        ((205, _U),   (409, _K),   (409, _K),   (409, _K),   (409, _K),   (409, _K),   (409, _K)),  # M35
    Act.INFO:       ((404, _K),   (204, _K),   (200, _K),   (200, _K),   (200, _K),   (200, _K),   (409, _K)),  # M43
    Act.ENABLE:     ((404, _K),   (200, _N),   (409, _K),   (409, _K),   (409, _K),   (409, _K),   (409, _K)),  # M46
    Act.REMAP_TO:   ((404, _K),   (205, _N),   (409, _K),   (409, _K),   (409, _K),   (409, _K),   (409, _K)),  # M47
    Act.REMAP_FROM: ((404, _K),   (409, _K),   (205, _U),   (205, _U),   (205, _U),   (409, _K),   (409, _K)),  # M47
    Act.REENABLE:   ((404, _K),   (409, _K),   (205, _N),   (205, _N),   (205, _N),   (409, _K),   (409, _K)),  # M48
    Act.DISABLE:    ((404, _K),   (409, _K),   (205, _E),   (205, _E),   (205, _E),   (205, _K),   (409, _K)),  # M49
    Act.ACTIVATE:   ((404, _K),   (409, _K),   (200, _A),   (409, _K),   (409, _K),   (409, _K),   (409, _K)),  # D1
    Act.DELETE:     ((404, _K),   (205, _X),   (205, _X),   (205, _X),   (205, _X),   (205, _X),   (205, _X)),  # M50
}
# fmt: on

TABLE: Mapping[Act, Mapping[State, Answer]] = MappingProxyType(
    {
        act: MappingProxyType(
            {state: Answer(HTTPStatus(status), then or state) for state, (status, then) in zip(State, row, strict=True)}
        )
        for act, row in _ROWS.items()
    }
)


def state_of(listed: bool, rid: str | None, phase: Phase | None, open_until: int | None, now: int) -> State:
    """Derive the state from what is stored.

    ``rid`` is the client that the serial number points to and ``phase`` that
    client's, None if there is none any more.  ``open_until`` and ``now`` are
    UTC microseconds; the window is open while ``now`` is before its end
    (section 14, 24).
    """
    if not listed:
        return State.ABSENT
    if rid is None:
        return State.UNUSED
    if phase is None:
        return State.ORPHANED
    if phase is Phase.NOTACTIVATED and (open_until is None or now >= open_until):
        return State.EXPIRED
    return State(phase)
