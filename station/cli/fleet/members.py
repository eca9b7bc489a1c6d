"""``station fleet groups members, add, import, remove, remove-listed``: what is in a group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from station.cli.fleet.care import looking
from station.cli.fleet.connection import Fleet, connected
from station.cli.fleet.show import Instant, as_json, done, listing
from station.errors import BadInput

if TYPE_CHECKING:
    from station.fleet.client import GroupMember

_TYPES = click.Choice(["sn", "content", "group"])
_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


class MembersWrong(BadInput):
    """A file of members has a line that names none; nothing was sent."""

    code = "members-wrong"


def _instant(ctx: click.Context, param: click.Parameter, value: str) -> int:
    try:
        return _seconds(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither Unix seconds nor a time such as 2030-01-31T12:00:00") from None


def _seconds(text: str) -> int:
    if text.isascii() and text.isdigit():
        return int(text)
    when = datetime.fromisoformat(text)
    seconds = int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())
    if seconds <= 0:
        raise ValueError("it is before 1970")
    return seconds


@click.command("members")
@click.argument("model")
@click.argument("group")
@click.option("--type", "type_", type=_TYPES, help="Only those of this type.")
@click.option("--name", help="Only those of this name.")
@as_json
@connected
def list_members(fleet: Fleet, model: str, group: str, type_: str | None, name: str | None, as_json: bool) -> None:
    """List what is in a group: all (M18), of a type (M19), of a name (M20), or just one member (M21)."""
    from station.fleet.client import MemberType

    with fleet.client() as client:
        groups = client.groups
        found: Iterable[GroupMember]
        if type_ and name:
            one = groups.member(model, group, MemberType(type_), name)
            found = [one] if one else []
        elif type_:
            found = groups.members_of_type(model, group, MemberType(type_))
        else:
            found = groups.members_named(model, group, name) if name else groups.members(model, group)
        listing(map(_facts, found), ("type", "member", "expire", "meta"), as_json)


def _facts(one: GroupMember) -> dict[str, Any]:
    return {"type": one.type, "member": one.member, "expire": Instant(one.expire) or None, "meta": one.meta}


@click.command()
@click.argument("model")
@click.argument("group")
@click.argument("type_", metavar="[sn|content|group]", type=_TYPES)
@click.argument("members", metavar="MEMBER...", nargs=-1, required=True)
@click.option(
    "--expire", callback=_instant, default="0", help="Until when: a time (UTC) or Unix seconds.  [default: for ever]"
)
@click.option("--meta", default="", help="A free text beside each membership.")
@as_json
@connected
def add(
    fleet: Fleet, model: str, group: str, type_: str, members: tuple[str, ...], expire: int, meta: str, as_json: bool
) -> None:
    """Put members of one type into a group, or give those that are in it another end and text (M22)."""
    from station.fleet.client import MemberType

    with fleet.client() as client, looking("groups", "members", model, group):
        client.groups.add(model, group, MemberType(type_), members, expire, meta)
    done(f"{group}: {len(members)} added", {"model": model, "group": group, "added": len(members)}, as_json)


@click.command("import")
@click.argument("model")
@click.argument("group")
@click.argument("file", type=_FILE)
@as_json
@connected
def import_members(fleet: Fleet, model: str, group: str, file: Path, as_json: bool) -> None:
    """Put the members of a CSV file into a group, all or none (M23).

    A line is `type,member[,expire[,meta]]`; a first line that reads so is a
    heading.  An empty expire, or 0, is for ever.
    """
    wanted = list(_listed(file))
    with fleet.client() as client, looking("groups", "members", model, group):
        client.groups.add_listed(model, group, wanted)
    done(f"{group}: {len(wanted)} added", {"model": model, "group": group, "added": len(wanted)}, as_json)


@click.command()
@click.argument("model")
@click.argument("group")
@click.argument("type_", metavar="[sn|content|group]", type=_TYPES)
@click.argument("members", metavar="MEMBER...", nargs=-1, required=True)
@as_json
@connected
def remove(fleet: Fleet, model: str, group: str, type_: str, members: tuple[str, ...], as_json: bool) -> None:
    """Take members of one type out of a group (M24)."""
    from station.fleet.client import MemberType

    with fleet.client() as client, looking("groups", "members", model, group):
        client.groups.remove_members(model, group, MemberType(type_), members)
    done(f"{group}: {len(members)} removed", {"model": model, "group": group, "removed": len(members)}, as_json)


@click.command("remove-listed")
@click.argument("model")
@click.argument("group")
@click.argument("file", type=_FILE)
@as_json
@connected
def remove_listed(fleet: Fleet, model: str, group: str, file: Path, as_json: bool) -> None:
    """Take the members of a CSV file, as for `import`, out of a group (M25)."""
    wanted = [(one.type, one.member) for one in _listed(file)]
    with fleet.client() as client, looking("groups", "members", model, group):
        client.groups.remove_listed(model, group, wanted)
    done(f"{group}: {len(wanted)} removed", {"model": model, "group": group, "removed": len(wanted)}, as_json)


def _listed(file: Path) -> Iterator[GroupMember]:
    from station.cli.fleet import sheet
    from station.fleet.client import GroupMember, MemberType

    for line in sheet.lines(file):
        if line.fields[:2] == ("type", "member"):
            continue
        try:
            if line.wrong:
                raise ValueError(line.wrong)
            if not 2 <= len(line.fields) <= 4 or line.fields[0] not in _TYPES.choices:
                raise ValueError(f"found {','.join(line.fields)!a}")
            type_, member, expire, meta = (*line.fields, "", "")[:4]
            yield GroupMember(MemberType(type_), member, _seconds(expire or "0"), meta)
        except ValueError as error:
            raise MembersWrong(
                f"{file}, line {line.number}: expected sn, content or group, then a name, an end and a text: {error}"
            ) from None
