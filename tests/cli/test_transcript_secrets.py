"""In every language, the transcript of a board that failed after it was given its key does not give the key away."""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from station_process import station

from drivers.sim import simulated

RUN = 9
"""So many characters of a key in a row would be too many, in any form."""


def forms(secret: str) -> set[bytes]:
    """Return every run of a secret, as text, hex and base64 at each alignment."""
    found = set()
    for i in range(len(secret) - RUN + 1):
        run = secret[i : i + RUN].encode()
        # Within base64, what depends on these bytes alone: without the edges that their neighbours share.
        coded = {base64.b64encode(bytes(n) + run)[-(-8 * n // 6) : 8 * (n + RUN) // 6] for n in range(3)}
        found |= {run, run.upper(), run.hex().encode(), run.hex().upper().encode(), *coded}
    return found


@pytest.mark.slow
@pytest.mark.parametrize("dialect", simulated())
def test_no_key_and_no_token_is_in_the_ledger_of_a_board_that_failed(dialect: str, tmp_path: Path) -> None:
    words = ["--headless", "--slots", "1", "--boards", "1", "--faults", "wrong-readback", "--state", tmp_path]
    done = station("rehearse", "--dialect", dialect, *words)
    told = station("history", "--config", tmp_path / "station.toml", "--cycle", "1", "--transcript", "--json")
    cycle = json.loads(told.stdout)
    assert (cycle["outcome"], cycle["error"]) == ("FAIL", "readback-differs"), done.stderr
    assert any("***" in said["text"] for said in cycle["transcript"] if said["direction"] == ">")
    with closing(sqlite3.connect(tmp_path / "fleet.db")) as fleet:
        secrets = [cik for (cik,) in fleet.execute("SELECT cik FROM clients WHERE name LIKE 'SIM-%'")]
    secrets.append((tmp_path / "token").read_text().strip())
    assert len(secrets) == 2 and all(len(secret) == 40 for secret in secrets)
    content = b"".join(path.read_bytes() for path in tmp_path.glob("ledger.db*")) + done.stdout.encode()
    for secret in secrets:
        assert not [form for form in forms(secret) if form in content]
