"""``station boards probe``."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from station.cli.boards.record import escaped
from station.cli.boards.target import FILE, Target
from station.cli.fleet.show import as_json

if TYPE_CHECKING:
    from drivers.link import Link
    from drivers.probe import Guess, Heard
    from drivers.uart import LinkOptions
    from station.recipe import Recipe

_AGAIN_S = 0.1
"""How often a port that went away is looked for."""
_SAMPLE = 60
"""Characters of an answer that are shown."""


@click.command()
@click.argument("port")
@click.option("--config", type=FILE, help="A station.toml, whose slots' names are ports.")
@click.option("--recipe", "recipes", type=FILE, multiple=True, help="Say whether this recipe fits.  May be repeated.")
@click.option(
    "--baud",
    "bauds",
    type=click.IntRange(50, 12_000_000),
    multiple=True,
    help="Try this speed.  May be repeated.  [default: the recipes', then all usual ones]",
)
@click.option(
    "--limit-s", type=click.FloatRange(1), default=60.0, show_default=True, help="Begin nothing after so many seconds."
)
@as_json
def command(
    port: str, config: Path | None, recipes: tuple[Path, ...], bauds: tuple[int, ...], limit_s: float, as_json: bool
) -> None:
    """Find out at which speed the board on PORT talks, and in which language.

    What is sent executes nothing: Ctrl-C, a comment, AT, HELLO of the line
    protocol.  A running program may be interrupted, and an autoboot; and the
    port is opened once a speed, which restarts boards that hang on DTR.
    """
    from drivers.errors import PortMissing
    from drivers.link import Link
    from drivers.opening import port_present
    from drivers.probe import RATES, probe
    from station import recipe

    known = [(file, recipe.load(file)) for file in recipes]
    place = Target(port, None, config, ()).port
    rates = list(dict.fromkeys([*bauds, *(found.link.baud for _, found in known)]))
    if not bauds:
        rates += [rate for rate in RATES if rate not in rates]
    if place.lower().startswith("socket://"):
        rates = rates[:1]
        click.echo("a socket has no speed that could be set: whatever is at its other end has set it", err=True)

    deadline = time.monotonic() + limit_s
    seen = False

    def open_link(options: LinkOptions) -> Link:
        nonlocal seen
        while True:
            try:
                link = Link.open(place, options)
            except PortMissing as missing:
                if not seen or time.monotonic() > deadline:
                    raise
                click.echo(f"{missing.text}; waiting for it to come back", err=True)
                while not port_present(place) and time.monotonic() < deadline:
                    time.sleep(_AGAIN_S)
            else:
                seen = True
                return link

    came: list[Heard] = []

    def told(heard: Heard) -> None:
        if heard.data:
            came.append(heard)
        if as_json:
            facts = {"baud": heard.baud, "asked": heard.asked, "bytes": len(heard.data), "text": round(heard.text, 2)}
            click.echo(json.dumps({**facts, "sample": escaped(heard.data[-_SAMPLE:])}))
        else:
            click.echo(_told(heard))
        sys.stdout.flush()

    guess = probe(open_link, rates, told, deadline)
    if as_json:
        click.echo(json.dumps({"guess": _facts(guess, known)}))
    else:
        _advise(guess, known, came)
    sys.exit(0 if guess else 1)


def _told(heard: Heard) -> str:
    what = f"{heard.baud:>8}  {heard.asked:<9}"
    if not heard.data:
        return f"{what}  nothing"
    kind = "text" if heard.is_text else f"{heard.text:.0%} text"
    return f"{what}  {len(heard.data)} bytes, {kind}: {escaped(heard.data[-_SAMPLE:])}"


def _advise(guess: Guess | None, known: list[tuple[Path, Recipe]], came: list[Heard]) -> None:
    click.echo()
    readable = [heard for heard in came if heard.is_text or heard.text == 1.0]
    if guess is None and readable:
        most = max(readable, key=lambda heard: len(heard.data))
        if most.is_text:
            click.echo("Text came, but nothing in answer that tells who says it.  The port may have gone away, or the")
            click.echo("board be busy.")
        else:
            click.echo("A few characters came, too few to tell who says them.  A board that repeats what is typed and")
            click.echo("says nothing else may be busy.")
        click.echo(f"Look with  station boards console PORT --baud {most.baud}")
        return
    if guess is None and came:
        click.echo("Something came, but no text at any of these speeds.  --baud tries others; a line that is inverted,")
        click.echo("or 12 V on a 3.3 V input, is no text at any.")
        return
    if guess is None:
        click.echo("Nothing came at any speed.  Has the board power?  Are RX and TX the right way round, and both")
        click.echo("grounds connected?  Switch it on while this runs: most boards print something when they start.")
        return
    if guess.dialect is None:
        click.echo(f"Best guess: {guess.baud} baud; {guess.because}.")
    else:
        click.echo(f"Best guess: {guess.dialect} at {guess.baud} baud, since {guess.because}.")
    for file, found in known:
        complaints = _misfits(guess, found)
        click.echo(f"{file}: {'fits' if not complaints else 'does not fit: ' + '; '.join(complaints)}")
    if not known:
        click.echo("\nFor a recipe:\n")
        for line in _lines(guess):
            click.echo(f"  {line}".rstrip())


def _lines(guess: Guess) -> list[str]:
    """Return what a recipe needs to say of this board, as far as it was seen."""
    lines = [f'dialect = "{guess.dialect}"', ""] if guess.dialect else []
    lines += ["[link]", f"baud = {guess.baud}"]
    if guess.form.data_bits != 8:
        lines += [f"data_bits = {guess.form.data_bits}", f'parity = "{guess.form.parity}"']
    if guess.dialect:
        lines += ["", f"[{guess.dialect}]"]
    if guess.prompt:
        lines += [f"prompt = {json.dumps(guess.prompt)}"]
    if guess.newline:
        lines += [f"newline = {json.dumps(guess.newline)}"]
    if guess.interrupt:
        lines += [f'interrupt = {{ on = {json.dumps(guess.interrupt)}, send = " " }}']
    return lines


def _misfits(guess: Guess, found: Recipe) -> list[str]:
    complaints = []
    if found.link.baud != guess.baud:
        complaints.append(f"it says {found.link.baud} baud")
    if guess.dialect != found.dialect:
        complaints.append(f"it says {found.dialect}")
    elif guess.newline and guess.newline != (newline := getattr(found.options, "newline", "")):
        complaints.append(f"its newline is {newline!r}, the board's {guess.newline!r}")
    elif guess.prompt:
        prompt, pattern = (getattr(found.options, name, None) for name in ("prompt", "prompt_pattern"))
        if prompt is not None and prompt.rstrip() != guess.prompt.rstrip():
            complaints.append(f"its prompt is {prompt!r}, the board's {guess.prompt!r}")
        if pattern is not None and not pattern.search(guess.prompt):
            complaints.append(f"its prompt_pattern doesn't match {guess.prompt!r}")
    return complaints


def _facts(guess: Guess | None, known: list[tuple[Path, Recipe]]) -> dict[str, object] | None:
    if guess is None:
        return None
    return {
        "baud": guess.baud,
        **guess.form._asdict(),
        "dialect": guess.dialect,
        "because": guess.because,
        "prompt": guess.prompt,
        "interrupt": guess.interrupt,
        "newline": guess.newline,
        "misfits": {str(file): _misfits(guess, found) for file, found in known},
    }
