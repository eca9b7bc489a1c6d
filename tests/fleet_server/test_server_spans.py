"""Ranges of serial numbers: what they hold is exactly what they write (API document, section 3)."""

from __future__ import annotations

import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from station.fleet.server import schema
from station.fleet.server.names import BadName
from station.fleet.server.spans import Casing, Coverage, Format, Span, covers, outside

B10, B16 = Format.BASE10, Format.BASE16
UP, LOW = Casing.UPPER, Casing.LOWER
MACS = [Format.MAC_COLONS, Format.MAC_DASHES, Format.MAC_DOTS]


def model_of(*spans: Span) -> Database:
    """A database whose model 1 has these ranges."""
    db = Database(memory=True)
    schema.migrations.apply(db)
    db.execute("PRAGMA foreign_keys = OFF")
    rows = ((s.format, s.length, s.casing, s.first, s.last) for s in spans)
    db.conn.executemany(
        "INSERT INTO ranges(model, format, length, casing, first, last) VALUES (1, ?, ?, ?, ?, ?)", rows
    )
    return db


@pytest.fixture(scope="module")
def db() -> Database:
    return model_of()


def holds(db: Database, span: Span, text: str) -> bool:
    """Ask both ways, one by one and in bulk, which must agree."""
    row = (span.format, span.length, span.casing, span.first, span.last)
    db.execute("DELETE FROM ranges")
    db.execute("INSERT INTO ranges(model, format, length, casing, first, last) VALUES (1, ?, ?, ?, ?, ?)", row)
    found = covers(db, 1, text)
    assert found == Coverage([row]).holds(text)
    return found


@pytest.mark.parametrize(
    ("span", "number", "texts"),
    [
        (Span(B10, None, None, 0, 999), 0, ("0",)),
        (Span(B10, None, None, 0, 999), 42, ("42",)),
        (Span(B10, 8, None, 0, 999), 1, ("00000001",)),
        (Span(B16, None, UP, 0, 0xFFF), 0xAB, ("AB",)),
        (Span(B16, 8, LOW, 0, 0xFFF), 0xAB, ("000000ab",)),
        (Span(B16, 4, None, 0, 0xFFF), 0xAB, ("00ab", "00AB")),
        (Span(B16, 4, None, 0, 0xFFF), 0x12, ("0012",)),
        (Span(MACS[0], None, LOW, 0, 1 << 40), 0x0004A3FFEE01, ("00:04:a3:ff:ee:01",)),
        (Span(MACS[1], None, UP, 0, 1 << 40), 0x0004A3FFEE01, ("00-04-A3-FF-EE-01",)),
        (Span(MACS[2], None, None, 0, 1 << 40), 0x0004A3FFEE01, ("0004.a3ff.ee01", "0004.A3FF.EE01")),
    ],
)
def test_how_each_format_is_written(db: Database, span: Span, number: int, texts: tuple[str, ...]) -> None:
    assert written(span, number) == {*texts}
    assert all(holds(db, span, text) for text in texts)


def test_the_example_of_the_document_has_256_members(db: Database) -> None:
    span = Span(Format.MAC_COLONS, None, LOW, 1108152157440, 1108152157695)
    texts = [f"01:02:03:04:05:{n:02x}" for n in range(256)]
    assert {*texts} == {text for n in range(span.first, span.last + 1) for text in written(span, n)}
    assert all(holds(db, span, text) for text in texts)
    for other in ("01:02:03:04:04:ff", "01:02:03:04:06:00", "01:02:03:04:05:FF", "01-02-03-04-05-ff"):
        assert not holds(db, span, other), other


@pytest.mark.parametrize(
    ("span", "others"),
    [
        (Span(B10, None, None, 0, 99), ["", "-1", "+1", " 1", "1 ", "01", "100", "1.0", "1e1", "\u0661", "0x1", "1\n"]),
        (Span(B10, 4, None, 1, 99), ["0000", "1", "001", "00001", "0100", "00 1", "000a"]),
        (Span(B16, None, LOW, 0, 0xFF), ["A", "0a", "100", "0xa", "g", "aA"]),
        (Span(B16, 4, None, 0, 0xFFFF), ["00aB", "abc", "0abcd", "00_1"]),
        (Span(MACS[2], None, LOW, 0, 99), ["0000.0000.006", "0000:0000:0063", "000000000063", "0000.0000.0064"]),
        (Span(B10, 19, None, 0, (1 << 63) - 1), [str(1 << 63), "9" * 128, "9" * 5000]),
    ],
)
def test_what_a_range_does_not_hold(db: Database, span: Span, others: list[str]) -> None:
    for other in others:
        assert not holds(db, span, other), other


@pytest.mark.parametrize(
    "parts",
    [
        (B10, None, None, -1, 5),
        (B10, None, None, 6, 5),
        (B10, None, None, 0, 1 << 63),
        (B10, 2, None, 0, 100),
        (B10, 0, None, 0, 0),
        (B10, -1, None, 0, 0),
        (B10, 129, None, 0, 0),
        (B10, None, LOW, 0, 1),
        (B16, 2, UP, 0, 0x100),
        (Format.MAC_COLONS, 17, LOW, 0, 1),
        (Format.MAC_DASHES, None, LOW, 0, 1 << 48),
    ],
)
def test_what_is_no_range(parts: tuple[Format, int | None, Casing | None, int, int]) -> None:
    with pytest.raises(BadName):
        Span(*parts)


@st.composite
def spans(draw: st.DrawFn) -> Span:
    form = draw(st.sampled_from(Format))
    most = (1 << 48) - 1 if form in MACS else (1 << 63) - 1
    first = draw(st.integers(0, most))
    last = draw(st.integers(first, min(most, first + 300)) | st.integers(first, most))
    casing = None if form is B10 else draw(st.sampled_from([None, UP, LOW]))
    digits = len(str(last)) if form is B10 else len(f"{last:x}")
    length = None if form in MACS else draw(st.none() | st.integers(digits, 128))
    return Span(form, length, casing, first, last)


def written(span: Span, number: int) -> set[str]:
    """What section 3 says, in other words than the code's."""
    match span.format:
        case Format.BASE10:
            text = ("%d" if span.length is None else f"%0{span.length}d") % number
        case Format.BASE16:
            text = ("%x" if span.length is None else f"%0{span.length}x") % number
        case Format.MAC_DOTS:
            text = number.to_bytes(6, "big").hex(".", 2)
        case _:
            text = number.to_bytes(6, "big").hex(span.format.value[3])
    return {None: {text, text.upper()}, UP: {text.upper()}, LOW: {text}}[span.casing]


@settings(max_examples=300, deadline=None)
@given(spans(), st.data())
def test_membership_is_exactly_what_rendering_gives(db: Database, span: Span, data: st.DataObject) -> None:
    number = data.draw(st.integers(span.first, span.last))
    assert all(holds(db, span, text) for text in written(span, number))


@settings(max_examples=300, deadline=None)
@given(spans(), st.data())
def test_nothing_beside_the_renderings_is_a_member(db: Database, span: Span, data: st.DataObject) -> None:
    number = data.draw(st.integers(span.first, span.last))
    text = data.draw(st.sampled_from(sorted(written(span, number))))
    at = data.draw(st.integers(0, len(text)))
    mutated = data.draw(
        st.sampled_from([text[:at] + text[at + 1 :], text[:at] + "0" + text[at:], text.swapcase(), "0" + text])
        | st.text("0123456789abcdefABCDEF:-.", max_size=20)
    )
    # Read by another way: whatever number it might be, if it is one, must write it so.
    digits = "".join(c for c in mutated if c not in ":-.")
    assume(digits)
    try:
        meant = int(digits, 10 if span.format is B10 else 16)
    except ValueError:
        assert not holds(db, span, mutated)
        return
    assert holds(db, span, mutated) == (
        span.first <= meant <= span.last and mutated in written(span, min(meant, span.last))
    )


@settings(max_examples=200, deadline=None)
@given(spans(), st.integers(0, (1 << 63) - 1))
def test_a_number_outside_is_no_member(db: Database, span: Span, number: int) -> None:
    assume(not span.first <= number <= span.last and (span.format not in MACS or number < 1 << 48))
    assert not any(holds(db, span, text) for text in written(span, number))


@settings(max_examples=100, deadline=None)
@given(st.lists(spans(), max_size=8), st.data())
def test_many_are_looked_up_as_each_one_is(ranges: list[Span], data: st.DataObject) -> None:
    near = [n for span in ranges for n in (span.first - 1, span.first, span.last, span.last + 1) if n >= 0]
    texts = {
        text for span in ranges for n in near if span.format not in MACS or n < 1 << 48 for text in written(span, n)
    }
    texts |= {f"SN{n}" for n in range(20)}  # so many that they are looked up in bulk
    many = model_of(*data.draw(st.permutations(ranges)))
    assert outside(many, 1, texts) == [text for text in texts if not covers(many, 1, text)]


def test_the_gap_between_two_ranges_is_in_neither() -> None:
    gapped = model_of(Span(B10, None, None, 30, 40), Span(B10, None, None, 10, 20), Span(B10, None, None, 22, 28))
    texts = [str(n) for n in range(50)]
    assert outside(gapped, 1, texts) == [str(n) for n in (*range(10), 21, 29, *range(41, 50))]


def test_ten_thousand_ranges_are_not_gone_through_for_each_serial_number() -> None:
    many = model_of(*(Span(B10, None, None, 10**12 + n, 10**15) for n in range(10_000)))
    begun = time.monotonic()
    texts = [str(10**12 - 10_000 + n) for n in range(20_000)]
    assert outside(many, 1, texts) == texts[:10_000]  # one by one and by hand: minutes
    assert time.monotonic() - begun < 5
