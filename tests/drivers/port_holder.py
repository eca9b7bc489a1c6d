"""A process that has a port open, as somebody else's program would."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

NOBODY = 65534

_BECOMES = """
import fcntl, os, signal, sys, termios
from drivers.link import Link
from drivers.uart import LinkOptions
if sys.argv[2]: os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))
"""
_OPENS = """
try: fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
except OSError as error: print(error.errno, flush=True)
else:
    if sys.argv[3:]: fcntl.ioctl(fd, termios.TIOCEXCL)
    print(0, flush=True)
sys.stdin.read()
"""
_LINKS = """
link = Link.open(sys.argv[1], LinkOptions())
print(0, flush=True)
sys.stdin.read()
os.kill(os.getpid(), signal.SIGKILL)
"""


@contextmanager
def opened(port: str, *, uid: int | None = None, link: bool = False, claim: bool = False) -> Iterator[tuple[int, int]]:
    """Open a port in another process, without a lock, or as a ``Link`` that is killed at the end; or claim it.

    Gives the process's number, and the error that it met (0: none).  Only root can lend it another user.
    """
    user = "" if uid is None or os.geteuid() != 0 else str(uid)
    command = [sys.executable, "-c", _BECOMES + (_LINKS if link else _OPENS), port, user, *(["claim"] if claim else [])]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    try:
        yield process.pid, int(process.stdout.readline())
    finally:
        with suppress(BrokenPipeError):
            process.stdin.close()
        process.wait()
        process.stdout.close()
