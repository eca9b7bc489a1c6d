"""Real MicroPython on a small board: the BBC micro:bit's firmware in QEMU (package firmware-microbit-micropython).

Its files are in the chip's own flash, which QEMU keeps until it ends: a reset
is all the power cut that it knows.
"""

from __future__ import annotations

from pathlib import Path

from qemu_board import QemuBoard

FIRMWARE = Path("/usr/share/firmware-microbit-micropython/firmware.hex")
UNIQUE_ID = "0300000078563412"
"""What QEMU has in the place of the chip's number."""


class MicroBit(QemuBoard):
    """One board with MicroPython 1.9.2."""

    def __init__(self, folder: Path, qemu: Path) -> None:
        """Make a board without files.  It is off."""
        super().__init__(folder / "microbit", qemu)

    def machine(self) -> list[str]:
        """Return QEMU's arguments for the micro:bit."""
        return ["-M", "microbit", "-device", f"loader,file={FIRMWARE}"]
