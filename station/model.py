"""The words of the station, as types.

A *slot* is one place for one board.  A *cycle* is one board in one slot, from
its arrival to its close: a list of *steps* with one *outcome*.  What the
settled steps have established about the board is ``Known``; what a screen may
see of a slot is a ``SlotView``.  Nothing here does anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from drivers.board import Identity
from drivers.errors import Blame

Facts = Mapping[str, Any]
"""What a step established: JSON without floats, without secrets."""


class Outcome(StrEnum):
    """How a cycle ends.  FAIL is never ERROR: one is the board's, the other ours."""

    PASS = "PASS"
    FAIL = "FAIL"
    ERROR = "ERROR"
    ABORTED = "ABORTED"
    PENDING = "PENDING"
    """Good, but the fleet has yet to be told."""


OUTCOME: Mapping[Blame, Outcome] = MappingProxyType(
    {
        Blame.BOARD: Outcome.FAIL,
        Blame.PORT: Outcome.ERROR,
        Blame.STATION: Outcome.ERROR,
        Blame.FLEET: Outcome.ERROR,
        Blame.PEOPLE: Outcome.ABORTED,
    }
)


NOT_OURS = frozenset({"serial-taken", "begun-elsewhere"})
"""The codes of what a cycle ends with whose number is somebody else's: what it made there counts as theirs."""


class Step(StrEnum):
    """The steps that a recipe's plan is made of."""

    IDENTIFY = "identify"
    LABEL = "label"
    """Only where the recipe asks: somebody scans what is on the board."""
    REGISTER = "register"
    ENABLE = "enable"
    ACTIVATE = "activate"
    CONFIGURE = "configure"
    VERIFY_BOARD = "verify-board"
    VERIFY_FLEET = "verify-fleet"
    DISABLE = "disable"
    """Not planned: taken when a cycle ends without PASS after enable."""


class Edition(NamedTuple):
    """A recipe as the records name it."""

    sha256: str
    name: str
    version: str
    text: str
    """The file, whole."""
    model: str
    """The fleet's model of its boards: serial numbers are told apart within one."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the settled steps of a cycle have established; rebuilt from the ledger after a restart."""

    identity: Identity | None = None
    golden: str | None = None
    """"good" or "bad" for a golden unit."""
    rid: str | None = None
    enabled_at: int | None = None
    """When its window opened, UTC microseconds, if it is to be activated in the field."""
    expires_at: int | None = None
    """When its window is over."""
    key_fingerprint: str | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    """Setting name -> digest of what was written."""
    read_back: Mapping[str, str] = field(default_factory=dict)
    """Setting name -> digest of what the board held after its restart."""
    proofs: Mapping[str, str] = field(default_factory=dict)
    """Setting name -> what the board told of it in place of the value: "sha256", or, which proves little, "length"."""
    restarted: bool = False
    """The board was restarted before it was read."""
    status: str | None = None
    """What the fleet said at the end."""
    waited_ms: int = 0
    """How long people were waited for, which is no cycle time."""

    def after(self, step: Step, facts: Facts) -> Known:
        """Return what is known once ``step`` has settled with ``facts``."""
        if (waited := facts.get("waited_ms")) is not None:
            return replace(self, waited_ms=self.waited_ms + waited)._after(step, facts)
        return self._after(step, facts)

    def _after(self, step: Step, facts: Facts) -> Known:
        match step:
            case Step.IDENTIFY:
                return replace(self, identity=Identity(**facts["identity"]), golden=facts.get("golden"))
            case Step.ENABLE:
                window = {name: facts[name] for name in ("enabled_at", "expires_at") if name in facts}
                return replace(self, rid=facts["rid"], **window)
            case Step.ACTIVATE:
                return replace(self, key_fingerprint=facts["key_fingerprint"])
            case Step.CONFIGURE:
                return replace(self, digests=MappingProxyType(dict(facts["settings"])))
            case Step.VERIFY_BOARD:
                read_back = MappingProxyType(dict(facts["settings"]))
                proofs = MappingProxyType(dict(facts.get("proofs", {})))
                return replace(self, read_back=read_back, proofs=proofs, restarted=facts["restarted"])
            case Step.VERIFY_FLEET:
                return replace(self, status=facts["status"])
            case _:
                return self

    def record(self) -> Facts:
        """Return all of it as JSON, for the record of the cycle."""
        return {
            "identity": asdict(self.identity) if self.identity else None,
            "rid": self.rid,
            "enabled_at": self.enabled_at,
            "expires_at": self.expires_at,
            "key_fingerprint": self.key_fingerprint,
            "settings": {
                name: {
                    "expected": digest,
                    "read": self.read_back.get(name),
                    **({"proof": self.proofs[name]} if name in self.proofs else {}),
                }
                for name, digest in self.digests.items()
            },
            "restarted": self.restarted,
            "status": self.status,
            **({"waited_ms": self.waited_ms} if self.waited_ms else {}),
            **({"golden": self.golden} if self.golden else {}),
        }


@dataclass(frozen=True, slots=True)
class Closing:
    """How a cycle ended: the outcome, and unless it is PASS the code and what was seen."""

    outcome: Outcome
    code: str | None = None
    text: str | None = None
    details: Facts = field(default_factory=dict)


class Role(StrEnum):
    """What an operator is here for."""

    TECHNICIAN = "technician"
    SUPERVISOR = "supervisor"
    ENGINEER = "engineer"


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody who works at the station."""

    id: str
    """What is on the badge, and the actor of what he does in the records."""
    name: str
    role: Role
    active: bool = True
    """He may sign in."""


class Phase(StrEnum):
    """What a slot is doing."""

    OUT = "out"
    """Its port can't be used; ``note`` says why."""
    EMPTY = "empty"
    """Waiting for a board."""
    RUNNING = "running"
    """A cycle is going on."""
    REMOVE = "remove"
    """The cycle is closed and recorded; waiting for the board to leave."""
    HELD = "held"
    """A board may be waiting, but the line is stopped."""


@dataclass(frozen=True, slots=True)
class SlotView:
    """All that a screen may see of one slot; replaced whole, never changed."""

    slot: str
    phase: Phase = Phase.EMPTY
    note: str = ""
    """What the technician is told while something is waited for, and beside a verdict of the port; else empty."""
    cycle: int | None = None
    attempt: int = 0
    serial: str | None = None
    plan: tuple[Step, ...] = ()
    step: Step | None = None
    """The step that is going on; after the close, the one that decided."""
    started: float | None = None
    """Monotonic seconds at which the cycle was opened."""
    duration: float | None = None
    """Seconds from open to close, once closed."""
    outcome: Outcome | None = None
    code: str | None = None
    advice: str = ""
    """What happened and the one thing to do, once closed without PASS."""
    last: str = ""
    """``SERIAL OUTCOME`` of the board before, for an empty slot."""

    @property
    def said(self) -> str:
        """Everything that the technician is told: of the board first."""
        return " ".join(filter(None, (self.advice, self.note)))


class FleetState(StrEnum):
    """How the fleet answered last."""

    UNKNOWN = "unknown"
    """Not asked yet."""
    OK = "ok"
    AWAY = "away"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Counters:
    """The shift's figures, of the cycles that were closed in it.

    ``first`` and ``first_passed`` are the two sides of the first-pass yield.
    """

    done: int = 0
    passed: int = 0
    first: int = 0
    first_passed: int = 0
    pending: int = 0
    """Boards that are good and of which the fleet has yet to be told, of any day."""
    in_order: int = 0
    """Boards of the current work order whose PASS stands, of any day."""

    @property
    def fpy(self) -> float | None:
        """First-pass yield, 0 to 1; None before the first counted board."""
        return self.first_passed / self.first if self.first else None


@dataclass(frozen=True, slots=True)
class LineView:
    """All that a screen may see of the line as a whole; replaced whole, never changed."""

    station: str
    """The station's name for people."""
    recipe: str
    """Recipe name and version."""
    fleet: FleetState = FleetState.UNKNOWN
    fleet_ms: int | None = None
    """Milliseconds of the last good answer."""
    counters: Counters = Counters()
    stopped: str = ""
    """Why the line is stopped and what to do, in words; empty while it runs."""
    stopped_code: str | None = None
    warning: str = ""
    """What is wrong with the station and stops nobody, in words; empty if nothing is."""
    operator: str = ""
    """The name of whoever is signed in; empty if nobody is."""
    scanned: str = ""
    """What came of the last scan, in words, for a few seconds."""
    work_order: str = ""
    """The work order that is made, and how many of its boards have passed: ``WO-4711 37/500``."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of telling the fleet of boards that have left."""

    delivered: int
    left: int
    why: str
    """What kept one of them from being delivered, in words, or from passing; empty if nothing did."""


@dataclass(frozen=True, slots=True)
class Finished:
    """One closed cycle, as reported to programs (``--json``)."""

    slot: str
    serial: str | None
    outcome: Outcome
    error: str | None
    """The code, None for PASS."""
    attempt: int
    rid: str | None
    started_at: str
    """ISO 8601, UTC."""
    duration_s: float
