"""The C implementation of the line protocol: what the page says, what power cuts and noise leave of it."""

from __future__ import annotations

import hashlib
import os
import random
import re
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from c_board import EMPTY, FIRMWARE, PAGE, STRICT, CBoard, asked, compiled, conversation, framed, replies

from drivers.sim.board import Pace
from drivers.sim.line import LineBoard
from drivers.sim.loop import LoopThread
from drivers.sim.memory import Memory
from drivers.sim.wire import Wire

pytestmark = [pytest.mark.real, pytest.mark.slow]

PATIENCE_S = 20.0
OLD, NEW, ERASE = {b"a": b"old", b"b": b"x" * 30}, {b"a": b"new", b"c": b"y" * 41}, 4096


def digest(settings: dict[bytes, bytes]) -> bytes:
    hashed = hashlib.sha256()
    for name in sorted(settings):
        hashed.update(name + b"\0" + len(settings[name]).to_bytes(4, "big") + settings[name])
    return hashed.hexdigest().encode()


def provisioned(settings: dict[bytes, bytes]) -> bytes:
    """The lines that give a board a set."""
    puts = [b"PUT %s 0 %d %s" % (name, len(value), value) for name, value in settings.items()]
    return asked(b"BEGIN", *puts, b"COMMIT %d %s" % (len(settings), digest(settings)))


@contextmanager
def opened(path: Path) -> Iterator[int]:
    while not path.exists():
        os.sched_yield()
    port = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        yield port
    finally:
        os.close(port)


def heard(port: int, marker: bytes) -> bytes:
    """What is said up to the end of the marker."""
    said = b""
    while not said.endswith(marker):
        assert select.select([port], [], [], PATIENCE_S)[0], said
        said += os.read(port, 1)
    return said


# ---------------------------------------------------------------- the code


@pytest.mark.usefixtures("line_firmware")
@pytest.mark.parametrize("level", ["-O0", "-Os", "-O3"])
def test_it_compiles_without_a_warning(level: str, tmp_path: Path) -> None:
    for compiler in filter(shutil.which, ("gcc", "clang")):
        compiled(tmp_path / compiler, compiler, level)


@pytest.mark.usefixtures("line_firmware")
def test_the_protocol_needs_of_the_library_what_string_h_declares(tmp_path: Path) -> None:
    protocol = ["provision", "frame", "held", "staging", "sha256", "pages"]
    for module in protocol:
        source, into = FIRMWARE / f"{module}.c", tmp_path / f"{module}.o"
        subprocess.run(["gcc", *STRICT, "-Os", "-ffreestanding", "-c", "-o", into, source], check=True)
    said = subprocess.run(["nm", *tmp_path.glob("*.o")], capture_output=True, text=True, check=True).stdout
    defined = set(re.findall(r" [TDRB] (\w+)$", said, re.MULTILINE))
    needed = set(re.findall(r" U (\w+)$", said, re.MULTILINE)) - defined
    assert {name for name in needed if not re.match(r"(mem|str)\w+$|__stack_chk_fail$|_GLOBAL_OFFSET", name)} == set()
    assert not re.search(r" [BbDd] (?!.*\.rel)\w+$", re.sub(r" d VERBS", "", said), re.MULTILINE)


@pytest.mark.usefixtures("line_firmware")
def test_make_makes_the_board_and_measures_it(tmp_path: Path) -> None:
    shutil.copytree(FIRMWARE, tmp_path / "firmware", ignore=shutil.ignore_patterns("*.o", "board"))
    for target in ("board", "size"):
        done = subprocess.run(["make", "-s", target], cwd=tmp_path / "firmware", capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
    assert b"(TOTALS)" in done.stdout
    told = subprocess.run([tmp_path / "firmware" / "board", "--serial"], capture_output=True, check=False)
    assert told.returncode == 2
    assert told.stderr.startswith(b"usage: board ")


@pytest.mark.parametrize("path", [FIRMWARE / "README.md", PAGE], ids=["README.md", "line-protocol.md"])
def test_a_frame_that_is_shown_has_a_good_checksum(path: Path) -> None:
    shown = re.findall(rb"[?!](?:[0-9A-F]{2}|--) [^*?!`\n]+\*[0-9A-F]{4}", path.read_bytes())
    assert len(shown) >= 2
    assert [framed(frame[:-5])[:-1] for frame in shown] == shown


# ---------------------------------------------------------------- the protocol


def test_the_conversation_of_the_page(line_board: CBoard) -> None:
    turns = conversation()
    assert len(turns) == 15
    line_board.power_on()
    with opened(line_board.port) as port:
        for request, expected in turns:
            os.write(port, request)
            frames = b""
            while frames.count(b"\n") < expected.count(b"\n"):
                line = heard(port, b"\n")
                frames += line if line.startswith(b"!") else b""

            def timeless(said: bytes) -> bytes:
                return re.sub(rb"(?m)(OK 1 120) \d+\*....$", rb"\1 UP", said)

            if request.startswith(b"?00"):
                frames = frames.replace(framed(b"!-- READY"), b"") or heard(port, b"\n")
            assert timeless(frames) == timeless(expected)


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        (b"GET @hardware 3", b"OK 17 00:00:00:00:01"),
        (b"GET @hardware 17", b"OK 17"),
        (b"GET @hardware 18", b"ERR args"),
        (b"GET %40serial 0", b"OK 11 G1-00001234"),
        (b"GET @serial%00 0", b"ERR unknown"),
        (b"GET @revision 0", b"ERR unknown"),
        (b"GET fleet.key 0", b"ERR unknown"),
        (b"HELLO 1", b"ERR args"),
        (b"hello", b"ERR verb"),
        (b"", b"ERR verb"),
        (b"DIGEST", b"OK 0 " + EMPTY),
        (b"PUT a 0 1 a", b"ERR order"),
        (b"COMMIT 0 " + EMPTY, b"OK"),
        (b"COMMIT 1 " + EMPTY, b"ERR digest"),
        (b"COMMIT 0 " + EMPTY.upper(), b"ERR args"),
        (b"COMMIT 4294967296 " + EMPTY, b"ERR args"),
    ],
)
def test_requests_after_a_start(line_board: CBoard, request_: bytes, fields: bytes) -> None:
    assert line_board.hears(asked(request_)) == ([fields], 0)


def test_it_refuses_what_it_can_not_hold(line_board: CBoard) -> None:
    said, _ = line_board.hears(
        asked(
            b"BEGIN",
            b"PUT a/b 0 1 a",
            b"PUT factory.serial 0 1 a",
            b"PUT report_s 0 2 30",
            b"PUT report_s 1 2 x",
            b"PUT report_s 1 2 x",
            b"PUT b 0 2049",
            b"PUT b 0 2048",
            b"PUT c 0 2048",
            b"COMMIT 0 " + EMPTY,
        )
    )
    refused = [b"ERR name", b"ERR name", b"OK", b"ERR value", b"ERR value", b"ERR full", b"OK", b"ERR full"]
    assert said == [b"OK", *refused, b"OK"]


def test_a_value_that_the_board_refuses_does_not_count(line_board: CBoard) -> None:
    wrong, right = digest({b"report_s": b"3x"}), digest({b"report_s": b"30"})
    said, _ = line_board.hears(
        asked(
            b"BEGIN",
            b"PUT report_s 0 2 3x",
            b"COMMIT 1 " + wrong,
            b"PUT report_s 0 2 3",
            b"PUT report_s 1 2 x",
            b"COMMIT 1 " + wrong,
            b"PUT report_s 1 2 0",
            b"COMMIT 1 " + right,
        )
    )
    no, yes = [b"ERR value", b"ERR digest"], [b"OK", b"OK"]
    assert said == [b"OK", *no, b"OK", *no, *yes]


def test_bytes_of_any_kind_come_back_in_lines_that_hold_whole_escapes(line_board: CBoard) -> None:
    value = bytes(range(256)) + b"x" * 200
    parts = [(at, b"".join(b"%%%02x" % byte for byte in value[at : at + 20])) for at in range(0, len(value), 20)]
    puts = [b"PUT blob %d %d %s" % (at, len(value), part) for at, part in parts]
    line_board.hears(asked(b"BEGIN", *puts, b"COMMIT 1 " + digest({b"blob": value})))
    read = b""
    while len(read) < len(value):
        (told,), _ = line_board.hears(asked(b"GET blob %d" % len(read)))
        assert len(framed(b"!00 " + told)) <= 121
        chunk = re.fullmatch(rb"OK 456 (([ -$&-~]|%[0-9A-F]{2})+)", told)
        assert chunk
        read += re.sub(rb"%(..)", lambda found: bytes.fromhex(found[1].decode()), chunk[1])
    assert read == value


def test_a_value_of_any_length_has_its_digest(line_board: CBoard) -> None:
    value = bytes(range(32)) * 64
    lines, expected = [], []
    for size in (*range(140), 511, 1000, 2047, 2048):
        parts = [(at, value[at : min(at + 24, size)]) for at in range(0, size, 24)] or [(0, b"")]
        lines += [b"BEGIN"]
        lines += [b"PUT a %d %d %s" % (at, size, b"".join(b"%%%02X" % byte for byte in part)) for at, part in parts]
        lines += [b"COMMIT 1 " + digest({b"a": value[:size]}), b"DIGEST"]
        expected += [b"OK"] * (len(parts) + 2) + [b"OK 1 " + digest({b"a": value[:size]})]
    said, _ = line_board.hears(b"".join(framed(b"?00 " + line) for line in lines))
    assert said == expected


def test_a_key_is_not_told_and_its_digest_is(line_board: CBoard) -> None:
    key = {b"fleet.key": b"0123456789" * 4, b"motd": b"hello"}
    line_board.hears(provisioned(key))
    said, _ = line_board.hears(asked(b"GET fleet.key 0", b"GET motd 0", b"DIGEST"))
    assert said == [b"ERR secret", b"OK 5 hello", b"OK 2 " + digest(key)]


# ---------------------------------------------------------------- power cuts


def test_a_power_cut_at_any_byte_of_a_commit_leaves_the_old_set_or_the_new_one(line_board: CBoard) -> None:
    written = 64 + 64  # a header; NEW in units of 32 bytes
    cuts = [0, 1, 100, 2048, ERASE, ERASE + 1, ERASE + 20, *range(ERASE + 63, ERASE + written + 1)]
    seen = []
    for settings in ({b"a": b"oldest"}, OLD):  # so that both pages have been used
        line_board.hears(provisioned(settings))
    before = line_board.flash.read_bytes()
    for cut in cuts:
        line_board.flash.write_bytes(before)
        said, ended = line_board.hears(provisioned(NEW), "--power-cut", str(cut))
        assert (said[-1:], ended) == ([b"OK"], -9)  # the last answer is that of the last PUT
        seen.append(line_board.holds())
    assert set(seen) == {digest(OLD), digest(NEW)}
    assert seen == sorted(seen, key=lambda told: told == digest(NEW))
    assert seen[-2:] == [digest(OLD), digest(NEW)]  # up to the very last byte it was the old one


def test_after_a_power_cut_the_next_commit_succeeds(line_board: CBoard) -> None:
    line_board.hears(provisioned(OLD))
    line_board.hears(provisioned(NEW), "--power-cut", str(ERASE + 10))
    assert line_board.holds() == digest(OLD)
    assert line_board.hears(provisioned(NEW))[0][-1] == b"OK"
    assert line_board.holds() == digest(NEW)


def test_a_commit_whose_answer_was_lost_is_answered_from_permanent_memory(line_board: CBoard) -> None:
    line_board.hears(provisioned(NEW))
    said, _ = line_board.hears(asked(b"COMMIT 2 " + digest(NEW)), "--power-cut", "0")
    assert said == [b"OK"]


def test_flash_that_was_spoilt_is_no_set(line_board: CBoard) -> None:
    line_board.hears(provisioned(NEW))
    flash = bytearray(line_board.flash.read_bytes())
    flash[70] ^= 1
    line_board.flash.write_bytes(flash)
    assert line_board.holds() == EMPTY


@pytest.mark.parametrize("blob", [b"a\0\0\0\0\5four", b"a\0\0\0\0", b"a" * 40, b"\xff" * 64, b"\0" * 3])
def test_flash_that_somebody_else_has_written_is_no_danger(blob: bytes, line_board: CBoard) -> None:
    head = (1).to_bytes(4, "little") + len(blob).to_bytes(4, "little") + bytes(24)
    line_board.flash.write_bytes(head + hashlib.sha256(head + blob).digest() + blob)
    told, ended = line_board.hears(asked(b"GET a 0", b"DIGEST"))
    assert (told, ended) == ([b"ERR unknown", b"OK 0 " + hashlib.sha256(blob).hexdigest().encode()], 0)
    assert line_board.hears(provisioned(NEW))[0][-1] == b"OK"
    assert line_board.holds() == digest(NEW)


# ---------------------------------------------------------------- noise

_NAMES = [b"a", b"b.c", b"d_e-f", b"motd", b"@serial", b"@hardware", b"@none", b"x" * 33, b"a/b", b"%61", b"%", b""]
_NUMBERS = [b"0", b"1", b"2", b"3", b"5", b"40", b"300", b"2049", b"00", b"-1", b"", b"999999999", b"9999999999", b"1x"]
_PARTS = [b"", b"a", b"ab", b"%00%ff", b"abc%20", b"%C3%BC", b"%4", b"0123456789" * 4, b"a b"]


def _request(chance: random.Random, sets: list[dict[bytes, bytes]]) -> bytes:
    kind, pick = chance.random(), chance.choice
    if kind < 0.1:
        return pick([b"HELP", b"hello", b"", b"BEGIN 1", b"GET", b"PUT a", b"COMMIT", b"DIGEST 1"])
    if kind < 0.2:
        return b"DIGEST"
    if kind < 0.4:
        return b"GET %s %s" % (pick(_NAMES), pick(_NUMBERS[:8]) if chance.random() < 0.8 else pick(_NUMBERS))
    if kind < 0.8:
        return b"PUT %s %s %s %s" % (pick(_NAMES), pick(_NUMBERS), pick(_NUMBERS), pick(_PARTS))
    if kind < 0.85:
        return b"BEGIN"
    settings = pick(sets)
    return b"COMMIT %d %s" % (len(settings), digest(settings))


def _spoilt(chance: random.Random, line: bytes) -> bytes:
    """A line as noise leaves it."""
    at = chance.randrange(len(line))
    match chance.randrange(7):
        case 0:
            return line[:at] + line[at + 1 :]
        case 1:
            return line[:at] + bytes([line[at] ^ 1 << chance.randrange(8)]) + line[at + 1 :]
        case 2:
            return line[:at] + chance.randbytes(chance.randrange(1, 4)) + line[at:]
        case 3:
            return b"I (5) log: " + chance.choice([b"done? ", b"done! ", b""]) + line
        case 4:
            return line[:at] + line
        case 5:
            return b"?" * chance.randrange(200) + line
        case _:
            return line[:at] + b"\r" + line[at:]


def _mess(seed: int, count: int) -> bytes:
    """So many requests, each third of them spoilt; some are a whole set, some a RESTART."""
    chance = random.Random(seed)
    sets = [{}, {b"a": b"ab"}, {b"a": b"ab", b"motd": b""}, {b"b.c": b"a"}]
    text = b""
    for number in range(count):
        if chance.random() < 0.1:
            text += provisioned(chance.choice(sets))
        line = framed(b"?%02X " % (number % 256) + _request(chance, sets))
        text += _spoilt(chance, line) if chance.random() < 0.3 else line
        if chance.random() < 0.05:
            text += framed(chance.choice([b"!00 OK", b"!-- READY", b"!00 GET @serial 0", b"what? !00 OK"]))
    return text + b"\n" + framed(b"?FF DIGEST")


@pytest.mark.parametrize("seed", range(3))
def test_the_two_readings_of_the_page_agree_whatever_they_hear(
    seed: int, line_board: CBoard, loop: LoopThread, tmp_path: Path
) -> None:
    """The simulated board and this one were written from the page, and from nothing else."""
    mess = _mess(seed, 1500)
    told, ended = line_board.hears(mess)
    assert ended == 0
    assert len(told) > 1000

    memory = Memory(tmp_path / "flash.json")
    memory.program({"@serial": "G1-00001234", "@hardware": "02:00:00:00:00:01"})
    board = LineBoard(Wire(tmp_path / "simulated"), memory, Pace(boot_s=0, save_s=0))

    async def switch(on: bool) -> None:
        if on:
            board.wire.plug()
            board.power_on()
        else:
            await board.power_off()
            board.wire.unplug()

    loop.run(switch(True))
    simulated: list[bytes] = []
    with opened(board.wire.path) as port:
        heard(port, framed(b"!-- READY"))
        for number, line in enumerate(mess.splitlines(keepends=True)):
            # A word of our own after each line: its reply means that the line has been dealt with.
            os.write(port, line + (framed(b"?EE HELLO") if line.endswith(b"\n") else b""))
            if line.endswith(b"\n"):
                said = heard_reply(port)
                simulated += replies(said)
                assert simulated == told[: len(simulated)], (number, line)
    loop.run(switch(False))
    assert simulated == told


def heard_reply(port: int) -> bytes:
    """What is said before the reply to EE."""
    said = b""
    while not (found := re.search(rb"!EE OK 1 120 \d+\*....\n$", said)):
        assert select.select([port], [], [], PATIENCE_S)[0], said
        said += os.read(port, 4096)
    return said[: found.start()]


def test_mere_noise_harms_nothing(line_board: CBoard) -> None:
    line_board.hears(provisioned(OLD))
    chance = random.Random(4)
    noise = b"".join(
        chance.randbytes(chance.randrange(300)) + chance.choice([b"\n", b"?", b"!", b"*"]) for _ in range(2000)
    )
    said, ended = line_board.hears(noise + b"\n" + asked(b"DIGEST"))
    assert (said, ended) == ([b"OK 2 " + digest(OLD)], 0)
