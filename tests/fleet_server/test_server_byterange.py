"""Which bytes a ``Range`` header asks for: every case against a slice of real bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.fleet.server.byterange import Part, Unsatisfiable, asked


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-1023", 0, 999),
        ("bytes=5-9", 5, 9),
        ("bytes=005-0009", 5, 9),
        ("bytes=999-999", 999, 999),
        ("bytes=999-" + "9" * 5000, 999, 999),
        ("bytes=0-", 0, 999),
        ("bytes=999-", 999, 999),
        ("bytes=-1", 999, 999),
        ("bytes=-1000", 0, 999),
        ("bytes=-1001", 0, 999),
        ("bytes=-" + "9" * 5000, 0, 999),
        ("BYTES=1-2", 1, 2),
    ],
)
def test_a_range_of_a_thousand_bytes(header: str, first: int, last: int) -> None:
    assert asked(header, 1000) == Part(first, last)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=2-1",
        "bytes=a-b",
        "bytes=0x1-2",
        "bytes=1 - 2",
        "bytes=1-2,4-5",
        "bytes=0-1, bytes=2-3",
        "bytes=--1",
        "bytes=-1-2",
        "bytes=+1-2",
        "bytes=\u0661-\u0662",
        "lines=1-2",
        "1-2",
    ],
)
def test_what_is_malformed_asks_for_the_whole(header: str | None) -> None:
    assert asked(header, 1000) is None


@pytest.mark.parametrize(
    ("header", "total"),
    [
        ("bytes=1000-", 1000),
        ("bytes=1000-1000", 1000),
        (f"bytes={'9' * 5000}-", 1000),
        ("bytes=-0", 1000),
        ("bytes=0-", 0),
        ("bytes=0-0", 0),
        ("bytes=-5", 0),
    ],
)
def test_what_lies_beyond_the_end_is_unsatisfiable(header: str, total: int) -> None:
    with pytest.raises(Unsatisfiable):
        asked(header, total)


@given(st.integers(0, 60), st.integers(0, 60) | st.none(), st.integers(1, 50))
def test_any_range_is_what_a_slice_gives(first: int, last: int | None, total: int) -> None:
    data = bytes(range(total))
    header = f"bytes={first}-{'' if last is None else last}"
    if last is not None and last < first:
        assert asked(header, total) is None
    elif first >= total:
        with pytest.raises(Unsatisfiable):
            asked(header, total)
    else:
        part = asked(header, total)
        assert part is not None
        assert data[part.first : part.last + 1] == data[first : None if last is None else last + 1]


@given(st.integers(1, 60), st.integers(1, 50))
def test_any_suffix_is_what_a_slice_gives(suffix: int, total: int) -> None:
    data = bytes(range(total))
    part = asked(f"bytes=-{suffix}", total)
    assert part is not None
    assert data[part.first : part.last + 1] == data[-suffix:]
