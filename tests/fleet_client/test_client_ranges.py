"""Ranges of serial numbers: what one holds, the bytes that arrive at the fleet, and what its answer becomes."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import pytest
from client_under_test import Start
from client_wire import EMPTY, JSON, NOTHING, Case, assert_plays, assert_refuses, numbers, ok
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_fleet import answer

from station.fleet.client import Casing, Garbled, NameUnsafe, RangeFormat, SerialRange, TooLong
from station.fleet.client.messages import Reply, Request
from station.fleet.client.ranges import Ranges

PATH = "/provision/manage/model/G1/"
LOWER, UPPER = Casing.LOWER, Casing.UPPER
DECIMAL, HEX = RangeFormat.BASE10, RangeFormat.BASE16
MACS = [RangeFormat.MAC_COLONS, RangeFormat.MAC_DASHES, RangeFormat.MAC_DOTS]

MAC_RANGE = SerialRange(RangeFormat.MAC_COLONS, 1108152157440, 1108152157695, casing=LOWER)
PADDED = SerialRange(HEX, 0, 255, 8, UPPER)
BARE = SerialRange(DECIMAL, 7, 7)

SAID = {
    MAC_RANGE: '{"format":"mac:48","length":null,"casing":"lower","first":1108152157440,"last":1108152157695}',
    PADDED: '{"format":"base16","length":8,"casing":"upper","first":0,"last":255}',
    BARE: '{"format":"base10","length":null,"casing":null,"first":7,"last":7}',
}
OBJECT = f'{{"ranges":[{",".join(SAID.values())}]}}'

CASES = [
    Case(
        "M34-array",
        lambda c: c.ranges.list("G1"),
        f"GET {PATH}?show=ranges",
        ok(f"[{','.join(SAID.values())}]", JSON),
        [*SAID],
    ),
    Case("M34-object", lambda c: c.ranges.list("G1"), f"GET {PATH}?show=ranges", ok(OBJECT, JSON), [*SAID]),
    Case("M38", lambda c: c.ranges.add("G1", SAID), f"POST {PATH}", body=OBJECT, kind=JSON),
    Case("M42", lambda c: c.ranges.remove("G1", iter(SAID)), f"DELETE {PATH}", body=OBJECT, kind=JSON),
]


@pytest.mark.parametrize("case", CASES, ids=numbers)
def test_a_procedure(start: Start, case: Case) -> None:
    assert_plays(start, case)


@pytest.mark.parametrize("case", CASES, ids=numbers)
def test_a_procedure_refused(start: Start, case: Case) -> None:
    assert_refuses(start, case)


@pytest.mark.parametrize("said", [EMPTY, NOTHING, ok("\r\n", JSON), ok("[]", JSON), ok('{"ranges":[]}', JSON)])
def test_no_ranges(start: Start, said: bytes) -> None:
    client, _ = start([answer(said)])
    assert client.ranges.list("G1") == []


def test_fields_that_are_not_told_or_not_known(start: Start) -> None:
    client, _ = start([answer(ok('[{"last": 9, "first": 1, "format": "base10", "note": "x"}]', JSON))])
    assert client.ranges.list("G1") == [SerialRange(DECIMAL, 1, 9)]


@pytest.mark.parametrize(
    "said",
    [
        "null",
        "7",
        "{}",
        "Hello",
        '{"ranges":{}}',
        "[7]",
        "[" * 100_000,
        '[{"format":"base10","first":1}]',
        '[{"format":"base10","first":"1","last":2}]',
        '[{"format":"base10","first":1.0,"last":2}]',
        '[{"format":"base10","first":false,"last":true}]',
        '[{"format":"base10","first":1,"last":2,"length":"8"}]',
        '[{"format":"base10","first":1,"last":2,"length":true}]',
        '[{"format":"base10","first":2,"last":1}]',
        '[{"format":"base36","first":1,"last":2}]',
        '[{"format":"base16","first":1,"last":2,"casing":"Upper"}]',
        '[{"format":"mac:48","first":1,"last":281474976710656}]',
        '[{"format":"base10","first":1,"last":%s}]' % ("9" * 5000),
    ],
    ids=lambda said: said[:60],
)
def test_a_body_that_is_not_this_api(start: Start, said: str) -> None:
    client, _ = start([answer(ok(said, JSON))])
    with pytest.raises(Garbled):
        client.ranges.list("G1")


def test_no_ranges_are_no_request(start: Start) -> None:
    client, _ = start()
    client.ranges.add("G1", [])
    client.ranges.remove("G1", [])


def test_too_many_ranges_are_not_sent(start: Start) -> None:
    client, _ = start()
    with pytest.raises(TooLong):
        client.ranges.add("G1", (SerialRange(DECIMAL, n, n) for n in range(150_000)))


@pytest.mark.parametrize("name", ["../x", "a%2Fb", ""])
def test_an_unsafe_model_is_not_sent(start: Start, name: str) -> None:
    client, _ = start()
    for call in (
        lambda: client.ranges.list(name),
        lambda: client.ranges.add(name, [BARE]),
        lambda: client.ranges.remove(name, []),
    ):
        with pytest.raises(NameUnsafe):
            call()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ((DECIMAL, -1, 5), "0 or more"),
        ((DECIMAL, 6, 5), "not below"),
        ((DECIMAL, 1, 5, None, LOWER), "hex"),
        ((DECIMAL, 1, 5, 0), "1 to 128"),
        ((DECIMAL, 1, 5, 129), "1 to 128"),
        ((DECIMAL, 1, 100, 2), "more than 2 digits"),
        ((HEX, 1, 256, 2), "more than 2 digits"),
        ((DECIMAL, 1, 10**128), "more than 128 digits"),
        ((RangeFormat.MAC_DOTS, 1, 1 << 48), "48 bits"),
        ((RangeFormat.MAC_COLONS, 1, 2, 12), "length"),
    ],
)
def test_a_range_that_can_not_be(given: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        SerialRange(*given)


@pytest.mark.parametrize(
    ("one", "first", "last", "many"),
    [
        (MAC_RANGE, "01:02:03:04:05:00", "01:02:03:04:05:ff", 256),
        (SerialRange(RangeFormat.MAC_DASHES, 0xA, 0xB, casing=UPPER), "00-00-00-00-00-0A", "00-00-00-00-00-0B", 2),
        (SerialRange(RangeFormat.MAC_DOTS, 0, (1 << 48) - 1), "0000.0000.0000", "ffff.ffff.ffff", 1 << 48),
        (PADDED, "00000000", "000000FF", 256),
        (SerialRange(HEX, 0, 255), "0", "ff", 256),
        (SerialRange(DECIMAL, 1, 99, 8), "00000001", "00000099", 99),
        (SerialRange(DECIMAL, 9, 10), "9", "10", 2),
    ],
)
def test_how_a_range_writes(one: SerialRange, first: str, last: str, many: int) -> None:
    assert (one.render(one.first), one.render(one.last), len(one)) == (first, last, many)
    assert first in one and last in one
    for outside in (one.first - 1, one.last + 1):
        with pytest.raises(ValueError, match="not in the range"):
            one.render(outside)


@pytest.mark.parametrize(
    ("one", "serial"),
    [
        (PADDED, "000000ff"),
        (PADDED, "FF"),
        (PADDED, "00000100"),
        (PADDED, "0x0000FF"),
        (SerialRange(HEX, 0, 0xABCD), "aB"),
        (SerialRange(DECIMAL, 0, 99), "07"),
        (SerialRange(DECIMAL, 0, 99), "+7"),
        (SerialRange(DECIMAL, 0, 99), "1_0"),
        (SerialRange(DECIMAL, 0, 99), " 7"),
        (SerialRange(DECIMAL, 0, 99), "7\n"),
        (SerialRange(DECIMAL, 0, 99), "\u0667"),
        (SerialRange(DECIMAL, 0, 99), "7-"),
        (SerialRange(DECIMAL, 0, 99), ""),
        (SerialRange(DECIMAL, 0, 99), "9" * 5000),
        (MAC_RANGE, "01-02-03-04-05-00"),
        (MAC_RANGE, "010203040500"),
        (MAC_RANGE, "0102.0304.0500"),
    ],
)
def test_what_looks_like_a_member_and_is_none(one: SerialRange, serial: str) -> None:
    assert serial not in one


def test_a_range_may_be_larger_than_a_length(start: Start) -> None:
    one = SerialRange(DECIMAL, 0, sys.maxsize)
    with pytest.raises(OverflowError):
        len(one)
    assert str(sys.maxsize) in one


@st.composite
def ranges(draw: st.DrawFn) -> SerialRange:
    form = draw(st.sampled_from(RangeFormat))
    first, last = sorted(draw(st.tuples(*[st.integers(0, (1 << 48) - 1) | st.integers(0, 300)] * 2)))
    casing = None if form is DECIMAL else draw(st.sampled_from([None, *Casing]))
    length = None if form in MACS else draw(st.none() | st.integers(15, 20))
    return SerialRange(form, first, last, length, casing)


@settings(deadline=None)
@given(ranges(), st.data())
def test_every_number_of_a_range_is_written_in_its_format_and_is_a_member(
    one: SerialRange, data: st.DataObject
) -> None:
    number = data.draw(st.integers(one.first, one.last))
    serial = one.render(number)
    assert serial in one
    digits = re.sub("[:.-]", "", serial)
    assert int(digits, 10 if one.format is DECIMAL else 16) == number
    assert len(digits) == (12 if one.format in MACS else one.length or len(digits))
    assert one.length or one.format in MACS or digits == "0" or digits[0] != "0"
    assert serial == (serial.upper() if one.casing is UPPER else serial.lower())


@settings(deadline=None)
@given(st.integers(0, 400), st.integers(0, 400), st.sampled_from(RangeFormat), st.sampled_from([None, *Casing]))
def test_exactly_what_is_written_is_a_member(a: int, b: int, form: RangeFormat, casing: Casing | None) -> None:
    casing = None if form is DECIMAL else casing
    one = SerialRange(form, min(a, b), max(a, b), casing=casing)
    wide = SerialRange(form, 0, 500, casing=casing)
    written = {one.render(number) for number in range(one.first, one.last + 1)}
    if casing is None:
        written |= {serial.upper() for serial in written}
    tried = {text for n in range(501) for text in (wide.render(n), wide.render(n).upper(), wide.render(n).title())}
    assert {serial for serial in tried if serial in one} == written


@settings(deadline=None)
@given(st.lists(ranges(), max_size=5))
def test_a_range_survives_json(some: list[SerialRange]) -> None:
    sent: list[bytes] = []

    class Mirror:
        """A fleet that answers with what it was told last."""

        def send(self, request: Request) -> Reply:
            if request.body is not None:
                sent.append(request.body)
            return Reply(request.asked, 200, {}, sent[-1] if sent else b"")

    there = Ranges(Mirror())
    there.add("G1", some)
    assert there.list("G1") == some
    if some:
        assert json.loads(sent[0])["ranges"][0]["first"] == some[0].first
