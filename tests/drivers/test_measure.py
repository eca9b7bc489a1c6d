"""What a board tells of a value: numbers count as numbers, however it prints them."""

from __future__ import annotations

import zlib

import pytest

from drivers.measure import told

VALUE = "k2"
"""Its CRC-32 begins with a zero, which a printf without a width leaves out."""


def test_the_value_has_a_short_crc() -> None:
    assert f"{zlib.crc32(VALUE.encode()):08x}"[0] == "0"


@pytest.mark.parametrize("form", ["%x", "%08X", "0x%x", "0X%08X"])
def test_a_crc_in_any_width_and_case(form: str) -> None:
    crc = zlib.crc32(VALUE.encode())
    assert told({"crc32": form % crc}, VALUE) == VALUE
    assert told({"crc32": form % (crc ^ 1)}, VALUE) == f"crc32:{form % (crc ^ 1)}"


@pytest.mark.parametrize(("said", "value"), [("003", "abc"), ("3", "abc"), ("0", ""), ("000", "")])
def test_a_length_with_leading_zeros(said: str, value: str) -> None:
    assert told({"length": said}, value) == value
    assert told({"length": said}, value + "d") != value + "d"
