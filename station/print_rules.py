"""``[print]`` of a recipe: a command that prints something for each board that has passed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from station.toml import Table


class PrintRules(Table):
    """``[print]``."""

    command: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """A program and its arguments, run without a shell in the recipe's folder, with the record as JSON on its standard
    input.  Left out, nothing is printed."""

    limit_s: Annotated[float, Field(gt=0, le=300)] = 15.0
    """Seconds after which it is ended, up to 300: then it has failed."""
