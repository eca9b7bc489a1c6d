"""What is hashed, and how a body is written down."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from station.ledger.chain import GENESIS, Event, canonical

TEXT = st.text(st.characters())  # every code point, surrogates too
LEAVES = st.none() | st.booleans() | st.integers() | TEXT
BODIES = st.dictionaries(
    TEXT, st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=8), max_size=5
)
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The machine may be busy."""
EVENT = Event(7, 1_700_000_000_000_000, "synced", "uid", "boot", "settle", 3, "station", '{"a":1}')


def test_the_hash_of_an_event_is_over_the_hash_before_and_the_columns_joined_by_tab() -> None:
    text = b'7\t1700000000000000\tsynced\tuid\tboot\tsettle\t3\tstation\t{"a":1}'
    assert EVENT.hashed(GENESIS) == hashlib.sha256(bytes(32) + text).digest()
    assert EVENT.hashed(b"\x01" * 32) == hashlib.sha256(b"\x01" * 32 + text).digest()


def test_a_null_cycle_is_the_empty_text() -> None:
    text = b'7\t1700000000000000\tsynced\tuid\tboot\tsettle\t\tstation\t{"a":1}'
    assert replace(EVENT, cycle=None).hashed(GENESIS) == hashlib.sha256(bytes(32) + text).digest()


@UNHURRIED
@given(BODIES)
def test_any_body_has_one_form_ascii_without_blanks_and_keys_in_order(body: dict[str, Any]) -> None:
    written = canonical(body)
    assert written.isascii() and written.isprintable()
    backwards = dict(reversed(body.items()))
    assert canonical(backwards) == written
    assert canonical(json.loads(written)) == written
    assert replace(EVENT, body=written).hashed(GENESIS)


@pytest.mark.parametrize(
    "body",
    [{"a": 0.5}, {"a": [1, {"b": (2.0,)}]}, {1.5: "a"}, {"a": {2.0: 1}}, {"a": float("nan")}],
    ids=["value", "nested", "key", "nested key", "nan"],
)
def test_floats_are_refused_wherever_they_are(body: dict[Any, Any]) -> None:
    with pytest.raises(TypeError, match="a float"):
        canonical(body)


def test_what_json_has_no_word_for_is_refused() -> None:
    with pytest.raises(TypeError):
        canonical({"a": {1, 2}})
