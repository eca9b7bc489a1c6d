"""Where the tiles go: pure arithmetic on slots and cells."""

from __future__ import annotations

import math
from dataclasses import dataclass

_SHAPE = 2.2
"""Width of a good tile over its height, in cells: about as wide as tall to the eye."""
_HOLE = 0.25
"""What an unused place costs, on the scale of the shape's logarithm."""
_NARROWEST = 10
"""Cells that the longest verdict needs with its symbol and the gap beside it."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A grid of tiles; ``width`` and ``height`` are the cells of the smallest tile, with its gap."""

    columns: int
    rows: int
    width: int
    height: int

    @property
    def terse(self) -> bool:
        """Whether the tiles are too small for sentences, so that these need a place of their own."""
        return self.height < 8 or self.width <= 16


def arrange(slots: int, width: int, height: int) -> Arrangement:
    """Return the grid in which ``slots`` tiles come nearest to a good shape in ``width`` by ``height`` cells."""

    def grid(columns: int) -> Arrangement:
        rows = math.ceil(slots / columns)
        return Arrangement(columns, rows, max(1, width // columns), max(1, height // rows))

    def cost(it: Arrangement) -> float:
        holes = it.columns * it.rows - slots
        return abs(math.log(it.width / it.height / _SHAPE)) + holes * _HOLE

    most = max(1, min(slots, width // _NARROWEST))
    return min((grid(columns) for columns in range(1, most + 1)), key=cost)
