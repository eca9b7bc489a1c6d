"""``station fleet models``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from station.cli.fleet.care import by_form, looking, sure, yes
from station.cli.fleet.connection import Fleet, connected
from station.cli.fleet.show import as_json, done, listing, record

if TYPE_CHECKING:
    from station.fleet.client import ModelInfo

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def command() -> None:
    """Models, and the templates that their devices are cloned from."""


def _template(function: F) -> F:
    for option in (
        click.option("--rid", help="The template's RID; this or --code."),
        click.option("--code", help="A share code of the template; this or --rid."),
        click.option(
            "--option",
            "options",
            multiple=True,
            type=click.Choice(["noaliases", "nocomments", "nohistorical"]),
            help="What is left out of each clone; may be repeated.",
        ),
    ):
        function = option(function)
    return function


def _info(rid: str | None, code: str | None, options: tuple[str, ...]) -> ModelInfo:
    from station.fleet.client import ModelInfo, ModelOption

    if (rid is None) == (code is None):
        raise click.UsageError("a model is made of exactly one of --rid and --code")
    return ModelInfo(rid, code, frozenset(map(ModelOption, options)))


@command.command("list")
@click.option("--shared", is_flag=True, help="Those that other vendors share with this one (M27).")
@as_json
@connected
def list_models(fleet: Fleet, shared: bool, as_json: bool) -> None:
    """List the vendor's models (M26), or those that others share with it (M27)."""
    with fleet.client() as client:
        if shared:
            found = client.models.shared()
            listing(({"vendor": row.vendor, "model": row.model} for row in found), ("vendor", "model"), as_json)
        else:
            listing(({"model": name} for name in client.models.list()), ("model",), as_json)


@command.command()
@click.argument("model")
@_template
@as_json
@connected
def create(
    fleet: Fleet, model: str, rid: str | None, code: str | None, options: tuple[str, ...], as_json: bool
) -> None:
    """Make a model from a template (M28)."""
    info = _info(rid, code, options)
    with fleet.client() as client, looking("models", "show", model):
        client.models.create(model, info)
    done(f"{model}: made", {"model": model}, as_json)


@command.command()
@click.argument("model")
@as_json
@connected
def show(fleet: Fleet, model: str, as_json: bool) -> None:
    """Show a model's template and options (M30)."""
    with fleet.client() as client:
        info = client.models.info(model)
    record({"model": model, "rid": info.rid, "code": info.code, "options": sorted(info.options)}, as_json)


@command.command()
@click.argument("model")
@_template
@as_json
@connected
def update(
    fleet: Fleet, model: str, rid: str | None, code: str | None, options: tuple[str, ...], as_json: bool
) -> None:
    """Give a model another template and other options; options that aren't named are cleared (M31)."""
    info = _info(rid, code, options)
    with fleet.client() as client, looking("models", "show", model):
        client.models.update(model, info)
    done(f"{model}: updated", {"model": model}, as_json)


@command.command()
@click.argument("model")
@by_form
@yes
@as_json
@connected
def delete(fleet: Fleet, model: str, by_form: bool, yes: bool, as_json: bool) -> None:
    """Delete a model with its serial numbers, content and groups (M32; by form M29)."""
    with fleet.client() as client:
        sure(f"Delete the model {model}, all its serial numbers and all its content?", yes)
        with looking("models", "list"):
            (client.models.remove if by_form else client.models.delete)(model)
    done(f"{model}: deleted", {"model": model}, as_json)
