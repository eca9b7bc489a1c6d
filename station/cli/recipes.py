"""``station recipes``: for whoever writes them, and for their editor."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click


@click.group()
def command() -> None:
    """Recipes: check them, and tell an editor what they may hold."""


@command.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
def check(files: tuple[Path, ...]) -> None:
    """Read recipes as the station does, and say what is wrong and where.

    No board and no fleet is needed.  Exit code 2 if any of them is wrong.
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
        needs = f"; needs of [secrets]: {', '.join(sorted(recipe.secrets))}" if recipe.secrets else ""
        settings = f"{len(recipe.config)} settings"
        click.echo(f"{file}: good: {recipe.name} {recipe.version}, dialect {recipe.dialect}, {settings}{needs}")
    sys.exit(2 if wrong else 0)


@command.command()
@click.option("--dialect", metavar="NAME", help="Only for recipes in this dialect. [default: every installed one]")
def schema(dialect: str | None) -> None:
    """Print the JSON schema of recipes, for editors.

    Save it beside a recipe, and write as the recipe's first line:
    #:schema ./recipe.schema.json
    """
    from drivers import dialects
    from station.recipe_schema import schema as made

    click.echo(json.dumps(made([dialect] if dialect else dialects()), indent=2, ensure_ascii=False))
