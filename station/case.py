"""One board's case: what is known of it, and the hands that its steps act with.

What several steps need is here: looking at the fleet before anything is
changed there, remembering a call whose answer never came, and the board's
settings with everything filled in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

from drivers.board import Board, Identity
from drivers.errors import Blame
from station import clock, evidence
from station.errors import StationError
from station.escrow import Escrow
from station.fleet.client import (
    Client,
    Conflict,
    Garbled,
    NotAllowed,
    NotFound,
    Refused,
    Unanswered,
    Unreachable,
)
from station.inquiry import NOBODYS, ask, ask_for_good, certain, know_model
from station.judgements import AttemptsUsedUp, PassNotOnBoard, SerialTaken
from station.ledger import History
from station.model import Facts, Known, Step
from station.recipe import Recipe
from station.reconcile import admit, attend, decide
from station.situation import STOPS, Claim, Found, Held, Move, Ours, Situation

T = TypeVar("T")

_HEX = "0" * 40
"""Stands for a RID or a key that is not known yet (API document, section 2: 40 hex digits)."""

_TELLING = 8
"""A shorter text is found in too much that is no secret."""


_ALIVE = frozenset({Found.NOTACTIVATED, Found.ACTIVATED})
"""What it says of one that a board lives by, or may."""

_LOOK_S = 0.5
"""Seconds between two looks at whether the waiting is over."""

_SWAP_S = 0.5
"""Nobody takes a board out and puts another one in within so many seconds."""


class KeyLost(StationError):
    """The key that the ledger says was fetched is not in its escrow file."""

    code = "key-lost"
    blame = Blame.STATION


class LateCall(StationError):
    """A call of ours that got no answer may still kill the key of a board that is about to pass."""

    code = "late-call"
    blame = Blame.FLEET


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look at the fleet has shown, and what is to be done."""

    found: Found
    claim: Claim
    rid: str | None
    move: Move
    since: int | None
    """When an earlier cycle of ours may have made the client, UTC microseconds; None if none may."""


@dataclass
class Case:
    """All that a step may use."""

    number: int
    """The cycle's number in the ledger."""
    recipe: Recipe
    station: str
    """The station's uid."""
    vendor: str
    owner: str
    """RID of the fleet client below which boards are enabled."""
    board: Board
    fleet: Client
    escrow: Escrow
    history: Callable[[Identity], History]
    """What the ledger holds of a board, apart from this cycle."""
    hide: Callable[[str], None] = lambda secret: None
    """Keeps a secret out of the link's transcript."""
    mask: Callable[[str], str] = lambda text: text
    """Takes hidden secrets out of a text, as far as they can be recognised in it."""
    transcript: Callable[[], str] = lambda: ""
    """What has been said on the link in this cycle, without secrets, as ``station.ledger.transcript`` writes it."""
    rest: Callable[[float, str | None], None] = lambda seconds, code: None
    """Lets so many seconds pass while the board has to stay; raises what ends the waiting.  ``code`` is that of the
    sentence which says why, if that isn't plain from the step."""
    calls: Callable[[str, Found], None] = lambda call, found: None
    """Records that the fleet is about to be asked for what can kill a key, and the number's state before."""
    before_call: Callable[[], str | None] = lambda: None
    """Tells the number's state before the last such call of this cycle; None if it has made none."""
    astray_s: Callable[[str], float | None] = lambda serial: None
    """How many seconds ago the last such call began that may still be carried out; None if there is none."""
    revives_s: Callable[[str], float | None] = lambda serial: None
    """Likewise of those only that make a new key."""
    golden_due: Callable[[], str] = lambda: ""
    """Says which golden units the slot has yet to be tried with in this shift; empty if none."""
    label: Callable[[], str] = lambda: ""
    """Waits until the board's label is scanned, and returns the serial number on it; raises what ends the waiting."""
    confirm_vendor: Callable[[], None] = lambda: None
    """Asks the fleet, unless it has told before, whether it knows the vendor; raises ``VendorUnknown``."""
    late_s: float = 0.0
    """Seconds after its beginning in which such a call may still take effect."""
    known: Known = field(default_factory=Known)
    released: bool = False
    """The board has left: the fleet is told of it later."""
    begun_at: int | None = None
    """When this step was begun before the station was cut, UTC microseconds; None if it is begun now."""
    resumed: bool = False
    """An earlier run of the station has begun it: what it keeps of the key may be older than the board."""
    unanswered: bool = False
    """A call of this step that changes the fleet may have been made, and what became of it was never learnt."""
    waited_s: float = 0.0
    """How long people have been waited for in this step, seconds."""
    seen: float = 0.0
    """When the board last said who it is, monotonic seconds."""

    @property
    def identity(self) -> Identity:
        """The board's identity, once identify has settled."""
        assert self.known.identity is not None
        return self.known.identity

    @property
    def serial(self) -> str:
        """The board's serial number, once identify has settled."""
        return self.identity.serial

    @property
    def model(self) -> str:
        """The model's name in the fleet."""
        return self.recipe.fleet.model

    @property
    def mark(self) -> str:
        """What this station writes beside this board's serial number in the fleet."""
        return evidence.mark(self.station, self.identity)

    # ------------------------------------------------------------- the fleet

    def ask(self) -> tuple[Found, str | None, str]:
        """Return what the fleet says of the serial number (M43): state, RID, extra."""
        return ask(self.fleet, self.model, self.serial)

    def admit(self, identity: Identity) -> None:
        """Judge a board that has just said who it is by what our ledger knows of it; a stop is raised.

        Of one that has passed the fleet is asked whether it still lives by that.  A station that tells the fleet later
        doesn't wait for the answer.
        """
        history = self.history(identity)
        ours, hardware = evidence.standing(history), evidence.hardware(identity, history)
        move, found, whose = admit(Step.IDENTIFY, ours, hardware), None, None
        if ours is Ours.PASS and move is Move.GO_ON:
            try:
                found, rid, extra = ask_for_good(self.fleet, self.model, identity.serial)
            except Unanswered:
                if not self.recipe.fleet.deferred:
                    raise
                move = Move.STOP_PASS_UNPROVEN
            else:
                mark = evidence.mark(self.station, identity)
                whose = evidence.claim(extra, mark, ours=rid == history.passed_rid, doubt=False)
                lives = evidence.of_a_pass(found, evidence.activation(history, self.recipe.fleet.activate))
                move = decide(Situation(Step.IDENTIFY, Held.SAME, ours, hardware, lives, whose))
        if move in (Move.STOP_PASSED, Move.STOP_PENDING):
            self._hold_against(identity, history)
        if move in STOPS:
            raise evidence.objection(move, identity, history, found, whose)
        if history.attempts >= self.recipe.rework.attempts:
            text = f"{identity.serial!r} has been tried {history.attempts} times without a PASS that stands"
            raise AttemptsUsedUp(text, attempts=history.attempts)

    def _hold_against(self, identity: Identity, history: History) -> None:
        """Make sure that a board which has passed, or is PENDING, holds what it was found good with.

        Raises ``PassNotOnBoard``: it may also be another one that is alike.
        """
        names = {  # a secret's fingerprint is of the digest key of then, which no backup has
            name
            for name, digest in history.passed_settings.items()
            if name in self.recipe.config and digest.startswith("sha256:")
        }
        asked = {name: value for name, value in self.likely_settings(identity).items() if name in names}
        if not asked:
            return
        read = self.board.read(asked)
        self.hide_read(read)
        digests = self.digests(read)
        lost = sorted(name for name in asked if digests[name] != history.passed_settings[name])
        if lost:
            text = f"{identity.serial!r} was good, and {len(lost)} of {len(asked)} settings are others: "
            raise PassNotOnBoard(text + ", ".join(lost), settings=", ".join(lost))

    def look(self, step: Step) -> Sight:
        """Look at the fleet and at our own history, and find the move in the table; a stop is raised."""
        found, rid, extra = self.ask()
        identity, history = self.identity, self.history(self.identity)
        ours = Ours.OPEN if self.unanswered else evidence.standing(history)
        mine = {self.known.rid} if self.known.rid is not None else history.rids
        doubt = self.known.rid is None and (self.unanswered or history.doubtful_since is not None)
        new = step is Step.REGISTER and not doubt and not history.closed and extra == self.mark
        by_rid = rid is not None and rid in mine
        revived = history.disabled and found in _ALIVE and self.known.rid is None and not self.unanswered
        lost = history.lost or (new and not by_rid) or revived
        whose = evidence.claim(extra, self.mark, ours=by_rid, doubt=doubt, lost=lost)
        if whose is Claim.UNMARKED and history.unproven and self.known.rid is None:
            whose = Claim.DOUBT  # a retest proves nothing new; people settle it, by listing the number anew
        usable = whose in (Claim.CLIENT, Claim.UNMARKED)
        if usable and self.released and step is Step.ENABLE and found is not Found.EXPIRED:
            before = self.before_call() if self.unanswered else None  # its board may have fetched the key by now
            if before is not None:
                whose = Claim.RENEWED if before == Found.EXPIRED else Claim.DOUBT
            elif found is Found.ACTIVATED:
                whose = Claim.RENEWED
        hardware = evidence.hardware(identity, history)
        move = decide(Situation(step, Held.SAME, ours, hardware, found, whose))
        if found in NOBODYS and step is not Step.REGISTER and move is not Move.ENABLE:
            know_model(self.fleet, self.model)  # no call follows that would tell
            if step is Step.DISABLE and self.ask()[0] is not found:
                raise Garbled("the fleet says something else each time", "M43", status=200)
        if move in STOPS:
            raise evidence.objection(move, identity, history, found, whose)
        if self.unanswered and not self.released and move in (Move.ADOPT, Move.REGENERATE):
            self.recognise()  # what an earlier call has made is taken up for the board that it was made for
        return Sight(found, whose, rid, move, history.doubtful_since)

    def foresee(self) -> None:
        """Stop a retest now, if the fleet answers and holds against it what it will hold against it once it has left.

        A fleet that gives no answer is not waited for: the board can be told of later.
        """
        if self.history(self.identity).closed:
            with suppress(Unanswered, NotAllowed):
                self.look(Step.REGISTER)

    def recognise(self) -> None:
        """Make sure that the board on the link is this cycle's; raises ``BoardSwapped``."""
        seen, ours = self.board.identify(), self.identity
        same = (seen.serial, seen.hardware_id) == (ours.serial, ours.hardware_id)
        move = attend(Step.VERIFY_BOARD, Ours.OPEN, Held.SAME if same else Held.ANOTHER)
        if move in STOPS:
            raise STOPS[move](
                f"expected {ours.serial!r} on {ours.hardware_id!r},"
                f" found {seen.serial[:128]!r} on {seen.hardware_id[:128]!r}",
                serial=ours.serial,
                found=seen.serial[:128],
            )
        self.seen = clock.monotonic()

    def recognise_late(self) -> None:
        """``recognise``, if it is long enough since the board said who it is for another one to be here by now.

        Of a board that was released nobody is here to be asked.
        """
        if not self.released and clock.monotonic() - self.seen > _SWAP_S:
            self.recognise()

    def act(self, call: Callable[[], T]) -> T:
        """Make a call that changes the fleet, and remember it if its answer never comes."""
        try:
            return call()
        except Unanswered as fault:
            self.unanswered = self.unanswered or not isinstance(fault, Unreachable)
            raise
        except Refused as fault:
            if (what := certain(fault)) is not fault:
                self.unanswered = True
                raise what from fault
            if isinstance(fault, NotFound):
                know_model(self.fleet, self.model)  # else it is no fault of this board
            raise

    def regenerate(self, found: Found) -> None:
        """Have the fleet make a new key (M48): the old one dies.  ``found`` is the number's state before."""
        self.calls("regenerate", found)
        self.act(lambda: self.fleet.serials.regenerate(self.model, self.serial))

    def disable(self, found: Found) -> None:
        """Have the fleet disable the number (M49): its key dies.  ``found`` is its state before."""
        self.calls("disable", found)
        self.act(lambda: self.fleet.serials.disable(self.model, self.serial))

    def outwait_lost_calls(self) -> bool:
        """Wait until no call of ours that got no answer can kill this board's key any more; tell if there was one.

        It may lie in a proxy's queue and be carried out after the board has passed.  What this leaves open: a call
        that takes effect later still than the settings expect (``late_s``).
        """
        since = self.astray_s(self.serial)
        if since is None:
            return False
        over = clock.monotonic() + self.late_s - since
        while (left := over - clock.monotonic()) > 0:
            self.rest(min(left, _LOOK_S), LateCall.code)
        return True

    def key_works(self) -> bool:
        """Ask the fleet with the board's own key (D2), if we have had it; it turns away one that is none any more.

        A lost call may have made another key, and a lost D1 have fetched that one: the number is activated then.
        """
        key = self.escrow.get(self.number)
        if key is None:
            return True
        try:
            self.fleet.device.contents(self.model, key)
        except NotAllowed:
            return False
        except Refused as fault:  # it says nothing of the key
            certain(fault)
        return True

    @property
    def may_revive(self) -> bool:
        """Whether a call of ours that never got an answer may still give a dead number a life: M46 or M48."""
        since = self.revives_s(self.serial)
        return self.late_s > 0 and (self.known.rid is None or (since is not None and since < self.late_s))

    def first_come(self, attempt: Callable[[], Facts]) -> Facts:
        """Try once; a definite 409 means that somebody else was there first.

        Unless a call of our own was never answered and has only now arrived:
        then one more look tells.
        """
        try:
            return attempt()
        except Conflict as conflict:
            if not self.unanswered:
                raise self._taken(conflict) from conflict
        try:
            return attempt()
        except Conflict as conflict:
            raise self._taken(conflict) from conflict

    def _taken(self, conflict: Conflict) -> SerialTaken:
        return SerialTaken(f"{self.serial!r}: {conflict.text}")

    # ------------------------------------------------------------- people

    @contextmanager
    def waiting_for_people(self) -> Iterator[None]:
        """Take the time, which is no cycle time, even if what is waited for never comes."""
        began = clock.monotonic()
        try:
            yield
        finally:
            self.waited_s += clock.monotonic() - began

    # ------------------------------------------------------------- the board's settings

    def settings(self) -> dict[str, str]:
        """Return the board's settings; from here on its key is hidden in whatever is kept of the link.

        Raises ``KeyLost``.
        """
        key = ""
        if self.recipe.needs("cik"):
            key = self.escrow.get(self.number) or ""
            if not key:
                raise KeyLost("the device key is not in escrow")
            self.hide(key)
        return self.recipe.settings(self._values(self.identity, self.known.rid or "", key))

    def dry_settings(self) -> dict[str, str]:
        """Return the settings that a golden unit holds: those that do not come from the fleet."""
        likely = self.likely_settings(self.identity)
        return {name: value for name, value in likely.items() if not self.recipe.from_fleet(name)}

    def likely_settings(self, identity: Identity) -> dict[str, str]:
        """Return what the settings of this board will look like, before the fleet has been asked for anything."""
        return self.recipe.settings(self._values(identity, _HEX, _HEX))

    def hide_read(self, read: Mapping[str, str]) -> None:
        """Hide what a board holds in place of its secrets, perhaps the key that it had before."""
        for name, value in read.items():
            if self.recipe.secret(name) and len(value) >= _TELLING:
                self.hide(value)

    def digests(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return what stands for each setting's value in the record."""
        return {name: self.escrow.digest(value, secret=self.recipe.secret(name)) for name, value in settings.items()}

    def _values(self, identity: Identity, rid: str, key: str) -> dict[str, str]:
        """Return what each placeholder of a recipe stands for."""
        return {
            "vendor": self.vendor,
            "model": self.model,
            "owner": self.owner,
            "station": self.station,
            "serial": identity.serial,
            "hardware_id": identity.hardware_id,
            "rid": rid,
            "cik": key,
        }
