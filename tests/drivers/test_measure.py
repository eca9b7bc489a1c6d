"""What a board tells of a value: numbers count as numbers, however it prints them."""

from __future__ import annotations

import zlib

import pytest
from pydantic import ValidationError

from drivers.at_options import AtReading
from drivers.command import Reading
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
    assert told({"length": said}, value, length_is_enough=True) == value
    assert told({"length": said}, value + "d", length_is_enough=True) != value + "d"


@pytest.mark.parametrize(
    ("value", "checksum"),
    [("", 0), ("a", 0x6100), ("ab", 0x6162), ("abc", 0x6162 ^ 0x6300), ("abab", 0), ("\u00e9", 0xC3A9)],
)
def test_the_checksum_of_quectels_files(value: str, checksum: int) -> None:
    assert told({"xor16": f"{checksum:x}"}, value) == value
    assert told({"xor16": f"0x{checksum:04X}"}, value) == value
    assert told({"xor16": f"{checksum ^ 0x100:x}"}, value) != value


def test_a_length_alone_proves_nothing_unless_it_is_said_to() -> None:
    assert told({"length": "3"}, "abc") == "length:3"
    assert told({"length": "3", "sha256": None}, "abc") == "length:3"
    assert told({"length": "3"}, "abc", length_is_enough=True) == "abc"
    assert told({"length": "4"}, "abc", length_is_enough=True) == "length:4"


@pytest.mark.parametrize("reading", [Reading, AtReading])
def test_a_recipe_says_by_name_that_a_length_is_enough(reading: type[Reading]) -> None:
    table = {"send": "stat {name}", "capture": r"^(?P<length>\d+)$"}
    with pytest.raises(ValidationError, match=r"damaged value has the same.*length_is_enough = true"):
        reading.model_validate(table)
    assert reading.model_validate({**table, "length_is_enough": True}).proof == "length"
    assert reading.model_validate({**table, "capture": "(?P<length>.*) (?P<crc32>.*)"}).proof == "crc32, length"
