"""The commands of ``station fleet`` cover the API, say so, and are there at once."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from station.cli.fleet import command

PROCEDURES = {f"D{n}" for n in range(1, 5)} | {f"M{n}" for n in range(1, 64)}


def leaves(group: click.Group, *words: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        if isinstance(found, click.Group):
            yield from leaves(found, *words, name)
        else:
            yield (*words, name), found


def named(text: str) -> set[str]:
    """The procedures that a text names, one by one or as "M1 to M3"."""
    return set(re.findall(r"\b[DM]\d+\b", text))


def test_every_procedure_is_named_by_a_command() -> None:
    assert set().union(*(named(found.help or "") for _, found in leaves(command))) == PROCEDURES


@pytest.mark.parametrize(("words", "found"), [pytest.param(*leaf, id=" ".join(leaf[0])) for leaf in leaves(command)])
def test_every_command_explains_itself(words: tuple[str, ...], found: click.Command) -> None:
    assert found.help, words
    assert named(found.help) or words in {("serve",), ("init",), ("window",)}
    assert all(p.help for p in found.params if isinstance(p, click.Option)), words


@pytest.mark.parametrize("words", [["--help"], ["fleet", "--help"]])
def test_the_help_imports_nothing_heavy(words: list[str]) -> None:
    code = f"from station.cli import main\ntry: main({words})\nexcept SystemExit: pass"
    code += "\nimport sys; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    seen = set(done.stderr.split())
    assert "station.cli" in seen and "Usage" in done.stdout
    heavy = {"textual", "requests", "pydantic", "sqlite_utils", "serial", "waitress"}
    assert not seen & (heavy | {"station.fleet", "station.settings", "station.cli.fleet.serials"})
