"""An auditor's own reading of a ledger: shares no code with the station, only what the schema's words promise."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any

KEYS = {
    "cycles": ("id",),
    "boards": ("model", "serial"),
    "recipes": ("sha256",),
    "operators": ("id",),
    "acceptances": ("recipe",),
    "holds": ("model", "serial", "hardware_id"),
    "work_orders": ("id",),
}


def audit(path: Path) -> list[dict[str, Any]]:
    """Recompute the chain, rebuild every table from the events alone, and compare; return the events."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        events = [dict(row) for row in db.execute("SELECT * FROM events ORDER BY id")]
        stored = {table: [dict(row) for row in db.execute(f"SELECT * FROM {table}")] for table in KEYS}
        transcripts = {cycle: text for cycle, text in db.execute("SELECT cycle, text FROM transcripts")}
    before, rebuilt = bytes(32), {table: {} for table in KEYS}
    for number, event in enumerate(events, start=1):
        assert event["id"] == number
        assert event["previous"] == before
        columns = [event[name] for name in ("id", "at", "clock", "station", "boot", "kind", "cycle", "actor", "body")]
        text = "\t".join("" if column is None else str(column) for column in columns)
        before = hashlib.sha256(before + text.encode("utf-8")).digest()
        assert event["hash"] == before, f"event {number}"
        event["body"] = json.loads(event["body"])
        for table, row in event["body"].get("rows", {}).items():
            _name_model(row, table, rebuilt)
            rebuilt[table][tuple(row[name] for name in KEYS[table])] = row
    kept = {event["cycle"]: event["body"]["transcript"] for event in events if "transcript" in event["body"]}
    assert {cycle: hashlib.sha256(text.encode()).hexdigest() for cycle, text in transcripts.items()} == {
        cycle: digest for cycle, digest in kept.items() if digest
    }
    for table, key in KEYS.items():
        for row in stored[table]:  # a row of before a column was there does not name it
            whole = dict.fromkeys(row) | rebuilt[table].pop(tuple(row[name] for name in key))
            assert row == whole, table
        assert not rebuilt[table], table
    return events


def _name_model(row: dict[str, Any], table: str, rebuilt: dict[str, Any]) -> None:
    """Before a certain version, rows did not name the model: their recipe does."""
    if table == "cycles" and "model" not in row:
        row["model"] = tomllib.loads(rebuilt["recipes"][(row["recipe"],)]["text"])["fleet"]["model"]
    elif table == "boards" and "model" not in row:
        row["model"] = rebuilt["cycles"][(row["last_cycle"],)]["model"]


def told(events: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    """Return the events in short: kind and step."""
    return [(event["kind"], event["body"].get("step")) for event in events]
