"""``station recipes``: for whoever writes them, and for their editor."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from station.recipe import Recipe

_GIVEN = "01234567" * 5
"""As long as what the fleet gives: its keys and resource ids are 40 hex digits."""


@click.group()
def command() -> None:
    """Recipes: check them, and tell an editor what they may hold."""


@command.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
def check(files: tuple[Path, ...]) -> None:
    """Read recipes as the station does, and say what is wrong and where.

    Also which settings no board of this kind can be told.  No board and no
    fleet is needed.  Exit code 2 if any of them is wrong.
    """
    from station import recipe as recipes
    from station.errors import RecipeError

    wrong = False
    for file in files:
        try:
            recipe = recipes.load(file)
        except RecipeError as fault:
            wrong = True
            click.echo(fault.text, err=True)
            continue
        if complaints := list(_unwritable(recipe)):
            wrong = True
            for complaint in complaints:
                click.echo(f"{file}: {complaint}", err=True)
            continue
        needs = f"; needs of [secrets]: {', '.join(sorted(recipe.secrets))}" if recipe.secrets else ""
        settings = f"{len(recipe.config)} settings"
        click.echo(f"{file}: good: {recipe.name} {recipe.version}, dialect {recipe.dialect}, {settings}{needs}")
    sys.exit(2 if wrong else 0)


def _unwritable(recipe: Recipe) -> Iterator[str]:
    """Say of each setting that can't be written on any board why; what is filled in is short, and good anywhere."""
    from drivers.errors import ValueUnwritable
    from station.cli.boards.nowhere import near_end
    from station.recipe import PLACEHOLDERS

    values = dict.fromkeys(PLACEHOLDERS, "x") | {"rid": _GIVEN, "cik": _GIVEN, "model": recipe.fleet.model}
    _, board = near_end("nowhere", recipe)
    for name, value in recipe.settings(values).items():
        try:
            board.check({name: value})
        except ValueUnwritable as fault:
            yield f"config.{name}: {fault.text}"


@command.command()
@click.option("--dialect", metavar="NAME", help="Only for recipes in this dialect. [default: every installed one]")
def schema(dialect: str | None) -> None:
    """Print the JSON schema of recipes, for editors.

    Save it beside a recipe, and write as the recipe's first line:
    #:schema ./recipe.schema.json
    """
    from drivers import dialects
    from station.recipe_schema import schema as made

    click.echo(json.dumps(made([dialect] if dialect else _usable(dialects())), indent=2, ensure_ascii=False))


def _usable(names: list[str]) -> Iterator[str]:
    """Yield the dialects that can be used; say of the others, on standard error, why they are left out."""
    from station.errors import RecipeError
    from station.recipe import options_of

    for name in names:
        try:
            options_of(name)
        except RecipeError as broken:
            click.echo(f"station: left out: {broken.text}", err=True)
        else:
            yield name
