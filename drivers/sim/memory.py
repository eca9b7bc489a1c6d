"""What a simulated board remembers: flash in a small JSON file, and RAM that a reset empties."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Memory:
    """One board's settings, twice: ``ram`` is what the board works with, ``flash`` what survives.

    Text that was never UTF-8 is kept byte for byte (``surrogateescape``).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.ram: dict[str, str] = {}

    @property
    def flash(self) -> dict[str, str]:
        """What is really in the file; empty for a board that was never programmed."""
        return read_json(self._path) or {}

    def program(self, settings: Mapping[str, str]) -> None:
        """Put ``settings`` into the flash and nothing else, as the factory does."""
        write_json(self._path, dict(settings))

    def commit(self) -> None:
        """Make the RAM's content permanent."""
        self.program(self.ram)

    def reset(self) -> None:
        """Forget the RAM and load the flash into it, as a board does when it starts."""
        self.ram = self.flash


def read_json(path: Path) -> Any:
    """Return what ``write_json`` put there, or None if there is no such file."""
    try:
        return json.loads(path.read_text("ascii"))
    except FileNotFoundError:
        return None


def write_json(path: Path, content: Any) -> None:
    """Replace the file as a whole: a reader, or a start after SIGKILL, finds the old content or the new.

    It is not forced to the disk: a rehearsal needs to survive its own death,
    not that of the machine, and 32 boards would wait for each other.
    """
    new = path.with_name(path.name + ".new")
    new.write_text(json.dumps(content, indent=1), "ascii")
    new.replace(path)
