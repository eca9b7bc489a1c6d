"""What every table of a recipe that drivers read has in common.

A recipe is validated when it is loaded, so a mistake in it is known before a
board is touched; and it is fixed from then on.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(gt=0, le=3600)]
"""How long a board is waited for: an hour at most, since nobody means more, and no wait is for ever."""


class Table(BaseModel):
    """A table of a recipe: fixed once loaded, no unknown keys, every key explained."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @property
    def secrets(self) -> frozenset[str]:
        """The names of the station's secrets that this table needs (``[secrets]`` of the settings)."""
        return frozenset()
