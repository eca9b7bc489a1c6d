"""Files that people write: TOML into a pydantic model, and every complaint in one line.

A complaint names the file, the key, what was expected and what was found, so
that nobody needs the source to mend a settings file or a recipe.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from station.errors import BadInput

M = TypeVar("M", bound=BaseModel)

_FOUND = 60
"""The most characters of a wrong value that a complaint repeats."""


class Table(BaseModel):
    """A table of such a file: frozen, every unknown key an error, nothing converted silently."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True, hide_input_in_errors=True
    )


def parse(path: Path, error: type[BadInput]) -> tuple[dict[str, Any], bytes]:
    """Read a TOML file; return its content and its bytes as they lay on the disk."""
    try:
        raw = path.read_bytes()
        return tomllib.loads(raw.decode()), raw
    except OSError as cause:
        raise error(f"{path}: can't be read: {cause.strerror}") from cause
    except UnicodeDecodeError as cause:
        raise error(f"{path}: is not UTF-8 text (byte {cause.start})") from cause
    except tomllib.TOMLDecodeError as cause:
        raise error(f"{path}: is not TOML: {cause}") from cause


def validate(path: Path, model: type[M], content: Mapping[str, Any], error: type[BadInput]) -> M:
    """Make a model of a file's content, or complain about its first wrong key in one line."""
    try:
        return model.model_validate(content)
    except ValidationError as cause:
        first, *more = sorted(cause.errors(include_url=False, include_input=True), key=_gravest)
        rest = f" (and {len(more)} more)" if more else ""
        raise error(f"{path}: {_complaint(model, first)}{rest}") from None


def _gravest(problem: Any) -> int:
    """Unknown keys first: a misspelt key is also reported as a missing one."""
    return 0 if problem["type"] == "extra_forbidden" else 1


def _complaint(model: type[BaseModel], problem: Any) -> str:
    where = problem["loc"]
    key = ".".join(str(part) for part in where) or "the file"
    match problem["type"]:
        case "extra_forbidden":
            return f"{key}: unknown key; known here: {', '.join(_keys(model, where[:-1]))}"
        case "missing":
            return f"{key}: is missing; expected {_meaning(model, where)}"
        case kind:
            text = problem["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
            text = text[:1].lower() + text[1:]
            if kind in ("value_error", "assertion_error"):
                return f"{key}: {text}"
            found = repr(problem["input"])
            found = found if len(found) <= _FOUND else found[:_FOUND] + "..."
            return f"{key}: {text}; found {found}"


def _table_at(model: type[BaseModel], where: tuple[Any, ...]) -> type[BaseModel] | None:
    """Follow a location down to the model that it lies in."""
    for part in where:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        if field is None:
            return None
        inner = [t for t in _types(field.annotation) if isinstance(t, type) and issubclass(t, BaseModel)]
        if not inner:
            return None
        model = inner[0]
    return model


def _types(annotation: Any) -> list[Any]:
    arguments = getattr(annotation, "__args__", ())
    return [annotation] + [t for argument in arguments for t in _types(argument)]


def _keys(model: type[BaseModel], where: tuple[Any, ...]) -> list[str]:
    table = _table_at(model, where)
    return sorted(table.model_fields) if table else []


def _meaning(model: type[BaseModel], where: tuple[Any, ...]) -> str:
    table = _table_at(model, where[:-1])
    field = table.model_fields.get(where[-1]) if table else None
    text = (field.description or "").split("\n")[0] if field else ""
    return text[:1].lower() + text[1:].rstrip(".") if text else "a value"
