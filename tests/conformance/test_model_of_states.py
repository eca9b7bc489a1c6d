"""The state machine of a serial number against a model that is written from the API document, section 4.

The server is real, and so is every step; only time is made to pass in the
database.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field

from conformance_bounds import UNHURRIED
from conformance_far_end import FarEnd
from conformance_words import JSON, SPAN, Ask, delete, get, post
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

ANSWERS = """
             absent  unused  notactivated  activated  expired  orphaned
    add      205     409     409           409        409      409
    enable   404     200     409           409        409      409
    renew    404     409     205           205        205      409
    to       404     205     409           409        409      409
    from     404     409     205           205        205      409
    disable  404     409     205           205        205      409
    activate 404     409     200           409        409      409
    delete   404     205     205           205        205      205
"""
"""Section 4's table; ``to`` and ``from`` are the two ends of M47, ``delete`` is M50, and ``add`` is of a row."""

_LINES = [line.split() for line in ANSWERS.strip().splitlines()]
TABLE = {
    (act, state): int(status) for act, *codes in _LINES[1:] for state, status in zip(_LINES[0], codes, strict=True)
}

MEMBERS = ("0010", "0019")
NUMBERS = ("A1", "A2", *MEMBERS)
"""Two numbers that must be listed, and two that a range may hold."""


@dataclass
class Listed:
    """What the model knows of a number that has a row."""

    extra: str = ""
    state: str = "unused"
    rid: str = ""
    key: str = ""
    """The CIK, once it was handed out and as long as it works."""


@dataclass
class Fleet:
    """The model: rows in the order of listing, and whether the range is there."""

    rows: dict[str, Listed] = field(default_factory=dict)
    ranged: bool = False
    dead: set[str] = field(default_factory=set)

    def state(self, sn: str) -> str:
        if sn in self.rows:
            return self.rows[sn].state
        return "unused" if self.ranged and sn in MEMBERS else "absent"

    def row_state(self, sn: str) -> str:
        """Where only the list counts: a member of a range that nobody listed is absent."""
        return self.rows[sn].state if sn in self.rows else "absent"

    def row(self, sn: str) -> Listed:
        return self.rows.setdefault(sn, Listed())

    def kill(self, row: Listed) -> None:
        self.dead |= {row.key} - {""}
        row.key = ""


class Serials(RuleBasedStateMachine):
    numbers = st.sampled_from(NUMBERS)

    def __init__(self, far_end: FarEnd) -> None:
        super().__init__()
        self.scene, self.fleet = far_end.scene(), Fleet()

    def ask(self, ask: Ask) -> tuple[int, str]:
        reply = self.scene.ask(ask)
        return int(reply[9:12]), reply.partition(b"\r\n\r\n")[2].decode()

    def act(self, act: str, state: str, ask: Ask) -> tuple[bool, str]:
        """Ask; the status must be the table's.  Return whether it was done, and the body."""
        status, body = self.ask(ask)
        assert status == TABLE[act, state], f"{act} where it is {state}: {body}"
        return status < 400, body

    @rule(sn=numbers)
    def add(self, sn: str) -> None:
        done, _ = self.act("add", self.fleet.row_state(sn), post("model/g1/", f"sn={sn}&extra=of+{sn}"))
        if done:
            self.fleet.rows[sn] = Listed(f"of {sn}")

    @rule()
    def add_range(self) -> None:
        assert self.ask(post("model/g1/", SPAN, JSON))[0] == (409 if self.fleet.ranged else 205)
        self.fleet.ranged = True

    @rule()
    def remove_range(self) -> None:
        assert self.ask(delete("model/g1/", SPAN, JSON))[0] == (205 if self.fleet.ranged else 404)
        self.fleet.ranged = False

    @rule(sn=numbers)
    def enable(self, sn: str) -> None:
        ask = post(f"model/g1/{sn}", "enable=true&owner=$owner")
        done, rid = self.act("enable", self.fleet.state(sn), ask)
        if done:
            row = self.fleet.row(sn)
            row.state, row.rid = "notactivated", rid

    @rule(sn=numbers)
    def renew(self, sn: str) -> None:
        done, _ = self.act("renew", self.fleet.state(sn), post(f"model/g1/{sn}", "enable=true"))
        if done:
            row = self.fleet.rows[sn]
            self.fleet.kill(row)
            row.state = "notactivated"

    @rule(sn=numbers)
    def disable(self, sn: str) -> None:
        done, _ = self.act("disable", self.fleet.state(sn), post(f"model/g1/{sn}", "disable=true"))
        if done:
            row = self.fleet.rows[sn]
            self.fleet.kill(row)
            row.state = "expired"

    @rule(old=numbers, new=numbers)
    def remap(self, old: str, new: str) -> None:
        ends = TABLE["from", self.fleet.state(old)], TABLE["to", self.fleet.state(new)]
        status, body = self.ask(post(f"model/g1/{new}", f"enable=true&oldsn={old}"))
        if ends != (205, 205):
            assert status in ends and status >= 400, body
            return
        assert status == 205, body
        left, taken = self.fleet.rows[old], self.fleet.row(new)
        self.fleet.kill(left)
        taken.state, taken.rid = "notactivated", left.rid
        left.state, left.rid = "unused", ""

    @rule(sn=numbers)
    def activate(self, sn: str) -> None:
        ask = post("/provision/activate", f"vendor=$vendor&model=g1&sn={sn}", who="nobody")
        done, key = self.act("activate", self.fleet.state(sn), ask)
        if done:
            assert key not in self.fleet.dead | {row.key for row in self.fleet.rows.values()}
            row = self.fleet.rows[sn]
            row.state, row.key = "activated", key

    @rule(sn=numbers)
    def delete_one(self, sn: str) -> None:
        done, _ = self.act("delete", self.fleet.row_state(sn), delete(f"model/g1/{sn}"))
        if done:
            self.fleet.kill(self.fleet.rows.pop(sn))

    @rule(gone=st.sets(numbers, min_size=1))
    def remove_many(self, gone: set[str]) -> None:
        """M40: unknown ones do no harm, but what only a range holds can't be removed if that is all that was asked."""
        form = "&".join(["delete=true", *(f"sn[]={sn}" for sn in sorted(gone))])
        in_range_only = all(sn not in self.fleet.rows and self.fleet.state(sn) == "unused" for sn in gone)
        assert self.ask(post("model/g1/", form))[0] == (404 if in_range_only else 205)
        for sn in gone & set(self.fleet.rows):
            self.fleet.kill(self.fleet.rows.pop(sn))

    @precondition(lambda self: any(row.state == "notactivated" for row in self.fleet.rows.values()))
    @rule(data=st.data())
    def lapse(self, data: st.DataObject) -> None:
        waiting = [sn for sn, row in self.fleet.rows.items() if row.state == "notactivated"]
        row = self.fleet.rows[data.draw(st.sampled_from(waiting))]
        self.scene.words["lapsing"] = row.rid
        self.scene.lapse("lapsing")
        row.state = "expired"

    @precondition(lambda self: any(row.state in ("activated", "expired") for row in self.fleet.rows.values()))
    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        clients = [sn for sn, row in self.fleet.rows.items() if row.state in ("activated", "expired")]
        row = self.fleet.rows[data.draw(st.sampled_from(clients))]
        self.scene.words["dropped"] = row.rid
        assert self.scene.rpc("cik", "drop", "$dropped")["status"] == "ok"
        self.fleet.kill(row)
        row.state = "orphaned"

    @invariant()
    def every_number_is_what_the_model_says(self) -> None:
        for sn in NUMBERS:
            state, row = self.fleet.state(sn), self.fleet.rows.get(sn, Listed())
            known = {"absent": (404, None), "unused": (204, ""), "orphaned": (409, None)}
            status, body = self.ask(get(f"model/g1/{sn}"))
            expected, text = known.get(state, (200, f"{state},{row.rid},{row.extra}"))
            assert (status, body if status < 400 else None) == (expected, text), sn

    @invariant()
    def the_list_is_what_the_model_says(self) -> None:
        status, body = self.ask(get("model/g1/?status=true&offset=0&limit=1000"))
        shown = {"unused": "", "orphaned": ""}
        rows = [[sn, shown.get(row.state, row.state), row.rid, row.extra] for sn, row in self.fleet.rows.items()]
        assert (status, list(csv.reader(io.StringIO(body, newline="")))) == (200, rows)

    @invariant()
    def only_the_keys_of_activated_devices_work(self) -> None:
        keys = {row.key: 200 for row in self.fleet.rows.values() if row.key} | dict.fromkeys(self.fleet.dead, 401)
        for key, expected in keys.items():
            self.scene.words["cik"] = key
            target = "/provision/download?vendor=$vendor&model=g1"
            assert self.ask(get(target, who="device"))[0] == expected


def test_serial_numbers_move_as_section_4_says(far_end: FarEnd) -> None:
    bounds = settings(UNHURRIED, max_examples=30, stateful_step_count=25)
    run_state_machine_as_test(lambda: Serials(far_end), settings=bounds)
