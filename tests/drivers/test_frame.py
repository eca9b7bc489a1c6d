"""Frames of the line protocol, by the vectors of its own page."""

from __future__ import annotations

import hashlib
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from line_script import crc, framed

from drivers.frame import UNASKED, Lines, Reply, digest, escape, pieces, reply, request, unescape

PAGE = (Path(__file__).parents[2] / "docs" / "line-protocol.md").read_text()
VECTORS = re.findall(r"(?m)^([?!].*\*[0-9A-F]{4})$", PAGE.split("## A conversation")[1])
SET = {"motd": "Grüße, Linie 2!", "key": "0123456789abcdef0123456789abcdef01234567", "empty": ""}
UNHURRIED = settings(deadline=None)
"""The machine may be busy."""


def test_the_page_has_vectors_and_the_checksum_of_this_test_is_its_own() -> None:
    assert len(VECTORS) > 30
    assert crc(b"123456789") == "29B1"
    for vector in VECTORS:
        text, _, checksum = vector.partition("*")
        assert crc(text.encode()) == checksum, vector


@pytest.mark.parametrize("vector", [v for v in VECTORS if v[0] == "?"])
def test_requests_are_the_pages(vector: str) -> None:
    sequence, *fields = vector[1:-5].split(" ")
    assert request(int(sequence, 16), *fields) == vector
    assert reply(vector.encode()) is None, "an echo is no reply"


@pytest.mark.parametrize("vector", [v for v in VECTORS if v[0] == "!"])
def test_replies_are_the_pages(vector: str) -> None:
    sequence, result, *fields = vector[1:-5].split(" ")
    assert reply(vector.encode()) == Reply(sequence, result, tuple(fields))


def test_what_the_page_says_in_its_text() -> None:
    assert reply(b"!-- BAD*07E2") == Reply(UNASKED, "BAD")
    noisy = b"I (312) boot: done? " + framed("!0D OK 17 inie%202%21")
    assert reply(noisy) == Reply("0D", "OK", ("17", "inie%202%21"))
    assert reply(framed("!0D ERR busy not now")) == Reply("0D", "ERR", ("busy", "not", "now"))


def test_the_digest_is_the_pages() -> None:
    committed = re.search(r"COMMIT 3 ([0-9a-f]{64})", PAGE)
    empty = re.search(r"empty set is\s+`([0-9a-f]{64})`", PAGE)
    assert committed and empty
    assert digest(SET) == digest(dict(reversed(SET.items()))) == committed[1]
    assert digest({}) == empty[1]


def test_the_digest_goes_by_bytes() -> None:
    said = b"".join(n + b"\0" + len(v).to_bytes(4, "big") + v for n, v in ((b"Z", b"1"), (b"a", "ü".encode())))
    assert digest({"a": "ü", "Z": "1"}) == hashlib.sha256(said).hexdigest()


def test_values_of_the_page_are_escaped_as_there_and_cut_between_escapes() -> None:
    told = re.findall(r"PUT (\S+) (\d+) (\d+) (\S+)\*", PAGE)
    assert len(told) == 4
    for name, offset, total, chunk in told:
        value = SET[name].encode()
        assert len(value) == int(total)
        assert escape(value[int(offset) : int(offset) + len(unescape(chunk))]) == chunk
    assert list(pieces(SET["motd"].encode(), 20)) == [(0, "Gr%C3%BC%C3%9Fe,%20L"), (10, "inie%202%21")]
    assert list(pieces(b"", 40)) == [(0, "")]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"!",
        b"hello!",
        b"!0D OK*0000",
        framed("!0d OK"),
        framed("!0D OK").lower(),
        framed("!0D  OK"),
        framed("!0D OK  1"),
        framed("!0D ok"),
        framed("!0D OK a*b"),
        framed("!0D OK a\tb"),
        framed("!0D OK \xfc"),
        framed("!0D OK") + b" ",
        b"x" + framed("0D OK"),
        framed("!0D OK") + b"!",
    ],
)
def test_what_is_no_frame(line: bytes) -> None:
    assert reply(line) is None


def test_a_blank_before_nothing_is_forgiven() -> None:
    assert reply(framed("!0D OK 0 ")) == Reply("0D", "OK", ("0",))


@UNHURRIED
@given(st.binary(max_size=80))
def test_escapes_round_trip_in_either_case(data: bytes) -> None:
    text = escape(data)
    assert re.fullmatch(r"(?:[\x21-\x7e]|%[0-9A-F]{2})*", text)
    assert not set(re.sub(r"%[0-9A-F]{2}", "", text)) & set("%*?! ")
    assert unescape(text) == data
    assert unescape(re.sub("%..", lambda escaped: escaped[0].lower(), text)) == data


@pytest.mark.parametrize("text", ["%", "a%4", "%g0", "%0", "%%41"])
def test_what_is_no_escape(text: str) -> None:
    with pytest.raises(ValueError, match="%"):
        unescape(text)


@UNHURRIED
@given(st.binary(max_size=300), st.integers(3, 60))
def test_pieces_fill_their_room_and_miss_nothing(data: bytes, room: int) -> None:
    cut = list(pieces(data, room))
    assert b"".join(unescape(piece) for _, piece in cut) == data
    for (offset, piece), (then, next_piece) in pairwise(cut):
        assert then == offset + len(unescape(piece))
        assert len(piece) <= room < len(piece) + len(escape(data[then : then + 1])) and next_piece
    assert len(cut[-1][1]) <= room


@UNHURRIED
@given(st.binary(max_size=60), st.binary(max_size=40), st.integers(0, 255))
def test_a_frame_survives_the_noise_before_it(noise: bytes, value: bytes, sequence: int) -> None:
    line = framed(f"!{sequence:02X} OK {len(value)} {escape(value)}")
    heard = Lines().feed(noise + line + b"\r\n")
    said = reply(heard[-1])
    assert said and said.sequence == f"{sequence:02X}" and unescape("".join(said.fields[1:])) == value


@UNHURRIED
@given(st.sampled_from(VECTORS), st.data())
def test_a_frame_that_was_hit_is_none(vector: str, data: st.DataObject) -> None:
    line = bytearray(vector.encode())
    at = data.draw(st.integers(0, len(line) - 1))
    line[at] ^= data.draw(st.integers(1, 255))
    assert reply(bytes(line)) is None


@UNHURRIED
@given(st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"")), max_size=8), st.integers(1, 7))
def test_lines_are_the_same_however_they_arrive(said: list[bytes], size: int) -> None:
    stream = b"\n".join(said) + b"\n"
    cut = Lines()
    arrived = [line for at in range(0, len(stream), size) for line in cut.feed(stream[at : at + size])]
    assert arrived == [kept for line in said if (kept := line.replace(b"\r", b""))]


def test_a_line_without_an_end_takes_no_memory_and_its_frame_is_found() -> None:
    lines = Lines()
    for _ in range(1000):
        assert lines.feed(b"." * 1000) == []
    (line,) = lines.feed(framed("!00 OK") + b"\n")
    assert len(line) < 1000 and reply(line) == Reply("00", "OK")
