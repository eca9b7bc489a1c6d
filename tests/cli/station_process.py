"""The ``station`` command in a process of its own, read line by line."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Self

LIMIT_S = 60
"""Far more than anything here needs, on the busiest machine."""


def station(
    *arguments: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None, mortal: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run ``station`` to its end; ``env`` comes on top of this process's environment.

    ``mortal``: what files forbid, is forbidden to root as well.
    """
    return python("-m", "station", *arguments, env=env, cwd=cwd, mortal=mortal)


def python(
    *arguments: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None, mortal: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run this Python to its end; see ``station``."""
    bound = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if mortal and os.geteuid() == 0 else []
    command = [*bound, sys.executable, *map(str, arguments)]
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        env={**os.environ, **(env or {})},
        cwd=cwd,
    )


class Station:
    """A running ``station``; ended at the latest when its ``with`` is left."""

    def __init__(self, *arguments: str | Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "station", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: dict[str, queue.SimpleQueue[str | None]] = {}
        self._said: dict[str, list[str]] = {}
        self._readers: list[threading.Thread] = []
        for name, pipe in (("stdout", self.process.stdout), ("stderr", self.process.stderr)):
            assert pipe is not None
            self._lines[name], self._said[name] = queue.SimpleQueue(), []
            self._readers.append(threading.Thread(target=self._read, args=(name, pipe), daemon=True))
            self._readers[-1].start()

    def _read(self, name: str, pipe: IO[str]) -> None:
        with pipe:
            for line in pipe:
                self._said[name].append(line)
                self._lines[name].put(line)
        self._lines[name].put(None)

    def line(self, name: str = "stdout", holding: str = "") -> str:
        """Return the next line that holds a text."""
        while True:
            line = self._lines[name].get(timeout=LIMIT_S)
            assert line is not None, f"{name} ended without {holding!r}: {self.said()}"
            if holding in line:
                return line

    def said(self) -> str:
        """All that came so far, of both."""
        return "".join(self._said["stdout"] + self._said["stderr"])

    def end(self, number: signal.Signals | None = None) -> int:
        """Send a signal, if one is named, and return the exit code."""
        if number is not None:
            os.kill(self.process.pid, number)
        code = self.process.wait(LIMIT_S)
        for reader in self._readers:
            reader.join(LIMIT_S)
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.end()
