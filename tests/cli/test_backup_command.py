"""``station backup`` and ``station restore``, beside a station that runs and where none does."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
from far_end_process import FarEnd
from station_process import Station, station

SETTINGS = """\
station = "9f2c41d07a3e4b56"
name = "line 3"
recipe = "recipe.toml"
state = "state"

[fleet]
url = "http://127.0.0.1:1"
vendor = "acme"
owner = "0123456789abcdef0123456789abcdef01234567"
token_file = "token"

[[slots]]
name = "1"
port = "/dev/no-such-port"
"""


def test_nothing_is_copied_or_made_where_there_is_no_ledger_yet(tmp_path: Path) -> None:
    config = tmp_path / "station.toml"
    config.write_text(SETTINGS)
    done = station("backup", "--config", config)
    assert (done.returncode, done.stdout) == (1, "") and "there is no ledger to be copied yet" in done.stderr
    done = station("restore", tmp_path / "none.db", "--config", config)
    assert (done.returncode, done.stdout) == (2, "") and "none.db: there is no such backup" in done.stderr
    (tmp_path / "none.db").write_text("no database at all" * 1000)
    done = station("restore", tmp_path / "none.db", "--config", config)
    assert (done.returncode, done.stdout) == (1, "") and "none.db: file is not a database" in done.stderr
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["lock"]


@pytest.mark.slow
def test_a_running_station_is_copied_and_not_restored(far_end: FarEnd) -> None:
    config = far_end.config
    config.write_text(config.read_text().replace("[fleet]", '[backup]\nfolder = "no/copies"\n\n[fleet]'))
    with Station("run", "--config", config, "--headless", "--json") as running:
        running.line("stderr", "no backup: ")
        running.line()
        shown = station("status", "--config", config).stdout
        assert "WARNING: The records could not be copied. Go on working and tell the supervisor.\n" in shown
        done = station("backup", "--config", config)
        assert done.returncode == 1 and f"{config.parent / 'no' / 'copies'}: no backup can be made: " in done.stderr
        (config.parent / "no" / "copies").mkdir(parents=True)
        done = station("backup", "--config", config)
        assert done.returncode == 0 and re.fullmatch(r"ledger-\d{8}T\d{6}Z\.db", Path(done.stdout.strip()).name)
        copy = Path(done.stdout.strip())
        assert copy.parent == config.parent / "no" / "copies"
        done = station("restore", copy, "--config", config)
        assert done.returncode == 1 and f"in use by another station, process {running.process.pid}" in done.stderr
        assert running.end(signal.SIGTERM) == 0
    escrow = far_end.folder / "escrow"
    (escrow / "cycle-999.key").write_text("0" * 40)
    done = station("restore", copy, "--config", config)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in escrow.iterdir()] == ["digest.key"]
    (kept,) = far_end.folder.glob("ledger-before-restore-*Z.db")
    assert done.stdout.startswith(f"restored {copy}\nlost: what happened between 20")
    assert done.stdout.endswith(f"kept: the ledger before, as {kept}\n")
    with Station("run", "--config", config, "--headless", "--json") as running:
        assert running.line()
        assert running.end(signal.SIGTERM) == 0
