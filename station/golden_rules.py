"""``[golden]`` of a recipe: units that are known, with which each slot shows that it can tell good from bad."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from station.toml import Table

Serial = Annotated[str, Field(min_length=1, max_length=128)]
Golden = Literal["good", "bad"]


class GoldenRules(Table):
    """``[golden]``."""

    good: tuple[Serial, ...] = ()
    """Serial numbers of units that have to pass: they hold this recipe's settings, as far as those do not come from the
    fleet."""

    bad: tuple[Serial, ...] = ()
    """Serial numbers of units that have to fail."""

    each_shift: bool = False
    """True: in each shift a slot takes no other board before a good unit has passed in it and a bad one has failed."""

    @model_validator(mode="after")
    def _known(self) -> GoldenRules:
        if both := sorted({*self.good} & {*self.bad}):
            raise ValueError(f"golden: {both[0]!r} is among the good and the bad ones")
        for kind, units in (("good", self.good), ("bad", self.bad)):
            if self.each_shift and not units:
                raise ValueError(f"golden.{kind}: is missing; each_shift needs at least one")
        return self

    def kind(self, serial: str) -> Golden | None:
        """Return what a unit is known for; None for a board."""
        return "good" if serial in self.good else "bad" if serial in self.bad else None
