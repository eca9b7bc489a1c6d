"""What the commands print: aligned tables for people, JSON for programs, a bar while something takes long.

Facts come as dictionaries; one is an object of the JSON and a row of the
table, its keys are the headings.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from unicodedata import combining, east_asian_width

import click

Facts = Mapping[str, Any]

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, an object a line.")
"""The option of every command that prints something."""


_SHORT = 40
"""Characters."""


class Instant(int):
    """Unix seconds: a number in JSON, a date and time in UTC for people."""

    def __str__(self) -> str:
        try:
            return datetime.fromtimestamp(int(self), UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        except (OverflowError, ValueError, OSError):
            return str(int(self))


def listing(rows: Iterable[Facts], headings: Iterable[str], as_json: bool) -> None:
    """Print a list: JSON as it comes in; the table once all is there, since the widest text sets a column's width."""
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))
        return
    lines = [[heading.upper().replace("_", " ") for heading in headings]]
    lines.extend([_cell(value) for value in row.values()] for row in rows)
    if len(lines) == 1:
        click.echo("none", err=True)
        return
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (text + " " * (width - _width(text)) for text, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def record(facts: Facts, as_json: bool) -> None:
    """Print what is known of one thing, a line for each fact."""
    if as_json:
        click.echo(json.dumps(facts))
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        click.echo(f"{name.replace('_', ' '):<{width}}  {_cell(value)}".rstrip())


def done(sentence: str, facts: Facts, as_json: bool) -> None:
    """Print what was done: the sentence for people, the facts for programs."""
    click.echo(json.dumps(facts) if as_json else printable(sentence))


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """Hand over what shows how far something is, ``(done, total)``: a bar on standard error if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    bar: Any = None

    def show(done: int, total: int) -> None:
        nonlocal bar
        if bar is None:
            bar = click.progressbar(length=max(total, 1), label=printable(label), file=sys.stderr).__enter__()
        bar.update(done - bar.pos)

    try:
        yield show
    finally:
        if bar is not None:
            bar.render_finish()


def shortened(text: str) -> str:
    """Return the text so that it leaves room for other columns."""
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"


def printable(text: str) -> str:
    """Return a stranger's text so that it does nothing to a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return printable(" ".join(map(str, value))) or "-"
    return printable(str(value))


def _width(text: str) -> int:
    """Columns of a terminal."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)
