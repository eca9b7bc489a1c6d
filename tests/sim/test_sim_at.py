"""The simulated AT command module, by its raw bytes."""

from __future__ import annotations

import select
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from uart_port import Port

from drivers.sim import far_end, v250
from drivers.sim.at import AtBoard
from drivers.sim.board import Pace, Proof
from drivers.sim.faults import Fault, Faults
from drivers.sim.label import Label
from drivers.sim.loop import LoopThread
from drivers.sim.memory import Memory
from drivers.sim.v250 import Command, Malformed
from drivers.sim.wire import Wire

FACTORY = {"&serial": "SIM-1", "&mac": "02:00:00:00:00:01"}


class Bench:
    """One module and the port it is seen through."""

    def __init__(self, loop: LoopThread, folder: Path, opened: Callable[[Path], Port]) -> None:
        self.loop, self._folder, self._opened = loop, folder, opened
        self.memory = Memory(folder / "flash.json")
        self.memory.program(FACTORY)

    def start(self, *faults: str, baud: int = 0) -> Port:
        """Switch it on; return its port, from which its start was read."""
        self.wire = Wire(self._folder / "port", baud=baud)
        self.board = AtBoard(
            self.wire, self.memory, Pace(boot_s=0.01, save_s=0.02, command_s=0.001), Faults(map(Fault.parse, faults))
        )

        async def plug() -> None:
            self.wire.plug()

        async def power_on() -> None:
            self.board.power_on()

        self.loop.run(plug())
        self.port = self._opened(self.wire.path)
        self.loop.run(power_on())
        self.boot = self.port.until(b"RDY\r\n") if "silent" not in faults else b""
        return self.port

    def ask(self, line: bytes) -> bytes:
        """Send a line and return all up to its result, without its echo; quiet moments only."""
        self.port.send(line + b"\r")
        assert self.port.until(b"\r") == line + b"\r"
        said = self.port.until(b"\r\n")
        while not said.endswith((b"\r\nOK\r\n", b"ERROR\r\n")) and b"+CME ERROR" not in said:
            said += self.port.until(b"\r\n")
        return said

    def settle(self) -> None:
        """Get over the first command lines, which are disturbed."""
        self.port.send(b"AT\r" * 5)
        self.port.until(b"^HCSQ: 38\r\n")

    def close(self) -> None:
        async def leave() -> None:
            await self.board.power_off()
            self.wire.unplug()

        self.loop.run(leave())


@pytest.fixture
def bench(loop: LoopThread, tmp_path: Path, opened: Callable[[Path], Port]) -> Iterator[Bench]:
    bench = Bench(loop, tmp_path, opened)
    yield bench
    bench.close()


@pytest.fixture
def module(bench: Bench) -> Bench:
    bench.start()
    bench.settle()
    return bench


def test_it_is_the_far_end_of_its_dialect() -> None:
    assert far_end("at") is AtBoard
    assert AtBoard.program(Label("S", "M")) == {"&serial": "S", "&mac": "M"}


def test_it_announces_its_start_and_has_not_heard_what_came_before(bench: Bench) -> None:
    port = bench.start()
    assert bench.boot == b"\xfc\x00\r\nRDY\r\n"
    port.send(b"AT\r")
    assert port.until(b"OK\r\n") == b"AT\r\r\n+CREG: 2\r\n\r\nOK\r\n"
    port.send(b"AT+CFUN=1,1\rAT\r")
    assert port.until(b"RDY\r\n") == b"AT+CFUN=1,1\r\r\nOK\r\n\r\nRDY\r\n"
    assert select.select([port.fd], [], [], 0.1)[0] == []


def test_it_says_things_unasked_before_inside_and_after_answers(bench: Bench) -> None:
    port = bench.start()
    port.send(b"AT+CGSN\r" * 5 + b"ATE0\r")
    answer = b"AT+CGSN\r\r\nSIM-1\r\n"
    ok = b"\r\nOK\r\n"
    assert port.until(b"ATE0\r\r\nOK\r\n") == (
        b"AT+CGSN\r\r\n+CREG: 2\r\n" + answer.removeprefix(b"AT+CGSN\r") + ok
        + answer + ok
        + answer + b"\r\n+CREG: 1\r\n" + ok
        + answer + ok
        + answer + ok + b"\r\n^HCSQ: 38\r\n"
        + b"ATE0\r" + ok
    )  # fmt: skip


OK = b"\r\nOK\r\n"
ERROR = b"\r\nERROR\r\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"AT", OK),
        (b"at", OK),
        (b"  xAT", OK),
        (b"ATI", b"\r\nSIM-AT R01A02\r\n" + OK),
        (b"AT+CGMR", b"\r\nSIM-AT R01A02\r\n" + OK),
        (b"AT+CGSN", b"\r\nSIM-1\r\n" + OK),
        (b"AT+CGSN=0", b"\r\nSIM-1\r\n" + OK),
        (b"at+cgsn = 1", b'\r\n+CGSN: "SIM-1"\r\n' + OK),
        (b"AT+CGSN=?", b"\r\n+CGSN: (0,1)\r\n" + OK),
        (b"AT+CGSN=7", ERROR),
        (b"AT+MAC?", b'\r\n+MAC: "02:00:00:00:00:01"\r\n' + OK),
        (b"AT+MAC", ERROR),
        (b"AT+CFUN?", b"\r\n+CFUN: 1\r\n" + OK),
        (b"AT+CFUN=1", OK),
        (b"AT+CFUN=7", ERROR),
        (b"ATS3?", b"\r\n013\r\n" + OK),
        (b"ATS3=300", ERROR),
        (b"ATD123", ERROR),
        (b"AT+NOPE", ERROR),
        (b"ATAT", ERROR),
        (b"AT+CGSN;+CFUN?;E1", b"\r\nSIM-1\r\n\r\n+CFUN: 1\r\n" + OK),
        (b"AT+CFUN?;+NOPE;+CGSN", b"\r\n+CFUN: 1\r\n" + ERROR),
        (b"AT+CFUN=1 1", ERROR),
        (b'AT+NVM="a"', ERROR),
        (b'AT+NVM="a","x;, \\22y\\5C\\C3\\BC"', OK),
        (b'AT+NVM="a","\\zz"', ERROR),
        (b'AT+NVM="a","open', ERROR),
        (b'AT+NVM="","x"', ERROR),
        (b'AT+NVM="&serial","x"', ERROR),
        (b"AT+NVM=" + b"1" * 505, ERROR),
        (b'AT+NVM="a","' + b"x" * 501 + b'"', OK),
        (b'AT+NVM="a","' + b"x" * 502 + b'"', ERROR),
    ],
)
def test_commands(module: Bench, line: bytes, said: bytes) -> None:
    assert module.ask(line) == said


def test_named_strings_are_told_as_v250_writes_them(module: Bench) -> None:
    assert module.ask('AT+NVM="b","ü\\0D\\22"'.encode()) == OK
    assert module.ask(b'AT+NVM="a",""') == OK
    assert module.ask(b'AT+NVM="b"') == b'\r\n+NVM: "b","\\C3\\BC\\0D\\22"\r\n' + OK
    assert module.ask(b"AT+NVM?") == b'\r\n+NVM: "a",""\r\n\r\n+NVM: "b","\\C3\\BC\\0D\\22"\r\n' + OK
    assert module.board.memory.ram["b"] == 'ü\r"'


def test_errors_have_codes_or_words_if_asked_for(module: Bench) -> None:
    assert module.ask(b"AT+CMEE=1") == OK
    assert module.ask(b'AT+NVM="a"') == b"\r\n+CME ERROR: 22\r\n"
    assert module.ask(b"AT+NOPE") == b"\r\n+CME ERROR: 4\r\n"
    assert module.ask(b"ATX99") == ERROR
    assert module.ask(b"AT+CMEE=2") == OK
    assert module.ask(b'AT+NVM="a"') == b"\r\n+CME ERROR: not found\r\n"
    assert module.ask(b"AT+CMEE?") == b"\r\n+CMEE: 2\r\n" + OK
    assert module.ask(b"AT+CMEE=3") == b"\r\n+CME ERROR: Incorrect parameters\r\n"


def test_the_strings_have_an_end(module: Bench) -> None:
    assert module.ask(b"AT+CMEE=1;" + b";".join(b'+NVM="%d","x"' % n for n in range(30))) == OK
    assert module.ask(b"AT" + b";".join(b'+NVM="%d","x"' % n for n in range(30, 60))) == OK
    assert module.ask(b"AT" + b";".join(b'+NVM="%d","x"' % n for n in range(60, 64))) == OK
    assert module.ask(b'AT+NVM="64","x"') == b"\r\n+CME ERROR: 20\r\n"
    assert module.ask(b'AT+NVM="63","y"') == OK


def test_echo_and_words_may_be_switched(module: Bench) -> None:
    port = module.port
    port.send(b"ATE0\rAT\rATV0\rAT+CFUN?\rATX9\rATQ1\rAT\rATQ0V1E1\rAT\r")
    assert port.until(b"AT\r\r\nOK\r\n") == (
        b"ATE0\r" + OK + OK + b"0\r" + b"+CFUN: 1\r\n0\r" + b"4\r" + OK + b"AT\r" + OK
    )


def test_its_characters_may_be_other_ones(module: Bench) -> None:
    module.port.send(b"ATS4=13\rAT\r")
    assert module.port.until(b"AT\r\r\rOK\r\r") == b"ATS4=13\r\r\rOK\r\rAT\r\r\rOK\r\r"
    module.port.send(b"ATS3=10\rAT+CFUN?\n")
    assert module.port.until(b"?\n\n\r+CFUN: 1\n\r\n\rOK\n\r")[:19] == b"ATS3=10\r\n\rOK\n\rAT+CF"


def test_it_edits_and_repeats(module: Bench) -> None:
    module.port.send(b"AT+CGX\x08SN\rA/")
    answer = b"\r\nSIM-1\r\n" + OK
    assert module.port.take(len(b"AT+CGX\x08SN\rA/" + answer * 2)) == b"AT+CGX\x08SN\r" + answer + b"A/" + answer


def test_a_start_forgets_what_was_not_stored(module: Bench) -> None:
    assert module.ask(b'ATE1+NVM="kept","1"') == OK
    assert module.ask(b"AT+CMEE=2;&W") == OK
    assert module.ask(b'AT+CMEE=0;+NVM="lost","2"') == OK
    module.port.send(b"AT+CFUN=1,1\r")
    assert module.port.until(b"RDY\r\n") == b"AT+CFUN=1,1\r" + OK + b"\r\nRDY\r\n"
    module.settle()
    assert module.ask(b'AT+NVM="kept"') == b'\r\n+NVM: "kept","1"\r\n' + OK
    assert module.ask(b'AT+NVM="lost"') == b"\r\n+CME ERROR: not found\r\n"
    assert module.memory.flash == FACTORY | {"kept": "1", "&E": "1", "&CMEE": "2"}


def test_what_was_stored_can_be_recalled_and_the_factorys_too(module: Bench) -> None:
    module.port.send(b"ATS4=13&W\rAT&F\rATZ\r")
    said = b"ATS4=13&W\r\r\rOK\r\rAT&F\r\r\nOK\r\nATZ\r\r\rOK\r\r"
    assert module.port.take(len(said)) == said


def test_it_is_proven_once_stored_restarted_and_read_in_this_order(module: Bench) -> None:
    def proof_after(line: bytes) -> Proof:
        module.ask(line)
        return module.board.proof

    assert proof_after(b'AT+NVM="a","1"') is Proof.NOTHING
    assert proof_after(b"AT&W") is Proof.COMMITTED
    assert proof_after(b'AT+NVM="a"') is Proof.COMMITTED
    module.port.send(b"AT+CFUN=1,1\r")
    module.port.until(b"RDY\r\n")
    module.settle()
    assert proof_after(b"AT+CGSN=1") is Proof.RESTARTED
    assert proof_after(b'AT+NVM="a"') is Proof.READ_BACK


def test_it_counts_the_seconds_that_it_needed_itself(bench: Bench) -> None:
    bench.start()
    assert bench.board.busy_s == pytest.approx(0.01)
    bench.port.send(b"AT&W\r")
    bench.port.until(b"OK\r\n")
    assert bench.board.busy_s == pytest.approx(0.031)


@pytest.mark.parametrize(
    ("fault", "line", "said"),
    [
        ("echo-off", b"AT+CFUN?\r", b"\r\n+CREG: 2\r\n\r\n+CFUN: 1\r\n" + OK),
        ("resets@identify", b"AT+CGSN\r", b"AT+CGSN\r\r\n+CREG: 2\r\n\r\nRDY\r\n"),
        ("resets@write", b'AT+NVM="a","1"\r', b'AT+NVM="a","1"\r\r\n+CREG: 2\r\n\r\nRDY\r\n'),
        ("resets@commit", b"AT&W\r", b"AT&W\r\r\n+CREG: 2\r\n\r\nRDY\r\n"),
        ("resets@restart", b"AT+CFUN=1,1\r", b"AT+CFUN=1,1\r\r\n+CREG: 2\r\n\r\nRDY\r\n"),
        ("resets@read", b'AT+NVM="a"\r', b'AT+NVM="a"\r\r\n+CREG: 2\r\n\r\nRDY\r\n'),
        (
            "wrong-readback",
            b'AT+NVM="a","1";+NVM="a"\r',
            b'AT+NVM="a","1";+NVM="a"\r\r\n+CREG: 2\r\n\r\n+NVM: "a","1?"\r\n' + OK,
        ),
    ],
)
def test_faults(bench: Bench, fault: str, line: bytes, said: bytes) -> None:
    port = bench.start(fault)
    port.send(line)
    assert port.take(len(said)) == said


def test_at_115200_baud_the_conversation_is_the_same(bench: Bench) -> None:
    port = bench.start(baud=115200)
    bench.settle()
    before = bench.wire.carrying.seconds
    assert bench.ask(b"AT+CFUN?") == b"\r\n+CFUN: 1\r\n" + OK
    carried = len(b"AT+CFUN?\r") + 1 + len(b"\r\n+CFUN: 1\r\n" + OK)  # the last echo leaves after the last byte came
    assert bench.wire.carrying.seconds - before == pytest.approx(carried * 10 / 115200, rel=0.01)
    assert port


# ------------------------------------------------------------------ V.250's command lines


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ("", []),
        ("E0V1&W", [Command("E", "", (0,)), Command("V", "", (1,)), Command("&W", "", ())]),
        ("S3=13S4?", [Command("S3", "=", (13,)), Command("S4", "?", ())]),
        (' + cops=0,,"a;b" , 7', None),
        ('+COPS=0,,"a;b" , 7', [Command("+COPS", "=", (0, None, "a;b", 7))]),
        ("+CFUN?;+CGSN=?;Z", [Command("+CFUN", "?", ()), Command("+CGSN", "=?", ()), Command("Z", "", ())]),
        ("+CFUN=", [Command("+CFUN", "=", (None,))]),
        ("+CFUN=1x", None),
        ('+X="\\4"', None),
        ("7", None),
    ],
)
def test_command_lines(body: str, read: list[Command] | None) -> None:
    if read is None:
        with pytest.raises(Malformed):
            list(v250.commands(body))
    else:
        assert list(v250.commands(body)) == read


@pytest.mark.parametrize("text", ["", "plain", 'a"b\\c', "ü\r\n\x00", "\udcff"])
def test_strings_mean_what_they_were_made_of(text: str) -> None:
    written = v250.string(text)
    assert written.isascii() and written.isprintable()
    assert list(v250.commands(f"+X={written}")) == [Command("+X", "=", (text,))]
