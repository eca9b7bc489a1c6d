"""``station fleet``: a fleet of one's own from the command line; and ``station`` itself."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from station_process import Station, station

from station import __version__


def test_init_prints_what_a_station_needs_and_the_same_again(tmp_path: Path) -> None:
    database = tmp_path / "fleet.db"
    first = station("fleet", "init", "--db", database, "--vendor", "acme")
    assert first.returncode == 0, first.stderr
    grant = json.loads(first.stdout)
    assert set(grant) == {"vendor", "vendor_cik", "token", "template_rid", "owner_rid"}
    assert grant.pop("vendor") == "acme"
    assert len(set(grant.values())) == 4 and all(len(value) == 40 for value in grant.values())
    assert station("fleet", "init", "--db", database, "--vendor", "acme").stdout == first.stdout
    assert database.stat().st_mode & 0o777 == 0o600


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
    with closing(sqlite3.connect(database)) as fleet:
        rows = fleet.execute("SELECT name, rid, code, options FROM models ORDER BY id").fetchall()
    template = json.loads(bare.stdout)["template_rid"]
    assert rows == [("g1", template, None, ""), ("g2", template, None, "")]


def test_a_models_name_that_is_none_is_refused(tmp_path: Path) -> None:
    done = station("fleet", "init", "--db", tmp_path / "fleet.db", "--vendor", "acme", "--model", "a/b")
    assert done.returncode == 2 and "a model is printable characters" in done.stderr
    assert not (tmp_path / "fleet.db").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_prints_its_address_first_and_answers_until_it_is_stopped(number: signal.Signals, tmp_path: Path) -> None:
    database = tmp_path / "fleet.db"
    token = json.loads(station("fleet", "init", "--db", database, "--vendor", "acme").stdout)["token"]
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
