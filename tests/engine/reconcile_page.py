"""Writes ``docs/reconcile.md`` from the tables themselves; ``python tests/engine/reconcile_page.py`` renews it."""

from __future__ import annotations

import inspect
import re
from enum import StrEnum
from pathlib import Path

from station import words
from station.model import Step
from station.reconcile import FLEET, HELD, KNOWN, Row
from station.situation import Claim, Found, Hardware, Held, Move, Ours

PAGE = Path(__file__).parents[2] / "docs" / "reconcile.md"

HEAD = """\
# What the station does about what it finds

Written from `station/reconcile.py` by `tests/engine/reconcile_page.py`; a test keeps the two equal, and another goes
through every situation there is.

Before a step is taken the station knows the step, who is in the slot, what its own ledger says of the serial number and
of the hardware id, and (if the step concerns it) what the fleet says of the serial number and whose it is there. Three
tables are asked one after the other; the first that says anything but *go-on* has decided. Exactly one row of each
matches whatever is found: there is no default.
"""


def page() -> str:
    """Return the whole page."""
    parts = [HEAD, "\n## The words\n"]
    parts += [_words(kind) for kind in (Held, Ours, Hardware, Found, Claim)]
    parts += [
        _section("1. Who is in the slot", HELD, {"step": Step, "our ledger": Ours, "in the slot": Held}),
        _section("2. What our ledger knows", KNOWN, {"step": Step, "our ledger": Ours, "hardware": Hardware}),
        _section(
            "3. What the fleet says", FLEET, {"step": Step, "our ledger": Ours, "the fleet": Found, "claim": Claim}
        ),
        "\n## What the technician reads\n\n| move | code | sentence |\n|---|---|---|\n",
        *(f"| {move} | `{move.code}` | {words.advice(move.code)} |\n" for move in Move),
    ]
    return "".join(parts)


def _words(kind: type[StrEnum]) -> str:
    """List an enumeration's members with what their docstrings say of them."""
    source = inspect.getsource(kind)
    rows = []
    for member in kind:
        found = re.search(rf'    {member.name} = "[^"]*"\n    """((?:.|\n)*?)"""', source)
        told = " ".join(found[1].split()) if found else ""
        rows.append(f"* **{member}**{': ' if told else ''}{told}\n")
    summary = (kind.__doc__ or "").splitlines()[0]
    return f"\n### {kind.__name__}: {summary[:1].lower()}{summary[1:]}\n\n" + "".join(rows)


def _section(title: str, table: tuple[Row, ...], columns: dict[str, type[StrEnum]]) -> str:
    head = f"\n## {title}\n\n| {' | '.join(columns)} | move |\n|{'---|' * (len(columns) + 1)}\n"
    rows = [
        f"| {' | '.join(_set(values, kind) for values, kind in zip(row.columns, columns.values(), strict=True))} "
        f"| **{row.move}** |\n"
        for row in table
    ]
    return head + "".join(rows)


def _set(values: frozenset[StrEnum], kind: type[StrEnum]) -> str:
    """Name some members of an enumeration as shortly as can be."""
    within = [str(member) for member in kind if member in values]
    without = [str(member) for member in kind if member not in values]
    if not without:
        return "any"
    return ", ".join(within) if len(within) <= len(without) + 1 else f"any but {', '.join(without)}"


if __name__ == "__main__":
    PAGE.write_text(page())
