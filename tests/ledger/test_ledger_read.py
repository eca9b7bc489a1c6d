"""What the ledger answers: a board's history, a cut cycle's verdict, the day's figures."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from ledger_floor import MODEL, RECIPE, RID, board, closed, enabled, identified, opened

from station.errors import DatabaseFailed
from station.ledger import History, Ledger, Reader
from station.ledger.figures import counters
from station.ledger.history import history as history_of
from station.model import Closing, Counters, Outcome, Step


def test_nothing_is_known_of_a_new_board(ledger: Ledger, reader: Reader) -> None:
    row = identified(ledger, opened(ledger), "SN1", "02:01")
    assert history_of(reader, MODEL, "SN1", "02:01", row.id) == History(
        hardware_of_serial="02:01", serial_of_hardware="SN1"
    )
    assert history_of(reader, MODEL, "SN2", "02:02", row.id) == History()


def test_history_in_all_its_words(ledger: Ledger, reader: Reader) -> None:
    board(ledger, "SN1", Outcome.FAIL, hardware_id="02:01", rid="a" * 40)
    lost = identified(ledger, opened(ledger), "SN1", "02:01")
    begun_at = reader.intended_at(lost.id, Step.ENABLE)
    closed(ledger, ledger.intend(lost, Step.DISABLE), Outcome.ERROR)
    board(ledger, "SN1", Outcome.PASS, hardware_id="02:01", rid="b" * 40)
    board(ledger, "SN1", Outcome.ABORTED, hardware_id="02:02", rid="c" * 40)  # the same number on another board
    again = identified(ledger, opened(ledger, "9"), "SN1", "02:01")
    assert again.attempt == 5
    assert history_of(reader, MODEL, "SN1", "02:01", again.id) == History(
        hardware_of_serial="02:01",
        serial_of_hardware="SN1",
        closed=(Outcome.FAIL, Outcome.ERROR, Outcome.PASS),
        rids=frozenset({"a" * 40}),  # a PASS is no licence
        doubtful_since=begun_at,  # the ERROR tried to enable, and had to be disabled without a RID
        passed_rid="b" * 40,
        passed_recipe=RECIPE.text,
        attempts=2,  # the ERROR is none
    )
    other = opened(ledger, "8")
    assert history_of(reader, MODEL, "SN1", "02:02", other.id) == History(
        hardware_of_serial="02:01",
        serial_of_hardware=None,
        closed=(Outcome.ABORTED,),
        rids=frozenset({"c" * 40}),
        passed_rid="b" * 40,
        passed_recipe=RECIPE.text,
        open_in="9",
    )


def test_a_definite_refusal_to_enable_leaves_no_doubt(ledger: Ledger, reader: Reader) -> None:
    row = identified(ledger, opened(ledger), "SN1", "02:01")
    ledger.close_cycle(row, Closing(Outcome.FAIL, "serial-taken", "taken"), {}, 1)
    history = history_of(reader, MODEL, "SN1", "02:01", 0)
    assert history.closed == (Outcome.FAIL,) and history.doubtful_since is None and not history.rids


def test_a_client_that_turned_out_to_be_somebody_elses_gives_no_licence(ledger: Ledger, reader: Reader) -> None:
    row = enabled(ledger, identified(ledger, opened(ledger), "SN1", "02:01"))
    closed(ledger, row, Outcome.FAIL, "serial-taken")
    history = history_of(reader, MODEL, "SN1", "02:01", 0)
    assert history.closed == (Outcome.FAIL,) and history.doubtful_since is None and not history.rids


def test_the_hardware_of_a_number_is_the_one_that_it_was_last_seen_on(ledger: Ledger, reader: Reader) -> None:
    board(ledger, "SN1", Outcome.FAIL, hardware_id="02:01")
    board(ledger, "SN1", Outcome.FAIL, hardware_id="02:02")
    assert history_of(reader, MODEL, "SN1", "02:01", 0).hardware_of_serial == "02:02"
    assert history_of(reader, MODEL, "SN1", "02:01", 0).serial_of_hardware is None
    board(ledger, "SN2", Outcome.FAIL, hardware_id="02:02")
    assert history_of(reader, MODEL, "SN1", "02:02", 0).serial_of_hardware == "SN2"


def test_boards_without_a_hardware_id_are_not_one_board(ledger: Ledger, reader: Reader) -> None:
    board(ledger, "SN1", Outcome.FAIL, hardware_id="")
    history = history_of(reader, MODEL, "SN2", "", 0)
    assert history == History()
    assert history_of(reader, MODEL, "SN1", "", 0).closed == (Outcome.FAIL,)


def test_a_pass_stands_after_a_later_fail(ledger: Ledger, reader: Reader) -> None:
    board(ledger, "SN1", Outcome.PASS)
    board(ledger, "SN1", Outcome.FAIL)
    assert history_of(reader, MODEL, "SN1", "02:00", 0).passed_rid is not None
    assert reader.passed() == 1


def test_a_verdict_that_was_cut_before_it_was_recorded(ledger: Ledger, reader: Reader) -> None:
    row = enabled(ledger, identified(ledger, opened(ledger), "SN1"))
    assert reader.decided(row.id) is None
    verdict = Closing(Outcome.FAIL, "readback-differs", 'a "b"\t\\', {"settings": "x", "n": 3, "ok": False, "no": None})
    row = ledger.intend(row, Step.DISABLE, verdict)
    assert reader.decided(row.id) == verdict
    assert reader.open_cycles() == [row.id]
    last = Closing(Outcome.ABORTED, "board-pulled", None, {})
    row = ledger.intend(row, Step.DISABLE, last)
    assert reader.decided(row.id) == last
    assert reader.decided(row.id + 1) is None


def test_cycles_open_and_closed(ledger: Ledger, reader: Reader) -> None:
    assert reader.last_cycle("1") is None
    with pytest.raises(KeyError):
        reader.cycle(1)
    first = board(ledger, "SN1", Outcome.PASS)
    second = opened(ledger)
    elsewhere = opened(ledger, "2")
    assert reader.last_cycle("1") == second
    assert reader.last_cycle("2") == elsewhere
    assert reader.cycle(first.id) == first
    assert reader.open_cycles() == [second.id, elsewhere.id]


def test_no_figures_before_the_first_board(reader: Reader) -> None:
    assert counters(reader, 0) == Counters()
    assert counters(reader, 0).fpy is None


def test_first_pass_yield(ledger: Ledger, reader: Reader) -> None:
    """Of those whose first counted cycle was a PASS or FAIL, and the FAILs that nobody knows, the part that passed."""
    board(ledger, "passes", Outcome.PASS)
    board(ledger, "fails, then passes", Outcome.FAIL)
    board(ledger, "fails, then passes", Outcome.PASS)
    board(ledger, "error, then passes", Outcome.ERROR)
    board(ledger, "error, then passes", Outcome.PASS)
    board(ledger, "aborted, aborted", Outcome.ABORTED)
    board(ledger, "aborted, aborted", Outcome.ABORTED)
    board(ledger, "passes, then fails", Outcome.PASS)
    board(ledger, "passes, then fails", Outcome.FAIL)
    board(ledger, None, Outcome.FAIL)
    board(ledger, None, Outcome.FAIL)
    board(ledger, None, Outcome.ERROR)
    identified(ledger, opened(ledger), "still going on")
    # first: passes, fails..., error..., passes then fails, and twice nobody
    assert counters(reader, 0) == Counters(done=12, passed=4, first=6, first_passed=3)
    assert counters(reader, 0).fpy == 0.5


def test_a_day_begins_with_its_first_microsecond(ledger: Ledger, reader: Reader) -> None:
    yesterday = board(ledger, "SN1", Outcome.FAIL)
    board(ledger, "SN1", Outcome.PASS)  # today, and no first attempt any more
    today = board(ledger, "SN2", Outcome.PASS)
    assert yesterday.closed_at is not None and today.closed_at is not None
    assert counters(reader, yesterday.closed_at).done == 3
    assert counters(reader, yesterday.closed_at + 1) == Counters(done=2, passed=2, first=1, first_passed=1)
    assert counters(reader, today.closed_at) == Counters(done=1, passed=1, first=1, first_passed=1)
    assert counters(reader, today.closed_at + 1) == Counters()


def test_a_cycle_that_runs_over_midnight_counts_where_it_closes(ledger: Ledger, reader: Reader) -> None:
    row = enabled(ledger, identified(ledger, opened(ledger), "SN1"))
    midnight = row.opened_at + 1
    closed(ledger, row, Outcome.PASS)
    assert counters(reader, midnight).done == 1


def test_readers_are_not_kept_waiting_by_a_transaction(ledger: Ledger, reader: Reader) -> None:
    row = board(ledger, "SN1", Outcome.PASS, rid=RID)
    begun, enough = threading.Event(), threading.Event()
    pending = threading.Thread(target=ledger._writer.write, args=[lambda db: (begun.set(), enough.wait())])
    pending.start()
    begun.wait()
    assert reader.cycle(row.id).outcome == "PASS"
    enough.set()
    pending.join()


def test_a_reader_changes_nothing_and_needs_a_file(tmp_path: Path) -> None:
    with pytest.raises(DatabaseFailed, match="none"):
        Reader(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []
