"""Files that people write: TOML into a pydantic model, and every complaint in one line.

A complaint names the file, the key, what was expected and what was found, so
that nobody needs the source to mend a settings file or a recipe.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from drivers.expression import compiled
from station.errors import BadInput

M = TypeVar("M", bound=BaseModel)

_FOUND = 60
"""The most characters of a wrong value that a complaint repeats."""


_EXPECTED = {
    "string_type": "text in quotation marks",
    "path_type": "text in quotation marks",
    "pattern_type": "text in quotation marks",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a table",
    "model_type": "a table",
    "list_type": "a list",
    "tuple_type": "a list",
}
"""What a person calls the types that pydantic 2 finds missing."""

_SHAPE = frozenset({"string_pattern_mismatch", "string_too_short", "too_short", "too_long"})
"""Problems that a key's own meaning explains better than a pattern or a count."""


class Table(BaseModel):
    """A table of such a file: frozen, every unknown key an error, every key explained."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True)


def parse(path: Path, error: type[BadInput]) -> tuple[dict[str, Any], bytes]:
    """Read a TOML file; return its content and its bytes as they lay on the disk."""
    try:
        raw = path.read_bytes()
    except OSError as cause:
        raise error(f"{path}: can't be read: {cause.strerror}") from cause
    return parsed(path, raw, error), raw


def parsed(path: Path, raw: bytes, error: type[BadInput]) -> dict[str, Any]:
    """Return the content of a TOML file whose bytes are these; ``path`` is what a complaint calls it."""
    try:
        content = tomllib.loads(raw.decode("utf-8-sig"))  # some editors put a byte order mark before the text
    except UnicodeDecodeError as cause:
        raise error(f"{path}: is not UTF-8 text (byte {cause.start})") from cause
    except tomllib.TOMLDecodeError as cause:
        raise error(f"{path}: is not TOML: {cause}") from cause
    for key, value in _not_json(content, ()):
        what = "a finite number" if isinstance(value, float) else "text, a number, true, false, a list or a table"
        raise error(f"{path}: {_name(key)}: expected {what}; found {value}")
    return content


def validate(path: Path, model: type[M], content: Mapping[str, Any], error: type[BadInput]) -> M:
    """Make a model of a file's content, or complain about its first wrong key in one line.

    Nothing is converted silently, in a dialect's own tables neither.  (Strict
    by way of JSON, whose lists and texts may become what TOML has no words
    for either: tuples, paths, patterns, names out of a list.)
    """
    try:
        return model.model_validate_json(json.dumps(content), strict=True)
    except (OverflowError, RecursionError) as cause:  # pydantic lets these two of re.compile's errors through
        raise error(f"{path}: a regular expression can't be used: {cause}") from None
    except ValidationError as cause:
        first, *more = sorted(cause.errors(include_url=False, include_input=True), key=_gravest)
        rest = f" (and {len(more)} more)" if more else ""
        raise error(f"{path}: {_complaint(model, first)}{rest}") from None


def expression_fault(text: str) -> str | None:
    """Say why a text is no regular expression; None if it is one."""
    try:
        compiled(text)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is no regular expression: {error}"
    except ValueError as endless:
        return str(endless)
    return None


def _expression(text: str) -> str:
    if fault := expression_fault(text):
        raise ValueError(fault)
    return text


Expression = Annotated[str, AfterValidator(_expression)]
"""A text that is a regular expression."""


def _not_json(value: Any, where: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Find what TOML has and no key of ours takes: dates, times, inf and nan."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _not_json(inner, (*where, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _not_json(inner, (*where, index))
    elif not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
        yield where, value


def _gravest(problem: Any) -> int:
    """Unknown keys first: a misspelt key is also reported as a missing one."""
    return 0 if problem["type"] == "extra_forbidden" else 1


def _complaint(model: type[BaseModel], problem: Any) -> str:
    where, kind = problem["loc"], problem["type"]
    key, meaning = _name(where), _meaning(model, where)
    text = problem["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    text = text[:1].lower() + text[1:]
    if kind == "extra_forbidden":
        return f"{key}: unknown key; known here: {', '.join(sorted(_fields(model, where[:-1])))}"
    if kind == "missing":
        return f"{key}: is missing; expected {meaning or 'a value'}"
    if kind in ("value_error", "assertion_error"):
        return f"{key}: {text}" if key else text  # a rule of the whole file names its key itself
    if kind == "pattern_regex" and (fault := expression_fault(problem["input"])):
        return f"{key}: {fault}"
    found = _found(problem["input"])
    if kind in _EXPECTED:
        return f"{key}: expected {_EXPECTED[kind]}{f' ({meaning})' if meaning else ''}; found {found}"
    if kind in _SHAPE and meaning:
        return f"{key}: expected {meaning}; found {found}"
    return f"{key}: {text.replace('input should be', 'expected', 1)}; found {found}"


def _name(where: tuple[Any, ...]) -> str:
    """Write a location down; tables of a list are counted from 1: ``slots #2.port``."""
    return "".join(f" #{part + 1}" if isinstance(part, int) else f".{part}" for part in where).removeprefix(".")


def _found(value: Any) -> str:
    """Repeat a wrong value, as it stands in the file; of a table or a list only that it is one."""
    match value:
        case dict():
            return "a table" if value else "an empty table"
        case list():
            return "a list" if value else "an empty list"
        case bool():
            return str(value).lower()
    text = repr(value)
    return text if len(text) <= _FOUND else text[:_FOUND] + "..."


def _fields(model: type[BaseModel], where: tuple[Any, ...]) -> dict[str, FieldInfo]:
    """Follow a location down to the table that it names; return the table's keys, as they are written in the file."""
    table: type[BaseModel] | None = model
    for part in where:
        if table is not None and not isinstance(part, int):
            field = _known(table).get(part)
            inner = _types(field.annotation) if field else []
            table = next((t for t in inner if isinstance(t, type) and issubclass(t, BaseModel)), None)
    return _known(table) if table is not None else {}


def _known(table: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in table.model_fields.items()}


def _types(annotation: Any) -> list[Any]:
    arguments = getattr(annotation, "__args__", ())
    return [annotation] + [t for argument in arguments for t in _types(argument)]


def _meaning(model: type[BaseModel], where: tuple[Any, ...]) -> str:
    """Return what a key means, by the docstring beneath it; empty if it has none."""
    field = _fields(model, where[:-1]).get(where[-1]) if where else None
    text = (field.description or "").split("\n")[0] if field else ""
    return text[:1].lower() + text[1:].rstrip(".")
