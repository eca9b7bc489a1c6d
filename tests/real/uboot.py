"""A real boot loader: U-Boot in QEMU, its console on a pty behind a path that stays.

``u-boot.bin`` is Debian's (package u-boot-qemu).  Its environment lives in a
flash image that ``UBoot.saved_env`` reads by itself: the board's own opinion
of what it saved is not asked.
"""

from __future__ import annotations

import os
import re
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path

from qemu_board import QemuBoard

IMAGE = Path("/usr/lib/u-boot/qemu_arm/u-boot.bin")
FLASH_SIZE = 64 << 20
"""Bytes of each of the two flash banks of QEMU's "virt" machine."""
ENV_SIZE = 0x40000
"""Bytes of the environment at the start of the second bank: CRC-32 (little endian), NAME=VALUE NUL ..., NUL.
A backslash stands before each backslash of a value (U-Boot 2023.01)."""
GOOD = (8,)
"""Debian 12's 7.2 can't finish a write to the flash; 10.0 can."""

FACTORY: Mapping[str, str] = {
    "serial#": "UB-000001",
    "ethaddr": "02:00:00:00:00:01",
    "bootdelay": "2",
    "baudrate": "115200",
    "bootcmd": "echo booting",
}
"""What the board leaves the factory with.  It replaces all of U-Boot's defaults, so it has to say ``bootdelay``."""


def environment_image(settings: Mapping[str, str]) -> bytes:
    """Return the environment as U-Boot keeps it in flash."""
    escaped = {name: value.replace("\\", "\\\\") for name, value in settings.items()}
    body = b"".join(f"{name}={value}".encode() + b"\0" for name, value in escaped.items())
    body = body.ljust(ENV_SIZE - 4, b"\0")
    return zlib.crc32(body).to_bytes(4, "little") + body


class UBoot(QemuBoard):
    """One board with U-Boot."""

    def __init__(self, folder: Path, qemu: Path, settings: Mapping[str, str] = FACTORY, *, worn: bool = False) -> None:
        """Make a board with ``settings`` in its flash; a ``worn`` flash takes no more writes.  It is off."""
        super().__init__(folder / "uboot", qemu)
        self._worn = worn
        self._code = folder / "code.img"
        self._flash = folder / "environment.img"
        shutil.copyfile(IMAGE, self._code)
        self._flash.write_bytes(environment_image(settings))
        for bank in (self._code, self._flash):
            os.truncate(bank, FLASH_SIZE)

    def machine(self) -> list[str]:
        """Return QEMU's arguments for its "virt" machine with two banks of flash."""
        flash = "if=pflash,format=raw,unit={},readonly={},file={}".format
        banks = flash(0, "on", self._code), flash(1, "on" if self._worn else "off", self._flash)
        return ["-M", "virt", "-cpu", "cortex-a15", "-m", "128", "-drive", banks[0], "-drive", banks[1]]

    def saved_env(self) -> dict[str, str] | None:
        """Return what is in the flash; None if its checksum is wrong, as after a save that failed."""
        with self._flash.open("rb") as flash:
            image = flash.read(ENV_SIZE)
        checksum, body = image[:4], image[4:]
        if int.from_bytes(checksum, "little") != zlib.crc32(body):
            return None
        entries = body.split(b"\0\0")[0].split(b"\0")
        return dict(re.sub(r"\\(.)", r"\1", entry.decode()).split("=", 1) for entry in entries)
