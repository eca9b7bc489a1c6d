"""``[fleet]`` of a recipe: how boards of this model live in the fleet, and when the fleet is told of them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from station.toml import Table


class Activation(StrEnum):
    """Who fetches the board's key from the fleet, and when."""

    STATION = "station"
    """The station, which writes it to the board as a setting."""
    ON_LINE = "on-line"
    """The board itself, while it is still in the slot; it passes once the fleet says that it has."""
    FIELD = "field"
    """The board itself, once it is with its user; it leaves the line enabled and not activated."""


class Registration(StrEnum):
    """Who tells the fleet that a serial number exists."""

    STATION = "station"
    LISTED = "listed"
    """Somebody else lists them beforehand; a number that the fleet doesn't know fails."""


class FleetRules(Table):
    """``[fleet]``."""

    model: Annotated[str, Field(pattern=r"^[^/?#,\"\s\x00-\x1f]{1,64}$")]
    """The name of the model in the fleet, 1 to 64 characters without blanks, quotation marks, commas, / ? and #."""

    activate: Activation
    """Who fetches the board's key: "station", "on-line" or "field"."""

    register_by: Annotated[Registration, Field(alias="register")]
    """Who lists serial numbers: "station" or "listed"."""

    fetch_s: Annotated[int, Field(gt=0)] | None = None
    """Seconds that a board is given to fetch its key in the slot; with activate = "on-line" only, and needed there."""

    window_h: Annotated[int, Field(gt=0)] | None = None
    """Hours after its enabling in which a board can fetch its key; with activate = "field" only, and needed there."""

    reenabled_by: Annotated[str, Field(min_length=1)] | None = None
    """Who enables a board again whose window is over; with activate = "field" only, and needed there."""

    deferred: bool = False
    """Whether the fleet is told of a board after it has left the slot; with activate = "field" only."""

    @model_validator(mode="after")
    def _said_where_it_matters(self) -> FleetRules:
        for key, mode in _NEEDED.items():
            given = getattr(self, key) is not None
            if self.activate is mode and not given:
                raise ValueError(f'{key} is missing; activate = "{mode}" needs it: {_meaning(key)}')
            if self.activate is not mode and given:
                raise ValueError(f'{key}: only activate = "{mode}" has it; found "{self.activate}"')
        if self.deferred and self.activate is not Activation.FIELD:
            raise ValueError(
                f'deferred: expected activate = "field" with it; with "{self.activate}" the fleet must answer '
                "while the board is in the slot"
            )
        return self


_NEEDED = {"fetch_s": Activation.ON_LINE, "window_h": Activation.FIELD, "reenabled_by": Activation.FIELD}
"""Keys that one way of activating needs, and no other has."""


def _meaning(key: str) -> str:
    text = (FleetRules.model_fields[key].description or "").partition(";")[0]
    return text[:1].lower() + text[1:]
