"""What was acknowledged stays, and what races is decided once."""

from __future__ import annotations

import os
import queue
import select
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fleet_wire import G1, MODELS, Fleet, Wire, body, status

from station.fleet.server import FleetServer, Grant, init

ROOT = Path(__file__).parents[2]
PROGRAM = """
import signal, sys
from pathlib import Path
from station.fleet.server import FleetServer
server = FleetServer(Path(sys.argv[1]))
signal.signal(signal.SIGTERM, lambda *_: server.stop())
sys.stdout.write(server.url + "\\n")
sys.stdout.flush()
server.serve_forever()
sys.stdout.write("closed\\n")
"""


def child(database: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM, str(database)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def test_nothing_is_acknowledged_before_it_is_committed(fleet: Fleet) -> None:
    for sn in ("A1", "A2", "A3"):
        fleet.add(sn)
    fleet.enable("A2")
    fleet.enable("A3")
    wires = [fleet.connect() for _ in range(5)]
    blocker = sqlite3.connect(fleet.database, isolation_level=None)
    try:
        blocker.execute("BEGIN IMMEDIATE")  # no commit of the server's can succeed now
        for wire, (method, path, form) in zip(
            wires,
            [
                ("POST", G1 + "/", "sn=A4"),
                ("POST", G1 + "/A1", f"enable=true&owner={fleet.grant.owner_rid}"),
                ("POST", "/provision/activate", "vendor=acme&model=g1&sn=A2"),
                ("POST", G1 + "/A3", "enable=true"),
                ("DELETE", G1 + "/A3", ""),
            ],
            strict=True,
        ):
            wire.socket.sendall(wire.request(method, path, form))
        assert select.select([wire.socket for wire in wires], [], [], 0.3) == ([], [], [])
        blocker.execute("ROLLBACK")
        codes = [status(wire.socket.recv(999)) for wire in wires]
        assert codes[:3] == [205, 200, 200]
        assert codes[3:] in ([205, 205], [404, 205])  # whichever of the two came first
    finally:
        blocker.close()
        for wire in wires:
            wire.socket.close()


def test_of_racing_activations_one_wins(fleet: Fleet) -> None:
    runners = 6
    barrier = threading.Barrier(runners)
    wires = [fleet.connect() for _ in range(runners)]

    def run(wire: Wire, sn: str) -> bytes:
        barrier.wait(20)
        return wire.activate(sn)

    try:
        with ThreadPoolExecutor(runners) as pool:
            for n in range(20):
                fleet.add(f"R{n}")
                fleet.enable(f"R{n}")
                replies = list(pool.map(run, wires, [f"R{n}"] * runners))
                assert sorted(map(status, replies)) == [200] + [409] * (runners - 1)
    finally:
        for wire in wires:
            wire.socket.close()
    assert fleet.sql("SELECT count(*) FROM activations") == [(20,)]


def test_of_racing_enables_one_makes_a_client(fleet: Fleet) -> None:
    wires = [fleet.connect() for _ in range(4)]
    form = f"enable=true&owner={fleet.grant.owner_rid}"
    try:
        with ThreadPoolExecutor(4) as pool:
            for n in range(10):
                fleet.add(f"R{n}")
                codes = pool.map(lambda wire, sn=f"R{n}": wire.code("POST", f"{G1}/{sn}", form), wires)
                assert sorted(codes) == [200, 409, 409, 409]
    finally:
        for wire in wires:
            wire.socket.close()
    # One client a serial number, and none beside them.
    devices = "SELECT count(*) FROM clients WHERE parent = (SELECT id FROM clients WHERE rid = ?)"
    assert fleet.sql(devices, fleet.grant.owner_rid) == [(10,)]
    assert fleet.sql("SELECT count(*) FROM serials JOIN clients USING(rid)") == [(10,)]


def provision(url: str, grant: Grant, name: str, done: queue.SimpleQueue[tuple[str, str]]) -> None:
    """Add, enable and activate until the server is gone, telling what was acknowledged."""
    try:
        with Wire(url, grant.token) as wire:
            for n in range(100_000):
                sn = f"{name}{n}"
                if wire.code("POST", G1 + "/", f"sn={sn}") == 205:
                    done.put((sn, "204"))
                if status(wire.ask("POST", f"{G1}/{sn}", f"enable=true&owner={grant.owner_rid}")) == 200:
                    done.put((sn, "notactivated"))
                reply = wire.activate(sn)
                if status(reply) == 200 and len(body(reply)) == 40:
                    done.put((sn, "activated " + body(reply).decode()))
    except (OSError, AssertionError):
        return  # killed in the middle of an exchange: an empty reply


def test_a_killed_server_has_lost_nothing_it_acknowledged(tmp_path: Path) -> None:
    database = tmp_path / "fleet.db"
    grant = init(database, "acme")
    done: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
    acknowledged: dict[str, str] = {}
    with child(database) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with Wire(url, grant.token) as wire:
            assert wire.code("POST", MODELS, f"model=g1&rid={grant.template_rid}") == 205
        threads = [threading.Thread(target=provision, args=(url, grant, name, done)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for _ in range(200):
            sn, seen = done.get(timeout=30)
            acknowledged[sn] = seen
        os.kill(process.pid, signal.SIGKILL)
        for thread in threads:
            thread.join(30)
    while not done.empty():
        sn, seen = done.get()
        acknowledged[sn] = seen

    server = FleetServer(database)
    server.start()
    order = ["404", "204", "notactivated", "activated"]
    with Wire(server.url, grant.token) as wire:
        for sn, seen in acknowledged.items():
            reply = wire.ask("GET", f"{G1}/{sn}")
            found = body(reply).decode().split(",")[0] if status(reply) == 200 else str(status(reply))
            state, _, key = seen.partition(" ")
            # A call that was done but never acknowledged may be one step ahead; none may be behind.
            assert order.index(found) - order.index(state) in (0, 1), (sn, seen, found)
            if key:
                assert wire.code("GET", G1, "", {"X-Exosite-CIK": key}) == 403
    server.stop()
    assert len(acknowledged) > 50


def test_a_signal_ends_serve_forever_with_everything_closed(tmp_path: Path) -> None:
    database = tmp_path / "fleet.db"
    init(database, "acme")
    with child(database) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with Wire(url) as wire:
            assert wire.code("GET", "/") == 404
            process.send_signal(signal.SIGTERM)
            assert wire.socket.recv(1) == b""
        assert process.stdout.read() == "closed\n"
        assert process.wait(20) == 0
    assert [*tmp_path.iterdir()] == [database]  # the last connection took the WAL with it
