"""What only some may decide: each is one act, with who, why, and what was so before, in the records.

Whoever asks (screen, command, scanner) comes here, so that no rule can be
passed by another door.  Where no supervisor or engineer was ever added there
are no roles, and whatever a rule forbids stays forbidden.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from drivers.board import Identity
from drivers.errors import Blame
from station import clock, evidence
from station.errors import StationError
from station.fleet.client import Client, Conflict, NotFound, Refused, Unreachable
from station.inquiry import NOBODYS, ask_for_good
from station.ledger import STATION, BoardRow, Ledger, Reader, SerialOpenElsewhere, decisions
from station.ledger.holds import PENDING, UNFINISHED, holds
from station.line import Line
from station.model import Facts
from station.operators import Act, Operators
from station.recipe import Recipe
from station.rules import Rules
from station.situation import Found

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


class BoardUnknown(StationError):
    """Our records hold no board of this serial number."""

    code = "board-unknown"
    blame = Blame.PEOPLE


class BoardOpen(StationError):
    """The board is being worked on, or waits for the fleet: nothing can be decided of it now."""

    code = "board-open"
    blame = Blame.PEOPLE


class BoardNotHeld(StationError):
    """The board is not on the hold list."""

    code = "board-not-held"
    blame = Blame.PEOPLE


class BoardAmbiguous(StationError):
    """Two boards have the number: a good one, and one that is held; the text names their hardware."""

    code = "board-ambiguous"
    blame = Blame.PEOPLE


class ReasonUnknown(StationError):
    """The recipe lists what a rework is made for, and this is none of it; the text names them."""

    code = "reason-unknown"
    blame = Blame.PEOPLE


class Supervision:
    """The acts of supervisors and engineers at one station."""

    def __init__(
        self,
        operators: Operators,
        ledger: Ledger,
        reader: Reader,
        line: Line,
        rules: Rules,
        recipe: Recipe,
        fleet: Client,
        station: str,
    ) -> None:
        """``station`` is this one's uid."""
        self._operators, self._ledger, self._reader = operators, ledger, reader
        self._line, self._rules, self._recipe, self._fleet = line, rules, recipe, fleet
        self._station = station

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

    def clear(self, reason: str, slot: str = "", by: str = "", pin: str = "") -> Facts:
        """Let the line, or a slot, go on that a rule has stopped.

        Raises ``NothingStopped``, and what ``accept`` does.
        """
        said = _said(reason)
        actor = self._operators.approve(Act.CLEAR, by, pin)
        return {"cleared": self._rules.clear(actor.id, said, slot)}

    def rework(
        self, serial: str, reason: str, note: str = "", *, replaced: bool = False, by: str = "", pin: str = ""
    ) -> Facts:
        """Let a board of this product be worked on again, whatever it has behind it.

        ``reason`` is one of the recipe's.  A board that has passed is disabled at once: nobody passes it any more, and
        whoever has its key has an old one.  ``replaced``: with another main board, so that its number is taken out of
        the fleet, and begins anew.  Raises ``BoardUnknown``, ``BoardOpen``, ``ReasonUnknown``, what
        ``Operators.approve`` does where somebody has to, and a ``FleetError``: then nothing has changed, or it has to
        be asked for again.
        """
        rules, board = self._recipe.rework, self._board(serial, only=not replaced)
        if reason not in rules.reasons:
            raise ReasonUnknown(f"{reason[:64]!r} is no reason of this recipe; there are: {', '.join(rules.reasons)}")
        facts: dict[str, Any] = {"reason": reason, **({"note": _said(note)} if note else {}), "replaced": replaced}
        if replaced or rules.approval or board.passed_cycle is not None or board.scrapped_at is not None:
            actor = self._operators.approve(Act.REPLACED if replaced else Act.REWORK, by, pin).id
        else:
            actor = self._operators.actor
        if replaced:
            found, _, _ = self._ask(board)
            self._unlist(board, found)
        elif board.passed_cycle is not None:
            found, rid, _ = self._ask(board)
            if rid is not None and rid == self._reader.cycle(board.passed_cycle).rid:  # else it is anybody's
                self._disable(board, found)

        def changes(row: BoardRow) -> BoardRow:
            hardware = None if replaced else row.hardware_id
            return replace(row, hardware_id=hardware, passed_cycle=None, scrapped_at=None, reworked=row.last_cycle)

        return self._amended("rework", actor, board, facts, changes)

    def scrap(self, serial: str, reason: str, by: str = "", pin: str = "") -> Facts:
        """Have a board's number disabled and taken out of the fleet, and keep the board out of every slot.

        A number that another station has made, or listed, is left alone: ``fleet`` in the answer says "left alone".
        Raises what ``rework`` does.
        """
        board = self._board(serial)
        facts = {"reason": _said(reason)}
        actor = self._operators.approve(Act.SCRAP, by, pin)
        found, rid, extra = self._ask(board)
        facts["fleet"] = "removed" if self._is_ours(board, rid, extra) else "left alone"
        if facts["fleet"] == "removed":
            self._unlist(board, found)
        now = clock.now_us()
        return self._amended(
            "scrap", actor.id, board, facts, lambda row: replace(row, passed_cycle=None, scrapped_at=now)
        )

    def release(self, serial: str, reason: str, by: str = "", pin: str = "") -> Facts:
        """Take a board off the hold list: somebody has made sure that it may leave, or is no board to be found.

        Where two boards have the number, both are released.  Raises ``BoardNotHeld``, ``BoardOpen`` for one that
        waits for the fleet, and what ``accept`` does.
        """
        said = _said(reason)
        held = [one for one in holds(self._reader, serial) if one.model == self._recipe.fleet.model]
        if any(one.code == PENDING for one in held):
            raise BoardOpen(f"{serial!r} waits for the fleet: it leaves the list by itself")
        if not held:
            raise BoardNotHeld(f"{serial[:128]!r} is not on the hold list")
        actor = self._operators.approve(Act.RELEASE, by, pin).id
        for one in held:
            with suppress(decisions.NotHeld):  # by a verdict, meanwhile
                decisions.release(self._ledger, actor, (one.model, one.serial, one.hardware_id), said)
        log.info("%s released by %s: %s", serial, actor, said)
        return {"serial": serial, "released": [one.code for one in held]}

    def _board(self, serial: str, *, only: bool = True) -> BoardRow:
        """Return what the records hold of a board that is not worked on now; ``only``: nor may another one be meant."""
        model = self._recipe.fleet.model
        board = self._reader.board(model, serial)
        if board is None:
            raise BoardUnknown(f"no board {serial[:128]!r} of {model} was ever here")
        others = [one.hardware_id for one in holds(self._reader, serial) if one.model == model]
        if only and board.passed_cycle is not None and any(other != (board.hardware_id or "") for other in others):
            text = f"{board.hardware_id!r}, which has passed, and {', '.join(map(repr, others))}, which is held"
            raise BoardAmbiguous(f"two boards say {serial[:128]!r}: {text}")
        if self._reader.cycle(board.last_cycle).closed_at is None:
            raise BoardOpen(f"{serial!r} is being worked on, or waits for the fleet")
        return board

    def _is_ours(self, board: BoardRow, rid: str | None, extra: str) -> bool:
        """Tell whether what the fleet has of a number is this station's: by the RID, the mark, or the listing."""
        if rid is None:
            return decisions.listed(self._reader, board)
        identity = Identity(board.serial, board.hardware_id or "")
        return rid in decisions.clients(self._reader, board) or extra == evidence.mark(self._station, identity)

    def _unlist(self, board: BoardRow, found: Found) -> None:
        """Take a number out of the fleet (M39): its key dies; done again, it does no harm.  Raises ``FleetError``."""
        if found is Found.UNKNOWN:
            return
        try:
            self._kill(board, found, self._fleet.serials.remove)
        except NotFound:  # it is one of a range, which can't lose a single one
            found, _, _ = self._ask(board)
            self._disable(board, found)

    def _disable(self, board: BoardRow, found: Found) -> None:
        """Disable a number (M49), if anybody lives by it; raises ``FleetError``."""
        if found not in NOBODYS:
            with suppress(Conflict):  # it is dead already
                self._kill(board, found, self._fleet.serials.disable)

    def _ask(self, board: BoardRow) -> tuple[Found, str | None, str]:
        return ask_for_good(self._fleet, board.model, board.serial)

    def _kill(self, board: BoardRow, found: Found, call: Callable[[str, str], None]) -> None:
        """Make a call that kills a key; recorded before, since it may get no answer, and be carried out late.

        A board that counts as good is held until the records follow: if we die before, or no answer comes, it stays on
        the hold list until the act is asked for again.
        """
        row = self._reader.cycle(board.last_cycle)
        held = board.passed_cycle is not None and decisions.hold(self._ledger, board, UNFINISHED)
        self._ledger.calls(row, "disable", found)
        facts = {"found": found, "claim": "", "move": "disable"}
        try:
            call(board.model, board.serial)
        except (Unreachable, Refused) as fault:  # nothing was changed
            if isinstance(fault, Refused):
                self._ledger.disabled(row, {**facts, "move": "refused"})
            if held:
                key = (board.model, board.serial, board.hardware_id or "")
                decisions.release(self._ledger, STATION, key, "nothing was changed")
            raise
        self._ledger.disabled(row, facts)

    def _amended(
        self, kind: str, actor: str, board: BoardRow, facts: Facts, changes: Callable[[BoardRow], BoardRow]
    ) -> Facts:
        try:
            after = decisions.amend(self._ledger, kind, actor, (board.model, board.serial), facts, changes)
        except SerialOpenElsewhere:
            raise BoardOpen(f"{board.serial!r} is being worked on, or waits for the fleet") from None
        log.info("%s of %s %s by %s: %s", kind, board.model, board.serial, actor, facts["reason"])
        return {"model": after.model, "serial": after.serial, "attempts": after.attempts}


def _said(reason: str) -> str:
    """Return why something is done; raises ``ReasonMissing``."""
    said = reason.strip()
    if not said or len(said) > _LONGEST or not said.isprintable():
        raise ReasonMissing(f"say why, in 1 to {_LONGEST} characters that can be printed")
    return said
