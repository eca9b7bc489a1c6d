"""``station boards console``."""

from __future__ import annotations

import select
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from drivers.errors import PortError, PortLost, PortStuck
from station.cli.boards import terminal
from station.cli.boards.record import Readable, Record, Unwritten
from station.cli.boards.talk import hide
from station.cli.boards.target import FILE, Target, target

if TYPE_CHECKING:
    from drivers.link import Link
    from drivers.uart import LinkOptions

_LEAVE = 0x1D
"""Ctrl-], as telnet and miniterm have it."""
_SLICE_S = 0.02
"""How often a port is looked at that select(2) can't wait for."""
_AGAIN_S = 0.2
"""Between two attempts to open a port that went away."""
_TAKES_S = 5.0
"""Within this time a port must take what is typed."""


class _Left(Exception):
    """The person has left, or the terminal is gone."""


@click.command()
@target
@click.option("--baud", type=click.IntRange(50, 12_000_000), help="Bits a second.  [default: the recipe's, or 115200]")
@click.option("--transcript", type=FILE, help="Append what is sent and comes to this file, with times.")
def command(board: Target, baud: int | None, transcript: Path | None) -> None:
    """Be a board's terminal: Ctrl-] leaves, every other key goes to the board.

    The port is set up as the recipe's [link] says, or 8N1; --baud goes before the recipe's speed.  If it
    goes away, it is opened again once it is back.  In the transcript the
    secrets of --secret, and those that the recipe needs, are masked; what
    else is typed, is in it.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("a console needs a terminal")
    options, mask = _options(board, baud), _mask(board)
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, _leave)
    try:
        record = Record(transcript, mask) if transcript else None
    except OSError as error:
        raise click.BadParameter(f"{transcript}: {error.strerror}", param_hint="--transcript") from None
    except Readable as readable:
        raise click.BadParameter(str(readable), param_hint="--transcript") from None
    try:
        with suppress(_Left):
            _converse(board.port, options, record)
    except Unwritten as unwritten:
        raise click.ClickException(f"the transcript can't be written: {unwritten}") from None
    finally:
        if record:
            record.close()
    click.echo()


def _leave(*_: object) -> NoReturn:
    raise _Left


def _options(board: Target, baud: int | None) -> LinkOptions:
    from drivers.uart import LinkOptions

    if board.recipe_file is None and board.config is None:
        return LinkOptions(baud=baud or 115200)
    link = board.recipe.link
    return link if baud is None else link.model_copy(update={"baud": baud})


def _mask(board: Target) -> Callable[[bytes], bytes]:
    from drivers.transcript import Transcript

    transcript = Transcript()
    for secret in board.given.values():
        transcript.hide(secret)
    if board.recipe_file is not None or board.config is not None:
        hide(board, transcript)
    return transcript.mask


def _converse(port: str, options: LinkOptions, record: Record | None) -> None:
    """Carry bytes both ways until somebody leaves.  Raises ``PortError`` if the port can't be opened at first."""
    from drivers.link import Link

    link = Link.open(port, options)
    try:
        with terminal.raw():
            terminal.say(f"{port} at {options.baud}: Ctrl-] leaves")
            _note(record, f"{port} at {options.baud}")
            while True:
                try:
                    with link:
                        _carry(link, record)
                except PortLost as lost:
                    terminal.say(f"{lost.text}; waiting for it to come back")
                    _note(record, lost.text)
                    link = _reopened(port, options)
                    terminal.say(f"{port} is back")
                    _note(record, f"{port} is back")
    finally:
        link.close()


def _carry(link: Link, record: Record | None) -> None:
    """Raises ``_Left``, ``PortLost``."""
    keyboard = sys.stdin.fileno()
    fd = link.fileno()
    while True:
        if data := link.read(0):
            terminal.show(data)
            if record:
                record.add("<", data)
            continue
        waits = [keyboard] if fd is None else [keyboard, fd]
        ready, _, _ = select.select(waits, [], [], _SLICE_S if fd is None else None)
        if keyboard in ready:
            typed, left = _typed()
            if record:
                record.add(">", typed)
            try:
                link.write(typed, time.monotonic() + _TAKES_S + link.wire_s(len(typed)))
            except PortStuck as stuck:
                terminal.say(stuck.text)
            if left:
                raise _Left


def _typed() -> tuple[bytes, bool]:
    """Return what was typed for the board, and whether the person wants to leave after it."""
    typed = terminal.keys()
    if not typed:
        raise _Left
    before, leave, _ = typed.partition(bytes([_LEAVE]))
    return before, bool(leave)


def _reopened(port: str, options: LinkOptions) -> Link:
    """Wait for the port to come back; keys do nothing meanwhile, but Ctrl-].  Raises ``_Left``."""
    from drivers.link import Link

    why = ""
    while True:
        if select.select([sys.stdin.fileno()], [], [], _AGAIN_S)[0] and _typed()[1]:
            raise _Left
        try:
            return Link.open(port, options)
        except PortError as error:
            if error.code != "port-missing" and error.text != why:
                why = error.text
                terminal.say(why)


def _note(record: Record | None, text: str) -> None:
    if record:
        record.note(text)
