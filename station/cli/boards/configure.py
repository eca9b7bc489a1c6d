"""``station boards configure``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

import click

from station.cli.boards import values
from station.cli.boards.talk import show, talking
from station.cli.boards.target import Target, target
from station.cli.boards.values import Value
from station.cli.fleet.show import as_json, listing, printable

if TYPE_CHECKING:
    from drivers.link import Link
    from station.recipe import Recipe

_SECRET = "(secret)"


@click.command()
@target
@click.option(
    "--set",
    "settings",
    multiple=True,
    required=True,
    metavar="NAME=VALUE",
    help="A setting; NAME=@FILE for a secret, in a 0600 file.  May be repeated.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be written, and send nothing: PORT isn't even opened.")
@show
@as_json
def command(board: Target, settings: tuple[str, ...], dry_run: bool, show: bool, as_json: bool) -> None:
    """Write settings to the board on PORT, restart it if the recipe can, and read them back.

    Values are written as they are: nothing is filled into {braces}.
    """
    try:
        wanted = values.parse(settings)
    except click.BadParameter as wrong:
        raise click.BadParameter(wrong.message, param_hint="--set") from None
    _judge(board.recipe, wanted)
    if dry_run:
        _preview(board, wanted, as_json)
        return
    written = {name: value.text for name, value in wanted.items()}
    with talking(board, show) as (link, near_end):
        _hide(wanted, link)
        near_end.check(written)
        seen = near_end.identify()
        if complaint := board.recipe.complaint(seen):
            click.echo(f"station: nothing was written: the board says {printable(complaint)}", err=True)
            sys.exit(1)
        _tell(f"{seen.serial}: writing {', '.join(written)}")
        near_end.configure(written)
        _tell("restarting" if near_end.restart() else "the recipe knows no restart: read back without one")
        again = near_end.identify()
        if (again.serial, again.hardware_id) != (seen.serial, seen.hardware_id):
            click.echo(f"station: another board answers now: {printable(again.serial)} [board-swapped]", err=True)
            sys.exit(1)
        read = near_end.read(written)
    rows = [_row(name, value, read.get(name), board.recipe.proof(name)) for name, value in wanted.items()]
    listing(rows, ("setting", "written", "kept", "proven_by", "read_back"), as_json)
    sys.exit(0 if all(row["kept"] for row in rows) else 1)


def _hide(wanted: Mapping[str, Value], link: Link) -> None:
    """Keep the secrets, and what the board has in their place, out of what is shown of the link."""
    for name, value in wanted.items():
        if value.secret:
            link.hide(value.text)
            link.hide_setting(name)


def _tell(text: str) -> None:
    click.echo(printable(text), err=True)


def _judge(recipe: Recipe, wanted: Mapping[str, Value]) -> None:
    """Refuse a secret that everybody could read; remark on a name that the recipe doesn't have."""
    for name, value in wanted.items():
        if name not in recipe.config:
            _tell(f"remark: {name} is no setting of the recipe's [config]")
        elif recipe.secret(name) and not value.secret:
            raise click.BadParameter(
                f"{name} is a secret, and others can read an argument; put it into a file and say {name}=@FILE",
                param_hint="--set",
            )


def _preview(board: Target, wanted: Mapping[str, Value], as_json: bool) -> None:
    """Say what would be written, by a link that sends nothing."""
    from drivers.board import Previewing
    from station.cli.boards.nowhere import near_end

    written = {name: value.text for name, value in wanted.items()}
    link, would_be = near_end(board.port, board.recipe)
    _hide(wanted, link)
    would_be.check(written)
    if isinstance(would_be, Previewing):
        lines = [link.masked_text(line) for line in would_be.preview(written)]
        listing(({"would_send": line} for line in lines), ("would_send",), as_json)
    else:
        rows = ({"setting": name, "would_write": _shown(value)} for name, value in wanted.items())
        listing(rows, ("setting", "would_write"), as_json)
    _tell("nothing was sent")


def _row(name: str, value: Value, read: str | None, proof: str) -> dict[str, Any]:
    kept = read == value.text
    back = (_SECRET if value.secret else read) if not kept else None
    if back is not None and read is not None and normalize("NFC", read) == normalize("NFC", value.text):
        back = _SECRET if value.secret else ascii(read)  # written otherwise, it looks the same
    return {"setting": name, "written": _shown(value), "kept": kept, "proven_by": proof or None, "read_back": back}


def _shown(value: Value) -> str:
    return f"{_SECRET[:-1]}, {len(value.text)} characters)" if value.secret else value.text
