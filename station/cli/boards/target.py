"""Which port, which recipe, which secrets: the argument and the options that the commands share."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from station.cli.boards import values

if TYPE_CHECKING:
    from station.recipe import Recipe
    from station.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

FILE = click.Path(path_type=Path, dir_okay=False)


@dataclass(frozen=True)
class Target:
    """What a command line says of a board; files are read when something needs them."""

    named: str
    """PORT, as it was given."""
    recipe_file: Path | None
    config: Path | None
    secret: tuple[str, ...]

    @cached_property
    def port(self) -> str:
        """The port: a path or a URL.  Raises ``click.BadParameter`` for one that can't be meant."""
        from drivers.opening import port_complaint

        if self.settings:
            for slot in self.settings.slots:
                if slot.name == self.named:
                    return slot.port
        if not self.named.strip():
            raise click.BadParameter("is empty", param_hint="PORT")
        if complaint := port_complaint(self.named):
            raise click.BadParameter(f"{self.named}: {complaint}", param_hint="PORT")
        if "/" in self.named or os.path.exists(self.named):
            return self.named
        if os.path.exists(f"/dev/{self.named}"):
            return f"/dev/{self.named}"
        slots = f"; the slots are {', '.join(slot.name for slot in self.settings.slots)}" if self.settings else ""
        hint = slots or "; a slot's name needs --config"
        raise click.BadParameter(f"there is no port {self.named!r}{hint}", param_hint="PORT")

    @cached_property
    def settings(self) -> Settings | None:
        """The station's settings, if they are given.  Raises ``SettingsError``."""
        if self.config is None:
            return None
        from station import settings

        return settings.load(self.config)

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe: the one that is named, else that of the settings.  Raises ``RecipeError``."""
        from station import recipe

        file = self.recipe_file
        if file is None and self.settings:
            file = self.settings.path(self.settings.recipe)
        if file is None:
            raise click.UsageError("which recipe? --recipe says it, or the settings of --config")
        return recipe.load(file)

    @cached_property
    def secrets(self) -> Mapping[str, str]:
        """The station's secrets that the recipe needs, by name.  Raises ``SettingsError``, ``click.UsageError``."""
        given = self.given
        missing = sorted(self.recipe.secrets - given.keys())
        if missing and not self.settings:
            raise click.UsageError(f"the recipe needs a secret: --secret {missing[0]}=@FILE gives it, or --config")
        return {**given, **{name: self.settings.secret(name) for name in missing if self.settings}}

    @cached_property
    def given(self) -> Mapping[str, str]:
        """The secrets of the command line, by name, needed or not.  Raises ``click.BadParameter``."""
        try:
            given = values.parse(self.secret)
        except click.BadParameter as wrong:
            raise click.BadParameter(wrong.message, param_hint="--secret") from None
        for name, value in given.items():
            if not value.secret:
                raise click.BadParameter(
                    f"{name}: others can read an argument; put the secret into a file and say {name}=@FILE",
                    param_hint="--secret",
                )
        return {name: value.text for name, value in given.items()}


def target(function: F) -> F:
    """Give a command PORT and what belongs to it, as its first argument ``board``."""

    @wraps(function)
    def called(port: str, recipe: Path | None, config: Path | None, secret: tuple[str, ...], **rest: Any) -> Any:
        return function(Target(port, recipe, config, secret), **rest)

    decorated: Any = called
    for option in (
        click.option("--secret", multiple=True, metavar="NAME=@FILE", help="A secret of the station; in a 0600 file."),
        click.option("--config", type=FILE, help="A station.toml: its slots, its recipe, its secrets."),
        click.option("--recipe", type=FILE, help="The board's recipe.  [default: the one of --config]"),
        click.argument("port"),
    ):
        decorated = option(decorated)
    result: F = decorated
    return result
