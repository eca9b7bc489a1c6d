"""``station fleet groups``: groups; ``members`` adds what is in them."""

from __future__ import annotations

import click

from station.cli.fleet import members
from station.cli.fleet.care import by_form, looking, sure, yes
from station.cli.fleet.connection import Fleet, connected
from station.cli.fleet.show import as_json, done, listing, record


@click.group()
def command() -> None:
    """Groups of a model: serial numbers, content, and groups again.

    A serial number may fetch protected content if some group holds both,
    directly or through groups in it, and neither membership has expired.
    """


for _command in (members.list_members, members.add, members.import_members, members.remove, members.remove_listed):
    command.add_command(_command)


@command.command("list")
@click.argument("model")
@as_json
@connected
def list_groups(fleet: Fleet, model: str, as_json: bool) -> None:
    """List a model's groups (M12)."""
    with fleet.client() as client:
        rows = ({"group": row.group, "meta": row.meta} for row in client.groups.list(model))
        listing(rows, ("group", "meta"), as_json)


@command.command()
@click.argument("model")
@click.argument("group")
@click.option("--meta", default="", help="A free text.")
@as_json
@connected
def create(fleet: Fleet, model: str, group: str, meta: str, as_json: bool) -> None:
    """Make a group (M13)."""
    with fleet.client() as client, looking("groups", "show", model, group):
        client.groups.create(model, group, meta)
    done(f"{group}: made", {"model": model, "group": group}, as_json)


@command.command()
@click.argument("model")
@click.argument("group")
@as_json
@connected
def show(fleet: Fleet, model: str, group: str, as_json: bool) -> None:
    """Show a group's text and how many members it has (M15)."""
    with fleet.client() as client:
        info = client.groups.info(model, group)
    record({"group": group, "meta": info.meta, "count": info.count}, as_json)


@command.command()
@click.argument("model")
@click.argument("group")
@as_json
@connected
def parents(fleet: Fleet, model: str, group: str, as_json: bool) -> None:
    """List the groups that a group is in (M16)."""
    with fleet.client() as client:
        listing(({"group": name} for name in client.groups.parents(model, group)), ("group",), as_json)


@command.command()
@click.argument("model")
@click.argument("group")
@by_form
@yes
@as_json
@connected
def delete(fleet: Fleet, model: str, group: str, by_form: bool, yes: bool, as_json: bool) -> None:
    """Delete a group, not its members (M17; by form M14)."""
    with fleet.client() as client:
        sure(f"Delete the group {group} of {model}?", yes)
        with looking("groups", "list", model):
            (client.groups.remove if by_form else client.groups.delete)(model, group)
    done(f"{group}: deleted", {"model": model, "group": group}, as_json)
