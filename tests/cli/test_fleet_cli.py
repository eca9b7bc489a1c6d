"""``station fleet serve, init, window``: a fleet of one's own from the command line; and ``station`` itself."""

from __future__ import annotations

import http.client
import json
import math
import signal
import socket
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from served_fleet import Served
from station_process import Station, station

from station import __version__


def rows(database: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database)) as fleet:
        return fleet.execute(sql).fetchall()


def test_init_prints_rids_and_keeps_secrets_in_files(tmp_path: Path) -> None:
    database, folder = tmp_path / "fleet.db", tmp_path / "deep" / "credentials"
    common = ["fleet", "init", "--db", database, "--vendor", "acme", "--credentials", folder]
    first = station(*common)
    assert first.returncode == 0, first.stderr
    grant = json.loads(first.stdout)
    assert set(grant) == {"vendor", "owner_rid", "template_rid"} and grant["vendor"] == "acme"
    assert database.stat().st_mode & 0o777 == 0o600 and folder.stat().st_mode & 0o777 == 0o700
    kept = {file.name: file.read_text() for file in folder.iterdir()}
    [(cik,)] = rows(database, "SELECT cik FROM clients JOIN vendors ON client = clients.id")
    [(token,)] = rows(database, "SELECT token FROM tokens")
    assert kept == {"fleet_token": f"{token}\n", "vendor_cik": f"{cik}\n"}
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in folder.iterdir())
    assert token not in first.stdout + first.stderr and cik not in first.stdout + first.stderr
    again = station(*common)
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert kept == {file.name: file.read_text() for file in folder.iterdir()}


def test_init_does_not_overwrite_another_vendors_secret(tmp_path: Path) -> None:
    common = ["fleet", "init", "--db", tmp_path / "fleet.db", "--credentials", tmp_path, "--vendor"]
    assert station(*common, "acme").returncode == 0
    token = (tmp_path / "fleet_token").read_text()
    done = station(*common, "beta")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{tmp_path / 'fleet_token'}: holds another vendor's token" in done.stderr
    assert (tmp_path / "fleet_token").read_text() == token


@pytest.mark.parametrize("vendor", ["", "a b", "a/b"])
def test_a_vendors_name_that_is_none_is_refused(vendor: str, tmp_path: Path) -> None:
    done = station("fleet", "init", "--db", tmp_path / "fleet.db", "--vendor", vendor)
    assert done.returncode == 2 and "a vendor name is letters, digits, _ and -" in done.stderr
    assert not (tmp_path / "fleet.db").exists()


def test_init_makes_models_unless_they_are_there(tmp_path: Path) -> None:
    database = tmp_path / "fleet.db"
    common = ["fleet", "init", "--db", database, "--vendor", "acme"]
    bare = station(*common)
    for models in (["g1"], ["g1", "g2"]):
        done = station(*common, *[word for model in models for word in ("--model", model)])
        assert (done.returncode, done.stdout) == (0, bare.stdout), done.stderr
    template = json.loads(bare.stdout)["template_rid"]
    found = rows(database, "SELECT name, rid, code, options FROM models ORDER BY id")
    assert found == [("g1", template, None, ""), ("g2", template, None, "")]


def test_a_models_name_that_is_none_is_refused(tmp_path: Path) -> None:
    done = station("fleet", "init", "--db", tmp_path / "fleet.db", "--vendor", "acme", "--model", "a/b")
    assert done.returncode == 2 and "a model is printable characters" in done.stderr
    assert not (tmp_path / "fleet.db").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_prints_its_address_first_and_answers_until_it_is_stopped(number: signal.Signals, tmp_path: Path) -> None:
    database = tmp_path / "fleet.db"
    station("fleet", "init", "--db", database, "--vendor", "acme", "--credentials", tmp_path)
    token = (tmp_path / "fleet_token").read_text().strip()
    with Station("fleet", "serve", "--db", database) as server:
        address = urlsplit(server.line().strip())
        assert address.scheme == "http" and address.hostname == "127.0.0.1" and address.port
        asking = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
        asking.request("GET", "/provision/manage/model/none", headers={"X-Exosite-Token": token})
        assert asking.getresponse().status == 404
        asking.close()
        assert server.end(number) == 0
        assert "Traceback" not in server.said() and token not in server.said()
    with pytest.raises(OSError):
        socket.create_connection((address.hostname, address.port), timeout=30).close()


def test_serve_takes_the_choices_that_the_api_leaves_open(tmp_path: Path) -> None:
    said = ["--window", "60", "--content-mib", "1", "--unknown-activation", "403", "--wrapped-ranges", "--behind-proxy"]
    with Served(tmp_path, *said) as fleet:
        model, address = fleet.model(), urlsplit(fleet.url)
        fleet.says("serials", "add", model, "A1")
        fleet.says("serials", "enable", model, "A1", "--owner", fleet.grants["acme"]["owner_rid"])
        assert window_s(fleet) == 60
        (tmp_path / "big.bin").write_bytes(bytes((1 << 20) + 1))
        assert "413" in fleet.fails(1, "content", "upload", model, tmp_path / "big.bin")
        fleet.says("ranges", "add", model, "base10", "1", "9")
        assert address.hostname is not None
        asking = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
        token = (tmp_path / "acme" / "fleet_token").read_text().strip()
        asking.request("GET", f"/provision/manage/model/{model}/?show=ranges", headers={"X-Exosite-Token": token})
        assert list(json.loads(asking.getresponse().read())) == ["ranges"]
        asking.request("POST", "/provision/activate", "vendor=acme&model=none&sn=A1")
        unknown = asking.getresponse()
        assert (unknown.status, unknown.read()) == (403, b"HTTP/1.1 403 Forbidden\r\n")
        peer = {"X-Forwarded-For": "10.0.0.1, 192.0.2.7"}
        asking.request("POST", "/provision/activate", f"vendor=acme&model={model}&sn=A1", peer)
        assert asking.getresponse().status == 200
        asking.close()
        assert [line["peer"] for line in fleet.told("serials", "log", model, "A1")] == ["192.0.2.7"]


def window_s(fleet: Served) -> int:
    """The seconds, to the next minute, for which the only key that waits still does."""
    [(until,)] = rows(fleet.database, "SELECT open_until FROM clients WHERE open_until IS NOT NULL")
    assert isinstance(until, int)
    return math.ceil((until / 1e6 - time.time()) / 60) * 60


def test_a_models_window_is_set_while_the_server_runs(tmp_path: Path) -> None:
    with Served(tmp_path) as fleet:
        model, owner = fleet.model(), fleet.grants["acme"]["owner_rid"]
        window = ["fleet", "window", "--db", fleet.database, "--vendor", "acme"]
        fleet.says("serials", "add", model, "A1")
        fleet.says("serials", "enable", model, "A1", "--owner", owner)
        for seconds, kept in (("600", 600), ("default", None)):
            assert station(*window, model, seconds).returncode == 0
            assert rows(fleet.database, "SELECT window_s FROM models") == [(kept,)]
            fleet.says("serials", "regenerate", model, "A1", "--yes")
            assert window_s(fleet) == (kept or 86_400)
        for seconds in ("0", "-1", "soon", "1e3", "99999999999"):
            assert station(*window, "--", model, seconds).returncode == 2
        done = station(*window, "none", "60")
        assert done.returncode == 1 and "acme has no model none" in done.stderr
    done = station("fleet", "window", "--db", tmp_path / "none.db", "--vendor", "acme", "g1", "60")
    assert done.returncode == 2 and not (tmp_path / "none.db").exists()


def test_an_address_in_use_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = station("fleet", "serve", "--db", tmp_path / "fleet.db", "--port", str(port))
    assert done.returncode == 1 and done.stdout == ""
    assert f"127.0.0.1:{port}" in done.stderr and "Traceback" not in done.stderr


def test_a_database_that_is_none_is_said_in_one_line_and_left_alone(tmp_path: Path) -> None:
    database = tmp_path / "fleet.db"
    database.write_text("This is a letter, and not a database; it must not be touched.")
    done = station("fleet", "serve", "--db", database)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and str(database) in done.stderr
    assert database.read_text().startswith("This is a letter")


def test_version_and_help() -> None:
    assert station("--version").stdout.strip() == f"station, version {__version__}"
    text = station("--help").stdout
    assert all(word in text for word in ("run", "rehearse", "fleet"))
    assert station("no-such-command").returncode == 2
