"""The simulated board of the line protocol, by its raw bytes; the conversation is the one of docs/line-protocol.md."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from uart_port import PATIENCE_S, Port

from drivers.sim.board import Pace, Proof
from drivers.sim.faults import Fault, Faults
from drivers.sim.line import LineBoard
from drivers.sim.loop import LoopThread
from drivers.sim.memory import Memory
from drivers.sim.wire import Wire

Open = Callable[[Path], Port]
PAGE = Path(__file__).parents[2] / "docs" / "line-protocol.md"
FACTORY = {"@serial": "G1-00001234", "@hardware": "02:00:00:00:00:01"}
HELD = {"motd": "Grüße, Linie 2!", "key": "0123456789abcdef" * 2 + "01234567", "empty": ""}
DIGEST = b"ab1241c61ca28ff63e0f87eb5a80ae4a7d60a319c51ac3618a681463fc6ba43e"
EMPTY = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def crc(text: bytes) -> bytes:
    """The checksum, bit by bit as the page has it."""
    register = 0xFFFF
    for byte in text:
        register ^= byte << 8
        for _ in range(8):
            register = (register << 1) ^ (0x1021 if register & 0x8000 else 0)
            register &= 0xFFFF
    return b"%04X" % register


def framed(text: bytes) -> bytes:
    return text + b"*" + crc(text) + b"\n"


class Bench:
    """One board and the port it is seen through."""

    def __init__(self, loop: LoopThread, folder: Path, opened: Open, *faults: str) -> None:
        self.loop = loop
        self.memory = Memory(folder / "flash.json")
        self.memory.program(FACTORY)
        self.wire = Wire(folder / "port")
        wrong = Faults([Fault.parse(fault) for fault in faults])
        self.board = LineBoard(self.wire, self.memory, Pace(boot_s=0.01, save_s=0.02), wrong)
        loop.run(self._plug())
        self.port = opened(self.wire.path)
        self.power_on()

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

    def ready(self) -> bytes:
        return self.port.until(b"!-- READY*6B74\n")

    def say(self, line: bytes) -> bytes:
        """Send bytes as they are; return the next line."""
        self.port.send(line)
        return self.port.until(b"\n")

    def ask(self, text: bytes) -> bytes:
        """Send a request; return the fields of its reply, whose checksum is good and whose sequence is 42."""
        said = self.say(framed(b"?42 " + text))
        head, fields = said[:4], said[4:-6]
        assert head == b"!42 ", said
        assert said == framed(head + fields)
        return fields

    def write(self, settings: dict[bytes, bytes]) -> bytes:
        """Stage settings, each in one piece, and commit them."""
        hashed = hashlib.sha256()
        assert self.ask(b"BEGIN") == b"OK"
        for name in sorted(settings):
            value = settings[name]
            assert self.ask(b"PUT %s 0 %d %s" % (name, len(value), value)) == b"OK"
            hashed.update(name + b"\0" + len(value).to_bytes(4, "big") + value)
        return self.ask(b"COMMIT %d %s" % (len(settings), hashed.hexdigest().encode()))

    def close(self) -> None:
        self.loop.run(self._leave())


Make = Callable[..., Bench]


@pytest.fixture
def make(loop: LoopThread, tmp_path: Path, opened: Open) -> Iterator[Make]:
    made: list[Bench] = []

    def make_(*faults: str) -> Bench:
        made.append(Bench(loop, tmp_path, opened, *faults))
        return made[-1]

    yield make_
    for bench in made:
        bench.close()


@pytest.fixture
def bench(make: Make) -> Bench:
    bench = make()
    bench.ready()
    return bench


def conversation() -> list[tuple[bytes, bytes]]:
    """The page's requests, each with all that the board says to it."""
    block = re.search(r"## A conversation.*?```\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert block
    turns: list[tuple[bytes, bytes]] = []
    for line in block[1].encode().splitlines(keepends=True):
        if line.startswith(b"?"):
            turns.append((line, b""))
        else:
            turns[-1] = (turns[-1][0], turns[-1][1] + line)
    return turns


def timeless(said: bytes) -> bytes:
    """What was said without what the clock decides, and without what stands before a frame."""
    said = re.sub(rb"(?m)(OK 1 120) \d+\*....$", rb"\1 UP", said)
    return re.sub(rb"(?m)^[^!\n]*(!|\n)", lambda found: b"" if found[1] == b"\n" else b"!", said)


def test_the_conversation_of_the_page(bench: Bench) -> None:
    turns = conversation()
    assert len(turns) == 15
    for request, expected in turns:
        bench.port.send(request)
        said = b""
        while timeless(said).count(b"\n") < expected.count(b"\n"):
            said += bench.port.until(b"\n")
        assert timeless(said) == timeless(expected)
    assert bench.memory.flash == FACTORY | HELD


def test_it_starts_with_noise_boot_messages_and_ready(make: Make) -> None:
    bench = make()
    boot = bench.ready()
    assert boot.startswith(b"\xfc\x00\r\n")
    assert boot.endswith(b"\nI (312) boot: done? !-- READY*6B74\n")


def test_a_line_may_begin_with_noise_and_hold_cr_anywhere(bench: Bench) -> None:
    bench.port.send(b"\r\n\r\n\n")
    assert bench.say(b"\xff\x00half a frame? ?01 GET @serial 0*CCC1\r\n") == b"!01 OK 11 G1-00001234*C18D\n"
    assert bench.say(b"?01 GET\r @serial 0\r*CCC1\n") == b"!01 OK 11 G1-00001234*C18D\n"


def test_of_two_requests_in_one_line_the_second_counts(bench: Bench) -> None:
    bench.write({b"motd": b"0123456789abc"})
    said = bench.say(b"?0F GET motd 0" + framed(b"?0F GET motd 10"))
    assert said == framed(b"!0F OK 13 abc")


@pytest.mark.parametrize(
    "line",
    [
        b"?01 GET @serial 0*CCC2\n",
        b"?01 GET @serial 0*ccc1\n",
        b"?01 GET @serial 0*CCC1 \n",
        b"?01 GET @serial 0CCC1\n",
        b"?01 GET @serial\n",
        b"done?\n",
        framed(b"?0a HELLO"),
        framed(b"?-- HELLO"),
        framed(b"?00HELLO"),
        framed(b"?00 GET a*b 0"),
        framed(b"?00 GET a\tb 0"),
        framed(b"?00 GET \xc3\xa9 0"),
    ],
)
def test_a_line_that_holds_a_question_but_no_good_frame_is_bad(bench: Bench, line: bytes) -> None:
    assert bench.say(line) == b"!-- BAD*07E2\n"


def test_other_lines_are_noise_and_nobody_acts_on_them(bench: Bench) -> None:
    noise = b"I (5) log: nothing\n!01 OK 11 G1-00001234*C18D\n!07 OK*\n" + b"what? " + framed(b"!-- READY")
    assert bench.say(noise + b"?01 GET @serial 0*CCC1\n") == b"!01 OK 11 G1-00001234*C18D\n"


def test_a_line_that_fills_the_buffer_is_forgotten_and_the_next_one_counts(bench: Bench) -> None:
    frame = b"?01 GET @serial 0*CCC1\n"
    fits = b"x" * (127 - len(frame) + 1) + frame
    assert bench.say(fits) == b"!01 OK 11 G1-00001234*C18D\n"
    assert bench.say(b"x" + fits + framed(b"?02 GET @serial 0")) == framed(b"!02 OK 11 G1-00001234")
    assert bench.say(b"?" * 1000 + b"\n" + framed(b"?03 GET @serial 0")) == framed(b"!03 OK 11 G1-00001234")


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        (b"GET @hardware 3", b"OK 17 00:00:00:00:01"),
        (b"GET @hardware 17", b"OK 17"),
        (b"GET @hardware 18", b"ERR args"),
        (b"GET @firmware 0", b"OK 12 line-sim%201.0"),
        (b"GET %40serial 0", b"OK 11 G1-00001234"),
        (b"GET @revision 0", b"OK 1 C"),
        (b"GET @colour 0", b"ERR unknown"),
        (b"GET colour 0", b"ERR unknown"),
        (b"GET @serial", b"ERR args"),
        (b"GET  0", b"ERR unknown"),
        (b"GET @serial 0 0", b"ERR args"),
        (b"GET @serial 00", b"ERR args"),
        (b"GET @serial -1", b"ERR args"),
        (b"GET @serial%4 0", b"ERR args"),
        (b"HELLO 1", b"ERR args"),
        (b"BEGIN 1", b"ERR args"),
        (b"hello", b"ERR verb"),
        (b"FORMAT", b"ERR verb"),
        (b"", b"ERR verb"),
        (b"DIGEST", b"OK 0 " + EMPTY),
        (b"PUT a 0 1 a", b"ERR order"),
        (b"COMMIT 0 " + EMPTY, b"OK"),
        (b"COMMIT 0 " + DIGEST, b"ERR digest"),
        (b"COMMIT 1 " + EMPTY, b"ERR digest"),
        (b"COMMIT 0 " + EMPTY[1:], b"ERR args"),
        (b"COMMIT 0 " + EMPTY.upper(), b"ERR args"),
    ],
)
def test_requests_after_a_start(bench: Bench, request_: bytes, fields: bytes) -> None:
    assert bench.ask(request_) == fields
    assert bench.memory.flash == FACTORY


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        (b"PUT @serial 0 1 a", b"ERR name"),
        (b"PUT a/b 0 1 a", b"ERR name"),
        (b"PUT %c3%a9 0 1 a", b"ERR name"),
        (b"PUT  0 1 a", b"ERR name"),
        (b"PUT " + b"n" * 33 + b" 0 1 a", b"ERR name"),
        (b"PUT " + b"n" * 32 + b" 0 1 a", b"OK"),
        (b"PUT %61 0 1 a", b"OK"),
        (b"PUT a 0 2048 a", b"OK"),
        (b"PUT a 0 2049 a", b"ERR full"),
        (b"PUT a 0 1 ab", b"ERR args"),
        (b"PUT a 2 1", b"ERR args"),
        (b"PUT a 0 1 %zz", b"ERR args"),
        (b"PUT a 0 1 a b", b"ERR args"),
        (b"PUT a 0", b"ERR args"),
        (b"PUT a 0 0 ", b"OK"),
        (b"PUT half 4 8 efgh", b"OK"),
        (b"PUT half 2 8 cdefgh", b"OK"),
        (b"PUT half 5 8 fgh", b"ERR order"),
        (b"PUT half 4 9 efghi", b"ERR order"),
        (b"PUT other 1 8 b", b"ERR order"),
    ],
)
def test_staging(bench: Bench, request_: bytes, fields: bytes) -> None:
    assert bench.ask(b"BEGIN") == b"OK"
    assert bench.ask(b"PUT half 0 8 abcd") == b"OK"
    assert bench.ask(request_) == fields
    assert bench.ask(request_) == fields
    assert bench.memory.flash == FACTORY


def test_a_part_that_comes_again_changes_nothing_and_an_incomplete_value_does_not_count(bench: Bench) -> None:
    bench.ask(b"BEGIN")
    for part in (b"a 0 4 ab", b"a 0 4 ab", b"a 2 4 c", b"a 1 4 bcd", b"b 0 3 xy"):
        assert bench.ask(b"PUT " + part) == b"OK"
    digest = hashlib.sha256(b"a\0\0\0\0\4abcd").hexdigest().encode()
    assert bench.ask(b"COMMIT 1 " + digest) == b"OK"
    assert bench.memory.flash == FACTORY | {"a": "abcd"}


def test_there_is_an_end_of_room(bench: Bench) -> None:
    bench.ask(b"BEGIN")
    for number in range(7):
        assert bench.ask(b"PUT n%d 0 2048" % number) == b"OK"
    assert bench.ask(b"PUT n7 0 2048") == b"ERR full"
    assert bench.ask(b"PUT n6 0 2048 x") == b"OK"


def test_a_commit_replaces_the_set_as_a_whole_and_may_be_repeated(bench: Bench) -> None:
    assert bench.write({b"a": b"1", b"b": b"2"}) == b"OK"
    assert bench.write({b"c": b"3"}) == b"OK"
    assert bench.memory.flash == FACTORY | {"c": "3"}
    digest = hashlib.sha256(b"c\0\0\0\0\0013").hexdigest().encode()
    assert bench.ask(b"COMMIT 1 " + digest) == b"OK"
    bench.ask(b"BEGIN")
    assert bench.ask(b"COMMIT 1 " + digest) == b"OK"
    assert bench.ask(b"DIGEST") == b"OK 1 " + digest
    assert bench.ask(b"COMMIT 0 " + EMPTY) == b"OK"
    assert bench.memory.flash == FACTORY


def test_bytes_of_any_kind_come_back_in_lines_that_hold_whole_escapes(bench: Bench) -> None:
    value = bytes(range(256))
    bench.ask(b"BEGIN")
    for at in range(0, 256, 16):
        part = b"".join(b"%%%02x" % byte for byte in value[at : at + 16])
        assert bench.ask(b"PUT blob %d 256 %s" % (at, part)) == b"OK"
    digest = hashlib.sha256(b"blob\0\0\0\1\0" + value).hexdigest().encode()
    assert bench.ask(b"COMMIT 1 " + digest) == b"OK"
    read = b""
    while len(read) < 256:
        line = bench.say(framed(b"?42 GET blob %d" % len(read)))
        assert len(line) <= 121
        chunk = re.fullmatch(rb"!42 OK 256 (([!-~]|%[0-9A-F]{2})+)\*....\n", line)
        assert chunk
        read += re.sub(rb"%(..)", lambda found: bytes.fromhex(found[1].decode()), chunk[1])
    assert read == value


def test_the_key_is_not_told(bench: Bench) -> None:
    bench.write({b"fleet_key": b"0" * 40})
    assert bench.ask(b"GET fleet_key 0") == b"ERR secret"


def test_a_restart_forgets_what_was_only_staged_and_counts_up_anew(bench: Bench) -> None:
    def up() -> int:
        found = re.fullmatch(rb"OK 1 120 (\d+)", bench.ask(b"HELLO"))
        assert found
        return int(found[1])

    bench.ask(b"BEGIN")
    bench.ask(b"PUT a 0 1 a")
    ends = time.monotonic() + PATIENCE_S
    while (before := up()) < 100:
        assert time.monotonic() < ends
    began = time.monotonic()
    assert bench.ask(b"RESTART") == b"OK"
    bench.ready()
    after = up()
    assert 10 <= after <= (time.monotonic() - began) * 1000 + 1
    assert before >= 100
    assert bench.ask(b"PUT a 1 2 b") == b"ERR order"
    assert bench.ask(b"COMMIT 1 " + hashlib.sha256(b"a\0\0\0\0\1a").hexdigest().encode()) == b"ERR digest"


def test_a_board_killed_in_the_middle_of_a_commit_holds_the_old_set_or_the_new_one(
    tmp_path: Path, opened: Open
) -> None:
    program = (
        "import sys, threading; from pathlib import Path; from drivers.sim.fixture import Fixture\n"
        f"f = Fixture(Path({str(tmp_path / 'far')!r}), ['1'], 1, 7, dialect='line', "
        "boot_s=0.0, save_s=float(sys.argv[1]))\n"
        "f.insert('1'); sys.stdout.write('up'); sys.stdout.flush(); threading.Event().wait()\n"
    )
    flash = Memory(tmp_path / "far" / "boards" / "SIM-00700000.json")
    for turn, save_s in enumerate(("0", "0.001", "30")):
        with subprocess.Popen([sys.executable, "-c", program, save_s], stdout=subprocess.PIPE) as far:
            assert far.stdout and far.stdout.read(2) == b"up"
            before = flash.flash
            port = opened(tmp_path / "far" / "ports" / "1")
            value = b"%d" % turn
            digest = hashlib.sha256(b"a\0\0\0\0\1" + value).hexdigest().encode()
            port.until(b"READY*6B74\n")
            port.send(framed(b"?01 BEGIN") + framed(b"?02 PUT a 0 1 " + value))
            port.until(b"!02 OK")
            port.until(b"\n")
            port.send(framed(b"?03 COMMIT 1 " + digest))
            if save_s == "0":
                port.until(framed(b"!03 OK"))
            os.kill(far.pid, signal.SIGKILL)
        after = flash.flash
        new = before | {"a": value.decode()}
        assert after == new if save_s == "0" else after in (before, new)
        assert save_s != "30" or after == before


def test_a_power_cut_in_the_middle_of_a_set_leaves_the_old_one(bench: Bench) -> None:
    assert bench.write({b"a": b"old"}) == b"OK"
    bench.ask(b"BEGIN")
    bench.ask(b"PUT a 0 3 new")
    bench.power_off()
    bench.power_on()
    bench.ready()
    assert bench.ask(b"GET a 0") == b"OK 3 old"


def test_faults_of_the_firmware(make: Make) -> None:
    bench = make("wrong-readback")
    bench.ready()
    assert bench.write({b"a": b"1"}) == b"OK"
    assert bench.ask(b"GET a 0") == b"OK 2 1%3F"
    assert bench.ask(b"DIGEST") == b"OK 1 " + hashlib.sha256(b"a\0\0\0\0\0021?").hexdigest().encode()
    assert bench.ask(b"GET @serial 0") == b"OK 11 G1-00001234"


@pytest.mark.parametrize("fault", ["commit-lies", "forgets-on-reset"])
def test_a_board_that_loses_its_set_says_so_after_its_restart(make: Make, fault: str) -> None:
    bench = make(fault)
    bench.ready()
    assert bench.write({b"a": b"1"}) == b"OK"
    bench.ask(b"RESTART")
    bench.ready()
    assert bench.ask(b"DIGEST") == b"OK 0 " + EMPTY


def test_a_board_that_resets_says_so_and_has_forgotten_its_set(make: Make) -> None:
    bench = make("resets@write")
    bench.ready()
    bench.ask(b"BEGIN")
    bench.port.send(framed(b"?42 PUT a 0 1 a"))
    bench.ready()
    assert bench.ask(b"PUT a 0 1 a") == b"ERR order"


def test_noise_stands_between_its_lines(make: Make) -> None:
    bench = make("noise")
    bench.ready()
    assert bench.port.until(b"\r\n").startswith(b"[   12.345678]")
    assert bench.ask(b"GET @serial 0") == b"OK 11 G1-00001234"


def test_it_is_proven_once_committed_restarted_and_read_in_this_order(bench: Bench) -> None:
    assert bench.ask(b"DIGEST")
    assert bench.board.proof is Proof.NOTHING
    assert bench.write({b"a": b"1"}) == b"OK"
    assert bench.board.proof is Proof.COMMITTED
    bench.ask(b"RESTART")
    bench.ready()
    bench.ask(b"GET @serial 0")
    assert bench.board.proof is Proof.RESTARTED
    bench.ask(b"DIGEST")
    assert bench.board.proof is Proof.READ_BACK
