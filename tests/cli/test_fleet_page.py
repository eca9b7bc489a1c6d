"""The table of docs/fleet-api.md is true: every procedure, its request, its method and its command."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from station.cli import main
from station.fleet.client import Client
from station.fleet.server.dispatch import NOUNS

PAGE = (Path(__file__).parents[2] / "docs/fleet-api.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip().strip("`") for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if re.match(r"\| [DM]\d+ \|", line) and line.count("|") == 8
]
SERVED = {
    (procedure.number, procedure.method, re.sub(r"\{\w+\}", "{}", procedure.path))
    for noun in NOUNS
    for procedure in noun.PROCEDURES
}


def test_every_procedure_has_a_row() -> None:
    assert [row[0] for row in ROWS] == [f"D{n}" for n in range(1, 5)] + [f"M{n}" for n in range(1, 64)]


def test_every_request_is_served() -> None:
    path = ""
    for number, request, *_ in ROWS:
        method, _, target = request.partition(" ")
        target = target.removesuffix(" CSV").removesuffix(" JSON").partition("?")[0]
        path = path if target == "…" else target
        assert (number, method, "/provision" + re.sub(r"/(M|ID|SN|V)(?=/|$)", "/{}", path)) in SERVED, number


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_procedure_has_a_method_and_a_command_that_name_it(row: list[str]) -> None:
    number, *_, method, command = row
    client = Client("http://127.0.0.1:1", "acme")
    noun, _, name = method.partition(".")
    assert re.search(rf"\b{number}\b", getattr(getattr(client, noun), name).__doc__ or "")
    found: click.Command | None = main
    context = click.Context(main)
    for word in ["fleet", *command.split()]:
        assert isinstance(found, click.Group)
        found = found.get_command(context, word)
    assert found is not None and re.search(rf"\b{number}\b", found.help or ""), command
