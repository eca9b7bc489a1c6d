"""What an editor may know of a recipe: a JSON Schema, made of the models that the station itself reads recipes with.

Draft 7, since that is what the editors' plug-ins for TOML understand in full.
It says less than the station: what one key means for another, and whether a
regular expression is one, ``station recipes check`` tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic.json_schema import models_json_schema

from station.recipe import Recipe, options_of

_DRAFT = "http://json-schema.org/draft-07/schema#"
_NULL = {"type": "null"}


def schema(names: Iterable[str]) -> dict[str, Any]:
    """Return the schema of recipes in these dialects; raises ``RecipeError`` for one that can't be used.

    Each dialect's table is among the properties, so that any editor completes
    it, and conditions say which one goes with ``dialect``.
    """
    tables = {name: options_of(name) for name in names}
    models: list[Any] = [(Recipe, "validation"), *((table, "validation") for table in tables.values())]
    references, made = models_json_schema(models, ref_template="#/definitions/{model}")
    made = _for_editors(made)
    definitions: dict[str, Any] = made["$defs"]
    whole = definitions.pop(_name(references[Recipe, "validation"]))
    properties: dict[str, Any] = whole["properties"]
    properties["dialect"] = {**properties["dialect"], "enum": list(tables)}
    for name, table in tables.items():
        meaning = f"A table [{name}]: what the dialect needs to know of this board."
        properties[name] = {"description": meaning, "allOf": [references[table, "validation"]]}
    return {
        "$schema": _DRAFT,
        "title": "A recipe",
        **whole,
        "description": "What one product model needs of a provisioning station; docs/recipes.md explains every key.",
        "allOf": [_belonging(name, tables) for name in tables],
        "definitions": definitions,
    }


def _belonging(name: str, tables: Iterable[str]) -> dict[str, Any]:
    """Say that a dialect's table goes with its name, and no other one does."""
    others = {other: False for other in tables if other != name}
    then: dict[str, Any] = {"required": [name], **({"properties": others} if others else {})}
    return {"if": {"properties": {"dialect": {"const": name}}, "required": ["dialect"]}, "then": then}


def _name(reference: Any) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _for_editors(made: Any) -> Any:
    """Leave out what TOML can't say and editors would stumble over; let each key's words stand beside a reference.

    There is no null in TOML; a title that repeats the key is noise; beside
    ``$ref`` Draft 7 ignores everything; and ``regex`` means JavaScript's there.
    """
    if isinstance(made, list):
        return [_for_editors(inner) for inner in made]
    if not isinstance(made, dict):
        return made
    found = {key: _for_editors(value) for key, value in made.items() if key != "title" or not isinstance(value, str)}
    if found.get("default", 0) is None:
        del found["default"]
    if found.get("format") == "regex":
        del found["format"]
    if isinstance(text := found.get("description"), str):
        found["description"] = re.sub(r"\s+", " ", text.replace("``", "`"))
    if isinstance(choices := found.get("anyOf"), list) and _NULL in choices:
        choices.remove(_NULL)
        if len(choices) == 1:
            del found["anyOf"]
            found = {**choices[0], **found}
    if "$ref" in found and len(found) > 1:
        found["allOf"] = [{"$ref": found.pop("$ref")}]
    return found
