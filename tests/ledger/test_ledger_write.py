"""One call, one commit: the events and the tables that follow from them."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from ledger_audit import audit, told
from ledger_floor import MODEL, RECIPE, RID, STATION, board, closed, enabled, identified, opened, together

from station.errors import DatabaseFailed
from station.ledger import CycleRow, Ledger, Reader, SerialOpenElsewhere
from station.ledger.history import history as history_of
from station.model import Closing, Outcome, Step

HOSTILE = {
    "tab and newline": "A\tB\nC",
    "nul": "A\0B",
    "quotes": "'; DROP TABLE events; --",
    "long": "S" * 10_000,
    "beyond ASCII": "Σ-٣-🏭",
    "escape": "\x1b[2J",
}


def test_a_whole_cycle_in_its_events(ledger: Ledger, reader: Reader, path: Path) -> None:
    row = enabled(ledger, identified(ledger, opened(ledger), "SN1", "02:aa"))
    assert (row.serial, row.hardware_id, row.attempt, row.rid, row.step) == ("SN1", "02:aa", 1, RID, "configure")
    row = ledger.settle(row, Step.CONFIGURE, {"settings": {"a": "sha256:00"}}, None)
    row = ledger.removed(closed(ledger, row, Outcome.PASS))
    events = audit(path)
    assert told(events) == [
        ("recipe", None),
        ("open", None),
        ("intend", "identify"),
        ("settle", "identify"),
        ("intend", "enable"),
        ("settle", "enable"),
        ("intend", "configure"),
        ("settle", "configure"),
        ("close", None),
        ("remove", None),
    ]
    assert {event["station"] for event in events} == {STATION}
    assert {event["cycle"] for event in events[1:]} == {row.id}
    assert reader.cycle(row.id) == row == reader.last_cycle("1")
    assert row.released_at == row.closed_at and row.removed_at is not None and row.duration_ms == 1234
    assert [settled.step for settled in reader.settled(row.id)] == [Step.IDENTIFY, Step.ENABLE, Step.CONFIGURE]
    assert reader.settled(row.id)[2].facts == {"settings": {"a": "sha256:00"}}


def test_settling_and_the_next_intent_are_one_commit(ledger: Ledger) -> None:
    row = opened(ledger)
    said: list[str] = []
    ledger.write(lambda db: db.conn.set_trace_callback(said.append))
    identified(ledger, row, "SN1")
    ledger.write(lambda db: db.conn.set_trace_callback(None))
    first = said[said.index("COMMIT") + 1 :]  # after the one that began to listen
    first = first[: first.index("COMMIT") + 1]
    assert first[0] == "BEGIN IMMEDIATE"
    events = list(dict.fromkeys(sql for sql in first if sql.startswith("INSERT INTO events")))  # triggers tell it again
    assert ["'settle'" in events[0], "'intend'" in events[1], len(events)] == [True, True, 2]


def test_many_threads_are_all_answered_and_the_chain_is_whole(ledger: Ledger, path: Path) -> None:
    rows: list[CycleRow] = []

    def line(slot: str) -> None:
        for turn in range(5):
            rows.append(ledger.removed(board(ledger, f"SN-{slot}-{turn}", Outcome.PASS, slot=slot)))

    threads = [threading.Thread(target=line, args=(str(slot),)) for slot in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(row.id for row in rows) == list(range(1, 81))
    assert len(audit(path)) == 1 + 80 * 8  # the recipe once; open, three intents, two settles, close, remove


def test_one_piece_of_a_transaction_fails_alone(ledger: Ledger, path: Path) -> None:
    taken = identified(ledger, opened(ledger, "1"), "SN1")
    twin = opened(ledger, "2")
    third = opened(ledger, "3")
    before = len(audit(path))
    good, bad, also_good = together(
        ledger,
        lambda: ledger.resume(taken),
        lambda: identified(ledger, twin, "SN1"),
        lambda: identified(ledger, third, "SN3"),
    )
    assert good.result() is None
    with pytest.raises(SerialOpenElsewhere):
        bad.result()
    assert also_good.result().serial == "SN3"
    assert told(audit(path))[before:] == [("resume", None), ("settle", "identify"), ("intend", "enable")]


def test_the_head_follows_work_that_was_undone_after_its_first_event(ledger: Ledger, path: Path) -> None:
    row = opened(ledger, "1")
    before = len(audit(path))
    new_recipe = RECIPE._replace(sha256="cd" * 32)
    bad, good = together(
        ledger,
        lambda: ledger.open_cycle("1", new_recipe, Step.IDENTIFY),  # its recipe is written, and then the slot is taken
        lambda: ledger.resume(row),
    )
    with pytest.raises(sqlite3.IntegrityError):
        bad.result()
    good.result()
    assert told(audit(path))[before:] == [("resume", None)]


def test_a_board_and_its_cycles(ledger: Ledger, path: Path) -> None:
    for outcome in (Outcome.FAIL, Outcome.PASS, Outcome.ERROR):
        board(ledger, "SN1", outcome, hardware_id="02:01")
    board(ledger, "SN2", Outcome.FAIL, hardware_id="02:02")
    with closing(sqlite3.connect(path)) as pen:
        rows = pen.execute(
            "SELECT serial, hardware_id, attempts, passed_cycle, last_cycle FROM boards ORDER BY serial"
        ).fetchall()
    assert rows == [("SN1", "02:01", 3, 2, 3), ("SN2", "02:02", 1, None, 4)]


def test_the_same_serial_number_in_two_slots_leaves_nothing_of_the_second(
    ledger: Ledger, reader: Reader, path: Path
) -> None:
    first = identified(ledger, opened(ledger, "1"), "SN1", "02:01")
    second = opened(ledger, "2")
    before = len(audit(path))
    with pytest.raises(SerialOpenElsewhere):
        identified(ledger, second, "SN1", "02:02")
    assert len(audit(path)) == before
    assert reader.cycle(second.id) == second
    assert history_of(reader, MODEL, "SN1", "02:02", second.id).hardware_of_serial == "02:01"
    closed(ledger, first, Outcome.FAIL)
    assert identified(ledger, second, "SN1", "02:02").attempt == 2


def test_a_full_disk_fails_the_call_and_room_mends_it(ledger: Ledger, reader: Reader, path: Path) -> None:
    row = opened(ledger)
    before = len(audit(path))
    full = "PRAGMA max_page_count = {}"
    pages = ledger.write(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
    ledger.write(lambda db: db.execute(full.format(pages)).fetchall())
    with pytest.raises(DatabaseFailed, match=r"ledger\.db: .*full"):
        ledger.note("long", {"text": "x" * 100_000})
    with pytest.raises(DatabaseFailed):
        identified(ledger, row, "S" * 100_000)
    assert len(audit(path)) == before
    assert reader.cycle(row.id) == row
    ledger.write(lambda db: db.execute(full.format(1_000_000)).fetchall())
    assert identified(ledger, row, "SN1").serial == "SN1"
    assert told(audit(path))[before:] == [("settle", "identify"), ("intend", "enable")]


def test_a_refused_float_leaves_nothing(ledger: Ledger, path: Path) -> None:
    row = opened(ledger)
    before = len(audit(path))
    with pytest.raises(TypeError, match="a float"):
        ledger.settle(row, Step.IDENTIFY, {"identity": {"serial": "SN1", "hardware_id": ""}, "s": 0.1}, None)
    assert len(audit(path)) == before


@pytest.mark.parametrize("serial", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_kept_as_it_is(ledger: Ledger, reader: Reader, serial: str) -> None:
    row = board(ledger, serial, Outcome.FAIL, hardware_id=serial)
    assert reader.cycle(row.id).serial == serial == reader.cycle(row.id).hardware_id
    history = history_of(reader, MODEL, serial, serial, 0)
    assert history.hardware_of_serial == serial == history.serial_of_hardware
    assert history.closed == (Outcome.FAIL,)
    assert reader.settled(row.id)[0].facts["identity"]["serial"] == serial
    assert board(ledger, serial, Outcome.FAIL, slot="2").attempt == 2


def test_lone_surrogates_survive_in_facts_and_are_refused_in_a_serial_number(
    ledger: Ledger, reader: Reader, path: Path
) -> None:
    """SQLite can't hold them as text, so a recipe refuses such a serial number; a record may quote them in ASCII."""
    row = opened(ledger)
    before = len(audit(path))
    with pytest.raises(UnicodeEncodeError):
        identified(ledger, row, "A\udcff")
    assert len(audit(path)) == before
    identity = {"serial": "SN1", "hardware_id": "", "firmware": "\udcff\ud800", "hardware_revision": ""}
    row = ledger.settle(row, Step.IDENTIFY, {"identity": identity}, None)
    assert reader.settled(row.id)[0].facts["identity"] == identity
    closing = Closing(Outcome.FAIL, "serial-malformed", "A\udcff", {"serial": "A\udcff"})
    row = ledger.intend(row, Step.DISABLE, closing)
    assert reader.decided(row.id) == closing
    ledger.close_cycle(row, closing, {}, 1)


def test_a_closed_ledger_says_so(path: Path) -> None:
    ledger = Ledger(path, STATION)
    ledger.close()
    with pytest.raises(DatabaseFailed, match="is closed"):
        ledger.note("start", {})
    ledger.close()


def test_slot_and_outbox_that_both_hold_a_cycle_undo_nothing_of_each_other(
    ledger: Ledger, reader: Reader, path: Path
) -> None:
    """The board may leave while the fleet is being told of it, or after that: each has read the row before."""
    first = ledger.release(identified(ledger, opened(ledger), "SN1"), Step.VERIFY_BOARD, {}, 1, None)
    told = ledger.settle(ledger.intend(first, Step.REGISTER), Step.REGISTER, {"found": "unknown"}, Step.ENABLE)
    told = enabled(ledger, told)
    left = ledger.removed(first)
    kept = reader.cycle(first.id)
    assert (kept.rid, kept.step, kept.removed_at) == (RID, Step.CONFIGURE, left.removed_at) and left.removed_at
    closed(ledger, told, Outcome.PASS)
    assert reader.cycle(first.id).removed_at == left.removed_at

    second = ledger.release(identified(ledger, opened(ledger), "SN2"), Step.VERIFY_BOARD, {}, 1, None)
    verdict = closed(ledger, enabled(ledger, ledger.intend(second, Step.ENABLE)), Outcome.PASS)
    ledger.removed(second)
    kept = reader.cycle(second.id)
    assert (kept.outcome, kept.rid, kept.closed_at) == ("PASS", RID, verdict.closed_at) and kept.removed_at
    audit(path)
