"""Every dialect crossed with every fault: the verdict, its code, and that the next good board in the slot passes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from crossing import cross, every_fault

from drivers.sim import simulated
from drivers.sim.faults import Fault

pytestmark = pytest.mark.slow

PASS = ("PASS", None)
RESTARTS = ("FAIL", "board-restarts")
PULLED = ("ABORTED", "board-pulled")
SILENT = ("FAIL", "board-silent")
DIFFERS = ("FAIL", "readback-differs")

EXPECTED: dict[str, tuple[str, str | None]] = {
    "silent": SILENT,
    "garbage": ("FAIL", "board-garbled"),
    "noise": PASS,
    "slow": PASS,
    "echo-off": PASS,
    "resets@identify": PASS,  # contacts bounce
    "resets@write": RESTARTS,
    "resets@commit": RESTARTS,
    "resets@restart": PASS,  # it was told to
    "resets@read": RESTARTS,
    "wrong-readback": DIFFERS,
    "freezes@identify": SILENT,
    "freezes@write": SILENT,
    "freezes@commit": ("FAIL", "board-commit-failed"),
    "freezes@restart": SILENT,
    "freezes@read": SILENT,
    "streams": ("FAIL", "board-floods"),
    "duplicate-serial": ("FAIL", "serial-on-other-hardware"),
    "forgets-on-reset": DIFFERS,
    "commit-lies": DIFFERS,
    "swapped": ("ABORTED", "board-swapped"),
    **{f"hangs-up@{moment}": PULLED for moment in ("identify", "write", "commit", "restart", "read")},
    **{f"drops-byte@{number}": PASS for number in (3, 40, 150)},
    **{
        f"hostile-serial@{kind}": ("FAIL", "serial-malformed")
        for kind in ("markup", "escape", "path", "formula", "long", "control", "utf8")
    },
}
"""What a station says of a board with a fault, unless the dialect is an exception."""

EXCEPTIONS: dict[str, dict[str, set[tuple[str, str | None]]]] = {
    "at": {},
    "line": {"hostile-serial@long": {("FAIL", "board-unreadable")}},  # longer than the protocol has facts
    "shell": {},
    "micropython": {},
}
"""Where a language leaves no other verdict, or more than one: dialect -> fault -> the verdicts that are right."""


@cache
def verdicts(dialect: str, folder: Path) -> dict[Fault, list[tuple[str, str | None]]] | Exception:
    """Cross a dialect with every fault, once, however it ends."""
    try:
        return cross(folder / dialect, dialect, every_fault())
    except Exception as error:  # noqa: BLE001 - each test raises it
        return error


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("crossings")


def test_every_fault_is_expected_to_end_somehow() -> None:
    assert {str(fault) for fault in every_fault()} == set(EXPECTED)


@pytest.mark.parametrize("fault", every_fault(), ids=str)
@pytest.mark.parametrize("dialect", simulated())
def test_a_fault_ends_as_it_should_and_the_next_good_board_passes(dialect: str, fault: Fault, folder: Path) -> None:
    found = verdicts(dialect, folder)
    if isinstance(found, Exception):
        raise found
    faulty, good = found[fault]
    assert faulty in EXCEPTIONS[dialect].get(str(fault), {EXPECTED[str(fault)]})
    assert good == PASS
