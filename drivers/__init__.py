"""Everything that speaks to a board: links, dialects, and the far ends for rehearsals in ``drivers.sim``.

A *dialect* is looked up by the name that a recipe gives.  Those of this tree
are listed here and imported when they are asked for; others are found by the
entry point group ``provisioning_station.dialects``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from drivers.board import Dialect

GROUP = "provisioning_station.dialects"
"""The entry point group in which other packages offer dialects."""

_BUILT_IN = {
    "at": "drivers.at:At",
    "line": "drivers.line:Line",
    "micropython": "drivers.micropython:MicroPython",
    "shell": "drivers.shell:Shell",
}


def dialect(name: str) -> Dialect:
    """Return the dialect of this name, imported now.

    Raises ``LookupError``, naming those that there are, for an unknown one;
    ``ImportError``, saying whose it is, if it can't be imported, whatever that raised.
    """
    known = _known()
    if name not in known:
        raise LookupError(f"no dialect {name!r}; there are: {', '.join(sorted(known))}")
    point = known[name]
    try:
        found: Dialect = point.load()
    except Exception as error:
        whose = f" of {point.dist.name} {point.dist.version}" if point.dist else ""
        raise ImportError(f"{point.value}{whose}: {type(error).__name__}: {error}") from error
    return found


def dialects() -> list[str]:
    """Return the names of all dialects, in alphabetical order; imports none of them."""
    return sorted(_known())


def _known() -> dict[str, EntryPoint]:
    from importlib.metadata import EntryPoint, entry_points

    found = {point.name: point for point in entry_points(group=GROUP)}
    # Last, so that no installed package can take the place of a dialect that recipes were tested with.
    return found | {name: EntryPoint(name, value, GROUP) for name, value in _BUILT_IN.items()}
