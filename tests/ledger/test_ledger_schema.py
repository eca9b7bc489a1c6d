"""What the file itself refuses, whoever holds the pen; and how it is opened again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from ledger_audit import audit
from ledger_floor import MODEL, PASSED, RECIPE, RID, STATION, board, closed, enabled, identified, opened

from station.errors import DatabaseCorrupt, DatabaseNewer
from station.ledger import CycleRow, Ledger, Reader
from station.ledger.history import history as history_of
from station.model import Outcome, Step


@pytest.fixture
def pen(ledger: Ledger, path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of somebody who doesn't use our code, on a ledger with one PASS."""
    board(ledger, "SN1", Outcome.PASS)
    with closing(sqlite3.connect(path, isolation_level=None)) as pen:
        yield pen


def test_every_pragma_of_a_durable_commit_is_set(ledger: Ledger) -> None:
    pragmas = ledger.write(
        lambda db: [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    )
    assert pragmas == ["wal", 2]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE events SET body = '{}' WHERE id = 2",
        "UPDATE events SET id = 100 WHERE id = 1",
        "DELETE FROM events WHERE id = 1",
        "DELETE FROM events",
        "INSERT OR REPLACE INTO events SELECT id, at, clock, station, boot, kind, cycle, actor, '{}', previous, hash"
        " FROM events WHERE id = 2",
        # a gap, and a fork
        "INSERT INTO events SELECT id + 2, at, clock, station, boot, kind, cycle, actor, body, hash, hash"
        " FROM events ORDER BY id DESC LIMIT 1",
        "INSERT INTO events SELECT id + 1, at, clock, station, boot, kind, cycle, actor, body, previous, hash"
        " FROM events ORDER BY id DESC LIMIT 1",
    ],
)
def test_events_are_insert_only_each_after_the_last(pen: sqlite3.Connection, sql: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="events are insert-only"):
        pen.execute(sql)


@pytest.mark.parametrize("column", ["kind", "actor", "station", "boot"])
def test_no_tab_in_a_column_that_is_joined_by_tabs(pen: sqlite3.Connection, column: str) -> None:
    names = ["id", "at", "clock", "station", "boot", "kind", "cycle", "actor", "body", "previous", "hash"]
    values = ["id + 1", *names[1:9], "hash", "hash"]
    values[names.index(column)] = "'a' || char(9)"
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        pen.execute(f"INSERT INTO events SELECT {', '.join(values)} FROM events ORDER BY id DESC LIMIT 1")


def test_a_pass_needs_a_serial_number_and_a_rid(ledger: Ledger, reader: Reader, path: Path) -> None:
    unidentified = opened(ledger, "1")
    not_enabled = identified(ledger, opened(ledger, "2"), "SN2")
    for row in (unidentified, not_enabled):
        before = len(audit(path))
        with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
            ledger.close_cycle(row, PASSED, {}, 1)
        assert len(audit(path)) == before
        assert reader.cycle(row.id).outcome is None
    assert reader.passed() == 0
    assert closed(ledger, enabled(ledger, not_enabled), Outcome.PASS).outcome == "PASS"


def test_pending_is_no_outcome_of_a_closed_cycle(ledger: Ledger) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        closed(ledger, identified(ledger, opened(ledger), "SN1"), Outcome.PENDING, "test")


def test_a_closed_cycle_takes_no_settle_and_no_other_verdict(ledger: Ledger, reader: Reader) -> None:
    row = enabled(ledger, identified(ledger, opened(ledger), "SN1"))
    verdict = closed(ledger, row, Outcome.FAIL)
    for late in (
        lambda: ledger.settle(row, Step.CONFIGURE, {"settings": {}}, Step.VERIFY_BOARD),
        lambda: ledger.intend(row, Step.DISABLE, PASSED),
        lambda: closed(ledger, row, Outcome.PASS),
        lambda: ledger.resume(row),
    ):
        with pytest.raises(sqlite3.IntegrityError, match="a closed cycle stays as it is"):
            late()
    assert reader.cycle(row.id) == verdict
    assert ledger.removed(verdict).removed_at is not None


def test_one_cycle_a_slot(ledger: Ledger, path: Path) -> None:
    opened(ledger, "1")
    before = len(audit(path))
    with pytest.raises(sqlite3.IntegrityError, match=r"cycles\.slot"):
        opened(ledger, "1")
    assert len(audit(path)) == before


def test_a_recipe_is_kept_whole_once(ledger: Ledger, path: Path) -> None:
    for _ in range(3):
        board(ledger, None, Outcome.FAIL)
    assert [event["body"]["rows"]["recipes"]["text"] for event in audit(path) if event["kind"] == "recipe"] == [
        RECIPE.text
    ]


# --------------------------------------------------------------------------- opened again


def test_opening_again_changes_nothing_and_the_chain_goes_on(path: Path) -> None:
    for expected in (1, 2, 3):
        ledger = Ledger(path, STATION)
        ledger.note("start", {})
        ledger.close()
        bytes_now = path.read_bytes()
        ledger = Ledger(path, STATION)
        ledger.close()
        assert path.read_bytes() == bytes_now
        assert len(audit(path)) == expected


def test_a_ledger_of_a_later_version_is_refused_and_left_alone(path: Path) -> None:
    Ledger(path, STATION).close()
    with closing(sqlite3.connect(path)) as pen, pen:
        pen.execute(
            "INSERT INTO _sqlite_migrations(migration_set, name, applied_at) VALUES ('ledger', '0099_future', '')"
        )
        pen.execute("PRAGMA journal_mode=DELETE")
    before = path.read_bytes()
    with pytest.raises(DatabaseNewer, match="later version") as refused:
        Ledger(path, STATION)
    assert str(path) in refused.value.text and "0099_future" in refused.value.text
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"the line's shopping list\n" * 400)
    before = path.read_bytes()
    with pytest.raises(DatabaseCorrupt) as refused:
        Ledger(path, STATION)
    assert str(path) in refused.value.text
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_damaged_page_of_events_is_told_at_the_start(path: Path) -> None:
    ledger = Ledger(path, STATION)
    root, size = ledger.write(
        lambda db: (
            db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'events'").fetchone()[0],
            db.execute("PRAGMA page_size").fetchone()[0],
        )
    )
    ledger.note("start", {})
    ledger.close()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)
    with pytest.raises(DatabaseCorrupt):
        Ledger(path, STATION)


def test_v_steps_pairs_a_settle_with_the_last_intent_before_it(ledger: Ledger, path: Path) -> None:
    row = enabled(ledger, identified(ledger, opened(ledger), "SN1"))
    row = _cut_and_intended_again(ledger, row)
    row = ledger.settle(row, Step.DISABLE, {"move": "disable"}, None)
    closed(ledger, row, Outcome.FAIL)
    with closing(sqlite3.connect(path)) as pen:
        steps = pen.execute("SELECT step, settled_at IS NOT NULL FROM v_steps ORDER BY intended").fetchall()
    assert steps == [("identify", 1), ("enable", 1), ("configure", 0), ("disable", 0), ("disable", 1)]


def _cut_and_intended_again(ledger: Ledger, row: CycleRow) -> CycleRow:
    row = ledger.intend(row, Step.DISABLE, PASSED)
    ledger.resume(row)
    return ledger.intend(row, Step.DISABLE, PASSED)


def test_boards_of_two_products_that_were_one_by_their_number_are_told_apart(path: Path) -> None:
    """A ledger of before models were told apart had one row for both."""
    with closing(sqlite3.connect(path)) as pen, pen:
        pen.executescript(Path(__file__).with_name("ledger_0001.sql").read_text())
        pen.execute("INSERT INTO recipes VALUES ('cd', 'other', '1', '[fleet]' || char(10) || 'model = \"other\"')")
        pen.execute(
            """INSERT INTO cycles(id, slot, recipe, opened_at, serial, hardware_id, attempt, step, released_at,
              closed_at, outcome, error) VALUES (3, '2', 'cd', 1, 'SN1', '02:99', 2, 'identify', 1, 1, 'FAIL', 'x')"""
        )
        pen.execute("UPDATE boards SET hardware_id = '02:99', attempts = 2, last_cycle = 3 WHERE serial = 'SN1'")
    Ledger(path, STATION).close()
    with closing(Reader(path)) as reader:
        first, other = history_of(reader, MODEL, "SN1", "02:00", 0), history_of(reader, "other", "SN1", "02:99", 0)
        assert (first.hardware_of_serial, first.closed, first.passed_rid) == ("02:00", (Outcome.PASS,), RID)
        assert (other.hardware_of_serial, other.closed, other.passed_rid) == ("02:99", (Outcome.FAIL,), None)
        assert [reader.cycle(number).model for number in (1, 2, 3)] == [MODEL, MODEL, "other"]
