"""Groups over the wire, for the tests of groups and of what is in them."""

from __future__ import annotations

from fleet_wire import Fleet, body

GROUPS = "/provision/manage/group/g1/"
CONTENT = "/provision/manage/content/g1/"
CREW = GROUPS + "crew/"
CSV = "text/csv; charset=utf-8"
FORM = "application/x-www-form-urlencoded; charset=utf-8"


def typed(fleet: Fleet, kind: str) -> dict[str, str]:
    return {"X-Exosite-Token": fleet.grant.token, "Content-Type": kind}


def make(fleet: Fleet, *groups: str) -> None:
    for group in groups:
        assert fleet.wire.code("POST", GROUPS, f"id={group}") == 205


def entry(fleet: Fleet, name: str) -> None:
    assert fleet.wire.code("POST", CONTENT, f"id={name}&protected=true") == 205


def put(fleet: Fleet, group: str, lines: str) -> int:
    return fleet.wire.code("POST", f"{GROUPS}{group}/", lines, typed(fleet, CSV))


def ids(fleet: Fleet, path: str) -> list[str]:
    """The first field of every line of a list, which may be a 204."""
    return [line.split(",")[0] for line in body(fleet.wire.ask("GET", path)).decode().splitlines()]


def members(fleet: Fleet, group: str = "crew") -> list[str]:
    return body(fleet.wire.ask("GET", f"{GROUPS}{group}/?limit=1000")).decode().splitlines()


def crewed(fleet: Fleet) -> Fleet:
    """Give the fleet the serial numbers A1 to A3, protected content fw, and the empty groups crew and sub."""
    for sn in ("A1", "A2", "A3"):
        fleet.add(sn)
    entry(fleet, "fw")
    make(fleet, "crew", "sub")
    return fleet
