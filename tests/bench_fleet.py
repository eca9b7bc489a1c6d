"""The fleet server's share of ``make bench``: how fast, as ratios within one run.

Requests per second with 1 and with 8 keep-alive connections, beside *empty*:
the same WSGI server (waitress with our tasks, as waitress runs it, in
threads) answering 205 to everything.  *our loop* is the same answer without
the hand-over to a thread, as our server runs small requests: what a procedure
could reach if it did nothing.  Server and load are two processes on this
machine's loopback.  Each figure is the median of some rounds, and the rounds
of all rows take turns, so that a busy moment hits them alike.

Then pages and look-ups out of 1,000,000 serial numbers, beside the same out
of 1,000; and a bulk import of 100,000 by the command line.
"""

from __future__ import annotations

import os
import selectors
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median

from station.fleet.server import FleetServer, Grant, init
from station.fleet.server import server as server_module

_ROUNDS = 5
_REQUESTS = 1000
"""In each round of each row."""

_PLAIN, _LOOP, _OURS = "plain", "loop", "ours"
_G1 = "/provision/manage/model/g1/"


def serve(kind: str, database: str) -> None:
    """Serve until the process is ended; the first line of the output is the address."""
    if kind == _PLAIN:
        server_module.dispatch.takes_long = lambda path: True  # waitress's own way: every request to a thread
    if kind in (_PLAIN, _LOOP):
        server_module.dispatch.Application = lambda store, options: _empty  # type: ignore[misc,assignment]
    server = FleetServer(Path(database))
    print(server.url, flush=True)  # noqa: T201
    server.serve_forever()


def _empty(environ: object, start_response: object) -> list[bytes]:
    start_response("205 Reset Content", [("Content-Length", "0")])  # type: ignore[operator]
    return [b""]


@contextmanager
def served(kind: str, database: Path) -> Iterator[tuple[str, int]]:
    """Run a server as another process."""
    command = [sys.executable, "-m", "tests.bench_fleet", kind, str(database)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        host, _, port = process.stdout.readline().strip().removeprefix("http://").partition(":")
        yield host, int(port)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def load(address: tuple[str, int], requests: Sequence[bytes], connections: int, code: bytes) -> float:
    """Send each request once, as fast as the answers come, and return the seconds; each must be answered ``code``."""
    waiting = iter(requests)
    going = selectors.DefaultSelector()
    sockets = [socket.create_connection(address) for _ in range(connections)]
    try:
        for one in sockets:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            going.register(one, selectors.EVENT_READ)
        left = len(requests)
        began = time.perf_counter()
        for one in sockets:
            one.sendall(next(waiting))
        while left:
            for key, _ in going.select():
                one = key.fileobj  # type: ignore[assignment]
                reply = one.recv(1 << 20)
                assert reply[9:12] == code, reply[:200]
                left -= 1
                if following := next(waiting, None):
                    one.sendall(following)
        return time.perf_counter() - began
    finally:
        for one in sockets:
            one.close()
        going.close()


class Requests:
    """What a vendor's station sends."""

    def __init__(self, grant: Grant) -> None:
        self._grant = grant

    def _one(self, method: str, path: str, form: str = "", signed: bool = True) -> bytes:
        credential = f"X-Exosite-Token: {self._grant.token}\r\n" if signed else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: m2.exosite.com\r\n{credential}Content-Length: {len(form)}\r\n\r\n"
        return (head + form).encode()

    def empty(self, sn: str) -> bytes:
        """Anything."""
        return self.add(sn)

    def add(self, sn: str) -> bytes:
        """M35."""
        return self._one("POST", _G1, f"sn={sn}&extra=st%3D7%3Bhw%3Dab")

    def look(self, sn: str) -> bytes:
        """M43."""
        return self._one("GET", _G1 + sn)

    def enable(self, sn: str) -> bytes:
        """M46."""
        return self._one("POST", _G1 + sn, f"enable=true&owner={self._grant.owner_rid}")

    def activate(self, sn: str) -> bytes:
        """D1."""
        return self._one("POST", "/provision/activate", f"vendor=acme&model=g1&sn={sn}", signed=False)

    def page(self, offset: int) -> bytes:
        """M33."""
        return self._one("GET", f"{_G1}?offset={offset}&limit=1000&status=true")


def rates(folder: Path) -> Iterator[str]:
    """Measure the procedures beside an empty answer, and return the rows of the table."""
    requests = Requests(init(folder / "fleet.db", "acme", ["g1"]))
    rows = [("M35", requests.add, b"205"), ("M43", requests.look, b"204"), ("M46", requests.enable, b"200")]
    rows += [("D1", requests.activate, b"200")]
    with (
        served(_PLAIN, folder / "plain.db") as plain,
        served(_LOOP, folder / "loop.db") as loop,
        served(_OURS, folder / "fleet.db") as ours,
    ):
        for connections in (1, 8):
            seconds: dict[str, list[float]] = {name: [] for name in ("empty", "our loop", *(row[0] for row in rows))}
            for turn in range(_ROUNDS):
                numbers = [f"C{connections}-{turn}-{n}" for n in range(_REQUESTS)]
                nothing = [requests.empty(sn) for sn in numbers]
                seconds["empty"].append(load(plain, nothing, connections, b"205"))
                seconds["our loop"].append(load(loop, nothing, connections, b"205"))
                for name, request, code in rows:
                    seconds[name].append(load(ours, [request(sn) for sn in numbers], connections, code))
            base = median(seconds["empty"])
            for name, values in seconds.items():
                yield f"{name:<9}{connections:>12}{_REQUESTS / median(values):>12.0f}{base / median(values):>10.0%}"


def depths(folder: Path) -> Iterator[str]:
    """Measure pages and look-ups in a short and in a long list, and return the rows of the table."""
    found: dict[int, dict[str, float]] = {}
    for size in (1_000, 1_000_000):
        database = folder / f"{size}.db"
        requests = Requests(init(database, "acme", ["g1"]))
        with closing(sqlite3.connect(database)) as filling, filling:
            listed = ((f"SN{n:08}", f"st=7;hw={n:x}") for n in range(size))
            filling.executemany("INSERT INTO serials(model, sn, extra) VALUES (1, ?, ?)", listed)
        asked = {f"page at {part}": [requests.page(int((size - 1000) * share))] * 20 for part, share in _PARTS.items()}
        asked["look-up"] = [requests.look(f"SN{n * 7919 % size:08}") for n in range(_REQUESTS)]
        with served(_OURS, database) as ours:
            found[size] = {}
            for what, wanted in asked.items():
                code = b"204" if what == "look-up" else b"200"
                load(ours, wanted, 1, code)  # the first look into a file reads it from the disk
                each = [load(ours, wanted, 1, code) / len(wanted) for _ in range(3 * _ROUNDS)]
                found[size][what] = median(each)
    for what, short in found[1_000].items():
        long = found[1_000_000][what]
        yield f"{what:<16}{short * 1000:>10.2f}{long * 1000:>14.2f}{long / short:>8.2f}"


_PARTS = {"the start": 0.0, "the middle": 0.5, "the end": 1.0}


def bulk(folder: Path) -> str:
    """Import 100,000 serial numbers as a line leader would, and return what it took."""
    count = 100_000
    grant = init(folder / "bulk.db", "acme", ["g1"])
    listing = folder / "serials.csv"
    listing.write_text("".join(f"SN{n:08},batch 7\r\n" for n in range(count)), encoding="utf-8")
    with served(_OURS, folder / "bulk.db") as (host, port):
        command = [str(Path(sys.executable).with_name("station")), "fleet", "serials", "import", "g1", str(listing)]
        where = {"STATION_FLEET_URL": f"http://{host}:{port}", "STATION_FLEET_VENDOR": "acme"}
        began = time.perf_counter()
        done = subprocess.run(
            command, env={**os.environ, **where, "STATION_FLEET_TOKEN": grant.token}, check=False, capture_output=True
        )
        seconds = time.perf_counter() - began
    assert done.returncode == 0, done.stderr
    return f"bulk import of {count:,} serial numbers: {seconds:.1f} s"


def report() -> Iterator[str]:
    """Measure everything; yield the lines as they are found."""
    with tempfile.TemporaryDirectory(prefix="station-bench-") as name:
        folder = Path(name)
        yield f"{'request':<9}{'connections':>12}{'a second':>12}{'of empty':>10}"
        yield from rates(folder)
        yield f"\n{'out of':<16}{'1,000 ms':>10}{'1,000,000 ms':>14}{'ratio':>8}"
        yield from depths(folder)
        yield "\n" + bulk(folder)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        serve(sys.argv[1], sys.argv[2])
    else:
        for line in report():
            print(line, flush=True)  # noqa: T201
