"""Who works at the station, who is signed in, and who may decide what.

An operator shows his badge; whoever may decide more than a technician proves
it with a PIN, when he signs in or, beside a technician who stays signed in,
for one act.  Whatever is decided, and every try that failed, is an event whose
actor he is.  Where no operator was ever added, nobody has to sign in, and the
first one to be added is a supervisor.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Mapping
from dataclasses import asdict, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from drivers.errors import Blame
from station import clock, pins
from station.errors import StationError
from station.ledger import STATION, Ledger, Reader
from station.ledger.roster import Roster, keep_pin, keep_try
from station.model import Facts, Operator, Role

if TYPE_CHECKING:
    from sqlite_utils import Database

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
"""What can be on a badge."""


class Act(StrEnum):
    """What not everybody may decide."""

    REWORK = "rework"
    """A board that has passed, or failed too often, may be worked on again."""
    REPLACED = "replaced"
    """Likewise, with a new main board under the old number."""
    SCRAP = "scrap"
    CLEAR = "clear"
    """The line, or a slot, that a rule has stopped may go on."""
    CLOSE_ORDER = "close-order"
    """A work order is done, and its lot may leave."""
    RELEASE = "release"
    """A board is held no longer."""
    ACCEPT = "accept"
    """A recipe may be made."""
    OPERATORS = "operators"
    QUIT = "quit"
    """The kiosk ends."""


MAY: Mapping[Act, frozenset[Role]] = MappingProxyType(
    {
        Act.REWORK: frozenset({Role.SUPERVISOR, Role.ENGINEER}),
        Act.REPLACED: frozenset({Role.SUPERVISOR}),
        Act.SCRAP: frozenset({Role.SUPERVISOR}),
        Act.CLEAR: frozenset({Role.SUPERVISOR, Role.ENGINEER}),
        Act.CLOSE_ORDER: frozenset({Role.SUPERVISOR, Role.ENGINEER}),
        Act.RELEASE: frozenset({Role.SUPERVISOR}),
        Act.ACCEPT: frozenset({Role.SUPERVISOR, Role.ENGINEER}),
        Act.OPERATORS: frozenset({Role.SUPERVISOR}),
        Act.QUIT: frozenset({Role.SUPERVISOR, Role.ENGINEER}),
    }
)
"""Who may decide what."""


class OperatorUnknown(StationError):
    """Nobody who may work here has this badge."""

    code = "operator-unknown"
    blame = Blame.PEOPLE


class OperatorUnfit(StationError):
    """What is said of an operator can't be so; the text says why."""

    code = "operator-unfit"
    blame = Blame.PEOPLE


class PinWrong(StationError):
    """It is not this operator's PIN, or he has to show one and has not."""

    code = "pin-wrong"
    blame = Blame.PEOPLE


class PinSlowed(StationError):
    """The PIN was wrong too often: the next try has to wait; the text says how long."""

    code = "pin-slowed"
    blame = Blame.PEOPLE


class NotPermitted(StationError):
    """It is for others to decide; the text says for whom."""

    code = "not-permitted"
    blame = Blame.PEOPLE


class SignInMissing(StationError):
    """Nobody is signed in."""

    code = "sign-in-missing"
    blame = Blame.PEOPLE


class Operators:
    """The people of one station.  Safe to use from several threads; all calls may raise ``DatabaseError``."""

    def __init__(self, ledger: Ledger, reader: Reader, *, needed: bool = False, leave_s: float = 0.0) -> None:
        """``needed``: no board is begun without an operator.

        ``leave_s``: who has done nothing for so many seconds is signed out; 0: nobody is.
        """
        self._ledger, self._roster = ledger, Roster(reader)
        self._needed, self._leave_s = needed, leave_s
        self._guard = threading.RLock()
        self._signed_in: Operator | None = None
        self._active_at = 0.0
        self._tried: dict[str, float] = {}
        """When an operator's PIN was wrong last in this run, monotonic seconds: a clock may be set."""

    # ------------------------------------------------------------- signed in or not

    @property
    def signed_in(self) -> Operator | None:
        """Who works here now; None if nobody has signed in."""
        return self._signed_in

    @property
    def actor(self) -> str:
        """Who does what nobody has to approve: whoever is signed in, else the station."""
        return self._signed_in.id if self._signed_in is not None else STATION

    @property
    def obstacle(self) -> str | None:
        """The code of what keeps a board from being begun; None if nothing does."""
        return SignInMissing.code if self._needed and self._signed_in is None else None

    def sign_in(self, who: str, pin: str = "") -> Operator:
        """Let somebody work here, in place of whoever did.

        Raises ``OperatorUnknown``, ``PinWrong``, ``PinSlowed``: then nothing has changed.
        """
        with self._guard:
            operator = self._known(who)
            if operator.role is not Role.TECHNICIAN or self._roster.pin(who)[0] is not None:
                self._prove(operator, pin)
            if self._signed_in is not None and self._signed_in.id != operator.id:
                self._leave(self._signed_in, "relieved")
            self._ledger.act("sign-in", operator.id, {"role": operator.role})
            self._signed_in = operator
            self.touch()
            return operator

    def sign_out(self, why: str = "asked") -> None:
        """Let nobody work here, until somebody signs in; ``why`` is for the records."""
        with self._guard:
            if self._signed_in is not None:
                self._leave(self._signed_in, why)
                self._signed_in = None

    def touch(self) -> None:
        """Note that somebody is here: a board came, a key was pressed, something was scanned."""
        self._active_at = clock.monotonic()

    def look(self) -> None:
        """Sign out whoever has gone away, if the settings say so."""
        if self._leave_s and self._signed_in and clock.monotonic() - self._active_at >= self._leave_s:
            self.sign_out("unattended")

    def _leave(self, operator: Operator, why: str) -> None:
        self._ledger.act("sign-out", operator.id, {"why": why})

    # ------------------------------------------------------------- who may decide

    @property
    def decides(self) -> bool:
        """Whether there is anybody who may decide what not everybody may: else there are no roles here."""
        return any(one.active and one.role is not Role.TECHNICIAN for one in self._roster.all())

    def approve(self, act: Act, by: str = "", pin: str = "") -> Operator:
        """Return who decides this: ``by``, who shows his PIN, or whoever is signed in.

        Raises ``SignInMissing``, ``NotPermitted``, ``OperatorUnknown``, ``PinWrong``, ``PinSlowed``.
        """
        with self._guard:
            who_asks = by or (self._signed_in.id if self._signed_in else "")
            operator = self._known(who_asks) if who_asks else None  # as he is now: his role may be another one
            who = " or ".join(role for role in Role if role in MAY[act])
            if operator is None:
                raise SignInMissing(f"nobody is signed in: {act} is for a {who} to decide")
            if operator.role not in MAY[act]:
                self._ledger.act("refused", operator.id, {"act": act, "why": NotPermitted.code})
                raise NotPermitted(f"{operator.id} is a {operator.role}: {act} is for a {who} to decide")
            if by:
                self._prove(operator, pin)
            self.touch()
            return operator

    def _known(self, who: str) -> Operator:
        operator = self._roster.get(who)
        if operator is None or not operator.active:
            shown = who[:32]
            why = "has left" if operator else "is unknown"
            self._ledger.act("refused", STATION, {"act": "sign-in", "operator": shown, "why": OperatorUnknown.code})
            raise OperatorUnknown(f"{shown!r} {why}: ask a supervisor to add this badge")
        return operator

    def _prove(self, operator: Operator, pin: str) -> None:
        kept, wrong, tried_at = self._roster.pin(operator.id)
        if kept is None:
            raise PinWrong(f"{operator.id} has no PIN yet: ask a supervisor to set one")
        if (left := self._left_s(operator.id, wrong, tried_at)) > 0:
            way_out = f"try again in {left} s, or ask a supervisor for a new one"
            raise PinSlowed(f"the PIN of {operator.id} was wrong {wrong} times: {way_out}")
        if not pin:
            raise PinWrong(f"{operator.id} needs the PIN")
        if kept.fits(pin):
            if wrong:
                self._ledger.write(keep_try(operator.id, 0, 0))
            return
        self._tried[operator.id] = clock.monotonic()
        facts = {"act": "pin", "why": PinWrong.code, "wrong": wrong + 1}
        kept_try = keep_try(operator.id, wrong + 1, clock.now_us())
        self._ledger.act("refused", operator.id, facts, beside=kept_try)
        pause = pins.pause_s(wrong + 1)
        raise PinWrong(
            f"the PIN of {operator.id} is wrong" + (f": the next try has to wait {pause} s" if pause else "")
        )

    def _left_s(self, who: str, wrong: int, tried_at: int) -> int:
        """Return how many seconds the next try has to wait; a clock that was set back makes that no longer."""
        if who in self._tried:
            since = clock.monotonic() - self._tried[who]
        else:
            since = max(0.0, (clock.now_us() - tried_at) / 1e6)
            self._tried[who] = clock.monotonic() - since
        return max(0, math.ceil(pins.pause_s(wrong) - since))

    # ------------------------------------------------------------- the roster

    def all(self) -> list[Operator]:
        """Return every operator that there ever was, by id."""
        return self._roster.all()

    def add(self, operator: Operator, pin: str = "", by: str = "", by_pin: str = "") -> None:
        """Let somebody work here from now on; also one who had left, or, without a PIN, to change name or role.

        Raises ``OperatorUnfit`` and what ``approve`` does.
        """
        with self._guard:
            before = self._roster.get(operator.id)
            if not ID.fullmatch(operator.id) or operator.id == STATION:
                raise OperatorUnfit(f"{operator.id[:32]!r} is no id: letters, digits, dots and dashes, at most 32")
            if not operator.name.strip() or not operator.name.isprintable() or len(operator.name) > 64:
                raise OperatorUnfit("a name has 1 to 64 characters that can be printed")
            decides = operator.role is not Role.TECHNICIAN
            if decides and not pin and self._roster.pin(operator.id)[0] is None:
                raise OperatorUnfit(f"a {operator.role} needs a PIN")
            self._judge_pin(pin)
            if before is not None and before.active and not pin and before == operator:
                raise OperatorUnfit(f"{operator.id} is here already")
            if self.decides:
                actor = self.approve(Act.OPERATORS, by, by_pin).id
            elif operator.role is not Role.SUPERVISOR:
                raise OperatorUnfit("nobody is here who may add others: the first one has to be a supervisor")
            else:
                actor = operator.id
            self._keep(actor, before, operator, pin)

    def disable(self, who: str, by: str = "", by_pin: str = "") -> None:
        """Let somebody work here no longer; he stays in the records.  Raises what ``add`` does."""
        with self._guard:
            before = self._known(who)
            actor = self.approve(Act.OPERATORS, by, by_pin).id
            left = [one for one in self.all() if one.active and one.id != who and one.role in MAY[Act.OPERATORS]]
            if not left:
                raise OperatorUnfit(f"{who} is the last one who may add others: add another supervisor first")
            self._keep(actor, before, replace(before, active=False), "")
            if self._signed_in is not None and self._signed_in.id == who:
                self.sign_out("disabled")

    def reset_pin(self, who: str, pin: str, by: str = "", by_pin: str = "") -> None:
        """Give somebody a new PIN: by himself, who shows the old one, or by whoever may add others."""
        with self._guard:
            operator = self._known(who)
            if not pin:
                raise OperatorUnfit("the new PIN is missing")
            self._judge_pin(pin)
            if by == who:
                self._prove(operator, by_pin)
                actor = who
            else:
                actor = self.approve(Act.OPERATORS, by, by_pin).id
            self._ledger.act("pin", actor, {"operator": who}, beside=keep_pin(who, pins.hashed(pin)))
            self._tried.pop(who, None)

    def _judge_pin(self, pin: str) -> None:
        if pin and (complaint := pins.complaint(pin)):
            raise OperatorUnfit(complaint)

    def _keep(self, actor: str, before: Operator | None, after: Operator, pin: str) -> None:
        facts: Facts = {"old": asdict(before) if before else None, "new": asdict(after), "pin": bool(pin)}
        row = {**asdict(after), "active": int(after.active)}

        def beside(db: Database) -> None:
            if pin or not after.active:
                keep_pin(after.id, pins.hashed(pin) if pin else None)(db)

        self._ledger.act("operator", actor, facts, {"operators": row}, beside)
        self._tried.pop(after.id, None)
        if self._signed_in is not None and self._signed_in.id == after.id and after.active:
            self._signed_in = after
