"""How each state of a slot looks: one word, one symbol, one style class.

Colour alone tells nothing, and every symbol is one that the bare Linux
console draws with Debian's Lat15-Fixed16 font.  ``station.tcss`` gives the
classes their colours; the help screen lists the same table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from station.model import Outcome, Phase, SlotView


@dataclass(frozen=True, slots=True)
class Look:
    """The face of one state."""

    word: str
    symbol: str
    """One cell wide."""
    style: str
    """The style class of a tile in this state."""
    meaning: str
    """A sentence for the help screen."""
    verdict: bool = False
    """A verdict is spelled in large letters where there is room; waiting and working stay calm."""


VERDICTS: Mapping[Outcome, Look] = MappingProxyType(
    {
        Outcome.PASS: Look("PASS", "■", "-pass", "Good and recorded. Take the board out.", verdict=True),
        Outcome.FAIL: Look("FAIL", "X", "-fail", "The board is bad. Do what the tile says.", verdict=True),
        Outcome.ERROR: Look("ERROR", "!", "-error", "Not the board: station, port, fleet or disk.", verdict=True),
        Outcome.ABORTED: Look("ABORTED", "◀", "-aborted", "Taken out, or stopped, too early.", verdict=True),
        Outcome.PENDING: Look("PENDING", "≈", "-pending", "Good, but the fleet has yet to be told.", verdict=True),
    }
)

PHASES: Mapping[Phase, Look] = MappingProxyType(
    {
        Phase.EMPTY: Look("EMPTY", "·", "-empty", "Waiting for a board."),
        Phase.RUNNING: Look("BUSY", "→", "-busy", "At work. Leave the board in."),
        Phase.REMOVE: Look("REMOVE", "▲", "-remove", "Take the board out."),
        Phase.OUT: Look("OUT", "░", "-out", "The slot's port can't be used. The tile says why."),
        Phase.HELD: Look("HELD", "║", "-held", "The line is stopped; the slot waits."),
    }
)

STYLES: frozenset[str] = frozenset(look.style for look in (*VERDICTS.values(), *PHASES.values()))


def look_of(view: SlotView) -> Look:
    """Return the look of a slot: its verdict until the board leaves, else what it is doing."""
    if view.phase is Phase.REMOVE and view.outcome is not None:
        return VERDICTS[view.outcome]
    return PHASES[view.phase]
