"""``[label]`` of a recipe: the board's label is scanned, and has to be this board's."""

from __future__ import annotations

import re

from station.toml import Expression, Table


class LabelRules(Table):
    """``[label]``."""

    scan: bool = False
    """True: between identify and register, somebody scans the label that is on the board."""

    pattern: Expression | None = None
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
