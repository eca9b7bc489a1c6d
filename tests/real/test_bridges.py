"""Boards behind real bridges: ``socat`` for ``socket://``, ``ser2net`` for ``rfc2217://``, each in its own process.

Fleet, boards and station are processes too, begun as the README says; only
the ports in ``station.toml`` are the bridges'.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path

import pytest
import serial
from needed import missing

pytestmark = [pytest.mark.real, pytest.mark.slow]

PATIENCE_S = 60


def tool(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return found or missing(f"no {name}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def listening(port: int) -> None:
    """Return once somebody listens; the connection is given back at once."""
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)  # nothing tells when another program's socket is there
        else:
            return
    raise AssertionError(f"nobody listens at {port}")


@pytest.fixture
def processes() -> Iterator[ExitStack]:
    with ExitStack() as held:
        yield held


def begin(processes: ExitStack, *command: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def end() -> None:
        process.kill()
        process.communicate()

    processes.callback(end)
    return process


def far_end(processes: ExitStack, folder: Path, boards: int) -> Path:
    """Bring up fleet and boards; return the port of slot 1, whose board is kept at its prompt.

    Two seconds later U-Boot would have started its kernel, and a busy machine takes longer to start a station.
    """
    station = [sys.executable, "-m", "station", "rehearse", "--far-end", "--slots", "1", "--boards", str(boards)]
    process = begin(processes, *station, "--baud", "0", "--boot-s", "0.05", "--save-s", "0.01", "--state", str(folder))
    assert process.stdout is not None
    port = Path(json.loads(process.stdout.readline())["ports"]["1"])
    ends = time.monotonic() + PATIENCE_S
    while not port.exists():
        assert time.monotonic() < ends
        time.sleep(0.01)  # no event tells of a board that is put in
    with serial.Serial(str(port), timeout=PATIENCE_S) as board:
        board.write(b"\x03")
        board.read_until(b"=> ")
    return port


def settle(folder: Path, url: str) -> Path:
    """Lead the station to the bridge; the board is probed for, since a bridge's port is always there."""
    config = folder / "station.toml"
    config.write_text(re.sub(r"(?m)^port = .*$", f'port = "{url}"', config.read_text()))
    for recipe in (folder / "recipes").glob("*.toml"):
        recipe.write_text(recipe.read_text().replace('presence = "port"', 'presence = "probe"'))
    return config


def run(config: Path, boards: int) -> list[dict[str, object]]:
    """Run the station until so many boards are done."""
    command = [sys.executable, "-m", "station", "run", "--config", str(config)]
    process = subprocess.Popen(
        [*command, "--headless", "--json", "--boards", str(boards)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        said, logged = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        said, logged = process.communicate()
        pytest.fail(f"not done in time:\n{said}\n{logged}")
    assert "Traceback" not in logged, logged
    return [json.loads(line) for line in said.splitlines() if line.startswith("{") and '"outcome"' in line]


@contextmanager
def arrivals(port: Path) -> Iterator[list[float]]:
    """Note when each board has come, by the clock: the one that is there now, and those that bring the path back."""
    came: list[float] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            with suppress(FileNotFoundError):
                if (made := port.lstat().st_mtime) not in came:
                    came.append(made)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield came
    finally:
        over.set()
        watcher.join()


def socat(processes: ExitStack, board: Path, port: int, *, forks: bool) -> subprocess.Popen[str]:
    """Serve the board at a TCP port; it says itself when it listens, since a connection to find out would be served."""
    listen = f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr{',fork' if forks else ''}"
    process = begin(processes, tool("socat"), "-d", "-d", listen, f"OPEN:{board},raw,echo=0")
    assert process.stdout is not None
    said = process.stdout.readline()
    assert "listening on" in said, said
    return process


def ser2net(processes: ExitStack, board: Path, folder: Path) -> str:
    port = free_port()
    (folder / "ser2net.yaml").write_text(
        "connection: &board\n"
        f"  accepter: telnet(rfc2217),tcp,127.0.0.1,{port}\n"
        f"  connector: serialdev,{board},115200n81,local\n"
        "  options:\n    kickolduser: true\n"
    )
    begin(processes, tool("ser2net"), "-n", "-d", "-c", str(folder / "ser2net.yaml"))
    listening(port)
    return f"rfc2217://127.0.0.1:{port}?ign_set_control"  # a pty has no lines that could be set


def test_boards_pass_one_after_the_other_behind_a_socket(processes: ExitStack, tmp_path: Path) -> None:
    board = far_end(processes, tmp_path, boards=2)
    port = free_port()
    socat(processes, board, port, forks=True)
    verdicts = run(settle(tmp_path, f"socket://127.0.0.1:{port}"), boards=2)
    assert [(v["outcome"], v["serial"]) for v in verdicts] == [("PASS", "SIM-00100000"), ("PASS", "SIM-00100001")]


def test_boards_pass_one_after_the_other_behind_a_terminal_server(processes: ExitStack, tmp_path: Path) -> None:
    """A board that isn't met within 2 s has started its kernel, and answers never."""
    board = far_end(processes, tmp_path, boards=3)
    config = settle(tmp_path, ser2net(processes, board, tmp_path))
    with arrivals(board) as arrived:
        verdicts = run(config, boards=3)
    assert [(v["outcome"], v["serial"]) for v in verdicts] == [("PASS", f"SIM-0010000{n}") for n in range(3)]
    began = [datetime.fromisoformat(str(v["started_at"])).timestamp() for v in verdicts]
    waited = [began - came for came, began in zip(arrived, began, strict=True)][1:]
    assert max(waited) < 2, waited


def test_a_bridge_that_is_killed_in_the_middle_costs_one_cycle_and_no_restart(
    processes: ExitStack, tmp_path: Path
) -> None:
    board = far_end(processes, tmp_path, boards=2)
    port = free_port()
    first = socat(processes, board, port, forks=False)
    config = settle(tmp_path, f"socket://127.0.0.1:{port}")
    command = [sys.executable, "-m", "station", "run", "--config", str(config), "--headless"]
    station = begin(processes, *command)
    assert station.stdout is not None
    said = []
    for line in station.stdout:
        said.append(line)
        if "slot 1: configure" in line and first.poll() is None:
            first.kill()
            first.wait()
            socat(processes, board, port, forks=True)
        if "ERROR" in line and "[" in line:
            assert "port-lost" in line, said
        if "PASS" in line:
            break
    assert any("port-lost" in line for line in said), said
    station.send_signal(signal.SIGTERM)
    assert station.wait(PATIENCE_S) == 0
