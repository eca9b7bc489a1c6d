"""One serial number as it is stored, and what may be done with it now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus

from sqlite_utils import Database

from station import clock
from station.fleet.server.auth import Vendor
from station.fleet.server.replies import Refused
from station.fleet.server.spans import covers
from station.fleet.server.states import TABLE, Act, Phase, State, state_of

_FIND = """SELECT models.id, models.window_s, serials.id, serials.extra, serials.rid, serials.enabled_by,
      clients.id, iif(clients.locked, 'locked', clients.phase), clients.open_until
    FROM models LEFT JOIN serials ON serials.model = models.id AND serials.sn = ?
      LEFT JOIN clients ON clients.rid = serials.rid
    WHERE models.vendor = ? AND models.name = ?"""


@dataclass(frozen=True, slots=True)
class Found:
    """What is stored of a serial number, listed or not; ``client`` is None where the client is gone."""

    model: int
    window_s: int | None
    id: int | None
    """Of its row; None if it has none, being absent or in a range only."""
    extra: str | None
    rid: str | None
    enabled_by: int | None
    """The vendor that enabled it."""
    client: int | None
    phase: Phase | None
    open_until: int | None
    now: int
    in_range: bool = False
    """Whether a range holds it; looked for only where there is no row."""

    @property
    def state(self) -> State:
        """Its state at ``now``."""
        return state_of(self.id is not None or self.in_range, self.rid, self.phase, self.open_until, self.now)

    def admit(self, act: Act) -> None:
        """Raise ``Refused`` with the status of the state table if ``act`` may not be done now."""
        status = TABLE[act][self.state].status
        if status >= HTTPStatus.BAD_REQUEST:
            raise Refused(status, f"the serial number is {self.state}")

    def admit_client(self, act: Act) -> int:
        """Admit an act that the table allows only where there is a client, and return that client's id."""
        self.admit(act)
        assert self.client is not None
        return self.client

    def window_end(self, default_s: int) -> int:
        """When a window that opens now closes, in UTC microseconds; ``default_s`` if the model has no setting."""
        return self.now + (default_s if self.window_s is None else self.window_s) * 1_000_000


def model_id(db: Database, vendor: Vendor, model: str) -> int:
    """Return a model's id.  Raises ``Refused``: 404 if there is none; 403 for a guest that it is not shared with."""
    row = db.execute("SELECT id FROM models WHERE vendor = ? AND name = ?", [vendor.owner, model]).fetchone()
    if vendor.is_guest and (row is None or not _shared(db, row[0], vendor.id)):
        raise Refused(HTTPStatus.FORBIDDEN, "that model is not shared")
    if row is None:
        raise Refused(HTTPStatus.NOT_FOUND, "no such model")
    found: int = row[0]
    return found


def _shared(db: Database, model: int, vendor: int) -> bool:
    return db.execute("SELECT 1 FROM shares WHERE model = ? AND vendor = ?", [model, vendor]).fetchone() is not None


def find_row(db: Database, owner: int, model: str, sn: str) -> Found:
    """Look the row of a serial number up, in a model of the vendor ``owner``; ranges don't count.

    Raises ``Refused`` (404): no such model.
    """
    row = db.execute(_FIND, [sn, owner, model]).fetchone()
    if row is None:
        raise Refused(HTTPStatus.NOT_FOUND, "no such model")
    model_id, window_s, serial, extra, rid, enabled_by, client, phase, open_until = row
    phase = Phase(phase) if phase else None
    return Found(model_id, window_s, serial, extra, rid, enabled_by, client, phase, open_until, clock.now_us())


def find(db: Database, owner: int, model: str, sn: str) -> Found:
    """Look a serial number up, listed or in a range, like ``find_row``."""
    found = find_row(db, owner, model, sn)
    return replace(found, in_range=covers(db, found.model, sn)) if found.id is None else found


def find_for(db: Database, vendor: Vendor, model: str, sn: str, foreign: HTTPStatus) -> Found:
    """Look a serial number up for the vendor that calls (section 7).

    A guest gets at what it enabled itself and at what is unused.  Raises
    ``Refused``: 404 no such model; for a guest also 403 for a model that is
    not shared, and ``foreign`` for a serial number that another vendor
    enabled.
    """
    if vendor.is_guest:
        model_id(db, vendor, model)
    found = find(db, vendor.owner, model, sn)
    if vendor.is_guest and found.rid is not None and found.enabled_by != vendor.id:
        raise Refused(foreign, "another vendor enabled that serial number")
    return found
