"""What the screen itself says to the technician; the verdicts' words are in ``looks``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from station.model import FleetState

FLEET: Mapping[FleetState, str] = MappingProxyType(
    {
        FleetState.UNKNOWN: "fleet ?",
        FleetState.OK: "fleet OK",
        FleetState.AWAY: "! fleet AWAY",
        FleetState.REFUSED: "! fleet REFUSES",
    }
)

DONE, PASSED, FPY, PENDING = "done", "passed", "FPY", "waiting for the fleet"
LAST = "last: "
LINE_STOPPED = "LINE STOPPED"

KEY_HELP, KEY_START, KEY_QUIT, KEY_BACK, KEY_STOP = "Help", "Start slot", "Quit", "Back", "Stop the station"

HELP_TITLE = "What the tiles say"
HELP_KEYS = (
    ("Arrows", "Choose a slot."),
    ("F5", "Start the chosen slot, if it did not start by itself."),
    ("F1", "This help; F1 or Esc closes it."),
    ("F10", "Quit; it asks first."),
)

QUIT_TITLE = "Stop the station?"
QUIT_IDLE = "No board is being worked on."
QUIT_BUSY = "Boards are being worked on in: {slots}. They are taken up again at the next start; leave them in."
QUIT_KEYS = "F10  stop the station        Esc  back, nothing happens"

STOPPING_TITLE = "The station is stopping"
STOPPING_TEXT = "Each slot ends safely. Leave the boards in until the screen is gone."
