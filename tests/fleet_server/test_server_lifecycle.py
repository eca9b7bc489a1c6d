"""Starting, stopping and counting."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from fleet_wire import G1, Fleet, Wire, status

from station.errors import DatabaseCorrupt, DatabaseFailed, DatabaseNewer, StateBusy
from station.fleet.server import FleetServer, init, set_window


def refused(url: str) -> bool:
    host, port = url.removeprefix("http://").split(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_requests_wait_from_construction_to_start(tmp_path: Path) -> None:
    server = FleetServer(tmp_path / "fleet.db")
    with Wire(server.url) as wire:
        wire.socket.sendall(wire.request("GET", "/"))
        server.start()
        assert status(wire.socket.recv(999)) == 404
    server.stop()
    server.stop()
    assert refused(server.url)


def test_a_server_that_never_served_closes_too(tmp_path: Path) -> None:
    before = threading.active_count()
    server = FleetServer(tmp_path / "fleet.db")
    server.stop()
    server.serve_forever()  # nothing left to serve
    assert refused(server.url)
    assert threading.active_count() == before
    assert {path.name for path in tmp_path.iterdir()} == {"fleet.db", "fleet.db.lock"}


def test_stop_closes_idle_connections(fleet: Fleet) -> None:
    with fleet.connect() as idle:
        assert idle.code("GET", G1) == 200
        fleet.server.stop()
        assert idle.socket.recv(1) == b""


def test_stop_closes_the_database(fleet: Fleet) -> None:
    def open_files() -> list[str]:
        links = [Path(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
        return [str(link.readlink()) for link in links if link.is_symlink()]

    assert fleet.wire.code("GET", G1) == 200
    assert any(name.startswith(str(fleet.database)) for name in open_files())
    fleet.server.stop()
    assert not any(name.startswith(str(fleet.database)) for name in open_files())


def test_the_same_file_serves_on_after_a_stop(fleet: Fleet) -> None:
    fleet.add("A1")
    fleet.server.stop()
    again = FleetServer(fleet.database, port=int(fleet.server.url.rsplit(":", 1)[1]))
    again.start()
    with Wire(again.url, fleet.grant.token) as wire:
        assert wire.code("GET", f"{G1}/A1") == 204
    again.stop()
    assert again.url == fleet.server.url


def test_busy_seconds_are_those_of_requests(tmp_path: Path) -> None:
    server = FleetServer(tmp_path / "fleet.db")
    server.start()
    assert server.busy_s == 0
    began = time.perf_counter()
    with Wire(server.url) as wire:
        for _ in range(20):
            assert wire.code("GET", "/") == 404
    server.stop()  # the last one is counted after its reply was sent
    assert 0 < server.busy_s < time.perf_counter() - began


def test_what_can_not_be_opened_leaves_nothing_open(tmp_path: Path) -> None:
    before = threading.active_count()
    with pytest.raises(DatabaseFailed):
        FleetServer(tmp_path / "missing" / "fleet.db")
    (tmp_path / "text").write_text("no database, but long enough to be taken for one by its length alone" * 20)
    with pytest.raises(DatabaseCorrupt):
        FleetServer(tmp_path / "text")
    taken = FleetServer(tmp_path / "fleet.db")
    with pytest.raises(OSError, match="in use"):
        FleetServer(tmp_path / "other.db", port=int(taken.url.rsplit(":", 1)[1]))
    taken.stop()
    assert threading.active_count() == before


def test_a_second_server_on_a_file_is_refused_and_leaves_the_first_alone(fleet: Fleet, tmp_path: Path) -> None:
    before = threading.active_count(), len(os.listdir("/proc/self/fd"))
    (tmp_path / "link.db").symlink_to(fleet.database)
    for path in (fleet.database, tmp_path / "link.db"):
        with pytest.raises(StateBusy) as busy:
            FleetServer(path)
        assert busy.value.text.startswith(f"{path}: in use by another fleet server, process {os.getpid()} (")
    assert (threading.active_count(), len(os.listdir("/proc/self/fd"))) == before
    command = [sys.executable, "-m", "station", "fleet", "serve", "--db", str(fleet.database)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert f"in use by another fleet server, process {os.getpid()} (" in done.stderr
    assert init(fleet.database, "acme") == fleet.grant
    set_window(fleet.database, "acme", "g1", 60)
    fleet.add("A1")
    fleet.server.stop()
    FleetServer(fleet.database).stop()


def test_a_place_without_room_for_the_lock(tmp_path: Path) -> None:
    (tmp_path / "fleet.db.lock").mkdir()
    with pytest.raises(DatabaseFailed, match=r"fleet\.db\.lock: "):
        FleetServer(tmp_path / "fleet.db")


def test_a_newer_file_is_refused(fleet: Fleet) -> None:
    fleet.sql("INSERT INTO _sqlite_migrations(migration_set, name, applied_at) VALUES ('fleet', '9999_later', '')")
    with pytest.raises(DatabaseNewer, match="9999_later"):
        init(fleet.database, "acme")
