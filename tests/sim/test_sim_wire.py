from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from uart_port import Port

from drivers.sim.loop import LoopThread
from drivers.sim.wire import FIFO, Wire

Open = Callable[[Path], Port]
BAUD = 115200
EVERY_BYTE = bytes(range(256))


async def plug(wire: Wire) -> None:
    wire.plug()


async def unplug(wire: Wire) -> None:
    wire.unplug()


async def write(wire: Wire, data: bytes) -> None:
    wire.write(data)


async def read(wire: Wire, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += await wire.read()
    return data


@pytest.fixture
def wire(loop: LoopThread, tmp_path: Path) -> Iterator[Wire]:
    wire = Wire(tmp_path / "port")
    loop.run(plug(wire))
    yield wire
    loop.run(unplug(wire))


@pytest.fixture
def paced(loop: LoopThread, tmp_path: Path) -> Iterator[Wire]:
    wire = Wire(tmp_path / "paced", baud=BAUD)
    loop.run(plug(wire))
    yield wire
    loop.run(unplug(wire))


@pytest.mark.parametrize("name", ["wire", "paced"])
def test_every_byte_passes_unchanged_both_ways(
    name: str, request: pytest.FixtureRequest, loop: LoopThread, opened: Open
) -> None:
    wire = request.getfixturevalue(name)
    port = opened(wire.path)
    loop.run(write(wire, EVERY_BYTE))
    assert port.take(256) == EVERY_BYTE
    work = asyncio.run_coroutine_threadsafe(read(wire, 256), loop._loop)
    while not wire._listening:
        time.sleep(0.001)
    port.send(EVERY_BYTE)
    assert work.result(20) == EVERY_BYTE


def test_unplugging_hangs_up_and_takes_the_path_away(wire: Wire, loop: LoopThread, opened: Open) -> None:
    port = opened(wire.path)
    loop.run(unplug(wire))
    assert not wire.path.is_symlink()
    assert port.hung_up()
    with pytest.raises(OSError, match="Input/output error"):
        os.write(port.fd, b"x")


def test_after_plugging_again_the_same_path_works_and_old_bytes_are_gone(
    wire: Wire, loop: LoopThread, opened: Open
) -> None:
    opened(wire.path).send(b"typed")
    while not wire.pending:
        time.sleep(0.001)
    loop.run(write(wire, b"old"))
    loop.run(unplug(wire))
    assert not wire.pending
    loop.run(write(wire, b"into the air"))
    loop.run(plug(wire))
    loop.run(write(wire, b"new"))
    assert opened(wire.path).take(3) == b"new"


def test_a_stale_link_is_replaced(loop: LoopThread, tmp_path: Path, opened: Open) -> None:
    (tmp_path / "port").symlink_to("/dev/null")
    wire = Wire(tmp_path / "port")
    loop.run(plug(wire))
    assert os.isatty(opened(wire.path).fd)
    loop.run(unplug(wire))


def test_what_nobody_reads_is_lost_and_blocks_nobody(wire: Wire, loop: LoopThread, opened: Open) -> None:
    port = opened(wire.path)
    stream = b"".join(b"%07d " % n for n in range(50_000))
    for at in range(0, len(stream), 4000):
        loop.run(write(wire, stream[at : at + 4000]))
    assert port.take(4000) == stream[:4000]


def test_a_busy_board_keeps_one_fifo_of_what_is_typed(wire: Wire, loop: LoopThread, opened: Open) -> None:
    opened(wire.path).send(EVERY_BYTE)
    while len(wire._inbox) < FIFO:
        time.sleep(0.001)
    assert loop.run(read(wire, FIFO)) == EVERY_BYTE[:FIFO]


def test_a_paced_wire_takes_ten_bits_a_byte(paced: Wire, loop: LoopThread, opened: Open) -> None:
    port = opened(paced.path)
    began = time.monotonic()
    loop.run(write(paced, bytes(2304)))
    port.take(2304)
    assert time.monotonic() - began >= 2304 * 10 / BAUD
    assert paced.carrying.seconds == pytest.approx(2304 * 10 / BAUD)


def test_a_board_does_not_wait_for_bytes_that_an_unplugged_wire_has_lost(paced: Wire, loop: LoopThread) -> None:
    loop.run(write(paced, bytes(1_000_000)))  # 87 seconds
    loop.run(unplug(paced))
    loop.run(asyncio.wait_for(paced.drain(), 20))


def test_a_paced_wire_holds_back_what_the_station_sends(paced: Wire, loop: LoopThread, opened: Open) -> None:
    port = opened(paced.path)
    work = asyncio.run_coroutine_threadsafe(read(paced, 1152), loop._loop)
    while not paced._listening:
        time.sleep(0.001)
    began = time.monotonic()
    port.send(bytes(1152))
    assert work.result(20) == bytes(1152)
    assert time.monotonic() - began >= 1152 * 10 / BAUD
    assert paced.carrying.seconds == pytest.approx(1152 * 10 / BAUD)


def test_an_echo_travels_while_the_rest_arrives(paced: Wire, loop: LoopThread, opened: Open) -> None:
    async def echo_all(count: int) -> None:
        while count:
            data = await paced.read()
            paced.echo(data)
            count -= len(data)
        await paced.drain()

    port = opened(paced.path)
    work = asyncio.run_coroutine_threadsafe(echo_all(80), loop._loop)
    while not paced._listening:
        time.sleep(0.001)
    port.send(bytes(range(80)))
    assert port.take(80) == bytes(range(80))
    work.result(20)
    assert paced.carrying.seconds == pytest.approx(81 * 10 / BAUD)
