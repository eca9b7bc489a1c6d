"""What the factory gives one board: a serial number and a MAC address, by seed and number."""

from __future__ import annotations

from dataclasses import dataclass

RANGE = 100_000
"""Serial numbers that one seed has for itself."""
SEEDS = 1000
"""Ranges that eight digits hold."""


@dataclass(frozen=True, slots=True)
class Label:
    """What the factory gave one board."""

    serial: str
    mac: str

    @classmethod
    def of(cls, seed: int, index: int) -> Label:
        """Label board ``index`` (from 0) of the pile ``seed``; another seed's differ, up to SEEDS and RANGE."""
        number = (seed * RANGE + index) % (SEEDS * RANGE)
        octets = b"\x02\x00" + number.to_bytes(4, "big")  # 02: locally administered
        return cls(f"SIM-{number:08d}", octets.hex(":"))
