"""Rows for a spreadsheet, a program, or a file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

_RUNS = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet would run."""


def export(rows: Sequence[dict[str, Any]], fields: Sequence[str], form: str, output: Path | None) -> None:
    """Write rows as ``csv`` or ``jsonl``, to a file or to standard output; raises ``SettingsError``."""
    from station.errors import SettingsError

    text = as_csv(rows, fields) if form == "csv" else "".join(json.dumps(row) + "\n" for row in rows)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, newline="")
    except OSError as error:
        raise SettingsError(f"{output}: can't be written: {error.strerror}") from None
    click.echo(f"{len(rows)} written to {output}")


def as_csv(rows: Sequence[dict[str, Any]], fields: Sequence[str]) -> str:
    """Return rows as CSV, whose cells no spreadsheet runs."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(fields)
    writer.writerows([_harmless(row[name]) for name in fields] for row in rows)
    return text.getvalue()


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_RUNS) else value
