"""The clock: records are stamped with it, and certificates are judged by it."""

from __future__ import annotations

from station import clock
from station.check.finding import Finding, fail, ok, warn
from station.clock import Ahead
from station.settings import ClockSettings
from station.timekeeper import Doubt, Timekeeper, told

_SET = "set the clock, and switch its synchronisation on: timedatectl set-ntp true"
_GRAVE_MS = {Doubt.BEHIND: 60_000, Doubt.FLEET_DIFFERS: 3_600_000}
"""By so much, no site can want it."""


def check(wanted: ClockSettings, latest: int | None, fleet: Ahead | None) -> Finding:
    """Judge the clock as the station would.

    ``latest`` is the latest time that the ledger holds, UTC microseconds;
    ``fleet`` says how far the fleet's clock is ahead of our uptime.
    """
    timekeeper = Timekeeper(wanted.tolerance_s)
    timekeeper.wrote(latest or 0)
    timekeeper.compare(fleet)
    now = clock.read()
    doubts = timekeeper.judge(now)
    text = f"{clock.iso(now.at)}, {now.state}"
    if not doubts:
        return ok("clock", text)
    text = f"{text}: {told(doubts)}"
    if stopping := [doubt for doubt in doubts if doubt in wanted.stops]:
        return fail("clock", f"{text}; the line would stop for it ({', '.join(stopping)})", _SET)
    grave = any(doubt in _GRAVE_MS and abs(by or 0) > _GRAVE_MS[doubt] for doubt, by in doubts.items())
    return (fail if grave else warn)("clock", text, _SET)
