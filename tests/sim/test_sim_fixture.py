from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from uart_port import PATIENCE_S, Port

from drivers.sim.fixture import Fixture
from drivers.sim.label import Label
from drivers.sim.memory import Memory

Open = Callable[[Path], Port]
Make = Callable[..., Fixture]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Fixture] = []

    def make_(slots: list[str], boards: int | None, seed: int = 7, **pace: float) -> Fixture:
        made.append(Fixture(tmp_path / "far", slots, boards, seed, **pace))  # type: ignore[arg-type]
        return made[-1]

    yield make_
    for fixture in made:
        fixture.close()


def to_prompt(port: Port) -> None:
    port.until(b"autoboot: 10 ")
    port.send(b" ")
    port.until(b"=> ")


def serial_of(port: Port) -> str:
    to_prompt(port)
    return port.ask(b"printenv serial#").removeprefix(b"serial#=").strip().decode()


def provision(port: Port) -> str:
    """Do what a station does, far enough for the board to leave; return its serial number."""
    serial = serial_of(port)
    port.ask(b"setenv key 1")
    assert b"OK" in port.ask(b"saveenv")
    port.send(b"reset\r")
    to_prompt(port)
    assert port.ask(b"printenv key") == b"key=1\r\n"
    return serial


def wait_for(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.005)


def test_labels_follow_from_the_seed_and_differ_between_boards_and_seeds() -> None:
    assert Label.of(7, 3) == Label("SIM-00700003", "02:00:00:0a:ae:63")
    labels = [Label.of(seed, index) for seed in range(20) for index in (0, 1, 99_999)]
    assert len({label.serial for label in labels}) == len({label.mac for label in labels}) == 60


def test_boards_come_one_by_one_and_leave_for_good(make: Make, opened: Open) -> None:
    fixture = make(["slot-1", "slot-2"], 3)
    assert fixture.left == 3
    assert not fixture.port("slot-1").exists()
    assert fixture.insert("slot-1")
    assert fixture.insert("slot-2")
    assert serial_of(opened(fixture.port("slot-1"))) == "SIM-00700000"
    port = opened(fixture.port("slot-2"))
    assert serial_of(port) == "SIM-00700001"
    assert port.ask(b"printenv ethaddr") == b"ethaddr=02:00:00:0a:ae:61\r\n"
    fixture.remove("slot-2")
    assert port.hung_up()
    assert not fixture.port("slot-2").is_symlink()
    assert fixture.left == 2
    assert fixture.insert("slot-2")
    assert serial_of(opened(fixture.port("slot-2"))) == "SIM-00700002"
    fixture.remove("slot-1")
    fixture.remove("slot-1")
    assert not fixture.insert("slot-1")
    fixture.remove("slot-2")
    assert fixture.left == 0


def test_inserting_into_an_occupied_slot_changes_nothing(make: Make, opened: Open) -> None:
    fixture = make(["slot-1"], 2)
    assert fixture.insert("slot-1")
    port = opened(fixture.port("slot-1"))
    to_prompt(port)
    assert fixture.insert("slot-1")
    assert port.ask(b"printenv serial#") == b"serial#=SIM-00700000\r\n"


def test_a_pile_without_end(make: Make) -> None:
    fixture = make(["slot-1"], None)
    for _ in range(3):
        assert fixture.insert("slot-1")
        fixture.remove("slot-1")
    assert fixture.left is None


def test_a_killed_far_end_goes_on_with_the_same_boards_in_the_same_slots(
    make: Make, tmp_path: Path, opened: Open
) -> None:
    program = (
        "import sys, threading; from pathlib import Path; from drivers.sim.fixture import Fixture\n"
        f"f = Fixture(Path({str(tmp_path / 'far')!r}), ['slot-1', 'slot-2'], 4, 7)\n"
        "f.insert('slot-1'); f.insert('slot-2'); f.remove('slot-1')\n"
        "sys.stdout.write('up'); sys.stdout.flush(); threading.Event().wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as far:
        assert far.stdout and far.stdout.read(2) == b"up"
        port = opened(tmp_path / "far" / "ports" / "slot-2")
        to_prompt(port)
        port.ask(b"setenv key 1")
        port.ask(b"saveenv")
        port.ask(b"setenv key 2")
        os.kill(far.pid, signal.SIGKILL)
    assert (tmp_path / "far" / "ports" / "slot-2").is_symlink()

    fixture = make(["slot-1", "slot-2"], 4)
    assert not fixture.port("slot-2").is_symlink()
    assert fixture.left == 3
    assert fixture.insert("slot-2")
    port = opened(fixture.port("slot-2"))
    assert serial_of(port) == "SIM-00700001"
    assert port.ask(b"printenv key") == b"key=1\r\n"
    assert fixture.insert("slot-1")
    assert serial_of(opened(fixture.port("slot-1"))) == "SIM-00700002"


def test_a_board_of_a_slot_that_is_no_more_is_not_lost(make: Make, opened: Open) -> None:
    before = make(["slot-1", "slot-2"], 2)
    before.insert("slot-1")
    before.insert("slot-2")
    before.close()
    fixture = make(["slot-1"], 2)
    for serial in ("SIM-00700000", "SIM-00700001"):
        assert fixture.insert("slot-1")
        assert serial_of(opened(fixture.port("slot-1"))) == serial
        fixture.remove("slot-1")
    assert not fixture.insert("slot-1")
    assert fixture.left == 0


def test_another_seed_is_refused(make: Make) -> None:
    make(["slot-1"], 2).insert("slot-1")
    with pytest.raises(ValueError, match="holds boards of seed 7, not 8"):
        make(["slot-1"], 2, seed=8)


def test_closing_keeps_the_boards_and_frees_the_ports(make: Make, tmp_path: Path) -> None:
    fixture = make(["slot-1"], 2)
    fixture.insert("slot-1")
    fixture.close()
    fixture.close()
    assert list((tmp_path / "far" / "ports").iterdir()) == []
    assert Memory(tmp_path / "far" / "boards" / "SIM-00700000.json").flash == {
        "serial#": "SIM-00700000",
        "ethaddr": "02:00:00:0a:ae:60",
        "bootdelay": "10",
    }


def test_busy_sums_what_the_far_end_needed(make: Make, opened: Open) -> None:
    fixture = make(["slot-1"], 2, baud=115200, boot_s=0.01, save_s=0.02)
    fixture.insert("slot-1")
    provision(opened(fixture.port("slot-1")))
    assert fixture.busy()["board_s"] == pytest.approx(0.04)
    assert fixture.busy()["wire_s"] > 500 * 10 / 115200
    fixture.remove("slot-1")
    assert fixture.busy()["board_s"] == pytest.approx(0.04)


def test_by_themselves_boards_leave_when_they_are_done_and_the_next_one_comes(make: Make, opened: Open) -> None:
    fixture = make(["slot-1"], 2)
    fixture.autonomous(quiet_s=0.5, patience_s=60)
    path = fixture.port("slot-1")
    for serial in ("SIM-00700000", "SIM-00700001"):
        wait_for(path.exists)
        port = opened(path)
        assert provision(port) == serial
        assert port.hung_up()
    wait_for(lambda: fixture.left == 0)
    assert not path.is_symlink()


def test_by_itself_a_board_that_nothing_happens_to_leaves(make: Make) -> None:
    fixture = make(["slot-1"], 1)
    fixture.autonomous(quiet_s=0.05, patience_s=0.5)
    wait_for(lambda: fixture.left == 0)


def test_by_itself_a_board_that_was_not_read_back_stays(make: Make, opened: Open) -> None:
    fixture = make(["slot-1"], 1)
    fixture.autonomous(quiet_s=0.0, patience_s=60)
    wait_for(fixture.port("slot-1").exists)
    port = opened(fixture.port("slot-1"))
    to_prompt(port)
    port.ask(b"printenv serial#")
    port.ask(b"saveenv")
    port.ask(b"printenv serial#")
    assert port.ask(b"version").startswith(b"U-Boot")
    assert fixture.left == 1
