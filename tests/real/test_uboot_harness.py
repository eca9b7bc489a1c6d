"""The harness itself, and what keeps the simulated board honest: the same conversation with both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import serial
from uboot import FACTORY, UBoot

from drivers.sim.board import Pace
from drivers.sim.loop import LoopThread
from drivers.sim.memory import Memory
from drivers.sim.shell import ShellBoard
from drivers.sim.wire import Wire

pytestmark = pytest.mark.real

CONVERSATION = [
    b"printenv serial#",
    b"printenv ethaddr nope",
    b"",
    b"foo bar",
    b"",
    b"setenv a b",
    b"",
    b"setenv a 'x  ;$serial# \"q\" #|& '; printenv a",
    b"",
    rb"setenv a 'x\\y\n'; printenv a",
    rb"setenv a 'it'\''s'; printenv a",
    rb"setenv a b\ c\;d   e; printenv a",
    b"setenv a 'x''y'z; printenv a",
    b"setenv a ''; printenv a",
    b"setenv a 1; setenv b $a-${a}-$none.; printenv b",
    b"setenv a b#c #d",
    b"printenv a",
    b"setenv a \xc3\xa9 x\x7f\x7fy; printenv a",
    b"abc\x15foo\ta",
    b"setenv a 'x\ry'",
    b"printenv a",
    b"setenv a",
    b"setenv b;printenv a b",
    b"setenv a=1 2",
    b"setenv serial# X",
    b"setenv serial#",
    b"setenv long " + b"x" * 600,
    b"printenv long",
    b"setenv w " + b"x " * 14 + b";printenv w",
    b"   ",
    b"saveenv",
    b"",
    b"printenv a",
    b"x\x03",
]
PROMPT = b"\r\n=> "


def to_prompt(port: serial.Serial) -> bytes:
    boot = port.read_until(b"autoboot:  2 ")
    port.write(b" ")
    return bytes(boot + port.read_until(b"=> "))


def talk(path: Path, power_on: Callable[[], None]) -> list[bytes]:
    with serial.Serial(str(path), 115200, timeout=20) as port:
        power_on()
        to_prompt(port)
        replies = []
        for line in CONVERSATION:
            port.write(line + b"\r")
            replies.append(port.read_until(PROMPT))
        port.write(b"reset\r")
        replies.append(port.read_until(b"U-Boot 2023.01"))
        # U-Boot leaves out one blank if the key was there before the first look.
        replies.append(to_prompt(port).replace(b" 0 \r\n", b" 0\r\n")[-60:])
        return replies


def test_the_simulated_board_answers_as_the_real_one_does(uboot: UBoot, loop: LoopThread, tmp_path: Path) -> None:
    memory = Memory(tmp_path / "flash.json")
    memory.program(FACTORY)
    wire = Wire(tmp_path / "simulated")
    board = ShellBoard(wire, memory, Pace())

    async def insert() -> None:
        wire.plug()

    async def power_on() -> None:
        board.power_on()

    async def remove() -> None:
        await board.power_off()
        wire.unplug()

    uboot.power_off()
    loop.run(insert())
    simulated = talk(wire.path, lambda: loop.run(power_on()))
    loop.run(remove())
    real = talk(uboot.port, uboot.power_on)
    assert simulated == real
    assert memory.flash.items() <= (uboot.saved_env() or {}).items()  # the real one adds its console's name


def test_what_was_saved_survives_a_power_cycle_and_the_rest_does_not(uboot: UBoot) -> None:
    with serial.Serial(str(uboot.port), 115200, timeout=20) as port:
        uboot.power_cycle()
        to_prompt(port)
        port.write(b"setenv kept 1\r")
        port.read_until(PROMPT)
        assert uboot.saved_env() == FACTORY
        port.write(b"saveenv\r")
        assert port.read_until(PROMPT).endswith(b"\r\nOK\r\n=> ")
        port.write(b"setenv lost 2\r")
        port.read_until(PROMPT)
        uboot.power_cycle()
        to_prompt(port)
        port.write(b"printenv kept lost\r")
        assert port.read_until(PROMPT).endswith(b'\r\nkept=1\r\n## Error: "lost" not defined\r\n=> ')
    assert (uboot.saved_env() or {})["kept"] == "1"


def test_a_save_that_fails_says_so(uboot_old: UBoot) -> None:
    with serial.Serial(str(uboot_old.port), 115200, timeout=60) as port:
        uboot_old.power_cycle()
        to_prompt(port)
        port.write(b"setenv kept 1\r")
        port.read_until(PROMPT)
        port.write(b"saveenv\r")
        said = port.read_until(PROMPT)
    assert b"\r\nFailed (" in said
    assert b"OK" not in said
    assert "kept" not in (uboot_old.saved_env() or {})


def test_pulling_the_adapter_is_no_power_cut(uboot: UBoot) -> None:
    with serial.Serial(str(uboot.port), 115200, timeout=20) as port:
        uboot.power_cycle()
        to_prompt(port)
        port.write(b"setenv kept 1\r")
        port.read_until(PROMPT)
        uboot.unplug()
        with pytest.raises(serial.SerialException):
            port.read(1)
    assert not uboot.port.is_symlink()
    uboot.plug()
    with serial.Serial(str(uboot.port), 115200, timeout=20) as port:
        port.write(b"printenv kept\r")
        assert port.read_until(PROMPT).endswith(b"\r\nkept=1\r\n=> ")
