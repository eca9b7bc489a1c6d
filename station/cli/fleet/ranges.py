"""``station fleet ranges``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from station.cli.fleet.care import looking
from station.cli.fleet.connection import Fleet, connected
from station.cli.fleet.show import as_json, done, listing

if TYPE_CHECKING:
    from station.fleet.client import SerialRange

F = TypeVar("F", bound=Callable[..., Any])

_FORMATS = ("base10", "base16", "mac:48", "mac-48", "mac.48")

_SEPARATORS = re.compile("[:.-]")
"""Of the digits of a MAC address."""


@click.group()
def command() -> None:
    """Ranges: serial numbers that are listed by a rule, from a first to a last one.

    FORMAT is base10, base16, mac:48, mac-48 or mac.48.  FIRST and LAST are
    serial numbers, written as the range writes them, and both belong to it:

        station fleet ranges add g1 base10 00000001 00009999 --length 8

        station fleet ranges add g1 mac:48 00:1a:2b:00:00:00 00:1a:2b:00:ff:ff --casing lower
    """


def _range(function: F) -> F:
    for option in (
        click.option(
            "--casing", type=click.Choice(["upper", "lower"]), help="The case of hex digits.  [default: either]"
        ),
        click.option("--length", type=click.IntRange(1, 128), help="Digits, with zeros in front.  [default: no zeros]"),
        click.argument("last"),
        click.argument("first"),
        click.argument("format", metavar="FORMAT", type=click.Choice(_FORMATS)),
        click.argument("model"),
    ):
        function = option(function)
    return function


def _understood(format: str, first: str, last: str, length: int | None, casing: str | None) -> SerialRange:
    from station.fleet.client import Casing, RangeFormat, SerialRange

    base = 10 if format == "base10" else 16
    kind, case = RangeFormat(format), Casing(casing) if casing else None
    try:
        begin, end = (int(_SEPARATORS.sub("", text), base) for text in (first, last))
    except ValueError:
        raise click.UsageError(f"{first} and {last} are no numbers of {format}") from None
    try:
        found = SerialRange(kind, begin, end, length, case)
    except ValueError as error:
        raise click.UsageError(f"{first} to {last} is no range of {format}: {error}") from None
    for text, number in ((first, begin), (last, end)):
        if text not in found:
            wanted = found.render(number)
            raise click.UsageError(f"this range writes {text} as {wanted}; are --length and --casing what is meant?")
    return found


def _facts(one: SerialRange) -> dict[str, Any]:
    return {
        "format": one.format,
        "first": one.first,
        "last": one.last,
        "length": one.length,
        "casing": one.casing,
        "from": one.render(one.first),
        "to": one.render(one.last),
    }


@command.command("list")
@click.argument("model")
@as_json
@connected
def list_ranges(fleet: Fleet, model: str, as_json: bool) -> None:
    """List a model's ranges, with the first and the last serial number of each (M34)."""
    with fleet.client() as client:
        headings = ("format", "first", "last", "length", "casing", "from", "to")
        listing(map(_facts, client.ranges.list(model)), headings, as_json)


@command.command()
@_range
@as_json
@connected
def add(
    fleet: Fleet, model: str, format: str, first: str, last: str, length: int | None, casing: str | None, as_json: bool
) -> None:
    """Give a model a range (M38)."""
    one = _understood(format, first, last, length, casing)
    with fleet.client() as client, looking("ranges", "list", model):
        client.ranges.add(model, [one])
    done(f"{model}: range added, {first} to {last}", {"model": model, **_facts(one)}, as_json)


@command.command()
@_range
@as_json
@connected
def remove(
    fleet: Fleet, model: str, format: str, first: str, last: str, length: int | None, casing: str | None, as_json: bool
) -> None:
    """Take a range from a model, the same in all that it says (M42).  Devices that have a key keep it."""
    one = _understood(format, first, last, length, casing)
    with fleet.client() as client, looking("ranges", "list", model):
        client.ranges.remove(model, [one])
    done(f"{model}: range removed, {first} to {last}", {"model": model, **_facts(one)}, as_json)
