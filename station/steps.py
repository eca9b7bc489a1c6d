"""The steps: what happens to a board, one short function each.

A step takes the ``Case`` and returns the facts it established, or raises a
``Fault``.  It may be run again at any time, after a crash or an answer that
never came: what can't be done twice looks first (``reconcile``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from drivers.board import Board, Identity
from drivers.errors import Blame
from station.errors import Judgement, StationError
from station.escrow import Escrow
from station.fleet.client import Client, Conflict, NotFound, Unanswered, Unreachable
from station.ledger import History
from station.model import Facts, Known, Step
from station.recipe import Activation, Recipe, Registration
from station.reconcile import (
    STOPS,
    Claim,
    Found,
    Move,
    SerialTaken,
    SerialUnlisted,
    Standing,
    admit,
    claim,
    decide,
    mark,
)

T = TypeVar("T")

_HEX = "0" * 40
"""Stands for a RID or a key that is not known yet (API document, section 2: 40 hex digits)."""


class SerialMalformed(Judgement):
    """What the board says of itself breaks the recipe's rules."""

    code = "serial-malformed"
    blame = Blame.BOARD


class BoardSwapped(Judgement):
    """Another board answers than the one that this cycle began with."""

    code = "board-swapped"
    blame = Blame.PEOPLE


class ReadbackDiffers(Judgement):
    """The board does not hold what was written to it."""

    code = "readback-differs"
    blame = Blame.BOARD


class KeyLost(StationError):
    """The key that the ledger says was fetched is not in its escrow file."""

    code = "key-lost"
    blame = Blame.STATION


class VendorUnknown(StationError):
    """The fleet knows the board by our token, and not by the vendor's name of the settings."""

    code = "vendor-unknown"
    blame = Blame.FLEET


class FleetDisagrees(Judgement):
    """At the end, the fleet does not say of this board what the recipe expects."""

    code = "fleet-disagrees"
    blame = Blame.FLEET


@dataclass
class Case:
    """All that a step may use: one board, what is known of it, and the hands to act with."""

    number: int
    """The cycle's number in the ledger."""
    recipe: Recipe
    station: str
    """The station's uid."""
    vendor: str
    owner: str
    """RID of the fleet client below which boards are enabled."""
    board: Board
    hide: Callable[[str], None]
    """Keeps a secret out of the link's transcript."""
    mask: Callable[[str], str]
    """Takes hidden secrets out of a text, as far as they can be recognised in it."""
    fleet: Client
    escrow: Escrow
    history: Callable[[Identity], History]
    """What the ledger holds of a board, apart from this cycle."""
    known: Known = field(default_factory=Known)
    unanswered: bool = False
    """A call of this step that changes the fleet may have been made, and what became of it was never learnt."""

    @property
    def identity(self) -> Identity:
        """The board's identity, once identify has settled."""
        assert self.known.identity is not None
        return self.known.identity

    @property
    def model(self) -> str:
        """The model's name in the fleet."""
        return self.recipe.fleet.model


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look at the fleet has shown."""

    found: Found
    claim: Claim
    rid: str | None
    move: Move


# --------------------------------------------------------------------------- the board says who it is


def identify(case: Case) -> Facts:
    """Ask the board who it is, judge it by the recipe, and by what the ledger knows of it."""
    identity = case.board.identify()
    complaint = case.recipe.complaint(identity)
    if complaint is not None:
        raise SerialMalformed(f"the board says {complaint}", serial=identity.serial[:128])
    admit(identity, case.history(identity))
    # What can't be written is better found now than when the board has its identity; a key is as long as any other.
    case.board.check(case.recipe.settings(_values(case, identity, rid=_HEX, key=_HEX)))
    return {"identity": _facts(identity)}


def recognise(case: Case) -> None:
    """Make sure that the board on the link is this cycle's; raises ``BoardSwapped``."""
    seen = case.board.identify()
    ours = case.identity
    if (seen.serial, seen.hardware_id) != (ours.serial, ours.hardware_id):
        raise BoardSwapped(
            f"expected {ours.serial!r} on {ours.hardware_id!r},"
            f" found {seen.serial[:128]!r} on {seen.hardware_id[:128]!r}",
            serial=ours.serial,
            found=seen.serial[:128],
        )


# --------------------------------------------------------------------------- the fleet learns of it


def register(case: Case) -> Facts:
    """See to it that the fleet knows the serial number (M43, M35)."""

    def attempt() -> Facts:
        sight = _look(case, Step.REGISTER)
        if sight.move is Move.ADD:
            if case.recipe.fleet.register_by is Registration.LISTED:
                raise SerialUnlisted(f"{case.identity.serial!r} is not listed in the fleet")
            ours = mark(case.station, case.identity)
            _act(case, lambda: case.fleet.serials.add(case.model, case.identity.serial, ours))
        return {"found": sight.found, "move": sight.move}

    return _first_come(case, attempt)


def enable(case: Case) -> Facts:
    """Give the serial number its client in the fleet (M43, M46; M48 for a retest)."""

    def attempt() -> Facts:
        sight = _look(case, Step.ENABLE)
        rid = sight.rid
        if sight.move is Move.ENABLE:
            rid = _act(case, lambda: case.fleet.serials.enable(case.model, case.identity.serial, case.owner))
        elif sight.move is Move.REGENERATE:
            _act(case, lambda: case.fleet.serials.regenerate(case.model, case.identity.serial))
        return {"rid": rid, "found": sight.found, "move": sight.move}

    return _first_come(case, attempt)


def activate(case: Case) -> Facts:
    """Fetch the board's key and make it durable before anything else happens (D1; M48 if it was lost on the way)."""

    def attempt() -> Facts:
        key, move = case.escrow.get(case.number), Move.PROCEED
        if key is None:
            move = _look(case, Step.ACTIVATE).move
            if move is Move.REGENERATE:
                _act(case, lambda: case.fleet.serials.regenerate(case.model, case.identity.serial))
            try:
                key = _act(case, lambda: case.fleet.device.activate(case.model, case.identity.serial))
            except NotFound as fault:
                raise VendorUnknown(f"{fault.text}: is the vendor's name right?") from fault
            case.escrow.put(case.number, key)
        return {"key_fingerprint": case.escrow.digest(key, secret=True), "move": move}

    return _first_come(case, attempt)


# --------------------------------------------------------------------------- the board learns its settings


def configure(case: Case) -> Facts:
    """Write the recipe's settings to the board and make them permanent."""
    settings = _settings(case)
    case.board.configure(settings)
    return {"settings": _digests(case, settings)}


def verify_board(case: Case) -> Facts:
    """Restart the board, make sure it is still the same one, and read every setting back."""
    restarted = case.board.restart()
    recognise(case)
    expected = _settings(case)
    read = case.board.read(list(expected))
    wrong = sorted(name for name in expected if read[name] != expected[name])
    if wrong:
        shown = ", ".join(_difference(case, name, expected[name], read[name]) for name in wrong)
        raise ReadbackDiffers(f"{len(wrong)} of {len(expected)} settings: {shown}", settings=", ".join(wrong))
    return {"restarted": restarted, "settings": _digests(case, read)}


# --------------------------------------------------------------------------- the fleet has the last word


def verify_fleet(case: Case) -> Facts:
    """Ask the fleet for RID and status once more (M43)."""
    activated = case.recipe.fleet.activate is Activation.STATION
    expected = Found.ACTIVATED if activated else Found.NOTACTIVATED
    found, rid, _ = _ask(case)
    if rid != case.known.rid or found is not expected:
        raise FleetDisagrees(f"the fleet says {found} with RID {rid}, expected {expected} with RID {case.known.rid}")
    return {"rid": rid, "status": found}


def disable(case: Case) -> Facts:
    """Make the identity of a board that did not pass a dead one (M49); never anybody else's."""
    sight = _look(case, Step.DISABLE)
    if sight.move is Move.DISABLE:
        _act(case, lambda: case.fleet.serials.disable(case.model, case.identity.serial))
    return {"found": sight.found, "claim": sight.claim, "move": sight.move}


STEPS: Mapping[Step, Callable[[Case], Facts]] = {
    Step.IDENTIFY: identify,
    Step.REGISTER: register,
    Step.ENABLE: enable,
    Step.ACTIVATE: activate,
    Step.CONFIGURE: configure,
    Step.VERIFY_BOARD: verify_board,
    Step.VERIFY_FLEET: verify_fleet,
    Step.DISABLE: disable,
}


# --------------------------------------------------------------------------- looking first


def _ask(case: Case) -> tuple[Found, str | None, str]:
    """Return what the fleet says of the serial number: state, RID, extra."""
    try:
        info = case.fleet.serials.info(case.model, case.identity.serial)
    except NotFound:
        return Found.UNKNOWN, None, ""
    return Found(info.status), info.rid, info.extra


def _look(case: Case, step: Step) -> Sight:
    """Look at the fleet and at our own history, and find the move in the table; a stop is raised."""
    found, rid, extra = _ask(case)
    history = case.history(case.identity)
    clients = {case.known.rid} if case.known.rid is not None else history.rids
    whose = claim(extra, mark(case.station, case.identity), client=rid is not None and rid in clients)
    if case.unanswered:
        standing = Standing.UNANSWERED
    else:
        standing = Standing.RETEST if history.rids or history.doubtful else Standing.NEW
    move = decide(step, found, whose, standing)
    if move in STOPS:
        raise STOPS[move](f"{case.identity.serial!r} is {found} in the fleet, the claim on it is {whose}", found=found)
    return Sight(found, whose, rid, move)


def _act(case: Case, call: Callable[[], T]) -> T:
    """Make a call that changes the fleet, and remember it if its answer never comes."""
    try:
        return call()
    except Unanswered as fault:
        case.unanswered = case.unanswered or not isinstance(fault, Unreachable)
        raise


def _first_come(case: Case, attempt: Callable[[], Facts]) -> Facts:
    """Try once; a definite 409 means that somebody else was there first.

    Unless a call of our own was never answered and has only now arrived:
    then one more look tells.
    """
    try:
        return attempt()
    except Conflict as conflict:
        if not case.unanswered:
            raise SerialTaken(f"{case.identity.serial!r}: {conflict.text}") from conflict
    try:
        return attempt()
    except Conflict as conflict:
        raise SerialTaken(f"{case.identity.serial!r}: {conflict.text}") from conflict


# --------------------------------------------------------------------------- settings


def _settings(case: Case) -> dict[str, str]:
    """Return the board's settings; from here on its key is hidden in whatever is kept of the link."""
    key = ""
    if case.recipe.needs("cik"):
        key = case.escrow.get(case.number) or ""
        if not key:
            raise KeyLost("the device key is not in escrow")
        case.hide(key)
    return case.recipe.settings(_values(case, case.identity, case.known.rid or "", key))


def _values(case: Case, identity: Identity, rid: str, key: str) -> dict[str, str]:
    """Return what each placeholder of a recipe stands for."""
    return {
        "vendor": case.vendor,
        "model": case.model,
        "owner": case.owner,
        "station": case.station,
        "serial": identity.serial,
        "hardware_id": identity.hardware_id,
        "rid": rid,
        "cik": key,
    }


def _digests(case: Case, settings: Mapping[str, str]) -> dict[str, str]:
    return {name: case.escrow.digest(value, secret=case.recipe.secret(name)) for name, value in settings.items()}


def _difference(case: Case, name: str, expected: str, read: str) -> str:
    if case.recipe.secret(name):
        return f"{name} (a secret, {len(expected)} characters written, {len(read)} read)"
    return f"{name} is {read[:80]!r}, expected {expected[:80]!r}"


def _facts(identity: Identity) -> dict[str, str]:
    return {
        "serial": identity.serial,
        "hardware_id": identity.hardware_id,
        "firmware": identity.firmware[:256],
        "hardware_revision": identity.hardware_revision[:256],
    }
