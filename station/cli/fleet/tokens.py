"""``station fleet tokens``."""

from __future__ import annotations

from pathlib import Path

import click

from station.cli.fleet import secret_files
from station.cli.fleet.care import by_form, looking, sure, yes
from station.cli.fleet.connection import Fleet, connected
from station.cli.fleet.show import as_json, done, listing

_into = click.option(
    "--into",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The new file, readable by its owner alone, that gets the token.",
)


@click.group()
def command() -> None:
    """The vendor's tokens, by the ids that it chose; shown and made with the vendor's CIK."""


@command.command("list")
@as_json
@connected
def list_tokens(fleet: Fleet, as_json: bool) -> None:
    """List the ids of the vendor's tokens (M59)."""
    with fleet.client() as client:
        listing(({"id": token_id} for token_id in client.tokens.list()), ("id",), as_json)


@command.command()
@click.argument("token_id", metavar="ID")
@_into
@as_json
@connected
def create(fleet: Fleet, token_id: str, into: Path, as_json: bool) -> None:
    """Make a token and keep it in a new file (M60)."""
    made = "; if it is there, `tokens fetch` gets it"
    with fleet.client() as client, secret_files.new(into, "token") as fill, looking("tokens", "list", then=made):
        fill(client.tokens.create(token_id))
    done(f"{token_id}: made; the token is in {into}", {"id": token_id, "file": str(into)}, as_json)


@command.command()
@click.argument("token_id", metavar="ID")
@_into
@as_json
@connected
def fetch(fleet: Fleet, token_id: str, into: Path, as_json: bool) -> None:
    """Fetch a token once more and keep it in a new file (M62)."""
    with fleet.client() as client, secret_files.new(into, "token") as fill:
        fill(client.tokens.get(token_id))
    done(f"{token_id}: the token is in {into}", {"id": token_id, "file": str(into)}, as_json)


@command.command()
@click.argument("token_id", metavar="ID")
@by_form
@yes
@as_json
@connected
def delete(fleet: Fleet, token_id: str, by_form: bool, yes: bool, as_json: bool) -> None:
    """Delete a token, which stops working at once (M63; by form M61)."""
    with fleet.client() as client:
        sure(f"Delete the token {token_id}?  Whatever uses it is refused at once.", yes)
        with looking("tokens", "list"):
            (client.tokens.remove if by_form else client.tokens.delete)(token_id)
    done(f"{token_id}: deleted", {"id": token_id}, as_json)
