"""What is done with any open device of pyserial 3.5, whatever kind it is."""

from __future__ import annotations

import termios
from typing import Any

from drivers.uart import ModemLine

SLICE_S = 0.1
"""How long a device that can't be woken may block before cancelling is looked for."""


def drive(device: Any, dtr: bool | None, rts: bool | None) -> None:
    """Assert or release the two lines that are ours; None leaves one as it is."""
    if dtr is not None:
        device.dtr = dtr
    if rts is not None:
        device.rts = rts


def sense(device: Any, line: ModemLine) -> bool:
    """Tell whether the far end asserts a line."""
    asserted: bool = {"cts": lambda: device.cts, "dsr": lambda: device.dsr, "dcd": lambda: device.cd}[line]()
    return asserted


def close(device: Any) -> None:
    """Close it, whatever state it is in; never fails."""
    network = getattr(device, "_socket", None)
    try:
        device.close()
    except (OSError, termios.error, TypeError):  # TypeError: closed under a blocked call
        pass
    finally:
        if network:  # left open when its shutdown fails
            network.close()
