"""SIGKILL a rehearsal again and again: whatever was cut, every board passes once and all three memories agree."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from killed_station import assert_all_agree, completed, killed_after, rows

pytestmark = [pytest.mark.slow]


@pytest.mark.parametrize("seed", [1, 2])
def test_every_board_passes_once_however_often_the_station_was_killed(seed: int, tmp_path: Path) -> None:
    boards, kills = 16, 7
    arguments = ["rehearse", "--headless", "--json", "--state", str(tmp_path), "--slots", "3", "--boards", str(boards)]
    chance = random.Random(seed)
    cut = [killed_after(chance.randint(3, 26), *arguments) for _ in range(kills)]
    assert all(cut), "the rehearsal was over before the last kill"
    resumed = "SELECT COUNT(*) FROM events WHERE kind = 'resume'"
    last = completed(*arguments)
    assert last.returncode == 0, last.stderr
    assert json.loads(last.stdout.splitlines()[-1])["summary"]["passed"] == boards
    assert_all_agree(tmp_path, boards)
    assert rows(tmp_path / "ledger.db", resumed)[0][0] > 0, "no kill fell into a cycle"
