"""``[label]`` of a recipe: the board's label is scanned, and has to be this board's."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from station.toml import Table, expression_fault


def _expression(text: str) -> str:
    if fault := expression_fault(text):
        raise ValueError(fault)
    return text


class LabelRules(Table):
    """``[label]``."""

    scan: bool = False
    """True: between identify and register, somebody scans the label that is on the board."""

    pattern: Annotated[str, AfterValidator(_expression)] | None = None
    """A regular expression that the whole label matches, with a group ``serial`` for the serial number in it; left out,
    the label is the serial number."""

    def serial_in(self, label: str) -> str | None:
        """Return the serial number that a label says; None if it is no label of this product."""
        if self.pattern is None:
            return label
        match = re.fullmatch(self.pattern, label)
        if match is None:
            return None
        return match.groupdict().get("serial") or match[0]
