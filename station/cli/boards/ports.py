"""``station boards ports``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from station.cli.fleet.show import as_json, listing, printable

if TYPE_CHECKING:
    from drivers.ports import Port


@click.command()
@as_json
def command(as_json: bool) -> None:
    """List the serial ports of this machine; none of them is opened.

    A slot of station.toml is best bound to a name in by-path, which stays
    with the socket, or in by-id, which goes with the adapter.
    """
    from drivers.ports import ports

    found = ports()
    if as_json:
        listing((_facts(port) for port in found), (), as_json)
        return
    for port in found:
        click.echo(port.path)
        for name, text in _lines(port):
            click.echo(f"  {name:<8} {printable(text)}")
    if not found:
        click.echo("no serial port is there", err=True)
    if any(port.held.partial for port in found):
        click.echo("Programs of other users can't be looked into: as root, all that have a port are named.", err=True)


def _facts(port: Port) -> dict[str, Any]:
    from drivers.ports import denial

    facts = asdict(port)
    held = facts.pop("held")
    return {**facts, "denied": denial(port.path), "held_by": list(held["by"]), "partial": held["partial"]}


def _lines(port: Port) -> list[tuple[str, str]]:
    from drivers.ports import denial

    lines = [("by-path", link) for link in port.by_path] + [("by-id", link) for link in port.by_id]
    if port.usb:
        told = f"{port.usb.manufacturer} {port.usb.product}".strip() or "(no name)"
        serial = f", serial number {port.usb.serial}" if port.usb.serial else ", no serial number"
        part = f", interface {port.usb.interface}" if port.usb.interface else ""
        lines.append(("usb", f"{port.usb.vid}:{port.usb.pid}  {told}{serial}{part}"))
    if port.driver:
        lines.append(("driver", port.driver))
    if port.held.by:
        lines.append(("held by", ", ".join(map(str, port.held.by))))
    if reason := denial(port.path):
        lines.append(("denied", f"it {reason}"))
    return lines
