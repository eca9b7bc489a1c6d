"""Which fleet, as whom, and where secrets come from and go to."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest
from cutting_proxy import Asked, CuttingProxy, Fate
from far_end_process import FarEnd
from served_fleet import Served
from station_process import Station, station

from station.cli.fleet import secret_files


def secret(fleet: Served, name: str, vendor: str = "acme") -> str:
    return (fleet.folder / vendor / name).read_text().strip()


@pytest.fixture
def elsewhere(fleet: Served) -> dict[str, str]:
    """An environment that tells everything."""
    return {
        "STATION_FLEET_URL": fleet.url,
        "STATION_FLEET_VENDOR": "acme",
        "STATION_FLEET_TOKEN": secret(fleet, "fleet_token"),
        "STATION_FLEET_CIK": secret(fleet, "vendor_cik"),
    }


def test_the_environment_is_enough(fleet: Served, elsewhere: dict[str, str]) -> None:
    fleet.model()
    assert station("fleet", "models", "list", env=elsewhere).stdout.startswith("MODEL\n")
    assert station("fleet", "tokens", "list", env=elsewhere).stdout == "ID\nstation\n"
    del elsewhere["STATION_FLEET_TOKEN"]
    assert station("fleet", "models", "list", env=elsewhere).returncode == 0, "a vendor's CIK is as good as a token"


def test_options_go_before_the_environment(fleet: Served, elsewhere: dict[str, str]) -> None:
    elsewhere["STATION_FLEET_URL"] = "http://127.0.0.1:9"
    elsewhere["STATION_FLEET_TOKEN"] = elsewhere["STATION_FLEET_CIK"] = "0" * 40
    assert station("fleet", "models", "list", env=elsewhere).returncode == 1
    done = station("fleet", *fleet.options("beta"), "vendor", "show", "--json", env=elsewhere)
    assert json.loads(done.stdout) == {"vendor": "beta"}


def test_the_settings_of_a_station_are_enough(far_end: FarEnd) -> None:
    common = ["fleet", "--settings", far_end.config]
    [model] = [json.loads(line)["model"] for line in station(*common, "models", "list", "--json").stdout.splitlines()]
    assert station(*common, "serials", "add", model, "BY-HAND").returncode == 0
    done = station(*common, "serials", "enable", model, "BY-HAND")
    assert done.returncode == 0, "the settings know the owner, too"
    strange = {"STATION_FLEET_URL": "http://127.0.0.1:9", "STATION_FLEET_TOKEN": "0" * 40}
    done = station(*common, "serials", "show", model, "BY-HAND", "--json", env=strange)
    assert json.loads(done.stdout)["status"] == "notactivated"
    assert station("fleet", "--settings", far_end.folder / "none.toml", "models", "list").returncode == 2


@pytest.mark.parametrize(
    ("words", "missing", "said"),
    [
        (["models", "list"], "STATION_FLEET_URL", "which fleet?"),
        (["device", "activate", "g1", "A1", "--into", "key"], "STATION_FLEET_VENDOR", "which vendor?"),
        (["tokens", "list"], "STATION_FLEET_CIK", "--cik-file"),
    ],
)
def test_what_nobody_said_is_asked_for(
    words: list[str], missing: str, said: str, elsewhere: dict[str, str], tmp_path: Path
) -> None:
    done = station("fleet", *words, env={**elsewhere, missing: ""}, cwd=tmp_path)
    assert done.returncode == 2 and said in done.stderr and not (tmp_path / "key").exists()


def test_plain_http_to_another_machine_has_to_be_allowed(elsewhere: dict[str, str]) -> None:
    elsewhere["STATION_FLEET_URL"] = "http://192.0.2.1:1"
    done = station("fleet", "models", "list", env=elsewhere)
    assert done.returncode == 2 and "use https" in done.stderr


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_secret_that_others_can_get_at_is_refused(mode: int, fleet: Served, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(secret(fleet, "fleet_token"))
    file.chmod(mode)
    done = station("fleet", "--url", fleet.url, "--token-file", file, "models", "list")
    assert done.returncode == 2 and f"run: chmod 600 {file}" in done.stderr
    file.chmod(0o400)
    assert station("fleet", "--url", fleet.url, "--token-file", file, "models", "list").returncode == 0


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines", b"\xff\xfe", b"x" * 5000])
def test_a_file_without_a_secret_is_named_and_not_quoted(content: bytes, fleet: Served, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    file.chmod(0o600)
    done = station("fleet", "--url", fleet.url, "--token-file", file, "models", "list")
    assert done.returncode == 2 and f"{file}: expected the vendor's token" in done.stderr
    assert "lines" not in done.stderr and "xxx" not in done.stderr


def test_what_is_no_regular_file_is_refused_and_not_waited_for(fleet: Served, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    done = station("fleet", "--url", fleet.url, "--token-file", tmp_path / "pipe", "models", "list")
    assert done.returncode == 2 and "expected a regular file" in done.stderr


def test_a_token_goes_into_a_new_file_and_nowhere_else(fleet: Served, tmp_path: Path) -> None:
    file = tmp_path / "token"
    assert fleet.says("tokens", "create", "line 1", "--into", file) == f"line 1: made; the token is in {file}\n"
    assert file.stat().st_mode & 0o777 == 0o600
    made = file.read_text()
    assert len(made) == 41 and made.endswith("\n")
    assert "never overwritten" in fleet.fails(2, "tokens", "fetch", "line 1", "--into", file)
    fleet.says("tokens", "fetch", "line 1", "--into", tmp_path / "again")
    assert (tmp_path / "again").read_text() == made
    assert station("fleet", "--url", fleet.url, "--token-file", file, "models", "list").returncode == 0
    assert {"id": "line 1"} in fleet.told("tokens", "list")
    for more in (["--by-form"], []):
        fleet.says("tokens", "delete", "line 1", "--yes", *more)
        assert {"id": "line 1"} not in fleet.told("tokens", "list")
        assert station("fleet", "--url", fleet.url, "--token-file", file, "models", "list").returncode == 1
        fleet.says("tokens", "create", "line 1", "--into", tmp_path / f"another{len(more)}")
    assert "409" in fleet.fails(1, "tokens", "create", "line 1", "--into", tmp_path / "none")
    assert not (tmp_path / "none").exists()


def enabled(fleet: Served) -> str:
    """Make a model whose A1 waits to be activated."""
    model = fleet.model()
    fleet.says("serials", "add", model, "A1")
    fleet.says("serials", "enable", model, "A1", "--owner", fleet.grants["acme"]["owner_rid"])
    return model


def test_a_key_goes_into_a_new_file_and_nowhere_else(fleet: Served, tmp_path: Path) -> None:
    model, file = enabled(fleet), tmp_path / "key"
    assert fleet.told("device", "activate", model, "A1", "--into", file) == [
        {"model": model, "serial": "A1", "file": str(file)}
    ]
    assert file.stat().st_mode & 0o777 == 0o600 and file.read_text().strip() in fleet.secrets()
    assert "its key has been fetched" in fleet.fails(1, "device", "activate", model, "A1", "--into", tmp_path / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_device_needs_no_vendors_credential(fleet: Served, tmp_path: Path) -> None:
    model, common = enabled(fleet), ["fleet", "--url", fleet.url, "--vendor", "acme", "device"]
    done = station(*common, "activate", model, "A1", "--into", tmp_path / "key")
    assert done.returncode == 0, done.stderr
    assert station(*common, "list", model, "--key-file", tmp_path / "key").returncode == 0
    done = station(*common, "activate", model, "A1", "--into", tmp_path / "other")
    assert done.returncode == 1 and "409" in done.stderr and not (tmp_path / "other").exists()


def test_no_key_is_fetched_that_could_not_be_kept(fleet: Served, tmp_path: Path) -> None:
    model, taken = enabled(fleet), tmp_path / "taken"
    taken.write_text("something else")
    activate = ["device", "activate", model, "A1", "--into"]
    assert "never overwritten" in fleet.fails(2, *activate, taken)
    assert "No such file" in fleet.fails(2, *activate, tmp_path / "none" / "key")
    command = [sys.executable, "-m", "station", "fleet", *fleet.options(), *activate, str(tmp_path / "key")]
    limit = (20, 20)  # bytes of a file: the room for a key is taken before it is asked for
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )
    assert done.returncode == 2 and "can't be written" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["taken"] and taken.read_text() == "something else"
    assert fleet.status(model, "A1") == "notactivated"


def test_a_lost_key_is_said_to_be_lost(fleet: Served, tmp_path: Path) -> None:
    model, file = enabled(fleet), tmp_path / "key"
    with CuttingProxy(fleet.url, lambda asked, _: Fate.PASS if asked.method == "GET" else Fate.UNANSWERED) as proxy:
        said = fleet.fails(1, "device", "activate", model, "A1", "--into", file, url=proxy.url)
        assert [asked.method for asked in proxy.asked] == ["GET", "POST"]
    assert f"`station fleet serials show {model} A1` first; if it is activated, its key is lost" in said
    assert not file.exists() and fleet.status(model, "A1") == "activated"


@pytest.mark.parametrize("trouble", [OSError(errno.EIO, os.strerror(errno.EIO)), KeyboardInterrupt()])
def test_a_key_that_may_be_on_the_disk_is_kept(
    trouble: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, sync = tmp_path / "key", os.fsync

    def failing(descriptor: int) -> None:
        sync(descriptor)
        raise trouble

    lost = pytest.raises(secret_files.SecretLost, match="may hold the device's key")
    with lost, secret_files.new(file, "device's key") as fill:
        monkeypatch.setattr(os, "fsync", failing)
        fill("ab" * 20)
    assert file.read_text() == "ab" * 20 + "\n"


@pytest.mark.parametrize("noun", ["device", "serials", "tokens"])
def test_an_interrupted_change_is_said_to_be_in_doubt(noun: str, fleet: Served, tmp_path: Path) -> None:
    model, file, held = enabled(fleet), tmp_path / "key", threading.Event()
    words = {
        "device": ["device", "activate", model, "A1", "--into", str(file)],
        "serials": ["serials", "regenerate", model, "A1", "--yes"],
        "tokens": ["tokens", "create", "line 7", "--into", str(file)],
    }[noun]

    def judge(asked: Asked, before: int) -> Fate:
        if asked.method != "GET":
            held.wait(60)
        return Fate.PASS if asked.method == "GET" else Fate.LOST

    with ExitStack() as stack:
        proxy = stack.enter_context(CuttingProxy(fleet.url, judge))
        stack.callback(held.set)
        process = stack.enter_context(Station("fleet", *fleet.options(url=proxy.url), *words))
        proxy.wait_for("POST", 1)
        code = process.end(signal.SIGINT)
    look = "tokens list" if noun == "tokens" else f"serials show {model} A1"
    assert code == 1 and f"interrupted; it may have been done all the same: look with `station fleet {look}" in (
        process.said()
    )
    assert not file.exists()


@pytest.mark.parametrize("content", [b"", b"no certificate"])
def test_authorities_that_are_none_are_refused(content: bytes, fleet: Served, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(content)
    done = station("fleet", *fleet.options(), "--ca-file", tmp_path / "ca.pem", "models", "list")
    assert done.returncode == 2 and "there is no certificate in it" in done.stderr


@pytest.mark.parametrize("option", ["--url", "--vendor"])
def test_an_empty_option_is_said_to_be_empty(option: str, elsewhere: dict[str, str]) -> None:
    done = station("fleet", option, "", "models", "list", env=elsewhere)
    assert done.returncode == 2 and f"'{option}': it is empty" in done.stderr
