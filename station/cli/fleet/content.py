"""``station fleet content``."""

from __future__ import annotations

import mimetypes
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from station.cli.fleet.care import by_form, looking, overwriting, sure, yes
from station.cli.fleet.connection import Fleet, connected
from station.cli.fleet.show import Instant, as_json, done, listing, progress, record
from station.errors import StationError

if TYPE_CHECKING:
    from station.fleet.client import Client, ContentInfo

_serial = click.option("--serial", metavar="SERIAL", help="As this serial number may.")

into = click.option(
    "--into",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file that gets it, whole or not at all.  [default: named like the content, here]",
)
force = click.option("--force", is_flag=True, help="Replace the file if it is there.")


class EntryDiffers(StationError):
    """The entry is there, and its text or its protection, which can't be changed, is another; nothing was sent."""

    code = "content-entry-differs"


@click.group()
def command() -> None:
    """Firmware and files: entries of a model that are filled by uploads and fetched by its devices."""


@command.command("list")
@click.argument("model")
@_serial
@as_json
@connected
def list_content(fleet: Fleet, model: str, serial: str | None, as_json: bool) -> None:
    """List a model's content (M1), or what one serial number may read of it (M2)."""
    with fleet.client() as client:
        names = client.content.list(model) if serial is None else client.content.list_for(model, serial)
    listing(({"id": name} for name in names), ("id",), as_json)


@command.command()
@click.argument("model")
@click.argument("id_", metavar="ID")
@click.option("--meta", default="", help="A free text.")
@click.option("--protected", is_flag=True, help="Only for serial numbers that share a group with it.")
@as_json
@connected
def create(fleet: Fleet, model: str, id_: str, meta: str, protected: bool, as_json: bool) -> None:
    """Make an entry without anything in it (M3); `upload` does so by itself."""
    with fleet.client() as client, looking("content", "show", model, id_):
        client.content.create(model, id_, meta, protected)
    done(f"{id_}: made", {"model": model, "id": id_}, as_json)


@command.command()
@click.argument("model")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--id", "id_", help="The content's id.  [default: the file's name]")
@click.option("--type", "mime", metavar="MIME", help="Its MIME type.  [default: guessed from the file's name]")
@click.option("--meta", help="A free text, kept with a new entry.")
@click.option("--protected", is_flag=True, help="A new entry is only for serial numbers that share a group with it.")
@as_json
@connected
def upload(
    fleet: Fleet,
    model: str,
    file: Path,
    id_: str | None,
    mime: str | None,
    meta: str | None,
    protected: bool,
    as_json: bool,
) -> None:
    """Upload a file (M10), into a new entry if there is none (M5, M3), or in place of what is there."""
    if not os.path.isfile(file):
        raise click.UsageError(f"{file}: expected a regular file, whose size is known before it is sent")
    name, kind = id_ or file.name, mime or _guessed(file)
    try:
        with fleet.client() as client, file.open("rb") as source, progress(name) as show:
            _have_entry(client, model, name, meta, protected)
            with looking("content", "show", model, name):
                client.content.upload(model, name, source, kind, progress=show)
            size = source.tell()
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from None
    done(f"{name}: {size} bytes uploaded", {"model": model, "id": name, "type": kind, "size": size}, as_json)


def _guessed(file: Path) -> str:
    kind, packed = mimetypes.guess_type(file.name)
    return kind if kind and not packed else "application/octet-stream"


def _have_entry(client: Client, model: str, name: str, meta: str | None, protected: bool) -> None:
    from station.fleet.client import Conflict, NotFound

    try:
        found = client.content.info(model, name)
    except NotFound:
        try:
            client.content.create(model, name, meta or "", protected)
            return
        except Conflict:  # somebody was faster
            found = client.content.info(model, name)
    if (meta is not None and meta != found.meta) or (protected and not found.protected):
        raise EntryDiffers(
            f"{name} of {model} is there with another text or protection, which can't be changed: "
            "delete it first, or upload without --meta and --protected"
        )


@command.command()
@click.argument("model")
@click.argument("id_", metavar="ID")
@_serial
@as_json
@connected
def show(fleet: Fleet, model: str, id_: str, serial: str | None, as_json: bool) -> None:
    """Show what a content is (M5), or what one serial number is told of it (M7)."""
    with fleet.client() as client:
        info = client.content.info(model, id_) if serial is None else client.content.info_for(model, id_, serial)
    record(facts(id_, info), as_json)


@command.command()
@click.argument("model")
@click.argument("id_", metavar="ID")
@into
@force
@_serial
@as_json
@connected
def download(
    fleet: Fleet, model: str, id_: str, into: Path | None, force: bool, serial: str | None, as_json: bool
) -> None:
    """Download a content (M6), or download it as one serial number may (M8).

    What broke off is in a file beside it, and the same command again goes on
    from there.
    """
    path = target(into, id_, force)
    with fleet.client() as client, progress(id_) as show:
        if serial is None:
            info = client.content.download(model, id_, path, progress=show)
        else:
            info = client.content.download_for(model, id_, serial, path, progress=show)
    done(f"{id_}: {info.size} bytes in {path}", {**facts(id_, info), "file": str(path)}, as_json)


@command.command()
@click.argument("model")
@click.argument("id_", metavar="ID")
@as_json
@connected
def groups(fleet: Fleet, model: str, id_: str, as_json: bool) -> None:
    """List the groups that a content is in (M9)."""
    with fleet.client() as client:
        listing(({"group": name} for name in client.content.groups(model, id_)), ("group",), as_json)


@command.command()
@click.argument("model")
@click.argument("id_", metavar="ID")
@by_form
@yes
@as_json
@connected
def delete(fleet: Fleet, model: str, id_: str, by_form: bool, yes: bool, as_json: bool) -> None:
    """Delete an entry and what is in it (M11; by form M4)."""
    with fleet.client() as client:
        sure(f"Delete the content {id_} of {model}?", yes)
        with looking("content", "list", model):
            (client.content.remove if by_form else client.content.delete)(model, id_)
    done(f"{id_}: deleted", {"model": model, "id": id_}, as_json)


def facts(name: str, info: ContentInfo) -> dict[str, Any]:
    """Return what is shown of a content; its protection only where that is told."""
    said = {"id": name, "type": info.type, "size": info.size, "updated": Instant(info.updated), "meta": info.meta}
    return said if info.protected is None else {**said, "protected": info.protected}


def target(into: Path | None, name: str, force: bool) -> Path:
    """Return the file that gets a content; raises ``click.UsageError`` if it can't."""
    path = into or Path(name)
    overwriting(path, force)
    return path
