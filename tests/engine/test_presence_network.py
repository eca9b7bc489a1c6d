"""Slots behind terminal servers that are killed, that hang up, and that let everybody in only to hang up at once."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from engine_presence import Bed, now, opened_at

from station.model import Outcome, Phase

BRIDGE = Path(__file__).with_name("tcp_bridge.py")
Bridge = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def bed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_port: int) -> Iterator[Bed]:
    """A slot whose board is probed for, behind a TCP port."""
    with closing(Bed(tmp_path, "probe", monkeypatch)) as made:
        made.plug()
        made.amend("station.toml", f'port = "{made.wires["1"].path}"', f'port = "socket://127.0.0.1:{free_port}"')
        yield made


@pytest.fixture
def bridge(bed: Bed, free_port: int) -> Iterator[Bridge]:
    """Bring up the terminal server."""
    with ExitStack() as held:

        def begin(*callers: str) -> subprocess.Popen[str]:
            command = [sys.executable, str(BRIDGE), str(free_port), str(bed.wires["1"].path), *callers]
            process = held.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            held.callback(process.kill)
            assert process.stdout is not None and process.stdout.readline() == "listening\n"
            return process

        yield begin


def killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


def test_a_terminal_server_that_is_killed_in_the_middle(bed: Bed, bridge: Bridge) -> None:
    server = bridge()
    watcher = bed.start()
    bed.in_the_middle(lambda: killed(server))
    bed.insert()
    finished = watcher.wait_finished()
    assert (finished.outcome, finished.error) == (Outcome.ERROR, "port-lost")
    returned = now()
    bridge()
    finished = watcher.wait_finished(2)
    assert (finished.serial, finished.outcome, finished.attempt) == ("SIM-00000001", Outcome.PASS, 2)
    assert opened_at(bed, 2) - returned < 20


def test_a_terminal_server_that_is_killed_while_nobody_is_there(bed: Bed, bridge: Bridge) -> None:
    server = bridge()
    watcher = bed.start()
    watcher.wait_note("Insert a board.")
    killed(server)
    watcher.wait_note("nothing listens at this address")
    bridge()
    bed.insert()
    assert watcher.wait_finished().outcome is Outcome.PASS


def test_another_board_behind_a_terminal_server_is_served_on_the_connection_on_which_it_was_met(
    bed: Bed, bridge: Bridge
) -> None:
    """To connect anew takes so long behind ``rfc2217://`` that a board which wasn't kept from it boots meanwhile."""
    server = bridge()
    watcher = bed.start()
    bed.insert()
    assert watcher.wait_finished().serial == "SIM-00000001"
    killed(server)
    bed.pull()
    bed.insert(number=2)
    bridge("1")
    finished = watcher.wait_finished(2)
    assert (finished.serial, finished.outcome) == ("SIM-00000002", Outcome.PASS)


def test_a_terminal_server_that_hangs_up_on_everybody_is_told_of(
    bed: Bed, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("station.presence._SETTLE_S", 0.1)
    with HangsUp(free_port):
        watcher = bed.start()
        assert "went away" in watcher.wait_phase("1", Phase.OUT).note
        bed.stop()
    sql = "SELECT json_extract(body, '$.facts.state') FROM events WHERE kind = 'port'"
    assert bed.ledger(sql) == [("port-lost",)] and bed.cycles() == []


def test_a_board_whose_port_hangs_up_at_once_is_no_board(bed: Bed, bridge: Bridge, free_port: int) -> None:
    bed.amend("widget.toml", 'presence = "probe"', 'presence = "port"')
    with HangsUp(free_port) as hung_up:
        watcher = bed.start()
        watcher.wait_note("hangs up at once")
        watcher.wait_for(lambda: hung_up() > 3)
        assert bed.cycles() == []
    bed.insert()
    bridge()
    assert watcher.wait_finished().outcome is Outcome.PASS


class HangsUp:
    """A terminal server whose own port is not there; called, it tells how often it has hung up."""

    def __init__(self, port: int) -> None:
        self._server = socket.create_server(("127.0.0.1", port))
        self._count = 0
        self._thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._server.accept()
            except OSError:
                return
            caller.close()
            self._count += 1

    def __enter__(self) -> Callable[[], int]:
        self._thread.start()
        return lambda: self._count

    def __exit__(self, *_: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._server.close()
