"""What is installed only where it is asked for."""

from __future__ import annotations

from importlib import import_module

import click


class _Missing(click.ClickException):
    exit_code = 2


def need_server() -> None:
    """Refuse with one line, and exit code 2, where the ``server`` extra is not installed."""
    try:
        import_module("waitress")
    except ModuleNotFoundError as error:
        if error.name != "waitress":  # it is there, and broken
            raise
        raise _Missing("this needs the server extra: pip install 'provisioning-station[server]'") from None
