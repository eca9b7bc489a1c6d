"""Which running station is meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

_USUAL = (Path("station.toml"), Path("/etc/station/station.toml"))


def of_station(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command say which station, by its settings or its state folder; it gets the folder as ``state``."""
    for option in (
        click.option("--state", type=click.Path(path_type=Path), help="Its state folder, in place of its settings."),
        click.option(
            "--config",
            type=click.Path(path_type=Path),
            help=f"Its settings; where left out, {_USUAL[0]} of this folder or {_USUAL[1]}.",
        ),
    ):
        command = option(command)
    return command


def state_folder(config: Path | None, state: Path | None) -> Path:
    """Return the state folder of the station that is meant; raises ``SettingsError``, ``UsageError``."""
    if state is not None:
        return state
    from station import settings

    facts = settings.load(settings_file(config))
    return facts.path(facts.state)


def settings_file(config: Path | None) -> Path:
    """Return the settings of the station that is meant; raises ``UsageError``."""
    config = config or next((path for path in _USUAL if _there(path)), None)
    if config is None:
        nowhere = " and no ".join(map(str, _USUAL))
        raise click.UsageError(f"which station?  Name its settings with --config: there is no {nowhere}")
    return config


def _there(path: Path) -> bool:
    """Tell whether settings are there; also those that this user may not see, so that it is said of them."""
    try:
        return path.is_file()
    except PermissionError:
        return True
