"""The clock: records are stamped with it, and certificates are judged by it."""

from __future__ import annotations

from station import clock
from station.check.finding import Finding, fail, ok, warn

_SET = "set the clock, and switch its synchronisation on: timedatectl set-ntp true"
_APART_S = 60.0
_FAR_APART_S = 3600.0


def check(last_event: int | None, ahead_s: float | None) -> Finding:
    """Judge the clock.

    ``last_event`` is the time of the ledger's last event, UTC microseconds;
    ``ahead_s`` says how far the fleet's clock is ahead of ours.
    """
    now = clock.now_us()
    text = f"{clock.iso(now)}, {clock.state()}"
    if last_event is not None and last_event - now > _APART_S * 1e6:
        return fail("clock", f"{text}: before the ledger's last event of {clock.iso(last_event)}", _SET)
    if ahead_s is not None and abs(ahead_s) > _APART_S:
        way = "behind" if ahead_s > 0 else "ahead of"
        level = fail if abs(ahead_s) > _FAR_APART_S else warn
        return level("clock", f"{text}: {abs(ahead_s):.0f} s {way} the fleet's", _SET)
    if clock.state() == "unsynced":
        return warn("clock", f"{text}: nothing keeps it right", _SET)
    return ok("clock", text)
