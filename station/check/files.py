"""The files that people write: settings, recipe, secrets."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from station import recipe as recipes
from station import settings as facts
from station.check.finding import Finding, fail, ok, warn
from station.errors import BadInput, SettingsError
from station.recipe import Recipe
from station.settings import Settings

_MEND = "mend this file; docs/recipes.md and config/station.toml explain every key"


def settings(config: Path) -> tuple[Settings | None, Finding]:
    """Load the settings."""
    try:
        loaded = facts.load(config)
    except BadInput as wrong:
        return None, fail("settings", wrong.text, _MEND)
    return loaded, ok("settings", f"{config}: {loaded.name}, {len(loaded.slots)} slots")


def recipe(settings: Settings) -> tuple[Recipe | None, Finding]:
    """Load the recipe, and with it its dialect."""
    path = settings.path(settings.recipe)
    try:
        loaded = recipes.load(path)
    except BadInput as wrong:
        return None, fail("recipe", wrong.text, _MEND)
    return loaded, ok("recipe", f"{path}: {loaded.name}, version {loaded.version}, dialect {loaded.dialect}")


def secrets(settings: Settings, recipe: Recipe | None) -> Iterator[Finding]:
    """Read the fleet token and what the recipe needs, and see who else can read them."""
    fleet = settings.fleet
    yield _secret(settings, "token", settings.token, fleet.token_file, fleet.token_credential)
    for name in sorted(recipe.secrets if recipe else ()):
        place = settings.secrets.get(name)
        what = f"secret {name}"
        if place is None:
            yield fail(what, "the recipe needs it, and the settings don't have it", f"add {name} to [secrets]")
        else:
            yield _secret(settings, what, partial(settings.secret, name), place.file, place.credential)


def _secret(
    settings: Settings, what: str, read: Callable[[], str], file: Path | None, credential: str | None
) -> Finding:
    if credential is not None and "CREDENTIALS_DIRECTORY" not in os.environ:
        return warn(
            what,
            f"systemd hands {credential!r} over to the service alone, so it can't be looked at from here",
            f"to look at it too: systemd-run --pipe --wait -p LoadCredential={credential}:FILE station check ...",
        )
    try:
        read()
    except SettingsError as wrong:
        return fail(what, wrong.text, "put it there, readable by the station's user alone")
    if file is None:
        return ok(what, f"handed over by systemd as {credential!r}")
    path = settings.path(file)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return fail(what, f"{path}: others may read or write it (mode {mode:o})", f"chmod 600 {path}")
    return ok(what, f"{path}: readable by its owner alone")
