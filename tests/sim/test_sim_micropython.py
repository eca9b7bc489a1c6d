"""The simulated MicroPython board, by its raw bytes; tests/real compares the same with a real one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from uart_port import Port

from drivers.sim.board import Pace, Proof
from drivers.sim.faults import NONE, Fault, Faults
from drivers.sim.label import Label
from drivers.sim.loop import LoopThread
from drivers.sim.memory import Memory
from drivers.sim.micropython import PROGRAM, MicroPythonBoard
from drivers.sim.wire import Wire

RAW = b"raw REPL; CTRL-B to exit\r\n>"
WROTE = "f=open('/c.json','w')\nf.write('{\"a\":\"1\"}')\nf.close()"


class OldBoard(MicroPythonBoard):
    """Firmware of 2017, on a port that has little."""

    pastes = False
    missing = frozenset({"hashlib", "json", "os.rename", "os.sync"})


class Bench:
    """One board and the port it is seen through."""

    def __init__(
        self, loop: LoopThread, folder: Path, opened: Callable[[Path], Port], kind: type[MicroPythonBoard]
    ) -> None:
        self.loop = loop
        self.kind = kind
        self.memory = Memory(folder / "flash.json")
        self.memory.program(MicroPythonBoard.program(Label("SIM-1", "02:00:00:00:00:01")))
        self.wire = Wire(folder / "port")
        loop.run(self._plug())
        self.port = opened(self.wire.path)
        self.board = self._made(NONE)

    def _made(self, faults: Faults) -> MicroPythonBoard:
        return self.kind(self.wire, self.memory, Pace(boot_s=0.01, save_s=0.01), faults)

    async def _plug(self) -> None:
        self.wire.plug()

    async def _power_on(self) -> None:
        self.board.power_on()

    async def _leave(self) -> None:
        await self.board.power_off()
        self.wire.unplug()

    def start(self, fault: str = "") -> None:
        self.board = self._made(Faults([Fault.parse(fault)]) if fault else NONE)
        self.loop.run(self._power_on())

    def power_off(self) -> None:
        self.loop.run(self.board.power_off())

    def to_raw(self) -> None:
        self.port.until(b">>> ")
        self.port.send(b"\x03\x03\x01")
        self.port.until(RAW)

    def run(self, code: str) -> tuple[str, str]:
        """Let code run, as it is, and return what was printed and what was raised."""
        self.port.send(code.encode() + b"\x04")
        assert self.port.take(2) == b"OK"
        printed, raised = self.port.until(b"\x04"), self.port.until(b"\x04>")
        return printed[:-1].decode(), raised[:-2].decode()

    def close(self) -> None:
        self.loop.run(self._leave())


@pytest.fixture
def make(loop: LoopThread, tmp_path: Path, opened: Callable[[Path], Port]) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make_(kind: type[MicroPythonBoard] = MicroPythonBoard, fault: str = "") -> Bench:
        made.append(Bench(loop, tmp_path, opened, kind))
        made[-1].start(fault)
        return made[-1]

    yield make_
    for bench in made:
        bench.close()


@pytest.fixture
def bench(make: Callable[..., Bench]) -> Bench:
    bench = make()
    bench.to_raw()
    return bench


def test_starts_with_a_nul_a_banner_and_the_prompt_for_people(make: Callable[..., Bench]) -> None:
    boot = make().port.until(b">>> ")
    assert boot.startswith(b"\0MicroPython v1.24.1 on ")
    assert boot.endswith(b'\r\nType "help()" for more information.\r\n>>> ')


def test_talks_to_people(make: Callable[..., Bench]) -> None:
    port = make().port
    port.until(b">>> ")
    port.send(b"abc\x03")
    assert port.until(b">>> ") == b"abc\r\n>>> "
    port.send(b"print(6*7)\r")
    assert port.until(b">>> ") == b"print(6*7)\r\n42\r\n>>> "
    port.send(b"\x05print(1)\r\x04")
    assert port.until(b">>> ").endswith(b"\r\n=== print(1)\r\n=== \r\n1\r\n>>> ")
    port.send(b"\x05print(1)\x03")
    assert port.until(b">>> ").endswith(b"=== print(1)\r\n>>> ")
    port.send(b"\x02")
    assert port.until(b">>> ").startswith(b"\r\nMicroPython v")
    port.send(b"\x04")
    assert port.until(b">>> ").startswith(b"\r\nMPY: soft reboot\r\nMicroPython v")


def test_answers_programs(bench: Bench) -> None:
    assert bench.run("print('a',1)\nprint('b')") == ("a 1\r\nb\r\n", "")
    assert bench.run("print(1)\nraise ValueError('no')") == (
        "1\r\n",
        'Traceback (most recent call last):\r\n  File "<stdin>", line 2, in <module>\r\nValueError: no\r\n',
    )
    assert bench.run("x=")[1].endswith("\r\nSyntaxError: invalid syntax\r\n")
    bench.port.send(b"x=1\x03print(x)\x04")
    assert b"NameError" in bench.port.until(b"\x04>")
    bench.port.send(b"\x01")
    assert bench.port.take(len(RAW)) == RAW
    bench.port.send(b"\x02")
    assert bench.port.until(b">>> ").startswith(b"\r\nMicroPython v")


def test_raw_paste_mode_has_a_window(bench: Bench) -> None:
    bench.port.send(b"\x05A\x01")
    assert bench.port.take(5) == b"R\x01\x80\x00\x01"
    bench.port.send(b"#" * 127)
    bench.port.send(b"\n")
    assert bench.port.take(1) == b"\x01"
    bench.port.send(b"print(2)\x04")
    assert bench.port.until(b"\x04>") == b"\x042\r\n\x04\x04>"
    bench.port.send(b"\x05A\x01x=1\x03")
    assert bench.port.until(b"\x04>").startswith(b"R\x01\x80\x00\x01\x04\x04Traceback")
    bench.port.send(b"\x05B\x01")
    assert bench.port.take(3) == b"R\x00>"


def test_old_firmware_knows_no_raw_paste_mode_and_small_ports_lack_modules(make: Callable[..., Bench]) -> None:
    bench = make(OldBoard)
    bench.to_raw()
    bench.port.send(b"\x05A\x01")
    assert bench.port.take(len(RAW)) == RAW
    assert "no module named 'hashlib'" in bench.run("import hashlib")[1]
    assert bench.run("import os\nprint(hasattr(os,'rename'))") == ("False\r\n", "")


def test_files_survive_a_reset_and_ram_does_not(bench: Bench) -> None:
    assert bench.run(f"{WROTE}\nleft=1") == ("", "")
    assert bench.board.proof is Proof.COMMITTED
    bench.port.send(b"import machine\nmachine.reset()\x04")
    assert bench.port.until(b">>> ").startswith(b"OKMicroPython v")
    assert bench.board.proof is Proof.RESTARTED
    bench.port.send(b"\x01")
    bench.port.until(RAW)
    assert "NameError" in bench.run("left")[1]
    assert bench.run("print(open('/c.json').read())") == ('{"a":"1"}\r\n', "")
    assert bench.board.proof is Proof.READ_BACK
    bench.port.send(b"\x04")
    assert bench.port.until(RAW) == b"OK\r\nMPY: soft reboot\r\n" + RAW


def test_a_file_that_is_not_closed_is_empty(bench: Bench) -> None:
    assert bench.run("f=open('/c.json','w')\nf.write('x')") == ("", "")
    bench.power_off()
    assert bench.memory.flash["/c.json"] == ""


def test_files_are_renamed_and_removed_and_signed(bench: Bench) -> None:
    assert bench.run(WROTE.replace("c.json", "c.new")) == ("", "")
    assert bench.run("import os\nos.rename('/c.new','/c.json')\nprint(sorted(os.listdir()))") == (
        "['c.json', 'factory.json']\r\n",
        "",
    )
    code = "import hashlib,binascii\nprint(binascii.hexlify(hashlib.sha256(open('/c.json','rb').read()).digest()))"
    assert bench.run(code)[0].startswith("b'")
    assert bench.run("os.remove('/c.json')\nopen('/c.json')")[1].endswith("OSError: [Errno 2] ENOENT\r\n")
    assert json.loads(bench.memory.flash["/factory.json"]) == {"serial": "SIM-1"}


def test_code_sees_nothing_of_this_machine(bench: Bench) -> None:
    assert "ImportError" in bench.run("import subprocess")[1]
    assert "OSError" in bench.run("open('/etc/passwd')")[1]
    assert "AttributeError" in bench.run("import os\nos.system('true')")[1]
    assert "ValueError" in bench.run("f=open('/x','w')\nf.close()\nf.write('')")[1]


def test_code_without_end_can_be_interrupted_and_holds_nobody_up(bench: Bench) -> None:
    bench.port.send(b"print(1)\nwhile 1:pass\x04")
    assert bench.port.until(b"\n") == b"OK1\r\n"
    bench.port.send(b"\x03")
    assert b"KeyboardInterrupt" in bench.port.until(b"\x04\x04>")


def test_a_program_runs_until_it_is_interrupted(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.to_raw()
    bench.run(f"f=open('{PROGRAM}','w')\nf.close()")
    bench.port.send(b"import machine\nmachine.reset()\x04\x03")
    bench.port.until(b"OK")
    bench.port.send(b"\x03")
    stopped = bench.port.until(b">>> ")
    assert b"KeyboardInterrupt" in stopped
    assert b"MicroPython v" in stopped


def test_faults_happen_in_the_middle_of_the_code(make: Callable[..., Bench]) -> None:
    bench = make(fault="resets@write")
    bench.to_raw()
    bench.port.send(b"print('so far')\n" + WROTE.encode() + b"\x04")
    assert bench.port.until(b">>> ").startswith(b"OKso far\r\nMicroPython v")
    assert "/c.json" not in bench.memory.flash


def test_a_board_that_tells_otherwise_does_so_once_it_has_restarted(make: Callable[..., Bench]) -> None:
    bench = make(fault="wrong-readback")
    bench.to_raw()
    read = "print(open('/c.json').read())"
    bench.run(WROTE)
    assert bench.run(read) == ('{"a":"1"}\r\n', "")
    bench.port.send(b"\x04")
    bench.port.until(RAW)
    assert bench.run(read) == ('{"a":"1?"}\r\n', "")
