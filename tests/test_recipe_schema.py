"""The JSON schema of recipes: it is what the code makes, it takes every good recipe and refuses what it can."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from recipe_page import GOOD

from drivers import dialects
from station.cli import main
from station.errors import RecipeError
from station.recipe import load
from station.recipe_schema import schema

ROOT = Path(__file__).parents[1]
COMMITTED = ROOT / "config" / "recipe.schema.json"
SHIPPED = sorted((ROOT / "config" / "recipes").glob("*.toml"))
PAGE = (ROOT / "docs" / "recipes.md").read_text()
EXAMPLES = [text for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if "\n[fleet]\n" in text]
"""The whole recipes in the page."""


@pytest.fixture(scope="module")
def editor() -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(schema(dialects()))


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


def tables(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield whole
    yield from (table for table in whole["definitions"].values() if table.get("type") == "object")


# --------------------------------------------------------------------------- the file


def test_the_file_is_what_the_code_makes() -> None:
    made = json.dumps(schema(dialects()), indent=2, ensure_ascii=False) + "\n"
    assert COMMITTED.read_text() == made, "the models have changed: `make schema` renews config/recipe.schema.json"


def test_it_is_a_schema_of_draft_7(editor: jsonschema.Draft7Validator) -> None:
    jsonschema.Draft7Validator.check_schema(editor.schema)
    assert editor.schema["$schema"] == "http://json-schema.org/draft-07/schema#"


def test_every_key_is_explained_and_none_is_open(editor: jsonschema.Draft7Validator) -> None:
    for table in tables(editor.schema):
        assert table["additionalProperties"] is False
        for key, meaning in table["properties"].items():
            assert meaning.get("description"), key
    text = json.dumps(editor.schema)
    assert '"null"' not in text and '"format"' not in text and "``" not in text


# --------------------------------------------------------------------------- recipes


@pytest.mark.parametrize("recipe", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_recipe_says_where_its_schema_is_and_keeps_to_it(
    recipe: Path, editor: jsonschema.Draft7Validator
) -> None:
    first = recipe.read_text().splitlines()[0]
    assert first.startswith("#:schema "), "an editor looks for its schema in the first line"
    assert (recipe.parent / first.removeprefix("#:schema ")).resolve() == COMMITTED
    editor.validate(tomllib.loads(recipe.read_text()))


def test_the_wheel_has_the_schema_where_its_recipes_look_for_it() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {
        "config/recipes": "station/recipes",
        "config/recipe.schema.json": "station/recipe.schema.json",
    }


@pytest.mark.parametrize("text", [*EXAMPLES, GOOD], ids=[*(f"example {n}" for n in range(len(EXAMPLES))), "good"])
def test_an_example_keeps_to_the_schema_of_its_dialect(text: str, editor: jsonschema.Draft7Validator) -> None:
    recipe = tomllib.loads(text)
    if recipe["dialect"] in dialects():
        editor.validate(recipe)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('name = "gateway-g1"', 'nmae = "gateway-g1"'),
        ('version = "3"', "version = 3"),
        ('dialect = "shell"', 'dialect = "telepathy"'),
        ('dialect = "shell"', 'dialect = "line"'),
        ('dialect = "shell"', ""),
        ("[shell]", "[line]"),
        ("[config]", "[at]\n[config]"),
        ('dialect = "shell"', 'dialect = "shell"\npresence = "smell"'),
        ("pattern = 'G1-[0-9]{4}'", ""),
        ('activate = "station"', 'activate = "moon"'),
        ('register = "station"', 'register_by = "station"'),
        ('model = "gateway-g1"', 'model = "gateway g1"'),
        ("baud = 115200", 'baud = "115200"'),
        ("baud = 115200", "baud = 7"),
        ("baud = 115200", "baud = 115200\nreset = [{ dtr = 1 }]"),
        ('quote = "single"', 'quote = "triple"'),
        ("reply_s = 2", "reply_s = 0"),
        ("reply_s = 2", "reply = 2"),
        ('{ send = "printenv serial#", capture', "{ capture"),
        ('place = "{model}/{serial}"', "place = 1"),
    ],
)
def test_a_wrong_recipe_is_refused_by_the_schema_as_by_the_station(
    before: str, after: str, editor: jsonschema.Draft7Validator, tmp_path: Path
) -> None:
    assert GOOD.count(before) == 1
    text = GOOD.replace(before, after)
    assert not editor.is_valid(tomllib.loads(text))
    (tmp_path / "wrong.toml").write_text(text)
    with pytest.raises(RecipeError):
        load(tmp_path / "wrong.toml")


# --------------------------------------------------------------------------- the commands


def test_check_says_what_is_wrong_and_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, wrong, worse = (tmp_path / name for name in ("good.toml", "wrong.toml", "worse.toml"))
    good.write_text(GOOD)
    wrong.write_text(GOOD.replace("reply_s = 2", "reply_s = 0"))
    worse.write_text("dialect = ")
    assert run("recipes", "check", str(good)) == 0
    assert capsys.readouterr().out == f"{good}: good: gateway-g1 3, dialect shell, 2 settings\n"
    assert run("recipes", "check", str(wrong), str(good), str(worse)) == 2
    told = capsys.readouterr()
    assert told.out.startswith(f"{good}: good: ") and told.out.count("\n") == 1
    first, second = told.err.splitlines()
    assert first.startswith(f"{wrong}: shell.reply_s: ") and second.startswith(f"{worse}: is not TOML: ")


def test_check_says_which_settings_no_board_can_be_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "recipe.toml"
    config = 'two_lines = "a\\nb"\ngood = "{{braces}} {serial}"\n"my;name" = "{rid}"\n'
    file.write_text(GOOD.replace("[config]\n", "[config]\n" + config))
    assert run("recipes", "check", str(file)) == 2
    told = capsys.readouterr()
    assert not told.out
    first, second = told.err.splitlines()
    assert first == f"{file}: config.two_lines: the setting two_lines holds a control character"
    assert second.startswith(f"{file}: config.my;name: the setting's name")


@pytest.mark.parametrize("recipe", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_recipe_is_good(recipe: Path) -> None:
    assert run("recipes", "check", str(recipe)) == 0


def test_a_schema_of_one_dialect_has_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("recipes", "schema", "--dialect", "shell") == 0
    made = json.loads(capsys.readouterr().out)
    assert made["properties"]["dialect"]["enum"] == ["shell"]
    assert "shell" in made["properties"] and "at" not in made["properties"]
    jsonschema.Draft7Validator(made).validate(tomllib.loads(GOOD))
    assert run("recipes", "schema", "--dialect", "telepathy") == 2
    assert "no dialect 'telepathy'; there are: " in capsys.readouterr().err
