"""The state machine, once as the table and once over the wire, against section 4 of the API document."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fleet_wire import G1, Fleet, status

from station.fleet.server.states import TABLE, Act, Phase, State, state_of

STATES = ("absent", "unused", "notactivated", "activated", "expired", "locked", "orphaned")

# Written from the document, not from the code: the status in each state, and where a success leads.
SECTION_4 = {
    "add": ((205, 409, 409, 409, 409, 409, 409), "unused"),
    "info": ((404, 204, 200, 200, 200, 200, 409), None),
    "enable": ((404, 200, 409, 409, 409, 409, 409), "notactivated"),
    "remap to": ((404, 205, 409, 409, 409, 409, 409), "notactivated"),
    "remap from": ((404, 409, 205, 205, 205, 409, 409), "unused"),
    "re-enable": ((404, 409, 205, 205, 205, 409, 409), "notactivated"),
    "disable": ((404, 409, 205, 205, 205, 205, 409), "expired"),
    "activate": ((404, 409, 200, 409, 409, 409, 409), "activated"),
    "delete": ((404, 205, 205, 205, 205, 205, 205), "absent"),
}

SEEN_AS = {"absent": "404", "unused": "204", "orphaned": "409"}
"""How M43 shows a state; the others by their word."""


def expected(act: str, state: str) -> tuple[int, str]:
    codes, then = SECTION_4[act]
    code = codes[STATES.index(state)]
    if (act, state) == ("disable", "locked"):
        return code, state  # which is seen once it is unlocked
    return code, (then if then and code < 400 else state)


def test_the_table_is_section_4_and_has_no_hole() -> None:
    assert [*map(str, State)] == [*STATES]
    assert {*map(str, Act)} == {*SECTION_4}
    for act in Act:
        for state in State:
            answer = TABLE[act][state]
            assert (int(answer.status), str(answer.then)) == expected(act, state), (act, state)


@pytest.mark.parametrize(
    ("stored", "state"),
    [
        ((False, None, None, None), State.ABSENT),
        ((True, None, None, None), State.UNUSED),
        ((True, "r", None, None), State.ORPHANED),
        ((True, "r", Phase.NOTACTIVATED, 1001), State.NOTACTIVATED),
        ((True, "r", Phase.NOTACTIVATED, 1000), State.EXPIRED),
        ((True, "r", Phase.ACTIVATED, None), State.ACTIVATED),
        ((True, "r", Phase.EXPIRED, None), State.EXPIRED),
        ((True, "r", Phase.LOCKED, 1000), State.LOCKED),
    ],
)
def test_the_window_is_open_until_just_before_its_end(
    stored: tuple[bool, str | None, Phase | None, int | None], state: State
) -> None:
    assert state_of(*stored, now=1000) is state


def bring(fleet: Fleet, sn: str, state: str) -> None:
    if state == "absent":
        return
    fleet.add(sn)
    if state == "unused":
        return
    rid = fleet.enable(sn)
    match state:
        case "activated":
            assert status(fleet.wire.activate(sn)) == 200
        case "expired":
            fleet.lapse(rid)
        case "disabled":
            assert fleet.wire.code("POST", f"{G1}/{sn}", "disable=true") == 205
        case "locked":
            fleet.sql("UPDATE clients SET locked = 1 WHERE rid = ?", rid)
        case "orphaned":
            fleet.drop(rid)


def source(fleet: Fleet, sn: str) -> str:
    """Another serial number, which has a client to give."""
    fleet.add(f"{sn}-source")
    fleet.enable(f"{sn}-source")
    return f"{sn}-source"


def target(fleet: Fleet, sn: str) -> str:
    """Another serial number, which is unused."""
    fleet.add(f"{sn}-target")
    return f"{sn}-target"


def acts(fleet: Fleet, sn: str) -> dict[str, Callable[[], bytes]]:
    wire, path = fleet.wire, f"{G1}/{sn}"
    return {
        "add": lambda: wire.ask("POST", G1 + "/", f"sn={sn}"),
        "info": lambda: wire.ask("GET", path),
        "enable": lambda: wire.ask("POST", path, f"enable=true&owner={fleet.grant.owner_rid}"),
        "remap to": lambda: wire.ask("POST", path, f"enable=true&oldsn={source(fleet, sn)}"),
        "remap from": lambda: wire.ask("POST", f"{G1}/{target(fleet, sn)}", f"enable=true&oldsn={sn}"),
        "re-enable": lambda: wire.ask("POST", path, "enable=true"),
        "disable": lambda: wire.ask("POST", path, "disable=true"),
        "activate": lambda: wire.activate(sn),
        "delete": lambda: wire.ask("DELETE", path),
    }


def test_every_call_in_every_state_over_the_wire(fleet: Fleet) -> None:
    for state in (*STATES, "disabled"):
        for act in SECTION_4:
            sn = f"{state}-{act}".replace(" ", "-")
            bring(fleet, sn, state)
            code, then = expected(act, "expired" if state == "disabled" else state)
            assert status(acts(fleet, sn)[act]()) == code, (act, state)
            assert fleet.see(sn) == SEEN_AS.get(then, then), (act, state)


def test_every_call_on_a_member_of_a_range(fleet: Fleet) -> None:
    """It is unused; but it has no row to delete yet, and may be given one."""
    ranges = '{"ranges":[{"format":"base10","length":4,"first":0,"last":99}]}'
    assert fleet.wire.code("POST", G1 + "/", ranges) == 205
    for n, act in enumerate(SECTION_4):
        sn = f"{n:04}"
        code, then = {"add": (205, "unused"), "delete": (404, "unused")}.get(act, expected(act, "unused"))
        assert status(acts(fleet, sn)[act]()) == code, act
        assert fleet.see(sn) == SEEN_AS.get(then, then), act


def test_a_second_lapse_is_found_by_whoever_looks(fleet: Fleet) -> None:
    fleet.add("A1")
    rid = fleet.enable("A1")
    fleet.lapse(rid)
    assert fleet.see("A1") == "expired"
    assert fleet.wire.code("POST", f"{G1}/A1", "enable=true") == 205
    assert fleet.see("A1") == "notactivated"
    assert status(fleet.wire.activate("A1")) == 200


def test_a_lock_hides_a_state_and_keeps_it(fleet: Fleet) -> None:
    for n, state in enumerate(("notactivated", "activated", "expired")):
        sn = f"A{n}"
        bring(fleet, sn, state)
        fleet.sql("UPDATE clients SET locked = 1 WHERE name = ?", sn)
        assert fleet.see(sn) == "locked"
        assert status(fleet.wire.activate(sn)) == 409
        page = fleet.wire.ask("GET", G1 + "/?status=true&limit=10")
        assert f"{sn},locked,".encode() in page
        fleet.sql("UPDATE clients SET locked = 0 WHERE name = ?", sn)
        assert fleet.see(sn) == state
    bring(fleet, "B", "activated")
    fleet.sql("UPDATE clients SET locked = 1 WHERE name = 'B'")
    assert fleet.wire.code("POST", f"{G1}/B", "disable=true") == 205
    fleet.sql("UPDATE clients SET locked = 0 WHERE name = 'B'")
    assert fleet.see("B") == "expired"
