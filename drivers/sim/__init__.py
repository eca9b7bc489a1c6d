"""The far ends: simulated boards on ptys, for rehearsals and tests.

One module a dialect, on a ``board`` that has power and does work, a
``memory`` that keeps flash apart from RAM and a ``wire`` that keeps to a baud
rate; ``faults`` are what may be wrong with one.  A ``fixture`` does what
people and the factory do with them.  All of it runs in one thread (``loop``),
whatever the number of boards.

Nothing here is shared with the near end: a shared codec would hide a shared
mistake.  The import contracts see to it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drivers.sim.board import SimulatedBoard

_BOARDS = {
    "at": "drivers.sim.at:AtBoard",
    "line": "drivers.sim.line:LineBoard",
    "micropython": "drivers.sim.micropython:MicroPythonBoard",
    "shell": "drivers.sim.shell:ShellBoard",
}


def simulated() -> list[str]:
    """Return the names of the dialects that have a simulated far end; imports none of them."""
    return sorted(_BOARDS)


def far_end(dialect: str) -> type[SimulatedBoard]:
    """Return the simulated board that speaks a dialect, imported now; raises ``LookupError``."""
    if dialect not in _BOARDS:
        raise LookupError(f"no simulated board speaks {dialect!r}; those there are: {', '.join(simulated())}")
    module, name = _BOARDS[dialect].split(":")
    found: type[SimulatedBoard] = getattr(import_module(module), name)
    return found
