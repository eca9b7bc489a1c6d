"""A serial number ``A1`` in each state of section 4 of the API document, and what refuses an act there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from conformance_blobs import HERE
from conformance_words import (
    NOTHING,
    Answer,
    Ask,
    Row,
    Seen,
    Step,
    active,
    disabled,
    enabled,
    get,
    lapsed,
    listed,
    locked,
    orphaned,
    post,
    record,
    refused,
    row,
)

A1 = get("model/g1/A1")
DEVICE = get(HERE, who="device")
NOTACTIVATED, EXPIRED = record("notactivated,$rid,"), record("expired,$rid,")
SHARED = post("share/g1/", "vendor=$other")
GUESTS = (SHARED, listed("A1"), post("model/g1/A1", "enable=true&owner=$other_owner", who="guest", keep="rid"))
"""A number that a guest enabled."""

DEAD: Seen = (DEVICE, refused(401))
"""Afterwards the device's key is refused."""

STATES: dict[str, tuple[Sequence[Any], Answer]] = {
    "absent": ((), refused(404)),
    "unused": (listed("A1"), NOTHING),
    "notactivated": (enabled(), NOTACTIVATED),
    "activated": (active(), record("activated,$rid,")),
    "disabled": (disabled(), EXPIRED),
    "lapsed": (lapsed(), EXPIRED),
    "locked": (locked(), record("locked,$rid,")),
    "orphaned": (orphaned(), refused(409)),
}
"""How A1 gets into each state of section 4, and what M43 then shows."""


def refusals(
    number: str, ask: Ask, states: str, call: Callable[[Any, Any], object], more: Iterable[Step] = ()
) -> list[Row]:
    """Rows of the state table: what refuses an act leaves the number as it was; ``states`` is e.g. ``absent 404``."""
    pairs = zip(states.split()[::2], states.split()[1::2], strict=True)
    return [
        row(
            number,
            f"{status} where it is {state}",
            ask,
            int(status),
            before=[STATES[state][0], *more],
            after=[(A1, STATES[state][1])],
            call=call,
        )
        for state, status in pairs
    ]
