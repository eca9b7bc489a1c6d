"""A board on an open link, and what was said with it, for whoever wants to see it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import click

from station.cli.boards.record import escaped

if TYPE_CHECKING:
    from drivers.board import Board
    from drivers.link import Link
    from station.cli.boards.target import Target

show = click.option("--show", is_flag=True, help="Show at the end, on standard error, what was sent and what came.")
"""The option of every command that talks to a board."""


@contextmanager
def talking(target: Target, show: bool) -> Iterator[tuple[Link, Board]]:
    """Open the port and make the recipe's near end on it; raises ``DriverError``."""
    from drivers.link import Link

    options, _ = target.recipe.link, target.secrets  # what is wrong with them is better known before the port is opened
    with Link.open(target.port, options) as link:
        try:
            yield link, near_end(target, link)
        finally:
            if show:
                for seconds, direction, data in link.transcript:
                    click.echo(f"{seconds:9.3f} {direction} {escaped(data)}", err=True)


def near_end(target: Target, link: Link) -> Board:
    """Make the board's near end; its secrets are kept out of what is shown of the link."""
    from drivers import dialect
    from drivers.guard import Guarded

    hide(target, link)
    name = target.recipe.dialect
    return Guarded(name, dialect(name)(link, target.recipe.options, target.secrets))


def hide(target: Target, where: Hiding) -> None:
    """Keep the recipe's secrets out of what is shown: the station's by value, the board's by the settings' names."""
    for secret in target.secrets.values():
        where.hide(secret)
    for name in target.recipe.config:
        if target.recipe.secret(name):
            where.hide_setting(name)


class Hiding(Protocol):
    """A link, or a transcript."""

    def hide(self, secret: str) -> None:
        """Mask this text."""

    def hide_setting(self, name: str) -> None:
        """Mask whatever is the value of the setting of this name."""
