"""A turn of the loop: what is answered together is on the disk together, or nobody hears of it."""

from __future__ import annotations

import os
import resource
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fleet_wire import G1, Wire, body, status

from station.fleet.server import Grant, init

_SERVE = """
import sys
from pathlib import Path
from waitress.channel import HTTPChannel
from station.database import Writer
from station.fleet.server import FleetServer

def hold(owner, name):
    went_on = getattr(owner, name)
    def held(*args):
        print("held", flush=True)
        sys.stdin.readline()
        return went_on(*args)
    setattr(owner, name, held)

server = FleetServer(Path(sys.argv[1]))
if "commits" in sys.argv:
    hold(Writer, "_commit")
if "requests" in sys.argv:
    hold(HTTPChannel, "service")
print(server.url, flush=True)
server.serve_forever()
"""


class Process:
    """A server in a process of its own, whose files can be kept from growing.

    With ``holds`` its commits, or its requests, each wait to be let go.
    """

    def __init__(self, database: Path, grant: Grant, holds: str = "") -> None:
        self.database, self.grant = database, grant
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, str(database), holds],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._go, self._said = self._process.stdin, self._process.stdout
        self.url = self._said.readline().strip()

    def connect(self) -> Wire:
        return Wire(self.url, self.grant.token)

    def limit(self, size: int) -> None:
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def limit_files(self, further: int) -> None:
        """Let it open only so many files more."""
        files = len(os.listdir(f"/proc/{self._process.pid}/fd")) + further
        _, hard = resource.prlimit(self._process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self._process.pid, resource.RLIMIT_NOFILE, (files, hard))

    def wait_held(self) -> None:
        assert self._said.readline() == "held\n"

    def let_go(self) -> None:
        self._go.write("\n")
        self._go.flush()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def end(self) -> str:
        """End it, and return what it said about trouble."""
        self._process.terminate()
        _, said = self._process.communicate(timeout=20)
        return said


@pytest.fixture
def process(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Process]:
    database = tmp_path / "fleet.db"
    process = Process(database, init(database, "acme", ["g1"]), getattr(request, "param", ""))
    yield process
    process.end()


def test_what_the_disk_did_not_take_is_not_answered(process: Process) -> None:
    with process.connect() as wire:
        assert wire.code("POST", G1 + "/", "sn=BEFORE") == 205
    process.limit(Path(f"{process.database}-wal").stat().st_size)
    with ExitStack() as held:
        wires = [held.enter_context(process.connect()) for _ in range(4)]
        for number, wire in enumerate(wires):
            wire.socket.sendall(wire.request("POST", G1 + "/", f"sn=LOST{number}"))
        assert [status(wire.socket.recv(999)) for wire in wires] == [500] * 4
        assert [wire.socket.recv(1) for wire in wires] == [b""] * 4
    process.limit(resource.RLIM_INFINITY)
    with process.connect() as wire:
        assert wire.code("POST", G1 + "/", "sn=AFTER") == 205
        assert body(wire.ask("GET", G1 + "/?limit=9")) == b"BEFORE,,\r\nAFTER,,\r\n"
    said = process.end()
    assert "a commit failed" in said and "Traceback" not in said


def expecting(wire: Wire) -> bytes:
    """A head that waits to be asked for its body."""
    head = wire.request("POST", G1 + "/", "sn=NEXT").removesuffix(b"\r\n\r\nsn=NEXT")
    return head + b"\r\nExpect: 100-continue\r\n\r\n"


@pytest.mark.parametrize("process", ["commits"], indirect=True)
@pytest.mark.parametrize("dies", [False, True])
def test_nothing_leaves_before_the_commit(process: Process, dies: bool) -> None:
    with process.connect() as wire:
        wire.socket.sendall(wire.request("POST", G1 + "/", "sn=A1") + expecting(wire))
        process.wait_held()
        wire.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            wire.socket.recv(1)
        wire.socket.settimeout(20)
        if dies:
            process.kill()
            assert wire.socket.recv(1) == b""
            return
        process.let_go()
        heard = b""
        while not heard.endswith(b"HTTP/1.1 100 Continue\r\n\r\n"):
            heard += wire.socket.recv(999)
        assert status(heard) == 205 and heard.count(b"HTTP/1.1 ") == 2


@pytest.mark.parametrize("process", ["requests"], indirect=True)
def test_a_client_that_goes_between_its_request_and_the_answer_harms_nobody(process: Process) -> None:
    with process.connect() as wire:
        wire.socket.sendall(wire.request("GET", "/timestamp") + expecting(wire))
        process.wait_held()
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    process.let_go()
    process.let_go()
    with process.connect() as wire:
        assert wire.code("GET", "/timestamp") == 200


@pytest.mark.parametrize("step", [100, 1000, 5000, 8192])
def test_a_body_that_has_no_place_is_500(process: Process, step: int) -> None:
    process.limit(550_000)
    with process.connect() as wire:
        head = wire.request("POST", "/provision/manage/content/g1/c").replace(b"Length: 0", b"Length: 900000")
        wire.socket.sendall(head + b"x" * 545_000)
        for _ in range(40_000 // step):
            wire.socket.sendall(b"x" * step)
        assert status(wire.socket.recv(999)) == 500
    with process.connect() as wire:
        assert wire.code("GET", G1) == 200
    said = process.end()
    assert "no place for the body" in said and "Traceback" not in said


def test_the_next_client_is_served_where_no_file_can_be_opened(process: Process) -> None:
    with process.connect() as wire:
        assert wire.code("GET", G1) == 200
    process.limit_files(20)
    with ExitStack() as held:
        for _ in range(60):
            held.enter_context(process.connect())
        with process.connect() as wire:
            assert wire.code("GET", "/timestamp") == 200


def test_a_thread_sees_what_its_connection_changed_before(process: Process) -> None:
    rid = process.grant.template_rid
    with process.connect() as wire:
        for n in range(30):
            create = wire.request("POST", "/provision/manage/model/", f"model=m{n}&rid={rid}")
            wire.socket.sendall(create + wire.request("GET", f"/provision/manage/content/m{n}/"))
            heard = b""
            while heard.count(b"\r\n\r\n") < 2:
                heard += wire.socket.recv(1 << 16)
            assert status(heard) == 205 and b"HTTP/1.1 200 OK\r\n" in heard


def test_pipelined_requests_are_answered_in_their_order(process: Process) -> None:
    with process.connect() as wire:
        requests = [wire.request("POST", G1 + "/", f"sn=A{n}") for n in range(20)]
        requests.append(wire.request("GET", G1 + "/?limit=20"))
        wire.socket.sendall(b"".join(requests))
        heard = b""
        while not heard.endswith(b"A19,,\r\n"):
            heard += wire.socket.recv(1 << 16)
        assert heard.count(b"HTTP/1.1 205 ") == 20
        assert body(heard[heard.index(b"HTTP/1.1 200") :]).split() == [f"A{n},,".encode() for n in range(20)]


def test_a_reader_in_the_same_turn_sees_what_was_written_before_it(process: Process) -> None:
    """Eight connections at once, each a change and a look: whoever looks after a 205 sees the change."""
    with ExitStack() as held:
        wires = [held.enter_context(process.connect()) for _ in range(8)]
        for turn in range(20):
            for number, wire in enumerate(wires):
                add, look = (
                    wire.request("POST", G1 + "/", f"sn=S{turn}-{number}"),
                    wire.request("GET", f"{G1}/S{turn}-{number}"),
                )
                wire.socket.sendall(add + look)
            for wire in wires:
                heard = b""
                while heard.count(b"HTTP/1.1 ") < 2:
                    heard += wire.socket.recv(1 << 16)
                assert status(heard) == 205 and b"HTTP/1.1 204 No Content" in heard
