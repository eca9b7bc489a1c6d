"""``[rework]`` of a recipe: how often a board is tried, and what has to be said before it is tried again."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from station.toml import Table

Reason = Annotated[str, Field(min_length=1, max_length=64)]


class ReworkRules(Table):
    """``[rework]``."""

    attempts: Annotated[int, Field(ge=1, le=100)] = 3
    """So many times may a board fail, 1 to 100, before it needs a rework; an ERROR or ABORTED is no attempt."""

    reasons: Annotated[tuple[Reason, ...], Field(min_length=1)] = (
        "soldering",
        "part replaced",
        "cable or fixture",
        "firmware",
        "other",
    )
    """What a rework is made for: whoever asks for one names one of these."""

    approval: bool = False
    """True: a supervisor or an engineer has to approve each rework; one of a board that has passed, always."""
