"""The words as types: what is known after which step, and how outcomes follow from blame."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from drivers.board import Identity
from drivers.errors import Blame
from station.model import OUTCOME, Counters, Known, Outcome, Step

BOARD = {"serial": "SN1", "hardware_id": "02:00", "firmware": "U-Boot", "hardware_revision": "B"}
FACTS: dict[Step, dict[str, Any]] = {
    Step.IDENTIFY: {"identity": BOARD},
    Step.LABEL: {"label": "SN1", "waited_ms": 1500},
    Step.REGISTER: {"found": "unknown", "move": "add"},
    Step.ENABLE: {"rid": "a" * 40, "enabled_at": 1, "expires_at": 2, "found": "unused", "move": "enable"},
    Step.ACTIVATE: {"key_fingerprint": "hmac-sha256:00", "move": "activate"},
    Step.CONFIGURE: {"settings": {"key": "hmac-sha256:00", "place": "sha256:01"}},
    Step.VERIFY_BOARD: {
        "restarted": True,
        "settings": {"key": "hmac-sha256:00", "place": "sha256:02"},
        "proofs": {"key": "length"},
    },
    Step.VERIFY_FLEET: {"rid": "a" * 40, "status": "activated"},
    Step.DISABLE: {"found": "activated", "claim": "ours", "move": "disable"},
}


def test_every_blame_has_its_outcome_and_nobody_is_blamed_into_a_pass() -> None:
    assert set(OUTCOME) == set(Blame)
    assert {blame for blame, outcome in OUTCOME.items() if outcome is Outcome.FAIL} == {Blame.BOARD}
    assert {blame for blame, outcome in OUTCOME.items() if outcome is Outcome.ABORTED} == {Blame.PEOPLE}
    assert not {Outcome.PASS, Outcome.PENDING} & set(OUTCOME.values())


def test_what_is_known_after_every_step_is_the_record_of_the_cycle() -> None:
    assert set(FACTS) == set(Step)
    known = Known()
    for step, facts in FACTS.items():
        known = known.after(step, facts)
    assert known.identity == Identity("SN1", "02:00", "U-Boot", "B")
    assert known.record() == {
        "identity": BOARD,
        "rid": "a" * 40,
        "enabled_at": 1,
        "expires_at": 2,
        "key_fingerprint": "hmac-sha256:00",
        "settings": {
            "key": {"expected": "hmac-sha256:00", "read": "hmac-sha256:00", "proof": "length"},
            "place": {"expected": "sha256:01", "read": "sha256:02"},
        },
        "restarted": True,
        "status": "activated",
        "waited_ms": 1500,
    }


@pytest.mark.parametrize("step", Step)
def test_a_step_teaches_only_its_own(step: Step) -> None:
    learnt = {
        Step.IDENTIFY: {"identity"},
        Step.LABEL: {"waited_ms"},
        Step.ENABLE: {"rid", "enabled_at", "expires_at"},
        Step.ACTIVATE: {"key_fingerprint"},
        Step.CONFIGURE: {"digests"},
        Step.VERIFY_BOARD: {"read_back", "proofs", "restarted"},
        Step.VERIFY_FLEET: {"status"},
    }
    before, after = Known(), Known().after(step, FACTS[step])
    changed = {name for name in Known.__dataclass_fields__ if getattr(before, name) != getattr(after, name)}
    assert changed == learnt.get(step, set())


def test_a_record_of_a_cycle_that_was_cut_before_anything() -> None:
    assert Known().record() == {
        "identity": None,
        "rid": None,
        "enabled_at": None,
        "expires_at": None,
        "key_fingerprint": None,
        "settings": {},
        "restarted": False,
        "status": None,
    }


def test_what_is_known_cannot_be_changed_from_outside() -> None:
    facts = {"settings": {"a": "sha256:00"}}
    known = Known().after(Step.CONFIGURE, facts)
    facts["settings"]["a"] = "sha256:99"
    assert known.digests == {"a": "sha256:00"}
    with pytest.raises(TypeError):
        known.digests["a"] = "sha256:99"  # type: ignore[index]
    with pytest.raises(FrozenInstanceError):
        known.rid = "b" * 40  # type: ignore[misc]


def test_yield_is_of_the_counted_ones() -> None:
    assert Counters(done=9, passed=5).fpy is None
    assert Counters(done=9, passed=5, first=4, first_passed=3).fpy == 0.75
    assert Counters(done=9, first=4).fpy == 0.0
