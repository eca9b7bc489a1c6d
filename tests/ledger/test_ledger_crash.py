"""A process that is killed loses nothing that was acknowledged, and leaves no half of a step."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ledger_audit import audit, told
from ledger_floor import STATION

from station.ledger import Ledger

CHILD = Path(__file__).with_name("ledger_child.py")
ROOT = Path(__file__).parents[2]


def kill_after(path: Path, slots: int, lines: int) -> list[tuple[int, str]]:
    """Run the child until it has said so much, kill it, and return all that it said in whole lines."""
    command = [sys.executable, str(CHILD), str(path), str(slots)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}) as child:
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(lines)]
        child.kill()
        said += child.stdout.readlines()
    return [(int(line.split()[0]), line.split()[1]) for line in said if line.endswith("\n")]


@pytest.mark.parametrize("lines", [1, 2, 3, 4, 40, 203])
def test_sigkill_loses_nothing_that_was_acknowledged(path: Path, lines: int) -> None:
    acknowledged = kill_after(path, 4, lines)
    assert len(acknowledged) >= lines
    events = audit(path)
    recorded = {(event["cycle"], event["body"].get("step") or event["kind"]) for event in events}
    recorded -= {(event["cycle"], event["body"]["step"]) for event in events if event["kind"] == "intend"}
    recorded |= {(event["cycle"], event["body"]["step"]) for event in events if event["kind"] == "settle"}
    assert set(acknowledged) <= recorded
    assert_no_half_steps(events)


def assert_no_half_steps(events: list[dict[str, object]]) -> None:
    """What shares a commit stands together: an opening or a settle, and the next intent at once."""
    short = list(zip(told(events), [event["cycle"] for event in events], strict=True))
    follows = {("open", None): "identify", ("settle", "identify"): "enable", ("settle", "enable"): "configure"}
    for at, (what, cycle) in enumerate(short):
        if what in follows:
            assert short[at + 1] == (("intend", follows[what]), cycle)


def test_the_chain_goes_on_through_one_kill_after_another(path: Path) -> None:
    before = 0
    for lines in (5, 17, 30):
        kill_after(path, 2, lines)
        ledger = Ledger(path, STATION)
        ledger.note("start", {})
        ledger.close()
        events = audit(path)
        assert events[-1]["kind"] == "start" and len(events) > before + lines
        before = len(events)
