"""What the ledger knows of a board before a new cycle of its: all that the reconcile table is asked with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from station.ledger.read import THEIRS, Reader
from station.model import Facts, Outcome


@dataclass(frozen=True, slots=True)
class History:
    """What the ledger knows of a serial number and a hardware id, before a new cycle of theirs.

    ``closed`` holds the outcomes of the closed cycles of this serial number
    on this hardware, oldest first.
    """

    hardware_of_serial: str | None = None
    """The hardware id that this serial number was last seen on; None if the number is new here."""
    serial_of_hardware: str | None = None
    """The serial number that this hardware last had, if it has passed as another product's then ``SERIAL of MODEL``;
    None if the hardware is new here."""
    closed: tuple[Outcome, ...] = ()
    rids: frozenset[str] = frozenset()
    """The fleet clients that those of them have enabled which did not pass, or whose PASS a rework has taken back."""
    doubtful_since: int | None = None
    """When the first of them began to enable that never learnt what became of it, UTC microseconds: the fleet may hold
    a client of ours.  None if none did."""
    unproven: bool = False
    """The last of them ended because nothing proved whose the fleet's client was, which is for people to settle."""
    passed_rid: str | None = None
    """The fleet client of the PASS of this serial number that stands."""
    passed_recipe: str | None = None
    """The text of the recipe that it passed by."""
    passed_settings: Mapping[str, str] = field(default_factory=dict)
    """Setting name -> digest of what the board held when it passed, or was found good, where it told the value."""
    attempts: int = 0
    """How many of its cycles have ended as PASS or FAIL since a rework was granted (without the rework's), or ever."""
    reworked: bool = False
    """A rework was granted, and no cycle has come to PASS or FAIL since."""
    scrapped: bool = False
    open_in: str | None = None
    """The slot in which another cycle of this serial number is open, or has been begun if it is ``pending``."""
    pending: bool = False
    """That cycle is good, and its slot free: the fleet has yet to be told."""
    disabled: bool = False
    """The last that our records know of its client is that it was disabled, and that was seen or answered."""
    lost: bool = False
    """The ledger was restored from a backup, and the fleet has not been asked for this number since: it may have passed
    in the span that was lost."""


def history(reader: Reader, model: str, serial: str, hardware_id: str, cycle: int) -> History:
    """Return what is known of a board other than through ``cycle`` itself.

    Of another product, only that this hardware has passed as one of its boards.
    """
    sql = """SELECT boards.hardware_id, cycles.rid, reworked, scrapped_at, passed_cycle,
          (SELECT text FROM recipes WHERE sha256 = cycles.recipe)
        FROM boards LEFT JOIN cycles ON cycles.id = passed_cycle WHERE boards.model = ? AND boards.serial = ?"""
    with reader.rows(sql, [model, serial]) as boards:
        before, passed_rid, granted, scrapped_at, passed, passed_by = boards[0] if boards else (None,) * 6
    sql = """SELECT serial || IIF(model = ?, '', ' of ' || model) FROM boards
        WHERE hardware_id = ? AND hardware_id <> '' AND (model = ? OR passed_cycle IS NOT NULL)
        ORDER BY last_cycle DESC LIMIT 1"""
    with reader.rows(sql, [model, hardware_id, model]) as hardware:
        pass
    # A definite refusal has made nothing, so it leaves no doubt; what it took for its own is not.
    # What may have made something was to be disabled.
    sql = f"""SELECT slot, released_at IS NOT NULL, outcome, hardware_id, error, id,
          rework, IIF(error IN ({THEIRS}), NULL, rid),
          IIF(outcome <> 'PASS' AND rid IS NULL AND error NOT IN ({THEIRS}) AND step = 'disable',
            (SELECT MIN(at) FROM events WHERE cycle = cycles.id AND kind = 'intend'
              AND json_extract(body, '$.step') = 'enable'), NULL)
        FROM cycles WHERE serial = ? AND model = ? AND id <> ? ORDER BY id"""
    with reader.rows(sql, [serial, model, cycle]) as cycles:
        unclosed = [(row[0], row[1], row[5]) for row in cycles if row[2] is None]
        ours = [row[2:] for row in cycles if row[2] is not None and row[3] == hardware_id]
    since = [
        (outcome, rework)
        for outcome, _, _, number, rework, *_ in ours
        if number > (granted or 0) and outcome in (Outcome.PASS, Outcome.FAIL)
    ]
    good = passed if passed is not None else next((number for _, released, number in unclosed if released), None)
    return History(
        hardware_of_serial=before,
        serial_of_hardware=hardware[0][0] if hardware else None,
        closed=tuple(Outcome(outcome) for outcome, *_ in ours),
        rids=frozenset(
            rid
            for outcome, _, _, number, _, rid, _ in ours
            if rid is not None and (outcome != Outcome.PASS or number <= (granted or 0))
        ),
        doubtful_since=min((since for *_, since in ours if since is not None), default=None),
        unproven=bool(ours) and ours[-1][2] == "serial-unproven",
        passed_rid=passed_rid,
        passed_recipe=passed_by,
        passed_settings={} if good is None else _held(reader, good),
        attempts=sum(not rework for _, rework in since),
        reworked=granted is not None and not since,
        scrapped=scrapped_at is not None,
        open_in=unclosed[0][0] if unclosed else None,
        pending=bool(unclosed) and bool(unclosed[0][1]),
        disabled=bool(ours) and _disabled(reader, model, serial, cycle),
        lost=_lost(reader, model, serial, cycle),
    )


def _held(reader: Reader, cycle: int) -> dict[str, str]:
    """Return by name the digests of what a cycle's board was seen to hold, where it told the value itself."""
    sql = """SELECT json_extract(body, '$.facts') FROM events WHERE cycle = ? AND kind = 'settle'
        AND json_extract(body, '$.step') = 'verify-board' ORDER BY id DESC LIMIT 1"""
    with reader.rows(sql, [cycle]) as rows:
        facts: Facts = json.loads(rows[0][0]) if rows else {}
    proofs = facts.get("proofs", {})
    return {name: digest for name, digest in facts.get("settings", {}).items() if name not in proofs}


def _disabled(reader: Reader, model: str, serial: str, cycle: int) -> bool:
    """Tell whether disabling is the last that other cycles have done to a number's client, as far as we know."""
    sql = """SELECT json_extract(body, '$.step') = 'disable' FROM events
        WHERE cycle IN (SELECT id FROM cycles WHERE serial = ? AND model = ? AND id <> ?) AND (
          kind = 'call' AND json_extract(body, '$.facts.call') = 'regenerate'
          OR kind IN ('intend', 'settle') AND json_extract(body, '$.step') = 'enable'
          OR kind IN ('settle', 'disable') AND json_extract(body, '$.step') = 'disable'
            AND (json_extract(body, '$.facts.move') = 'disable' OR json_extract(body, '$.facts.found') = 'expired'))
        ORDER BY id DESC LIMIT 1"""
    with reader.rows(sql, [serial, model, cycle]) as last:
        return bool(last and last[0][0])


def _lost(reader: Reader, model: str, serial: str, cycle: int) -> bool:
    """Tell whether a restore stands between what we know of a number and now."""
    restored = reader.restored
    if restored is None:
        return False
    # Who has come beyond register since has seen what the fleet held; if that was nothing, all else came later.
    sql = f"""SELECT 1 FROM cycles
        WHERE serial = ? AND model = ? AND coalesce(error, '') NOT IN ({THEIRS}) AND EXISTS (
          SELECT 1 FROM events WHERE cycle = cycles.id AND events.id > ? AND kind = 'settle'
          AND json_extract(body, '$.step') = 'register'
          AND (rid IS NOT NULL OR cycles.id = ? OR json_extract(body, '$.facts.found') = 'unknown')) LIMIT 1"""
    with reader.rows(sql, [serial, model, restored, cycle]) as since:
        return not since
