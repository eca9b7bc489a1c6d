"""The simulated console, by its raw bytes; tests/real compares the same with the real one."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from uart_port import Port

from drivers.sim.board import Pace, Proof
from drivers.sim.loop import LoopThread
from drivers.sim.memory import Memory
from drivers.sim.shell import ShellBoard
from drivers.sim.wire import Wire

FACTORY = {"serial#": "SIM-1", "ethaddr": "02:00:00:00:00:01", "bootdelay": "5"}


class Bench:
    """One board and the port it is seen through."""

    def __init__(self, loop: LoopThread, folder: Path, opened: Callable[[Path], Port], baud: int = 0) -> None:
        self.loop = loop
        self.memory = Memory(folder / "flash.json")
        self.memory.program(FACTORY)
        self.wire = Wire(folder / "port", baud=baud)
        self.board = ShellBoard(self.wire, self.memory, Pace(boot_s=0.01, save_s=0.02, command_s=0.001))
        loop.run(self._plug())
        self.port = opened(self.wire.path)

    async def _plug(self) -> None:
        self.wire.plug()

    async def _power_on(self) -> None:
        self.board.power_on()

    async def _leave(self) -> None:
        await self.board.power_off()
        self.wire.unplug()

    def power_on(self) -> None:
        self.loop.run(self._power_on())

    def power_off(self) -> None:
        self.loop.run(self.board.power_off())

    def to_prompt(self) -> bytes:
        boot = self.port.until(b"autoboot:  5 ")
        self.port.send(b" ")
        return boot + self.port.until(b"=> ")

    def close(self) -> None:
        self.loop.run(self._leave())


@pytest.fixture
def off(loop: LoopThread, tmp_path: Path, opened: Callable[[Path], Port]) -> Iterator[Bench]:
    bench = Bench(loop, tmp_path, opened)
    yield bench
    bench.close()


@pytest.fixture
def bench(off: Bench) -> Bench:
    off.power_on()
    off.to_prompt()
    return off


def test_it_starts_with_noise_a_banner_and_a_countdown_that_a_key_stops(off: Bench) -> None:
    off.power_on()
    boot = off.to_prompt()
    assert boot.startswith(b"\xfc\x00\r\n\r\nU-Boot 2023.01+sim (")
    assert b"\r\nLoading Environment from Flash... OK\r\n" in boot
    assert boot.endswith(b"\r\nHit any key to stop autoboot:  5 \b\b\b 0 \r\n=> ")


def test_left_alone_it_boots_and_takes_no_commands(off: Bench) -> None:
    off.memory.program(FACTORY | {"bootdelay": "1"})
    off.port.send(b"typed while it had no power\r")
    while not off.wire.pending:
        time.sleep(0.001)
    off.power_on()
    assert off.port.until(b"kernel ...\r\n\r\n").endswith(b"autoboot:  1 \b\b\b 0 \r\n\r\nStarting kernel ...\r\n\r\n")
    off.port.send(b"printenv serial#\r\x03\r")
    assert select.select([off.port.fd], [], [], 0.1)[0] == []
    off.power_off()
    off.power_on()
    assert off.port.until(b"U-Boot") == b"\xfc\x00\r\n\r\nU-Boot"


def test_keys_pressed_while_it_starts_stop_the_countdown(off: Bench) -> None:
    off.power_on()
    off.port.until(b"Environment from Flash... ")
    off.port.send(b"\x03")
    assert off.port.until(b"=> ").endswith(b"autoboot:  5 \b\b\b 0\r\n=> ")


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"printenv serial#", b"serial#=SIM-1\r\n"),
        (b"printenv nope serial#", b'## Error: "nope" not defined\r\nserial#=SIM-1\r\n'),
        (b"foo 'bar", b""),
        (b"foo bar", b"Unknown command 'foo' - try 'help'\r\n"),
        (b"setenv a 'x  ;$y'; printenv a", b"a=x  ;$y\r\n"),
        (b"setenv a b;setenv a;printenv a", b'## Error: "a" not defined\r\n'),
        (b"setenv a b c;printenv a", b"a=b c\r\n"),
        (b"setenv a=1 2", b"## Error: illegal character '='in variable name \"a=1\"\r\n"),
        (
            b"setenv serial# X",
            b'## Error: Can\'t overwrite "serial#"\r\n## Error inserting "serial#" variable, errno=1\r\n',
        ),
        (b"setenv ethaddr", b'## Error: Can\'t delete "ethaddr"\r\n'),
        (b"setenv w " + b"x " * 15, b"setenv - see the manual\r\n\r\nUsage:\r\nsetenv [name [value ...]]\r\n"),
        (b"setenv w " + b"x " * 14 + b";printenv w", b"w=" + b" ".join([b"x"] * 14) + b"\r\n"),
        (b"setenv k \xc3\xa9\xfe;printenv k", b"k=\xc3\xa9\xfe\r\n"),
        (
            b"printenv",
            b"bootdelay=5\r\nethaddr=02:00:00:00:00:01\r\nserial#=SIM-1\r\n\r\nEnvironment size: 53/262140 bytes\r\n",
        ),
    ],
)
def test_commands(bench: Bench, line: bytes, reply: bytes) -> None:
    if reply:
        assert bench.port.ask(line) == reply
    else:
        bench.port.send(line + b"\r")
        assert bench.port.until(b"\n> ") == line + b"\r\n> "


def test_version(bench: Bench) -> None:
    assert bench.port.ask(b"version").startswith(b"U-Boot 2023.01+sim (Jan 01 2024 - 00:00:00 +0000)\r\n\r\n")


def test_an_empty_line_repeats_what_is_repeatable(bench: Bench) -> None:
    bench.port.ask(b"printenv serial#")
    assert bench.port.ask(b"") == b"serial#=SIM-1\r\n"
    assert bench.port.ask(b"") == b"serial#=SIM-1\r\n"
    bench.port.ask(b"setenv a b")
    assert bench.port.ask(b"") == b""
    bench.port.ask(b"setenv a b; printenv a")
    assert bench.port.ask(b"") == b""


def test_a_line_feed_after_the_carriage_return_is_an_empty_line(bench: Bench) -> None:
    bench.port.send(b"printenv serial#\r\n")
    assert bench.port.until(b"=> ") == b"printenv serial#\r\nserial#=SIM-1\r\n=> "
    assert bench.port.until(b"=> ") == b"\r\nserial#=SIM-1\r\n=> "


def test_a_line_beyond_512_is_cut_with_bells_and_no_error(bench: Bench) -> None:
    bench.port.send(b"setenv a " + b"x" * 600 + b"\r")
    assert bench.port.until(b"=> ") == b"setenv a " + b"x" * 503 + b"\x07" * 97 + b"\r\n=> "
    assert bench.port.ask(b"printenv a") == b"a=" + b"x" * 503 + b"\r\n"


def test_editing(bench: Bench) -> None:
    bench.port.send(b"ab\x7fc\td\x08\r")
    assert bench.port.until(b"=> ") == b"ab\b \bc\x07d\b \b\r\nUnknown command 'ac' - try 'help'\r\n=> "
    bench.port.send(b"abc\x15d\r")
    assert bench.port.until(b"=> ") == b"abc\b\b\b   \b\b\bd\r\nUnknown command 'd' - try 'help'\r\n=> "


def test_ctrl_c_gives_up_a_line_and_an_open_quotation(bench: Bench) -> None:
    bench.port.send(b"printenv serial#\x03")
    assert bench.port.until(b"=> ") == b"printenv serial#<INTERRUPT>\r\n=> "
    bench.port.send(b"setenv a 'x\r\x03")
    assert bench.port.until(b"=> ") == b"setenv a 'x\r\n> <INTERRUPT>\r\n=> "
    assert bench.port.ask(b"printenv a") == b'## Error: "a" not defined\r\n'
    bench.port.send(b"x\x03")
    assert bench.port.until(b"=> ") == b"x<INTERRUPT>\r\n=> "
    assert bench.port.ask(b"") == b""


def test_a_quotation_goes_on_in_the_next_line(bench: Bench) -> None:
    bench.port.send(b"setenv a 'x\ry'\r")
    assert bench.port.until(b"=> ") == b"setenv a 'x\r\n> y'\r\n=> "
    assert bench.port.ask(b"printenv a") == b"a=x\r\ny\r\n"


def test_reset_forgets_what_was_not_saved(bench: Bench) -> None:
    bench.port.ask(b"setenv kept 1")
    assert bench.port.ask(b"saveenv") == (
        b"Saving Environment to Flash... Un-Protected 2 sectors\r\nErasing Flash...\r\n"
        b".. done\r\nErased 2 sectors\r\nWriting to Flash... done\r\nProtected 2 sectors\r\nOK\r\n"
    )
    bench.port.ask(b"setenv lost 2")
    bench.port.send(b"reset\r")
    assert bench.to_prompt().startswith(b"reset\r\nresetting ...\r\n\r\n\r\nU-Boot 2023.01+sim (")
    assert bench.port.ask(b"printenv kept lost") == b'kept=1\r\n## Error: "lost" not defined\r\n'
    assert bench.memory.flash == FACTORY | {"kept": "1"}


def test_a_power_cut_forgets_too(bench: Bench) -> None:
    bench.port.ask(b"setenv lost 2")
    bench.power_off()
    bench.power_on()
    bench.to_prompt()
    assert bench.port.ask(b"printenv lost") == b'## Error: "lost" not defined\r\n'


def test_it_counts_the_seconds_that_it_needed_itself(bench: Bench) -> None:
    assert bench.board.busy_s == pytest.approx(0.01)
    bench.port.ask(b"setenv a 1;setenv b 2")
    assert bench.board.busy_s == pytest.approx(0.012)
    bench.port.ask(b"saveenv")
    assert bench.board.busy_s == pytest.approx(0.033)


def test_it_is_proven_once_committed_restarted_and_read_in_this_order(bench: Bench) -> None:
    def proof_after(line: bytes) -> Proof:
        bench.port.ask(line)
        return bench.board.proof

    assert proof_after(b"printenv serial#") is Proof.NOTHING
    assert proof_after(b"saveenv") is Proof.COMMITTED
    assert proof_after(b"printenv serial#") is Proof.COMMITTED
    bench.port.send(b"reset\r")
    bench.to_prompt()
    assert proof_after(b"version") is Proof.RESTARTED
    assert proof_after(b"printenv serial#") is Proof.READ_BACK
    assert proof_after(b"saveenv") is Proof.COMMITTED


def test_at_115200_baud_the_conversation_is_the_same(
    loop: LoopThread, tmp_path: Path, opened: Callable[[Path], Port]
) -> None:
    bench = Bench(loop, tmp_path, opened, baud=115200)
    bench.power_on()
    boot = bench.to_prompt()
    before = bench.wire.carrying.seconds
    assert before == pytest.approx((len(boot) + 1) * 10 / 115200, rel=0.02)
    assert bench.port.ask(b"printenv serial#") == b"serial#=SIM-1\r\n"
    echoed = len(b"printenv serial#\r") + 2
    assert bench.wire.carrying.seconds - before == pytest.approx((echoed + len(b"serial#=SIM-1\r\n=> ")) * 10 / 115200)
    bench.close()
