"""A real Linux console: a getty, a login, and a shell, on a pty behind a path that stays.

They are this machine's own programs in a mount and a PID namespace, where
users, passwords, PAM's rules and the board's disk are files of a folder; no
user of the machine is made or changed.  It needs root: a getty gives the line
to the user, which nobody else may do.  What is not real is the kernel's
start: its first lines are written by this module.
"""

from __future__ import annotations

import asyncio
import os
import pty
import shutil
import subprocess
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from drivers.sim.loop import LoopThread
from drivers.sim.wire import Wire

PROGRAMS = ("agetty", "login", "bash", "busybox", "unshare", "setsid", "openssl")
PASSWORD = "correct horse; 'battery' \"staple\""

_BOOT = b"\r\n[    0.000000] Linux version 6.1.0-board (gcc 12.2.0)\r\n[    0.000000] CPU: ARMv7 Processor\r\n"
_CHATTER = b"[   12.345678] random: crng init done\r\n"
_INIT = """
cd "$0"
for pair in passwd:/etc/passwd shadow:/etc/shadow pam:/etc/pam.d disk:/etc/opt log:/var/log run:/run; do
    mount --bind "${pair%%:*}" "${pair#*:}"
done
mount -t proc proc /proc
while sleep 0.01; do setsid --wait $2; done
"""


class Make(StrEnum):
    """Whose getty, login and shell they are."""

    DASH = "dash"
    """agetty, shadow's login with PAM, and a shell without a line editor;"""
    BASH = "bash"
    """the same with a line editor that brackets what is pasted;"""
    BUSYBOX = "busybox"
    """BusyBox's getty, login and ash, as on most small boards."""


_AGETTY = "agetty --noclear --noissue --local-line 115200 {line} linux"
_GETTY = "busybox getty -L -i -l {home}/bin/login 115200 {line} vt100"


_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
_NAMESPACES = ("--mount", "--pid", "--fork", "--kill-child")


def lacking() -> str:
    """Return what this machine lacks to run it; empty if nothing."""
    if absent := [name for name in PROGRAMS if not shutil.which(name, path=_PATH)]:
        return f"no {', '.join(absent)}"
    tried = subprocess.run(["unshare", *_NAMESPACES, "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "no namespaces"


class LinuxConsole:
    """One board.  Power comes and goes; the adapter, with its port, keeps its own.  ``close`` it."""

    def __init__(self, folder: Path, serial: str, make: Make = Make.DASH) -> None:
        """Make a board whose disk is ``disk``, with its serial number and MAC address below ``factory`` there."""
        self.port = folder / "tty"
        self.disk = folder / "board" / "disk"
        self._folder = folder / "board"
        for name in ("disk/factory", "disk/gateway", "pam", "log", "run", "root/bin"):
            (self._folder / name).mkdir(parents=True)
        (self.disk / "factory" / "serial").write_text(serial + "\n")
        (self.disk / "factory" / "mac").write_text("02:00:00:00:00:07\n")
        hashed = subprocess.run(
            ["openssl", "passwd", "-6", "-stdin"], input=PASSWORD, capture_output=True, text=True, check=True
        ).stdout.strip()
        self._make = make
        self._home = home = self._folder / "root"
        shells = {Make.DASH: "/bin/sh", Make.BASH: "/bin/bash", Make.BUSYBOX: f"{home}/bin/ash"}
        (self._folder / "passwd").write_text(f"root:x:0:0:root:{home}:{shells[make]}\n")
        (self._folder / "shadow").write_text(f"root:{hashed}:19000:0:99999:7:::\n")
        rules = "auth required pam_unix.so nodelay\naccount required pam_unix.so\nsession required pam_unix.so\n"
        for service in ("login", "other"):
            (self._folder / "pam" / service).write_text(rules)
        os.mkfifo(self._folder / "power")
        (home / ".profile").write_text(f"PATH={home}/bin:$PATH\n")
        if make is Make.BUSYBOX:
            (home / "bin" / "ash").symlink_to(shutil.which("busybox", path=_PATH) or "")
        programs = {"reboot": f"echo off >{self._folder}/power; sleep 60", "login": 'exec busybox login "$@"'}
        for name, command in programs.items():
            (home / "bin" / name).write_text(f"#!/bin/sh\n{command}\n")
            (home / "bin" / name).chmod(0o755)
        self._init: subprocess.Popen[bytes] | None = None
        self._master, self._slave = -1, -1
        self._loop = LoopThread("linux-wire")
        self._wire = Wire(self.port)
        self._tasks: list[asyncio.Task[None]] = []
        self._loop.run(self._plug(True))

    def power_on(self) -> None:
        """Start it."""
        self._loop.run(self._start())

    def power_off(self) -> None:
        """Cut the power at this instant."""
        self._loop.run(self._stop())

    def close(self) -> None:
        """Power off, unplug, end."""
        self.power_off()
        self._loop.run(self._plug(False))
        self._loop.close()

    def unplug(self) -> None:
        """Pull the adapter out; the board stays on."""
        self._loop.run(self._plug(False))

    # ---------------------------------------------------------------- in the loop's thread

    async def _plug(self, here: bool) -> None:
        if here:
            self._wire.plug()
        else:
            self._wire.unplug()

    async def _start(self) -> None:
        self._boot()
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._to_board()), loop.create_task(self._reboots())]

    def _boot(self) -> None:
        """Begin to boot, whatever ran before."""
        self._halt()
        self._master, self._slave = pty.openpty()  # the slave stays open: the line is there while nobody listens
        name = os.ttyname(self._slave).removeprefix("/dev/")
        os.set_blocking(self._master, False)
        asyncio.get_running_loop().add_reader(self._master, self._from_board, self._master)
        self._wire.write(_BOOT)
        getty = (_GETTY if self._make is Make.BUSYBOX else _AGETTY).format(line=name, home=self._home)
        command = ["unshare", *_NAMESPACES, "sh", "-c", _INIT, str(self._folder), name, getty]
        environment = {"PATH": _PATH}
        with (self._folder / "init.log").open("ab") as log:
            self._init = subprocess.Popen(
                command, env=environment, start_new_session=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _halt(self) -> None:
        init, self._init = self._init, None
        if init:
            init.kill()  # and with it all that runs in its namespace
            init.wait()
            asyncio.get_running_loop().remove_reader(self._master)
            os.close(self._master)
            os.close(self._slave)

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self._tasks = []
        self._halt()

    async def _to_board(self) -> None:
        while True:
            data = await self._wire.read()
            with suppress(BlockingIOError):  # a UART's FIFO overruns just so
                os.write(self._master, data)

    def _from_board(self, master: int) -> None:
        with suppress(OSError):
            data = os.read(master, 4096)
            self._wire.write(data)
            if data.endswith(b"login: "):
                self._wire.write(_CHATTER)

    async def _reboots(self) -> None:
        """Start again whenever ``reboot`` was called on the board."""
        told = asyncio.Event()
        power = os.open(self._folder / "power", os.O_RDWR | os.O_NONBLOCK)
        loop = asyncio.get_running_loop()

        def read() -> None:
            os.read(power, 64)
            told.set()

        loop.add_reader(power, read)
        try:
            while True:
                await told.wait()
                told.clear()
                self._boot()
        finally:
            loop.remove_reader(power)
            os.close(power)
