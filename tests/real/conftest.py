"""Boards that nobody here made.

Where one can't be had, its tests say so and are skipped; where CI=true is in
the environment they fail instead, since there ``.ci/run`` installs it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from c_board import SANITIZED, CBoard, compiled
from microbit import FIRMWARE, MicroBit
from needed import missing
from qemu_board import qemu_from, system_qemu, version
from uboot import GOOD, IMAGE, UBoot

from drivers.sim.loop import LoopThread


def _needs_image() -> None:
    if not IMAGE.exists():
        missing("no U-Boot (package u-boot-qemu)")


@pytest.fixture
def uboot(tmp_path: Path) -> Iterator[UBoot]:
    """U-Boot that is on, and can save its environment."""
    _needs_image()
    qemu = qemu_from(GOOD)
    if qemu is None:
        missing("no QEMU whose flash works (qemu-system-arm, newer than Debian 12's 7.2)")
    with closing(UBoot(tmp_path, qemu)) as board:
        board.power_on()
        yield board


@pytest.fixture
def uboot_old(tmp_path: Path) -> Iterator[UBoot]:
    """U-Boot that is on, and whose ``saveenv`` fails: on Debian 12's QEMU; where that is newer, with a worn flash."""
    _needs_image()
    qemu = system_qemu()
    if qemu is None:
        missing("no qemu-system-arm")
    with closing(UBoot(tmp_path, qemu, worn=version(qemu) >= GOOD)) as board:
        board.power_on()
        yield board


@pytest.fixture(scope="session")
def line_firmware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C implementation of the line protocol; a mistake in its memory ends it."""
    if not shutil.which("gcc"):
        missing("no gcc (packages gcc and libc6-dev)")
    return compiled(tmp_path_factory.mktemp("firmware") / "board", "gcc", *SANITIZED)


@pytest.fixture
def line_board(line_firmware: Path, tmp_path: Path) -> Iterator[CBoard]:
    """A board that runs it; it is off."""
    with closing(CBoard(line_firmware, tmp_path)) as board:
        yield board


@pytest.fixture
def microbit(tmp_path: Path) -> Iterator[MicroBit]:
    """A micro:bit that is on."""
    if not FIRMWARE.exists():
        missing("no MicroPython (package firmware-microbit-micropython)")
    qemu = qemu_from((7,))
    if qemu is None:
        missing("no qemu-system-arm")
    with closing(MicroBit(tmp_path, qemu)) as board:
        board.power_on()
        yield board


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    """Where a simulated board runs beside the real one."""
    thread = LoopThread("test-boards")
    yield thread
    thread.close()
