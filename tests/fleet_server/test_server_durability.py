"""What was acknowledged stays, and what races is decided once."""

from __future__ import annotations

import json
import os
import queue
import select
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

from fleet_content import CONTENT, rest
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


TOKENS = "/provision/admin/auth/"
GROUPS = "/provision/manage/group/g1/"
RPC = "/onep:v1/rpc/process"
BULK = 50
BLOB = 300 * 1024  # two chunks

Question = tuple[str, str, str, int, bytes | None]
"""A request, and the code and the body of its answer; None where the body does not matter."""


class Load:
    """One connection that changes things, and what is known of each once its change was acknowledged."""

    def __init__(self, grant: Grant, known: dict[str, tuple[Question, ...]]) -> None:
        self.grant, self.known = grant, known
        self.acknowledged = threading.Semaphore(0)
        self.wire: Wire

    def headers(self, path: str) -> dict[str, str]:
        if path.startswith(TOKENS):
            return {"X-Exosite-CIK": self.grant.vendor_cik}
        return {"X-Exosite-Token": self.grant.token}

    def change(self, thing: str, method: str, path: str, form: str | bytes = b"", kind: str = "") -> bytes:
        """Change a thing, of which nothing is known meanwhile; return the body of the answer."""
        self.known.pop(thing, None)
        reply = self.wire.ask(method, path, form, self.headers(path) | ({"Content-Type": kind} if kind else {}))
        assert status(reply) in (200, 205), reply
        self.acknowledged.release()
        return body(reply)

    def until_killed(self, url: str, work: Callable[[Load], None]) -> None:
        try:
            with Wire(url) as self.wire:
                work(self)
        except (OSError, AssertionError):
            return  # in the middle of an exchange: an empty reply

    def call(self, procedure: str, *arguments: object) -> str:
        calls = [{"id": 1, "procedure": procedure, "arguments": arguments}]
        return json.dumps({"auth": {"cik": self.grant.vendor_cik}, "calls": calls})


def bulk_adds(load: Load) -> None:
    for n in count():
        sns = [f"bulk-{n}-{k}" for k in range(BULK)]
        load.change(f"bulk {n}", "POST", G1 + "/", "\r\n".join(sns), "text/csv")
        load.known[f"bulk {n}"] = (("GET", f"{G1}/{sns[0]}", "", 204, b""), ("GET", f"{G1}/{sns[-1]}", "", 204, b""))


def tokens(load: Load) -> None:
    for n in count():
        token = load.change(f"token {n}", "POST", TOKENS, f"id=t{n}")
        load.known[f"token {n}"] = (("GET", f"{TOKENS}t{n}", "", 200, token),)
        if n % 2:
            load.change(f"token {n}", "DELETE", f"{TOKENS}t{n}")
            load.known[f"token {n}"] = (("GET", f"{TOKENS}t{n}", "", 404, None),)


def groups(load: Load) -> None:
    for n in count():
        thing, path = f"group {n}", f"{GROUPS}g{n}"
        load.change(thing, "POST", GROUPS, f"id=g{n}&meta=m{n}")
        load.known[thing] = (("GET", path, "", 200, f"m{n},0".encode()),)
        load.change(thing, "POST", path + "/", "type=content&id=fw&expire=7&meta=x")
        load.known[thing] = (("GET", path + "/", "", 200, b"content,fw,7,x\r\n"),)
        if n % 2:
            load.change(thing, "POST", GROUPS, f"id=g{n}&delete=true")
            load.known[thing] = (("GET", path, "", 404, None),)


def uploads(load: Load) -> None:
    for n in count():
        data = bytes([n % 251]) * BLOB
        load.change("content", "POST", CONTENT + "fw", data, "application/x-fw")
        load.known["content"] = (("GET", CONTENT + "fw?download=true", "", 200, data),)


def remote_calls(load: Load) -> None:
    for n in count():
        made = load.change(f"client {n}", "POST", RPC, load.call("create", "client", {"name": f"c{n}"}))
        rid = json.loads(made)[0]["result"]
        there = b'[{"id":1,"status":"ok","result":{"counts":{"client":0}}}]'
        load.known[f"client {n}"] = (("POST", RPC, load.call("info", rid, {"counts": True}), 200, there),)
        if n % 2:
            load.change(f"client {n}", "POST", RPC, load.call("drop", rid))
            gone = b'[{"id":1,"status":"restricted"}]'
            load.known[f"client {n}"] = (("POST", RPC, load.call("info", rid), 200, gone),)


def test_a_server_killed_in_a_mixed_load_has_lost_nothing_it_acknowledged(tmp_path: Path) -> None:
    database = tmp_path / "fleet.db"
    grant = init(database, "acme", ["g1"])
    known: dict[str, tuple[Question, ...]] = {}
    works = (bulk_adds, tokens, groups, uploads, remote_calls)
    loads = [Load(grant, known) for _ in works]
    with child(database) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with Wire(url, grant.token) as wire:
            assert wire.code("POST", CONTENT, "id=fw") == 205
        threads = [
            threading.Thread(target=load.until_killed, args=(url, work))
            for load, work in zip(loads, works, strict=True)
        ]
        for thread in threads:
            thread.start()
        for load in loads * 7:
            assert load.acknowledged.acquire(timeout=30)
        os.kill(process.pid, signal.SIGKILL)
        for thread in threads:
            thread.join(30)

    server = FleetServer(database)
    server.start()
    with Wire(server.url) as wire:
        for thing, questions in known.items():
            for method, path, form, code, expected in questions:
                reply = wire.ask(method, path, form, loads[0].headers(path))
                assert status(reply) == code, thing
                assert expected is None or (rest(wire, reply) if expected else body(reply)) == expected, thing
        # Whatever was under way is there as a whole or not at all.
        blob = rest(wire, wire.ask("GET", CONTENT + "fw?download=true", "", {"X-Exosite-Token": grant.token}))
        assert len(blob) == BLOB and len(set(blob)) == 1
    server.stop()
    assert len(known) > 15
    file = sqlite3.connect(database)
    added = file.execute("SELECT count(*) FROM serials GROUP BY substr(sn, 1, instr(substr(sn, 6), '-') + 4)")
    assert {number for (number,) in added} == {BULK}
    assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert file.execute("PRAGMA foreign_key_check").fetchall() == []
    chunks = "SELECT count(*) FROM chunks WHERE blob NOT IN (SELECT blob FROM contents WHERE blob IS NOT NULL)"
    assert file.execute(chunks).fetchall() == [(0,)]
    file.close()


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
    # The last connection took the WAL with it.
    assert {path.name for path in tmp_path.iterdir()} == {"fleet.db", "fleet.db.lock"}
