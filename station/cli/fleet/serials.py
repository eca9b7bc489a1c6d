"""``station fleet serials``: lists, one by one; ``enabling`` and ``bulk`` add what changes them and what moves many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from station.cli.fleet import bulk, enabling
from station.cli.fleet.care import by_form, looking, shared_by, sure, yes
from station.cli.fleet.connection import Fleet, connected, serials_of
from station.cli.fleet.show import Instant, as_json, done, listing, record

if TYPE_CHECKING:
    from station.fleet.client import SerialRow


@click.group()
def command() -> None:
    """Serial numbers of a model: what is listed, what became of it, and what may become of it."""


for _command in (
    enabling.enable,
    enabling.remap,
    enabling.regenerate,
    enabling.disable,
    bulk.import_serials,
    bulk.export_serials,
):
    command.add_command(_command)


@command.command("list")
@click.argument("model")
@click.option("--offset", type=click.IntRange(0), help="Only a page, which begins after so many lines.")
@click.option("--limit", type=click.IntRange(5, 1000), help="The length of that page.  [default: 500]")
@click.option("--shared-with", metavar="VENDOR", help="Only those that this vendor enabled.")
@shared_by
@as_json
@connected
def list_serials(
    fleet: Fleet,
    model: str,
    offset: int | None,
    limit: int | None,
    shared_with: str | None,
    shared_by: str | None,
    as_json: bool,
) -> None:
    """List a model's serial numbers (M33); those that are only in a range are shown by `ranges list`."""
    with fleet.client() as client:
        serials = serials_of(client, shared_by)
        if offset is None and limit is None:
            rows = serials.list(model, shared_with=shared_with)
        else:
            rows = iter(serials.page(model, offset or 0, limit or 500, shared_with=shared_with).rows)
        listing(map(_facts, rows), ("serial", "status", "rid", "extra"), as_json)


def _facts(row: SerialRow) -> dict[str, Any]:
    return {"serial": row.serial, "status": row.status, "rid": row.rid, "extra": row.extra}


@command.command()
@click.argument("model")
@click.argument("serial")
@shared_by
@as_json
@connected
def show(fleet: Fleet, model: str, serial: str, shared_by: str | None, as_json: bool) -> None:
    """Show a serial number's status, RID and text (M43); while it is unused, only `list` shows its text."""
    with fleet.client() as client:
        info = serials_of(client, shared_by).info(model, serial)
    record({"serial": serial, "status": info.status, "rid": info.rid, "extra": info.extra}, as_json)


@command.command()
@click.argument("model")
@click.argument("serial")
@as_json
@connected
def groups(fleet: Fleet, model: str, serial: str, as_json: bool) -> None:
    """List the groups that a serial number is in (M44)."""
    with fleet.client() as client:
        listing(({"group": name} for name in client.serials.groups(model, serial)), ("group",), as_json)


@command.command()
@click.argument("model")
@click.argument("serial")
@shared_by
@as_json
@connected
def log(fleet: Fleet, model: str, serial: str, shared_by: str | None, as_json: bool) -> None:
    """List when a serial number was activated, from where and with what (M45)."""
    with fleet.client() as client:
        rows = serials_of(client, shared_by).log(model, serial)
    facts = ({"at": Instant(row.at), "peer": row.peer, "entry": row.entry} for row in rows)
    listing(facts, ("at", "peer", "entry"), as_json)


@command.command()
@click.argument("model")
@click.argument("serials", metavar="SERIAL...", nargs=-1, required=True)
@click.option("--extra", help="A free text beside each of them.")
@as_json
@connected
def add(fleet: Fleet, model: str, serials: tuple[str, ...], extra: str | None, as_json: bool) -> None:
    """List serial numbers: one (M35), several (M36), or several with a text (M37).

    All or none: if one of several is listed already, none is added.
    `import` takes a file, and adds what is missing.
    """
    look = ("show", model, serials[0]) if len(serials) == 1 else ("list", model)
    with fleet.client() as client, looking("serials", *look):
        if len(serials) == 1:
            client.serials.add(model, serials[0], extra or "")
        elif extra is None:
            client.serials.add_many(model, serials)
        else:
            client.serials.add_rows(model, [(serial, extra) for serial in serials])
    done(f"{model}: {len(serials)} added", {"model": model, "added": list(serials)}, as_json)


@command.command()
@click.argument("model")
@click.argument("serials", metavar="SERIAL...", nargs=-1, required=True)
@by_form
@yes
@as_json
@connected
def delete(fleet: Fleet, model: str, serials: tuple[str, ...], by_form: bool, yes: bool, as_json: bool) -> None:
    """Delete serial numbers, whose keys die: one (M50; by form M39), or several (M41; by form M40).

    That one of several, or one by form, is not listed is no error.
    """
    with fleet.client() as client:
        those = (
            f"{serials[0]}, and its key," if len(serials) == 1 else f"{len(serials)} serial numbers, and their keys,"
        )
        sure(f"Delete {those} of {model} for good?", yes)
        with looking("serials", "list", model):
            if len(serials) > 1:
                (client.serials.remove_many if by_form else client.serials.remove_listed)(model, serials)
            else:
                (client.serials.remove if by_form else client.serials.delete)(model, serials[0])
    done(f"{model}: {len(serials)} deleted", {"model": model, "deleted": list(serials)}, as_json)
