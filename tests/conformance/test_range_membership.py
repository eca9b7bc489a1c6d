"""Ranges over the wire: a serial number is a member exactly if some number of the range is written like that.

The rendering here is the test's own, digit by digit (API document, section 3).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import quote

import pytest
from conformance_bounds import UNHURRIED
from conformance_far_end import FarEnd
from conformance_words import JSON, get, post
from hypothesis import assume, given, settings
from hypothesis import strategies as st

BOUNDED = settings(UNHURRIED, max_examples=40)
FORMATS = ("base10", "base16", "mac:48", "mac-48", "mac.48")
MACS = 1 << 48


def written(format: str, number: int, length: int | None, upper: bool) -> str:
    """Return one number as its format writes it."""
    base = 10 if format == "base10" else 16
    digits = ""
    while number or not digits:
        number, digit = divmod(number, base)
        digits = ("0123456789ABCDEF" if upper else "0123456789abcdef")[digit] + digits
    if format in ("base10", "base16"):
        return "0" * ((length or 0) - len(digits)) + digits
    digits = "0" * (12 - len(digits)) + digits
    width = 4 if format == "mac.48" else 2
    return format[3].join(digits[n : n + width] for n in range(0, 12, width))


@dataclass(frozen=True)
class Span:
    format: str
    first: int
    last: int
    length: int | None
    casing: str | None

    @property
    def members(self) -> set[str]:
        """All texts of the range; without a casing either case is taken."""
        cases = {"upper": (True,), "lower": (False,)}.get(self.casing or "", (True, False))
        numbers = range(self.first, self.last + 1)
        return {written(self.format, n, self.length, upper) for n in numbers for upper in cases}

    @property
    def json(self) -> str:
        return json.dumps({"ranges": [vars(self)]})


@st.composite
def spans(draw: st.DrawFn) -> Span:
    format = draw(st.sampled_from(FORMATS))
    top = MACS if format.startswith("mac") else 1 << 62
    first = draw(
        st.one_of(st.integers(0, 300), st.integers(0, top - 30), st.integers(0, 40).map(lambda n: top - n - 1))
    )
    last = draw(st.integers(first, min(first + 20, top - 1)))
    base = 10 if format == "base10" else 16
    needed = 1
    while base**needed <= last:
        needed += 1
    length = None if format.startswith("mac") else draw(st.none() | st.integers(needed, needed + 6))
    casing = None if format == "base10" else draw(st.sampled_from([None, "upper", "lower"]))
    return Span(format, first, last, length, casing)


@BOUNDED
@given(span=spans(), data=st.data())
def test_a_number_is_in_a_range_exactly_if_it_is_written_so(far_end: FarEnd, span: Span, data: st.DataObject) -> None:
    scene = far_end.scene()
    scene.do(post("model/g1/", span.json, JSON))
    members = span.members
    near = [n for n in (span.first - 1, span.first, span.last, span.last + 1) if n >= 0]
    candidates = {
        written(format, n % MACS if format.startswith("mac") else n, length, upper)
        for n in near
        for format in FORMATS
        for length in {span.length, None, (span.length or 1) + 1}
        for upper in (False, True)
    }
    candidates |= {data.draw(st.sampled_from(sorted(members)))}
    for sn in sorted(candidates):
        reply = scene.ask(get(f"model/g1/{quote(sn)}"))
        assert reply.startswith(b"HTTP/1.1 204 " if sn in members else b"HTTP/1.1 404 "), sn


@BOUNDED
@given(
    format=st.sampled_from(FORMATS),
    first=st.integers(-3, 1 << 49),
    last=st.integers(-3, 1 << 49),
    length=st.none() | st.integers(-1, 20),
    casing=st.sampled_from([None, "upper", "lower"]),
)
def test_a_range_is_taken_exactly_if_every_number_of_it_can_be_written(
    far_end: FarEnd, format: str, first: int, last: int, length: int | None, casing: str | None
) -> None:
    mac = format.startswith("mac")
    assume(not (mac and length is not None))  # "n/a": nobody says what such a range is
    assume(not (format == "base10" and casing is not None))
    legal = 0 <= first <= last and (not mac or last < MACS)
    if legal and length is not None:
        legal = len(written(format, last, None, False)) <= length
    scene = far_end.scene()
    reply = scene.ask(post("model/g1/", Span(format, first, last, length, casing).json, JSON))
    assert reply.startswith(b"HTTP/1.1 205 " if legal else b"HTTP/1.1 400 ")
    ranges = scene.ask(get("model/g1/?show=ranges")).partition(b"\r\n\r\n")[2]
    kept = [{"format": format, "length": length, "casing": casing, "first": first, "last": last}] if legal else ""
    assert (json.loads(ranges) if ranges else "") == kept


@pytest.mark.parametrize("members", [["01:02:03:04:05:00", "01:02:03:04:05:ff"]])
def test_the_example_of_the_document(far_end: FarEnd, members: list[str]) -> None:
    span = Span("mac:48", 1108152157440, 1108152157695, None, "lower")
    assert {min(span.members), max(span.members)} == set(members) and len(span.members) == 256
