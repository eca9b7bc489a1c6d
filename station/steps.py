"""The steps: what happens to a board, one short function each.

A step takes the ``Case`` and returns the facts it established, or raises a
``Fault``.  It may be run again at any time, after a crash or an answer that
never came: what can't be done twice looks first (``reconcile``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext

from drivers.board import Identity
from drivers.errors import Blame, Fault
from station import clock
from station.case import Case, LateCall
from station.errors import Judgement, StationError
from station.fleet.client import Conflict, Garbled, NotFound
from station.fleet_rules import Activation, Registration
from station.inquiry import VendorUnknown, know_model
from station.judgements import HardwareHasOtherSerial, SerialOnOtherHardware, SerialTaken, SerialUnlisted
from station.model import Facts, Step
from station.situation import Found, Move


class SerialMalformed(Judgement):
    """What the board says of itself breaks the recipe's rules."""

    code = "serial-malformed"
    blame = Blame.BOARD


class GoldenDue(Judgement):
    """In this shift the slot has yet to be tried with golden units; the text says with which."""

    code = "golden-due"
    blame = Blame.PEOPLE


class LabelDiffers(Judgement):
    """The label on the board is another board's."""

    code = "label-differs"
    blame = Blame.BOARD


class ReadbackDiffers(Judgement):
    """The board does not hold what was written to it."""

    code = "readback-differs"
    blame = Blame.BOARD


class OwnerFull(StationError):
    """The fleet client below which boards are enabled has no room for another one."""

    code = "owner-full"
    blame = Blame.FLEET


class FleetDisagrees(Judgement):
    """At the end, the fleet does not say of this board what the recipe expects."""

    code = "fleet-disagrees"
    blame = Blame.FLEET


class NotActivated(Judgement):
    """The board has not fetched its key from the fleet in its time."""

    code = "not-activated"
    blame = Blame.BOARD


_LOOK_S = 0.5
"""Seconds between two looks at whether a board has fetched its key."""
_HOUR_US = 3_600_000_000

# --------------------------------------------------------------------------- the board says who it is


def identify(case: Case) -> Facts:
    """Ask the board who it is, judge it by the recipe, and by what the ledger knows of it."""
    identity = case.board.identify()
    case.seen = clock.monotonic()
    if (golden := case.recipe.golden.kind(identity.serial)) is not None:
        return {"identity": _facts(identity), "golden": golden}
    complaint = case.recipe.complaint(identity)
    if complaint is not None:
        raise SerialMalformed(f"the board says {complaint}", serial=identity.serial[:128])
    if due := case.golden_due():
        raise GoldenDue(due, serial=identity.serial, hardware_id=identity.hardware_id)
    try:
        try:
            case.admit(identity)
        except (SerialOnOtherHardware, HardwareHasOtherSerial):
            heard, identity = identity, case.board.identify()  # what is misheard looks like another board
            if identity == heard or case.recipe.complaint(identity) is not None:
                raise
            case.admit(identity)
        # What can't be written is better found now than when the board has its identity; a key is as long as any other.
        case.board.check(case.likely_settings(identity))
    except Fault as fault:  # only a step that settles gives the cycle its board
        fault.details = {"serial": identity.serial, "hardware_id": identity.hardware_id, **fault.details}
        raise
    return {"identity": _facts(identity)}


def label(case: Case) -> Facts:
    """Have the board's label scanned, and make sure that it is this board's."""
    with case.waiting_for_people():
        scanned = case.label()
    case.recognise_late()
    if scanned != case.serial:
        raise LabelDiffers(f"the label says {scanned[:64]!r}, the board {case.serial!r}", label=scanned[:128])
    return {"label": scanned}


# --------------------------------------------------------------------------- the fleet learns of it


def register(case: Case) -> Facts:
    """See to it that the fleet knows the serial number (M43, M35)."""

    def attempt() -> Facts:
        sight = case.look(Step.REGISTER)
        if sight.move is Move.ADD:
            if case.recipe.fleet.register_by is Registration.LISTED:
                know_model(case.fleet, case.model)
                raise SerialUnlisted(f"{case.serial!r} is not listed in the fleet")
            case.act(lambda: case.fleet.serials.add(case.model, case.serial, case.mark))
        return {"found": sight.found, "move": sight.move}

    return case.first_come(attempt)


def enable(case: Case) -> Facts:
    """Give the serial number its client in the fleet (M43, M46; M48 for a retest)."""

    def attempt() -> Facts:
        case.confirm_vendor()
        sight = case.look(Step.ENABLE)
        rid = sight.rid
        if sight.move is Move.ENABLE:
            rid = case.act(lambda: case.fleet.serials.enable(case.model, case.serial, case.owner))
        elif sight.move is Move.REGENERATE:
            case.regenerate(sight.found)
        window = _window(case, sight.since if sight.move is Move.ADOPT else None)
        return {"rid": rid, "found": sight.found, "move": sight.move, **window}

    case.begun_at = case.begun_at or clock.now_us()  # when the window opens, at the earliest
    try:
        return case.first_come(attempt)
    except SerialTaken as taken:
        if isinstance(taken.__cause__, Conflict) and case.ask()[0] is Found.UNUSED:
            raise OwnerFull(f"nobody has {case.serial!r}, and it can't be enabled: {taken.text}") from taken
        raise


def _window(case: Case, since: int | None) -> dict[str, int]:
    """Return when the board's window opens and is over, both early rather than late, if somebody has to mind it.

    UTC microseconds; a call whose answer was lost opened it when that call was made, not now: in this cycle, or in an
    earlier one, begun at ``since``.
    """
    if case.recipe.fleet.window_h is None:
        return {}
    enabled_at = min(filter(None, (case.begun_at or clock.now_us(), since)))
    return {"enabled_at": enabled_at, "expires_at": enabled_at + case.recipe.fleet.window_h * _HOUR_US}


def activate(case: Case) -> Facts:
    """Fetch the board's key and make it durable before anything else happens (D1; M48 if it was lost on the way)."""

    def attempt() -> Facts:
        key, move = case.escrow.get(case.number), Move.PROCEED
        if key is None:
            sight = case.look(Step.ACTIVATE)
            move = sight.move
            if move is Move.REGENERATE:
                case.regenerate(sight.found)

            def fetch() -> str:
                key = case.fleet.device.activate(case.model, case.serial)
                if key == case.known.rid:  # an answer to another call: both are 40 hex digits
                    raise Garbled("the fleet gave the client's RID for its key", "activate", status=200)
                return key

            try:
                key = case.act(fetch)
            except NotFound as fault:
                raise VendorUnknown(f"{fault.text}: is the vendor's name right?") from fault
            case.escrow.put(case.number, key)
        return {"key_fingerprint": case.escrow.digest(key, secret=True), "move": move}

    return case.first_come(attempt)


# --------------------------------------------------------------------------- the board learns its settings


def configure(case: Case) -> Facts:
    """Write the recipe's settings to the board and make them permanent."""
    case.recognise_late()  # the fleet may have taken its time
    if case.recipe.fleet.deferred:
        case.foresee()
    if case.known.rid is not None and case.known.key_fingerprint is None:
        case.look(Step.CONFIGURE)  # as activate has done for the others: for whom was this number listed?
    settings = case.settings()
    case.board.configure(settings)
    return {"settings": case.digests(settings)}


def verify_board(case: Case) -> Facts:
    """Restart the board, make sure it is still the same one, and read every setting back."""
    with case.waiting_for_people() if case.recipe.restarted_by_hand else nullcontext():
        restarted = case.board.restart()
    case.recognise()
    expected = case.dry_settings() if case.known.golden else case.settings()
    read = case.board.read(expected)
    case.hide_read(read)
    wrong = sorted(name for name in expected if read[name] != expected[name])
    if wrong:
        shown = ", ".join(_difference(case, name, expected[name], read[name]) for name in wrong)
        raise ReadbackDiffers(f"{len(wrong)} of {len(expected)} settings: {shown}", settings=", ".join(wrong))
    proofs = {name: proof for name in expected if (proof := case.recipe.proof(name)) not in ("", "value")}
    return {"restarted": restarted, "settings": case.digests(read), **({"proofs": proofs} if proofs else {})}


# --------------------------------------------------------------------------- the fleet has the last word


def verify_fleet(case: Case) -> Facts:
    """Ask the fleet for RID and status once more (M43); a board that fetches its key itself is waited for."""
    mode = case.recipe.fleet.activate
    # In the field it may come at any time, so also before we ask.
    good = {Found.ACTIVATED, Found.NOTACTIVATED} if mode is Activation.FIELD else {Found.ACTIVATED}
    doubt = case.outwait_lost_calls() or case.resumed
    over = clock.monotonic() + (case.recipe.fleet.fetch_s or 0)
    while True:
        sight = case.look(Step.VERIFY_FLEET)
        found, rid = sight.found, sight.rid
        if rid == case.known.rid and found in good:
            case.recognise_late()
            if doubt and not case.key_works():
                raise FleetDisagrees(f"the fleet says {found}, and does not know the board's key any more")
            return {"rid": rid, "status": found}
        if rid != case.known.rid or found is not Found.NOTACTIVATED or mode is not Activation.ON_LINE:
            expected = " or ".join(sorted(good))
            raise FleetDisagrees(
                f"the fleet says {found} with RID {rid}, expected {expected} with RID {case.known.rid}"
            )
        if clock.monotonic() >= over:
            raise NotActivated(f"the board has not fetched its key within {case.recipe.fleet.fetch_s} s")
        case.rest(_LOOK_S, None)


def disable(case: Case) -> Facts:
    """Make the identity of a board that did not pass a dead one (M49); never anybody else's."""
    may_revive = case.may_revive
    sight = case.look(Step.DISABLE)
    if sight.move is Move.DISABLE:
        case.disable(sight.found)
    if may_revive:
        raise LateCall("an earlier call that got no answer may still give this number a life; it is looked at again")
    return {"found": sight.found, "claim": sight.claim, "move": sight.move}


STEPS: Mapping[Step, Callable[[Case], Facts]] = {
    Step.IDENTIFY: identify,
    Step.LABEL: label,
    Step.REGISTER: register,
    Step.ENABLE: enable,
    Step.ACTIVATE: activate,
    Step.CONFIGURE: configure,
    Step.VERIFY_BOARD: verify_board,
    Step.VERIFY_FLEET: verify_fleet,
    Step.DISABLE: disable,
}


# --------------------------------------------------------------------------- in words


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
