"""Keys that wait for their board: who may read them, when they are durable, when they are gone."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from station.errors import EscrowFailed
from station.escrow import Escrow

ROOT = Path(__file__).parents[1]
KEY = "c1" * 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "escrow"


@pytest.fixture(params=[0o000, 0o022, 0o777], ids=oct)
def any_umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_key_comes_back_after_a_restart_until_it_is_erased(folder: Path) -> None:
    escrow = Escrow(folder)
    assert escrow.get(7) is None
    escrow.put(7, KEY)
    assert Escrow(folder).get(7) == KEY
    assert escrow.get(8) is None
    escrow.put(7, "c2" * 20)
    assert escrow.get(7) == "c2" * 20
    escrow.erase(7)
    assert escrow.get(7) is None
    assert names(folder) == {"digest.key"}
    escrow.erase(7)


@pytest.mark.usefixtures("any_umask")
def test_only_the_station_may_read_whatever_the_umask(folder: Path) -> None:
    Escrow(folder).put(7, KEY)
    assert mode(folder) == 0o700
    assert {path.name: mode(path) for path in folder.iterdir()} == {"cycle-7.key": 0o600, "digest.key": 0o600}


def test_a_folder_that_others_could_read_is_closed(folder: Path) -> None:
    folder.mkdir(mode=0o755)
    leftover = folder / "cycle-7.new"
    leftover.write_text("half")
    leftover.chmod(0o644)
    Escrow(folder).put(7, KEY)
    assert mode(folder) == 0o700
    assert mode(folder / "cycle-7.key") == 0o600
    assert (folder / "cycle-7.key").read_text() == KEY


def test_a_key_that_did_not_fit_on_the_disk_is_erased_too(folder: Path, mocker: MockerFixture) -> None:
    escrow = Escrow(folder)
    full = mocker.patch("os.fsync", side_effect=OSError(28, "No space left on device"))
    with pytest.raises(EscrowFailed, match="No space left"):
        escrow.put(7, KEY)
    mocker.stop(full)
    escrow.erase(7)
    assert names(folder) == {"digest.key"}


def test_sweeping_keeps_open_cycles_and_what_secrets_are_fingerprinted_with(folder: Path) -> None:
    escrow = Escrow(folder)
    for cycle in (1, 2, 11, 12):
        escrow.put(cycle, KEY)
    (folder / "cycle-2.new").write_text("half")
    (folder / "digest.new").write_text("half")
    before = (folder / "digest.key").read_bytes()
    escrow.sweep([2, 11, 99])
    assert names(folder) == {"cycle-2.key", "cycle-11.key", "digest.key"}
    assert (folder / "digest.key").read_bytes() == before
    assert escrow.get(2) == KEY == escrow.get(11)
    escrow.sweep([])
    assert names(folder) == {"digest.key"}


def test_a_secret_is_not_to_be_found_by_trying(folder: Path, tmp_path: Path) -> None:
    escrow = Escrow(folder)
    plain = hashlib.sha256(b"secret").hexdigest()
    assert escrow.digest("secret", secret=False) == f"sha256:{plain}"
    kept = escrow.digest("secret", secret=True)
    assert re.fullmatch(r"hmac-sha256:[0-9a-f]{64}", kept) and plain not in kept
    assert Escrow(folder).digest("secret", secret=True) == kept
    assert escrow.digest("Secret", secret=True) != kept
    assert Escrow(tmp_path / "another").digest("secret", secret=True) != kept
    assert escrow.digest("Grüße", secret=False) == f"sha256:{hashlib.sha256('Grüße'.encode()).hexdigest()}"


@pytest.mark.parametrize(
    "content", [b"", b"00" * 31, b"zz" * 32, b"\xff" * 64], ids=["empty", "short", "no hex", "bytes"]
)
def test_a_damaged_digest_key_is_not_made_do_with(folder: Path, content: bytes) -> None:
    Escrow(folder)
    (folder / "digest.key").write_bytes(content)
    with pytest.raises(EscrowFailed, match="damaged"):
        Escrow(folder)
    assert (folder / "digest.key").read_bytes() == content


def test_a_folder_that_can_not_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "none" / "escrow"):
        with pytest.raises(EscrowFailed) as failed:
            Escrow(path)
        assert failed.value.text.startswith(f"{path}: ")


def test_a_folder_that_went_away(folder: Path) -> None:
    escrow = Escrow(folder)
    shutil.rmtree(folder)
    with pytest.raises(EscrowFailed, match="No such file") as failed:
        escrow.put(7, KEY)
    assert KEY not in f"{failed.value!r} {failed.value.details}"


_CHILD = """
import sys
from pathlib import Path
from station.escrow import Escrow
escrow = Escrow(Path(sys.argv[1]))
escrow.put(7, "d4" * 20)
escrow.erase(7)
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_whole_or_absent_whenever_the_power_fails(folder: Path, tmp_path: Path) -> None:
    """Written and flushed before it has its name; the folder flushed after every change of a name."""
    log = tmp_path / "calls"
    command = ["strace", "-f", "-y", "-o", str(log), "-e", "trace=write,fsync,rename,unlink,mkdir"]
    command += [sys.executable, "-c", _CHILD, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if "ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    calls = []
    for line in log.read_text().splitlines():
        if found := re.search(rf"(write|fsync|rename|unlink|mkdir)\(.*?({re.escape(str(tmp_path))}[^\">]*)", line):
            calls.append(f"{found[1]} {Path(found[2]).relative_to(tmp_path)}")

    def saved(name: str) -> list[str]:
        new = f"escrow/{name}.new"
        return [f"write {new}", f"fsync {new}", f"rename {new}", "fsync escrow"]

    made = ["mkdir escrow", "fsync ."]
    erased = ["unlink escrow/cycle-7.key", "unlink escrow/cycle-7.new"]
    assert calls == [*made, *saved("digest"), *saved("cycle-7"), *erased, "fsync escrow"]


@pytest.mark.parametrize("content", [b"", b"\xff" * 40, b"c2" * 19, b"c2" * 20 + b"\n"])
def test_a_damaged_key_is_a_lost_one(folder: Path, content: bytes) -> None:
    """The fleet makes another; a slot that could not go on would keep its cycle open for ever."""
    escrow = Escrow(folder)
    escrow.put(7, KEY)
    (folder / "cycle-7.key").write_bytes(content)
    assert escrow.get(7) is None
    (folder / "cycle-8.key").mkdir()
    assert escrow.get(8) is None, "nor can this be read"
