"""Transcripts in the ledger: written down, kept with the verdict, bounded, and found if anybody changes them."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_audit import audit
from ledger_floor import PASSED, STATION, board, enabled, identified, opened

from drivers.transcript import LIMIT, Passage
from station.ledger import Ledger, Reader
from station.ledger.archive import Archive
from station.ledger.transcript import Said, joined, printable, read, written
from station.model import Closing, Outcome, Step

FAILED = Closing(Outcome.FAIL, "board-refused", "no", {})
OPENED = 1_764_117_476_000_000
FIRST_SCHEMA = Path(__file__).with_name("ledger_0001.sql")


def line(text: bytes, seconds: float = 0.0) -> str:
    return written([Passage(seconds, ">", text)], OPENED)


# --------------------------------------------------------------------------- how it is written down


def test_a_line_a_passage_with_its_time_and_direction() -> None:
    said = [Passage(0.25, ">", b"printenv\r"), Passage(1.000001, "<", "n=Grüße\r\n=> ".encode())]
    text = written(said, OPENED)
    assert text.splitlines() == [
        r"2025-11-26T00:37:56.250000Z > printenv\r",
        r"2025-11-26T00:37:57.000001Z < n=Grüße\r\n=> ",
    ]
    assert read(text)[0] == Said("2025-11-26T00:37:56.250000Z", ">", r"printenv\r")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x1b[31m\x07\x00\x7f", r"\x1b[31m\x07\x00\x7f"),
        (b"back\\slash \\r", r"back\\slash \\r"),
        (b"\xff\xc3", r"\xff\xc3"),
        ("\u202e\u2028\x85\xa0".encode(), r"\u202e\u2028\u0085\u00a0"),
        (b"[bold]<b>$(reboot)", "[bold]<b>$(reboot)"),
    ],
)
def test_what_is_written_can_do_nothing_to_a_terminal(data: bytes, text: str) -> None:
    assert printable(data) == text


def again(text: str) -> bytes:
    """Take the escapes out, as the module says that they are put in."""

    def byte(match: re.Match[str]) -> str:
        if match[0][1] == "x":
            number = int(match[0][2:], 16)
            return chr(number if number < 0x80 else 0xDC00 + number)
        return match[0].encode("ascii").decode("unicode_escape")

    return re.sub(r"\\(x..|u....|U........|.)", byte, text).encode("utf-8", "surrogateescape")


@given(st.binary(max_size=60) | st.text(max_size=30).map(str.encode))
def test_every_byte_is_in_one_line_of_printable_text(data: bytes) -> None:
    text = printable(data)
    assert text.isprintable()
    assert again(text) == data
    assert [said.text for said in read(line(data))] == [text]


def test_of_a_cycle_that_was_cut_the_newest_64_kib_are_kept() -> None:
    parts = [line(b"\xff" * 1000, n) for n in range(100)]
    text = joined("".join(parts[:40]), "".join(parts[40:]))
    assert text == "".join(parts[100 - LIMIT // 1000 :])
    assert joined("", line(b"x")) == line(b"x") and joined("", "") == ""


# --------------------------------------------------------------------------- with the verdict


def test_it_is_written_with_the_verdict_and_its_hash_is_in_the_chain(
    ledger: Ledger, reader: Reader, path: Path
) -> None:
    row = ledger.close_cycle(opened(ledger), FAILED, {}, 1, line(b"hello"))
    assert reader.transcript(row.id) == line(b"hello")
    before = len(audit(path))
    board(ledger, "SN1", Outcome.PASS)
    assert reader.transcript(2) == "" and len(audit(path)) > before


def test_a_changed_transcript_is_found(path: Path) -> None:
    ledger = Ledger(path, STATION)
    ledger.close_cycle(opened(ledger), FAILED, {}, 1, line(b"hello"))
    ledger.close()
    audit(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as pen:
        pen.execute("DROP TRIGGER transcripts_stay_at_update")
        pen.execute("UPDATE transcripts SET text = replace(text, 'hello', 'hullo')")
    with pytest.raises(AssertionError):
        audit(path)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE transcripts SET text = ''",
        "DELETE FROM transcripts",
        "INSERT OR REPLACE INTO transcripts VALUES (1, '')",
        "INSERT INTO transcripts VALUES (2, 'of a PASS')",
    ],
)
def test_the_transcript_of_a_closed_cycle_stays(ledger: Ledger, path: Path, sql: str) -> None:
    ledger.close_cycle(opened(ledger), FAILED, {}, 1, line(b"hello"))
    board(ledger, "SN1", Outcome.PASS, slot="2")
    refused = pytest.raises(sqlite3.IntegrityError, match="the transcript of a closed cycle stays")
    with closing(sqlite3.connect(path, isolation_level=None)) as pen, refused:
        pen.execute(sql)


def test_each_part_of_a_cycle_that_is_cut_replaces_the_one_before(ledger: Ledger, reader: Reader) -> None:
    row = opened(ledger)
    ledger.cut(row, line(b"one"))
    assert reader.transcript(row.id) == line(b"one") and reader.cycle(row.id).outcome is None
    row = ledger.intend(row, Step.DISABLE, FAILED, line(b"one") + line(b"two"))
    assert reader.transcript(row.id) == line(b"one") + line(b"two")
    ledger.close_cycle(row, FAILED, {}, 1, None)
    assert reader.transcript(row.id) == line(b"one") + line(b"two")


def test_a_cycle_that_was_cut_and_passes_keeps_none(ledger: Ledger, reader: Reader) -> None:
    row = enabled(ledger, identified(ledger, opened(ledger), "SN1"))
    ledger.cut(row, line(b"one"))
    ledger.close_cycle(row, PASSED, {}, 1, "")
    assert reader.transcript(row.id) == ""


# --------------------------------------------------------------------------- ledgers of before


def first_schema(path: Path) -> None:
    """Make a ledger as the first version left it: one PASS, and an open cycle whose board was identified."""
    with closing(sqlite3.connect(path)) as pen:
        pen.executescript(FIRST_SCHEMA.read_text())


def test_a_ledger_of_the_first_schema_goes_on(path: Path) -> None:
    first_schema(path)
    with closing(sqlite3.connect(path)) as pen:
        before = pen.execute("SELECT * FROM events").fetchall()
    ledger = Ledger(path, STATION)
    reader = Reader(path)
    try:
        assert reader.passed() == 1 and reader.open_cycles() == [2]
        row = reader.cycle(2)
        ledger.resume(row)
        ledger.close_cycle(row, FAILED, {}, 1, line(b"after"))
        assert reader.transcript(2) == line(b"after") and reader.transcript(1) == ""
        assert board(ledger, "SN2", Outcome.PASS).attempt == 2
    finally:
        reader.close()
        ledger.close()
    audit(path)
    with closing(sqlite3.connect(path)) as pen:
        assert pen.execute("SELECT * FROM events WHERE id <= ?", [len(before)]).fetchall() == before


def test_a_ledger_of_the_first_schema_can_be_read_as_it_is(path: Path) -> None:
    first_schema(path)
    before = path.read_bytes()
    with closing(Archive(path)) as archive:
        assert [archive.attempt(number).transcript for number in archive.last(9)] == [(), ()]
        assert archive.attempt(1).closing == Closing(Outcome.PASS, None, "why", {"seen": 1})
    assert path.read_bytes() == before


def test_the_archive_finds_a_board_by_its_number_even_a_refused_one(ledger: Ledger, path: Path) -> None:
    board(ledger, "SN1", Outcome.FAIL)
    ledger.close_cycle(opened(ledger), Closing(Outcome.FAIL, "serial-malformed", "no", {"serial": "../SN1"}), {}, 1)
    board(ledger, "SN1", Outcome.PASS)
    with closing(Archive(path)) as archive:
        assert archive.cycles_of("SN1") == [1, 3] and archive.cycles_of("../SN1") == [2]
        assert archive.cycles_of("SN") == [] and archive.last(2) == [2, 3]
        assert archive.attempt(2).serial == "../SN1"
        with pytest.raises(KeyError):
            archive.attempt(4)
