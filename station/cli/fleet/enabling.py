"""``station fleet serials enable, remap, regenerate, disable``: what happens to the key of a serial number.

The first three look at the serial number before they act, so that a person
is told what stands in the way, and what a key that dies was good for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from station.cli.fleet.care import looking, shared_by, sure, yes
from station.cli.fleet.connection import Fleet, connected, serials_of
from station.cli.fleet.show import as_json, done
from station.errors import StationError

if TYPE_CHECKING:
    from station.fleet.client import SerialInfo, SerialStatus


class OutOfPlace(StationError):
    """The serial number is in a state in which this can't be done; nothing was."""

    code = "serial-out-of-place"


_WHAT_TO_DO = {
    "unused": "it has no key yet; `enable` makes one",
    "notactivated": "it is enabled, and its key waits to be fetched; `regenerate` makes a new one",
    "activated": "its key has been fetched; `regenerate` makes a new one, and kills that",
    "expired": "it was disabled, or nobody fetched its key in time; `regenerate` makes a new one",
    "locked": "its client is locked on the platform; only the platform unlocks it",
    "orphaned": "its client is gone; `delete` and `add` it again",
}


def refuse_unless(found: SerialInfo, allowed: set[SerialStatus], model: str, serial: str) -> None:
    """Raise ``OutOfPlace``, which says what to do, unless the serial number is in one of these states."""
    if found.status not in allowed:
        raise OutOfPlace(f"{serial} of {model} is {found.status}: {_WHAT_TO_DO[found.status]}")


@click.command()
@click.argument("model")
@click.argument("serial")
@click.option("--owner", help="The RID of the client below which it is put.  [default: the owner of --settings]")
@shared_by
@as_json
@connected
def enable(fleet: Fleet, model: str, serial: str, owner: str | None, shared_by: str | None, as_json: bool) -> None:
    """Make a serial number's client, whose key a device may fetch then (M46).  It is looked at first (M43)."""
    from station.fleet.client import SerialStatus

    owner = owner or fleet.owner
    if owner is None:
        raise click.UsageError("below which client? --owner RID says it")
    with fleet.client() as client:
        serials = serials_of(client, shared_by)
        refuse_unless(serials.info(model, serial), {SerialStatus.UNUSED}, model, serial)
        with looking("serials", "show", model, serial):
            rid = serials.enable(model, serial, owner)
    done(f"{serial}: enabled, RID {rid}", {"model": model, "serial": serial, "rid": rid}, as_json)


@click.command()
@click.argument("model")
@click.argument("old")
@click.argument("new")
@shared_by
@yes
@as_json
@connected
def remap(fleet: Fleet, model: str, old: str, new: str, shared_by: str | None, yes: bool, as_json: bool) -> None:
    """Give the client of OLD to NEW, under a new key that waits to be fetched (M47).  Both are looked at first."""
    from station.fleet.client import SerialStatus

    with fleet.client() as client:
        serials = serials_of(client, shared_by)
        had = serials.info(model, old)
        refuse_unless(had, {SerialStatus.NOTACTIVATED, SerialStatus.ACTIVATED, SerialStatus.EXPIRED}, model, old)
        refuse_unless(serials.info(model, new), {SerialStatus.UNUSED}, model, new)
        sure(f"{old} of {model} is {had.status}, and its key dies.  Give its client to {new}?", yes)
        with looking("serials", "show", model, new):
            serials.remap(model, old, new)
    done(f"{new}: has the client of {old}", {"model": model, "old": old, "serial": new}, as_json)


@click.command()
@click.argument("model")
@click.argument("serial")
@shared_by
@yes
@as_json
@connected
def regenerate(fleet: Fleet, model: str, serial: str, shared_by: str | None, yes: bool, as_json: bool) -> None:
    """Make a new key, which waits to be fetched; the old one dies at once (M48).  It is looked at first (M43)."""
    from station.fleet.client import SerialStatus

    with fleet.client() as client:
        serials = serials_of(client, shared_by)
        had = serials.info(model, serial)
        refuse_unless(had, {SerialStatus.NOTACTIVATED, SerialStatus.ACTIVATED, SerialStatus.EXPIRED}, model, serial)
        sure(f"{serial} of {model} is {had.status}, and its key dies at once.  Make a new one?", yes)
        with looking("serials", "show", model, serial):
            serials.regenerate(model, serial)
    done(f"{serial}: has a new key, to be activated", {"model": model, "serial": serial}, as_json)


@click.command()
@click.argument("model")
@click.argument("serial")
@shared_by
@as_json
@connected
def disable(fleet: Fleet, model: str, serial: str, shared_by: str | None, as_json: bool) -> None:
    """Let a serial number's key die; `regenerate` makes a new one (M49)."""
    with fleet.client() as client, looking("serials", "show", model, serial):
        serials_of(client, shared_by).disable(model, serial)
    done(f"{serial}: disabled", {"model": model, "serial": serial}, as_json)
