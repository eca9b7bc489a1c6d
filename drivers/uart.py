"""What a recipe says of the wire itself: its ``[link]`` table.

Speed and form of a character, flow control, the two lines that a station can
drive (DTR, RTS), and the pauses that a slow board needs.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from drivers.table import Table

ModemLine = Literal["cts", "dsr", "dcd"]
"""A line that the far end drives and a station can look at: clear to send, data set ready, data carrier detect."""


class Pace(Table):
    """Pauses while writing, for boards that lose characters when written to too fast."""

    bytes: int = Field(ge=1)
    """So many bytes are sent at a time."""
    gap_s: float = Field(gt=0, le=1)
    """Seconds between them."""


class Pulse(Table):
    """One state of the lines that the station drives, and for how long."""

    dtr: bool | None = None
    """DTR: true asserts it (on most adapters: pulls the pin low), false releases it; left out, it stays."""
    rts: bool | None = None
    """RTS, likewise."""
    hold_s: float = Field(default=0.0, ge=0, le=10)
    """Seconds until the next state."""

    @model_validator(mode="after")
    def _moves(self) -> Self:
        if self.dtr is None and self.rts is None:
            raise ValueError("says neither dtr nor rts, so nothing would change")
        return self


class LinkOptions(Table):
    """The recipe's ``[link]``."""

    baud: int = Field(default=115200, ge=50, le=12_000_000)
    """Bits a second."""
    data_bits: Literal[7, 8] = 8
    """Data bits of a character."""
    parity: Literal["none", "even", "odd", "mark", "space"] = "none"
    """The parity bit: none, even, odd, mark or space."""
    stop_bits: Literal[1, 2] = 1
    """Stop bits of a character."""
    flow: Literal["none", "rts/cts", "xon/xoff"] = "none"
    """How the board stops a station that is too fast: not at all, by its CTS line, or by Ctrl-S and Ctrl-Q."""
    dtr: bool | None = None
    """The level of DTR while the port is open: true asserts it; left out, it is as the system sets it (asserted)."""
    rts: bool | None = None
    """The level of RTS, likewise; not with flow = "rts/cts"."""
    reset: tuple[Pulse, ...] | None = Field(default=None, min_length=1)
    """States of DTR and RTS, one after the other, that restart the board (its reset and boot pins)."""
    reset_first: bool = False
    """Whether a board is restarted by them before it is asked who it is, so that it is always found in one state."""
    returns_s: float | None = Field(default=None, gt=0, le=300)
    """For boards with USB of their own, whose port goes away when they restart: seconds within which it is back."""
    pace: Pace | None = None
    """Pauses while writing; none unless the board needs them."""
    line_gap_s: float = Field(default=0.0, ge=0, le=5)
    """Seconds of quiet before each message to the board: for boards that lose what comes right after their answer."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.flow == "rts/cts" and (self.rts is not None or any(p.rts is not None for p in self.reset or ())):
            raise ValueError('rts is the flow control\'s with flow = "rts/cts"; leave it out here and in reset')
        if self.reset_first and self.reset is None:
            raise ValueError("reset_first needs reset, which says how")
        return self

    @property
    def character_bits(self) -> int:
        """Bits that one character takes on the wire, start bit included."""
        return 1 + self.data_bits + (self.parity != "none") + self.stop_bits
