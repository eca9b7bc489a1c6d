"""The shell dialect and the whole station on a real Linux console: agetty, login, a password, sh."""

from __future__ import annotations

import os
import queue
import stat
import threading
import time
import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from linux_console import PASSWORD, LinuxConsole, Make, lacking
from needed import missing

from drivers.board import Identity
from drivers.errors import BoardRefused, BoardRestarts, BoardSilent, LoginRefused, PortLost
from drivers.link import Link
from drivers.shell import Shell
from drivers.uart import LinkOptions
from station import settings
from station.build import build
from station.fleet.client import Client, ModelInfo
from station.fleet.server import FleetServer, init
from station.model import Finished, Outcome, SlotView

pytestmark = [pytest.mark.real, pytest.mark.slow]

WHO = Identity("LX-000007", "02:00:00:00:00:07")
MODEL = "linux-console"


def recipe() -> str:
    """The shipped recipe; only what this machine has instead of a device tree and an eth0 is told it."""
    text = (Path(__file__).parents[2] / "config" / "recipes" / "linux-console.toml").read_text()
    for theirs, ours in (("/proc/device-tree/serial-number", "serial"), ("/sys/class/net/eth0/address", "mac")):
        assert theirs in text
        text = text.replace(theirs, f"/etc/opt/factory/{ours}")
    return text


@pytest.fixture
def console(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[LinuxConsole]:
    """A Linux console that is on; agetty, login and dash unless a test asks for others."""
    if os.geteuid() != 0:
        pytest.skip("only root can run a getty")
    if what := lacking():
        missing(what)
    with closing(LinuxConsole(tmp_path, WHO.serial, getattr(request, "param", Make.DASH))) as board:
        board.power_on()
        yield board


@contextmanager
def shell_on(console: LinuxConsole, password: str = PASSWORD, **changes: Any) -> Iterator[tuple[Shell, Link]]:
    """The dialect on the board's port."""
    table = tomllib.loads(recipe())["shell"] | {"reply_s": 20.0, "boot_s": 20.0, "file": {}}
    with Link.open(str(console.port), LinkOptions()) as link:
        yield Shell(link, Shell.Options.model_validate(table | changes), {"console": password}), link


AWKWARD = {
    "quotes": 'it\'s "a" test',
    "dollars": "$HOME `id` $(id) \\n",
    "others": "a;b|c&d *?~#! <x>",
    "utf8": "Grüße, Linie 2",
    "long": "0123456789 " * 300,
    "hash": "x # y",
}


@pytest.mark.parametrize("console", Make, indirect=True)
def test_a_board_is_logged_in_to_told_restarted_and_read(console: LinuxConsole) -> None:
    files = {"blob": {"path": "/etc/opt/gateway/it's a blob", "mode": "0640"}}
    wanted = AWKWARD | {"blob": "one\n" + "two\t'three'\x01\n" * 4000}
    with shell_on(console, file=files) as (shell, link):
        identity = shell.identify()
        assert shell.present()
        assert (identity.serial, identity.hardware_id) == (WHO.serial, WHO.hardware_id)
        shell.configure(wanted)
        assert shell.restart()
        assert shell.identify() == identity
        assert shell.read(wanted) == wanted
        assert PASSWORD not in repr(link.transcript)
    blob = console.disk / "gateway" / "it's a blob"
    assert blob.read_text() == wanted["blob"]
    assert stat.S_IMODE(blob.stat().st_mode) == 0o640
    assert {path.name for path in (console.disk / "gateway").iterdir()} == {*AWKWARD, blob.name}


def test_what_the_board_lost_or_changed_is_seen(console: LinuxConsole) -> None:
    files = {"blob": {"path": "/etc/opt/gateway/blob"}}
    wanted = {"a": "1", "b": "2", "blob": "x"}
    with shell_on(console, file=files) as (shell, _):
        shell.identify()
        shell.configure(wanted)
        (console.disk / "gateway" / "a").unlink()
        (console.disk / "gateway" / "b").write_text("other")
        (console.disk / "gateway" / "blob").unlink()
        assert shell.read(wanted) == {"a": "(no such setting)", "b": "other", "blob": "(no such file)"}
        (console.disk / "gateway" / "blob").write_text("")
        empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        assert shell.read({"blob": "x"}) == {"blob": f"sha256:{empty}"}


def test_a_file_whose_folder_is_not_there_is_refused(console: LinuxConsole) -> None:
    with shell_on(console, file={"blob": {"path": "/etc/opt/nowhere/blob"}}) as (shell, _):
        shell.identify()
        with pytest.raises(BoardRefused, match="can't write /etc/opt/nowhere/blob"):
            shell.configure({"blob": "x"})


@pytest.mark.parametrize("console", Make, indirect=True)
def test_somebody_left_the_console_in_the_middle_of_a_line_and_of_a_here_document(console: LinuxConsole) -> None:
    with shell_on(console) as (shell, link):
        shell.identify()
        for left in (b"rm -rf /etc/opt/gateway", b"cat >/dev/null <<'X'\rhalf\r", b"echo 'half"):
            link.write(left, time.monotonic() + 30)
            shell._console._ready = False
            assert shell.identify().serial == WHO.serial
    assert (console.disk / "gateway").is_dir()


def test_a_wrong_password_is_refused(console: LinuxConsole) -> None:
    with shell_on(console, "wrong one") as (shell, link):
        with pytest.raises(LoginRefused):
            shell.identify()
        assert "wrong one" not in repr(link.transcript)
    with shell_on(console) as (shell, _):
        assert shell.identify().serial == WHO.serial


def test_a_board_that_loses_its_power_is_silent_and_found_again(console: LinuxConsole) -> None:
    with shell_on(console) as (shell, _):
        shell.identify()
    console.power_off()
    with shell_on(console, reply_s=0.3, boot_s=0.6) as (shell, _), pytest.raises(BoardSilent):
        shell.read({"a": ""})
    console.power_on()
    with shell_on(console) as (shell, _):
        assert shell.identify().serial == WHO.serial
        console.unplug()
        with pytest.raises(PortLost):
            shell.read({"a": ""})


def test_a_board_whose_power_fails_in_the_middle_is_told_nothing_more(console: LinuxConsole) -> None:
    with shell_on(console, write="{name} {value}; read halfway", reply_s=30.0) as (shell, link):
        shell.identify()
        told = threading.Event()
        write = link.write

        def watched(data: bytes, deadline: float) -> None:
            write(data, deadline)
            told.set()

        def fail() -> None:
            told.wait()
            console.power_off()
            console.power_on()

        with patch.object(link, "write", watched), pytest.raises(BoardRestarts):
            technician = threading.Thread(target=fail)
            technician.start()
            try:
                shell.configure({"echo": "1"})
            finally:
                technician.join()


# ------------------------------------------------------------------ the station


class Verdicts:
    """Listens to a bench."""

    def __init__(self) -> None:
        self.finished: queue.Queue[Finished] = queue.Queue()

    def slot_changed(self, view: SlotView) -> None:
        pass

    def cycle_finished(self, finished: Finished) -> None:
        self.finished.put(finished)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Client]:
    """Yield a client of a running fleet server; station.toml beside it leads there."""
    grant = init(tmp_path / "fleet.db", "acme")
    server = FleetServer(tmp_path / "fleet.db")
    server.start()
    (tmp_path / "token").write_text(grant.token)
    (tmp_path / "recipe.toml").write_text(recipe())
    (tmp_path / "station.toml").write_text(
        f"""
station = "5ca1ab1e-0000-4000-8000-000000000001"
name = "real boards"
recipe = "recipe.toml"
state = "state"
[fleet]
url = "{server.url}"
vendor = "acme"
owner = "{grant.owner_rid}"
token_file = "token"
[secrets]
console = {{ file = "password" }}
[[slots]]
name = "1"
port = "{tmp_path / "tty"}"
"""
    )
    with Client(server.url, "acme", lambda: grant.token) as client:
        client.models.create(MODEL, ModelInfo(rid=grant.template_rid))
        yield client
    server.stop()


def provisioned(folder: Path, password: str) -> Finished:
    """Run the station until its first verdict."""
    (folder / "password").write_text(password + "\n")
    bench, verdicts = build(settings.load(folder / "station.toml")), Verdicts()
    bench.subscribe(verdicts)
    bench.start()
    try:
        return verdicts.finished.get(timeout=90)
    finally:
        bench.stop()


def test_the_station_provisions_it_and_keeps_its_password_to_itself(
    console: LinuxConsole, fleet: Client, tmp_path: Path
) -> None:
    finished = provisioned(tmp_path, PASSWORD)
    assert (finished.outcome, finished.error, finished.serial) == (Outcome.PASS, None, WHO.serial)
    config = tomllib.loads(recipe())["config"]
    kept = {path.name: path.read_text() for path in (console.disk / "gateway").iterdir()}
    assert kept.keys() == {*config, "fleet-ca.pem"} - {"fleet_ca"}
    assert kept["price_text"] == config["price_text"]
    assert kept["fleet-ca.pem"] == config["fleet_ca"]
    assert kept["fleet_rid"] == finished.rid
    key = console.disk / "gateway" / "fleet_key"
    assert len(kept["fleet_key"]) == 40 and stat.S_IMODE(key.stat().st_mode) == 0o600
    for path in (tmp_path / "state").rglob("*"):
        for secret in (PASSWORD, kept["fleet_key"]):
            assert path.is_dir() or secret.encode() not in path.read_bytes(), path


def test_a_password_that_is_not_the_boards_fails_and_is_kept_nowhere(
    console: LinuxConsole, fleet: Client, tmp_path: Path
) -> None:
    finished = provisioned(tmp_path, "not the board's")
    assert (finished.outcome, finished.error) == (Outcome.FAIL, "login-refused")
    for path in (tmp_path / "state").rglob("*"):
        assert path.is_dir() or b"not the board's" not in path.read_bytes(), path
