"""What only some may decide: each is one act, with who, why, and what was so before, in the records.

Whoever asks (screen, command, scanner) comes here, so that no rule can be
passed by another door.  Where no supervisor or engineer was ever added there
are no roles, and whatever a rule forbids stays forbidden.
"""

from __future__ import annotations

import logging
from typing import Any

from drivers.errors import Blame
from station import clock
from station.errors import StationError
from station.ledger import Ledger, Reader
from station.line import Line
from station.model import Facts
from station.operators import Act, Operators
from station.recipe import Recipe

log = logging.getLogger(__name__)

_LONGEST = 200
"""Characters of a reason."""


class RecipeUnaccepted(StationError):
    """Nobody has accepted this recipe yet, as it is written now."""

    code = "recipe-unaccepted"
    blame = Blame.PEOPLE


class ReasonMissing(StationError):
    """An act has to say why; the text says how."""

    code = "reason-missing"
    blame = Blame.PEOPLE


class Supervision:
    """The acts of supervisors and engineers at one station."""

    def __init__(self, operators: Operators, ledger: Ledger, reader: Reader, line: Line, recipe: Recipe) -> None:
        self._operators, self._ledger, self._reader = operators, ledger, reader
        self._line, self._recipe = line, recipe

    def look(self) -> None:
        """Stop the line if its recipe has to be accepted first; before any board is begun."""
        recipe = self._recipe
        if self._operators.decides and self._reader.accepted(recipe.sha256) is None:
            named = f"recipe {recipe.name} {recipe.version} ({recipe.sha256[:12]})"
            self._line.halt(RecipeUnaccepted(f"{named} was not accepted as it is written now"))

    def accept(self, reason: str, by: str = "", pin: str = "") -> Facts:
        """Let the recipe be made, as it is written now; raises what ``Operators.approve`` does."""
        actor = self._operators.approve(Act.ACCEPT, by, pin)
        recipe = self._recipe
        row: dict[str, Any] = {"recipe": recipe.sha256, "name": recipe.name, "version": recipe.version}
        before = self._reader.last_accepted()
        facts = {"old": before, "new": recipe.sha256, "reason": _said(reason)}
        self._ledger.act(
            "accept", actor.id, facts, {"acceptances": {**row, "operator": actor.id, "at": clock.now_us()}}
        )
        log.info("recipe %s %s accepted by %s", recipe.name, recipe.version, actor.id)
        self._line.heal(RecipeUnaccepted.code)
        return row


def _said(reason: str) -> str:
    """Return why something is done; raises ``ReasonMissing``."""
    said = reason.strip()
    if not said or len(said) > _LONGEST or not said.isprintable():
        raise ReasonMissing(f"say why, in 1 to {_LONGEST} characters that can be printed")
    return said
