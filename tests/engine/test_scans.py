"""Scans: who is meant by what is scanned, and labels that have to be the board's."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Any

import pytest
from engine_cycle import cycle, taken_up
from engine_floor import Floor
from engine_world import HARDWARE, MODEL, SERIAL, TameBoard, World, rows, write_recipe

from drivers.errors import BoardPulled
from drivers.link import Link
from drivers.uart import LinkOptions
from station import recipe as recipes
from station.label_rules import LabelRules
from station.labels import Labels
from station.model import Closing, Operator, Outcome, Phase, Role, SlotView
from station.operators import Operators, OperatorUnknown, PinWrong
from station.orders import OrderForeign, WorkOrders
from station.scan import Kind, Scan, read
from station.scanner import Scanner
from station.scans import (
    LabelAmbiguous,
    LabelForeign,
    LabelOfAnother,
    LabelUnwanted,
    Scans,
    ScanSlotUnknown,
    ScanUnreadable,
)
from station.settings import WorkOrderSettings

LABEL = ("[link]", "[label]\nscan = true\n[link]")


@pytest.mark.parametrize(
    ("text", "scan"),
    [
        ("OP:0042", Scan(Kind.OPERATOR, "0042")),
        (" WO:4711:500\r\n", Scan(Kind.WORK_ORDER, "4711:500")),
        ("SLOT: 2", Scan(Kind.SLOT, "2")),
        ("SIM-00000001", Scan(Kind.LABEL, "SIM-00000001")),
        ("op:0042", Scan(Kind.LABEL, "op:0042")),
    ],
)
def test_what_is_meant_by_a_scan(text: str, scan: Scan) -> None:
    assert read(text) == scan


class Bay:
    """Slots with boards in them, and somebody who scans."""

    def __init__(self, world: World, **label: Any) -> None:
        self.operators = Operators(world.ledger, world.reader)
        self.orders = WorkOrders(WorkOrderSettings(), self.operators, world.ledger, world.reader, MODEL)
        self.labels, self.slots = Labels(), {"1": SlotView("1"), "2": SlotView("2"), "3": SlotView("3")}
        rules = LabelRules(**{"scan": True, **label})
        self.scans = Scans(
            self.operators, self.orders, self.labels, rules, world.ledger, lambda: tuple(self.slots.values())
        )
        self.got: dict[str, str] = {}
        self._threads: list[threading.Thread] = []
        self._over = threading.Event()

    def occupy(self, slot: str, serial: str, *, waits: bool = True) -> None:
        self.slots[slot] = SlotView(slot, Phase.RUNNING, serial=serial)
        if not waits:
            return

        def wait() -> None:
            with suppress(BoardPulled):
                self.got[slot] = self.labels.wait(slot, self._rest)

        self._threads.append(threading.Thread(target=wait, daemon=True))
        self._threads[-1].start()
        while not self.labels.waits(slot):
            self._over.wait(0.001)

    def _rest(self, seconds: float) -> None:
        if self._over.is_set():
            raise BoardPulled("gone")

    def ended(self) -> dict[str, str]:
        self._over.set()
        for thread in self._threads:
            thread.join()
        return self.got


@pytest.fixture
def bay(world: World) -> Iterator[Callable[..., Bay]]:
    made: list[Bay] = []

    def make(**label: Any) -> Bay:
        made.append(Bay(world, **label))
        return made[-1]

    yield make
    for one in made:
        one.ended()


def refusals(world: World) -> list[str]:
    sql = "SELECT json_extract(body, '$.facts.code') FROM events WHERE kind = 'scan-refused' ORDER BY id"
    return [code for (code,) in rows(world.folder / "ledger.db", sql)]


# --------------------------------------------------------------------------- labels


def test_a_label_is_for_the_only_board(bay: Callable[..., Bay]) -> None:
    one = bay()
    one.occupy("2", SERIAL)
    assert one.scans.scan(SERIAL) == {"kind": "label", "text": f"slot 2: label {SERIAL}"}
    assert one.ended() == {"2": SERIAL} and one.scans.said == f"slot 2: label {SERIAL}"


def test_among_several_boards_the_slot_is_scanned_just_before(bay: Callable[..., Bay], world: World) -> None:
    one = bay()
    one.occupy("1", "SIM-00000001")
    one.occupy("2", "SIM-00000002")
    with pytest.raises(LabelAmbiguous):
        one.scans.scan("SIM-00000002")
    one.scans.scan("SLOT:2")
    one.scans.scan("WO:4711")
    with pytest.raises(LabelAmbiguous):
        one.scans.scan("SIM-00000002")  # the slot was not the scan just before
    one.scans.scan("SLOT:2")
    one.scans.scan("SIM-00000002")
    assert one.ended() == {"2": "SIM-00000002"}
    assert refusals(world) == ["label-ambiguous"] * 2


def test_a_board_in_another_slot_counts_even_if_it_waits_for_no_label(bay: Callable[..., Bay]) -> None:
    one = bay()
    one.occupy("1", "SIM-00000001")
    one.occupy("2", "SIM-00000002", waits=False)
    with pytest.raises(LabelAmbiguous):
        one.scans.scan("SIM-00000001")


def test_the_label_of_the_board_in_another_slot_names_both(bay: Callable[..., Bay]) -> None:
    one = bay()
    one.occupy("1", "SIM-00000001")
    one.occupy("2", "SIM-00000002")
    one.scans.scan("SLOT:1")
    with pytest.raises(LabelOfAnother, match="'SIM-00000002' is the board in slot 2; in slot 1 is 'SIM-00000001'"):
        one.scans.scan("SIM-00000002")
    assert one.labels.waits("1") and one.labels.waits("2"), "nothing else has changed"
    assert one.scans.said.startswith("This is the label of a board in another slot.")


def test_labels_that_are_none(bay: Callable[..., Bay], world: World) -> None:
    one = bay(pattern=r"W1;(?P<serial>SIM-[0-9]{8});.*")
    one.occupy("1", SERIAL)
    for text, fault in (
        (SERIAL, LabelForeign),
        ("", ScanUnreadable),
        ("x" * 513, ScanUnreadable),
        ("\x1b[2J", ScanUnreadable),
    ):
        with pytest.raises(fault):
            one.scans.scan(text)
    assert one.labels.waits("1")
    one.scans.scan(f"W1;{SERIAL};2026-11")
    assert one.ended() == {"1": SERIAL}
    assert refusals(world) == ["label-foreign", *["scan-unreadable"] * 3]


def test_nobody_asked_for_a_label(bay: Callable[..., Bay]) -> None:
    one = bay(scan=False)
    with pytest.raises(LabelUnwanted):
        one.scans.scan(SERIAL)
    two = bay()
    two.occupy("1", SERIAL, waits=False)
    with pytest.raises(LabelUnwanted, match="slot 1 waits for no label"):
        two.scans.scan(SERIAL)
    two.scans.scan("SLOT:3")
    with pytest.raises(LabelUnwanted, match="slot 3 waits for no label"):
        two.scans.scan("SIM-00000002")
    with pytest.raises(ScanSlotUnknown, match="there are: 1, 2, 3"):
        two.scans.scan("SLOT:9")


def test_badges_and_work_orders_are_scanned(bay: Callable[..., Bay], world: World) -> None:
    one = bay()
    one.operators.add(Operator("boss", "Änne", Role.SUPERVISOR), "2468")
    one.operators.add(Operator("0042", "Kim", Role.TECHNICIAN), "", "boss", "2468")
    assert one.scans.scan("OP:0042")["text"] == "Kim: signed in"
    assert one.operators.signed_in is not None and one.operators.signed_in.id == "0042"
    with pytest.raises(OperatorUnknown):
        one.scans.scan("OP:nobody")
    with pytest.raises(PinWrong):
        one.scans.scan("OP:boss")  # who has a PIN
    assert one.operators.signed_in.id == "0042"
    assert one.scans.scan("WO:4711:2")["text"] == "work order 4711: 0 of 2 done"
    assert one.orders.current is not None and one.orders.current.planned == 2
    other = WorkOrders(WorkOrderSettings(), one.operators, world.ledger, world.reader, "another")
    other.take("77")
    with pytest.raises(OrderForeign):
        one.scans.scan("WO:77")
    assert one.orders.current.id == "4711"


# --------------------------------------------------------------------------- the step


def use(world: World, *changes: tuple[str, str]) -> None:
    world.recipe = recipes.load(write_recipe(world.folder, LABEL, *changes))


def labelled(world: World, board: TameBoard, label: str) -> Any:
    one = cycle(world, board)
    one._case.label = lambda: label
    return one


def test_a_board_with_its_label_passes_and_the_record_has_it(world: World) -> None:
    use(world)
    one = labelled(world, TameBoard(), SERIAL)
    assert one.run() == Closing(Outcome.PASS)
    sql = "SELECT json_extract(body, '$.facts.label') AS label FROM events WHERE kind = 'settle' AND label IS NOT NULL"
    assert rows(world.folder / "ledger.db", sql) == [(SERIAL,)]


def test_a_board_with_another_label_fails_before_the_fleet_hears_of_it(world: World) -> None:
    use(world)
    closing = labelled(world, TameBoard(), "SIM-00000009").run()
    assert (closing.outcome, closing.code) == (Outcome.FAIL, "label-differs")
    assert "the label says 'SIM-00000009', the board 'SIM-00000001'" in (closing.text or "")
    assert world.client.asked == [] and world.entry() is None


def test_a_board_that_was_changed_while_its_label_was_waited_for_is_noticed(world: World) -> None:
    use(world)
    board = TameBoard()
    one = cycle(world, board)

    def swapped() -> str:
        board.serial = "SIM-00000002"
        one._case.seen -= 10
        return SERIAL

    one._case.label = swapped
    assert one.run().code == "board-swapped"


def test_waiting_for_the_label_is_no_cycle_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    use(world)
    from station import clock

    gone, monotonic = [0.0], clock.monotonic
    monkeypatch.setattr(clock, "monotonic", lambda: monotonic() + gone[0])
    one = cycle(world, TameBoard())

    def after_lunch() -> str:
        gone[0] += 1800
        return SERIAL

    one._case.label = after_lunch
    assert one.run() == Closing(Outcome.PASS)
    row = world.reader.cycle(one.row.id)
    assert row.duration_ms is not None and row.duration_ms < 60_000
    sql = "SELECT json_extract(body, '$.facts.waited_ms') FROM events WHERE kind = 'close'"
    ((waited,),) = rows(world.folder / "ledger.db", sql)
    assert 1_799_000 < waited < 1_860_000


def test_a_cycle_that_was_cut_while_it_waited_asks_again(world: World) -> None:
    use(world)
    one = cycle(world, TameBoard())

    def cut() -> str:
        raise KeyboardInterrupt

    one._case.label = cut
    with pytest.raises(KeyboardInterrupt):
        one.run()
    again = taken_up(world, one.row.id, TameBoard())
    again._case.label = lambda: SERIAL
    assert again.run() == Closing(Outcome.PASS)
    assert world.reader.cycle(one.row.id).hardware_id == HARDWARE


def test_on_the_floor_a_board_waits_for_its_label(floor: Floor) -> None:
    floor.amend("widget.toml", *LABEL)
    watcher = floor.start()
    floor.insert()
    watcher.wait_note("Scan the label of this board.")
    assert floor.bench is not None
    watcher.wait_for(lambda: floor.bench and floor.bench._equipment.labels.waits("1"))
    floor.bench.scans.scan("SIM-00000001")
    assert watcher.wait_finished().outcome is Outcome.PASS
    floor.remove()
    watcher.wait_left("1")
    floor.insert(number=2)
    watcher.wait_for(lambda: floor.bench and floor.bench._equipment.labels.waits("1"))
    floor.remove()
    assert watcher.wait_finished(2).error == "board-pulled"


# --------------------------------------------------------------------------- a scanner at a port


class Heard:
    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.scans: list[str] = []

    def scan(self, text: str) -> None:
        with self.changed:
            self.scans.append(text)
            self.changed.notify_all()
        if text == "bad":
            raise ScanUnreadable("bad")

    def wait(self, count: int) -> list[str]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.scans) >= count, 20)
            return self.scans


def test_a_serial_scanner_is_heard_line_by_line_also_after_it_was_unplugged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("station.scanner._RETRY_S", 0.01)
    far, near = os.openpty()
    heard, path = Heard(), [os.ttyname(near)]
    scanner = Scanner("scanner", lambda: Link.open(path[0], LinkOptions(baud=9600)), heard.scan)
    with closing(scanner):
        scanner.start()
        while scanner._link is None:
            threading.Event().wait(0.001)
        for piece in (b"OP:00", b"42\r", b"\nbad\r\nSIM-1\n"):
            os.write(far, piece)
        assert heard.wait(3) == ["OP:0042", "bad", "SIM-1"]
        again, near_again = os.openpty()
        path[0] = os.ttyname(near_again)
        os.close(near)
        os.close(far)
        while "SIM-2" not in heard.scans:  # what is sent before it is open is lost
            os.write(again, b"SIM-2\n")
            with heard.changed:
                heard.changed.wait(0.05)
        os.write(again, b"x" * 5000)
        with heard.changed:
            assert heard.changed.wait_for(lambda: any(len(one) > 512 for one in heard.scans), 20)
    os.close(again)
    os.close(near_again)
