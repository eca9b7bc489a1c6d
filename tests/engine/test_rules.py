"""A line, or a slot, that fails again and again waits for people; after a restart, too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from engine_floor import Floor
from engine_world import rows

from station import control
from station.control import OrderRefused
from station.ledger import Ledger, Reader
from station.line import Line
from station.model import Closing, Edition, Operator, Outcome, Phase, Role, Step
from station.rules import NothingStopped, Rules
from station.settings import LineSettings

PASS, FAIL, ERROR, ABORTED = Outcome.PASS, Outcome.FAIL, Outcome.ERROR, Outcome.ABORTED
RID = "0123456789abcdef0123456789abcdef01234567"
PIN = "2468"


class Shift:
    """A ledger with verdicts in it, and the rules that look at them."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.db"
        self.ledger = Ledger(self.path, "0123456789abcdef")
        self.reader = Reader(self.path)
        self.begin()

    def begin(self, **settings: int) -> None:
        """What a station that starts knows."""
        self.line = Line(0, self.ledger.note)
        self.rules = Rules(LineSettings(**settings), self.ledger, self.reader, self.line, ("1", "2"))
        self.rules.judge()

    def board(self, outcome: Outcome, serial: str | None = None, code: str = "board-silent", slot: str = "1") -> None:
        edition = Edition("ab" * 32, "gateway", "1", "text", "gateway")
        row = self.ledger.open_cycle(slot, edition, Step.IDENTIFY)
        if serial is not None:
            identity = {"serial": serial, "hardware_id": "", "firmware": "", "hardware_revision": ""}
            row = self.ledger.settle(row, Step.IDENTIFY, {"identity": identity}, Step.ENABLE)
            row = self.ledger.settle(row, Step.ENABLE, {"rid": RID}, Step.CONFIGURE)
        self.ledger.close_cycle(row, Closing(outcome, None if outcome is PASS else code), {}, 1)
        self.rules.judge()

    @property
    def stopped(self) -> list[str]:
        return [stop.code for stop in self.line.stops]

    def close(self) -> None:
        self.reader.close()
        self.ledger.close()


@pytest.fixture
def shift(tmp_path: Path) -> Iterator[Shift]:
    with closing(Shift(tmp_path)) as made:
        yield made


def test_without_a_setting_nothing_stops(shift: Shift) -> None:
    for number in range(30):
        shift.board(FAIL, f"SN{number}")
    assert shift.stopped == [] and shift.rules.obstacle("1") is None


def test_a_low_yield_of_the_newest_boards_stops_the_line(shift: Shift) -> None:
    shift.begin(fpy_min=50, fpy_boards=4)
    for number, outcome in enumerate((FAIL, FAIL, PASS)):
        shift.board(outcome, f"SN{number}")
    assert shift.stopped == [], "three are too few to judge by"
    shift.board(PASS, "SN3")
    assert shift.stopped == [], "two of four are half of them"
    shift.board(PASS, "SN0")
    shift.board(FAIL, "SN1")
    shift.board(ERROR, "SN4")
    shift.board(ABORTED, "SN5")
    assert shift.stopped == [], "a second attempt, an ERROR and an ABORTED are none"
    shift.board(FAIL, None)
    assert shift.stopped == [], "two of the newest four have passed"
    shift.board(FAIL, "SN6")
    assert shift.stopped == [], "likewise"
    shift.board(FAIL, "SN7")
    assert shift.stopped == ["yield-low"] and "1 of the newest 4" in shift.line.stops[0].text


def test_equal_failures_in_a_row_across_slots_stop_the_line(shift: Shift) -> None:
    shift.begin(equal_failures=3)
    for outcome, slot in ((FAIL, "1"), (ERROR, "2"), (PASS, "1"), (FAIL, "2"), (ABORTED, "1"), (FAIL, "1")):
        shift.board(outcome, "SN1" if outcome is PASS else None, slot=slot)
    shift.board(FAIL, None, "board-refused")
    assert shift.stopped == [], "a PASS, or another failure, ends a row"
    for slot in ("1", "2"):
        shift.board(FAIL, None, "board-refused", slot)
    assert shift.stopped == ["failures-repeat"]
    assert shift.line.stops[0].text == "3 times in a row: board-refused"


def test_equal_failures_in_one_slot_close_that_slot_also_for_the_next_run(shift: Shift) -> None:
    shift.begin(slot_failures=2)
    for slot in ("1", "2"):
        shift.board(FAIL, None, slot=slot)
    shift.board(PASS, "SN1", slot="2")
    shift.board(FAIL, None, slot="1")
    for _ in range(2):
        closed = shift.rules.obstacle("1")
        assert closed is not None and closed.code == "slot-failures-repeat" and "board-silent" in closed.text
        assert shift.rules.obstacle("2") is None and shift.stopped == []
        shift.begin(slot_failures=2)
    assert rows(shift.path, "SELECT COUNT(*) FROM events WHERE kind = 'slot-stop'") == [(3,)]


def test_who_clears_begins_the_count_anew_also_for_the_next_run(shift: Shift) -> None:
    settings = {"equal_failures": 2, "slot_failures": 3}
    shift.begin(**settings)
    for _ in range(3):
        shift.board(FAIL, None)
    assert shift.stopped == ["failures-repeat"] and shift.rules.obstacle("1")
    assert shift.rules.clear("boss", "loose cable", "1") == ["slot-failures-repeat"]
    assert shift.rules.obstacle("1") is None and shift.stopped == ["failures-repeat"]
    assert shift.rules.clear("boss", "loose cable", "") == ["failures-repeat"]
    assert shift.stopped == []
    for slot in ("", "1", "x" * 99):
        with pytest.raises(NothingStopped):
            shift.rules.clear("boss", "why not", slot)
    shift.begin(**settings)
    shift.board(FAIL, None)
    assert shift.stopped == [] and shift.rules.obstacle("1") is None
    shift.board(FAIL, None)
    assert shift.stopped == ["failures-repeat"]
    sql = "SELECT actor, json_extract(body, '$.facts.slot'), json_extract(body, '$.facts.reason') FROM events"
    told = rows(shift.path, f"{sql} WHERE kind = 'clear'")
    assert told == [("boss", "1", "loose cable"), ("boss", "", "loose cable")]


# --------------------------------------------------------------------------- at a running line


def test_a_closed_slot_takes_no_board_until_somebody_who_may_has_looked(floor: Floor) -> None:
    floor.amend("station.toml", "[fleet]", "[line]\nslot_failures = 2\n[fleet]")
    floor.amend("widget.toml", "'SIM-[0-9]{8}'", "'SN-[0-9]{8}'")
    watcher = floor.start()
    assert floor.bench is not None
    floor.bench.operators.add(Operator("boss", "Änne", Role.SUPERVISOR), PIN)
    for number in (1, 2):
        floor.insert(number=number)
        assert watcher.wait_finished(number).error == "serial-malformed"
        floor.remove()
    note = watcher.wait_phase("1", Phase.OUT).note
    assert "Call the supervisor: check its fixture" in note
    floor.stop()

    floor.amend("widget.toml", "'SN-[0-9]{8}'", "'SIM-[0-9]{8}'")
    watcher = floor.start()
    watcher.wait_phase("1", Phase.OUT)
    floor.insert(number=3)
    state = floor.folder / "state"
    for verb, needs, code in (
        ("start", {"slot": "1"}, "slot-failures-repeat"),
        ("clear", {"reason": "x", "slot": "1"}, "sign-in-missing"),
        ("clear", {"reason": "x", "slot": "2", "by": "boss", "pin": PIN}, "nothing-stopped"),
    ):
        with pytest.raises(OrderRefused) as refused:
            control.ask(state, verb, **needs)
        assert refused.value.details["code"] == code, verb
    control.ask(state, "accept", reason="good", by="boss", pin=PIN)
    assert control.ask(state, "clear", reason="plug was loose", slot="1", by="boss", pin=PIN) == {
        "cleared": ["slot-failures-repeat"]
    }
    assert watcher.wait_finished().outcome is PASS
