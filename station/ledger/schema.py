"""The ledger's tables, made by numbered migrations.  A migration that has shipped is never edited.

``events`` is the truth: insert-only, without a gap, each row chained by hash
to the one before.  ``cycles``, ``boards`` and ``recipes`` are projections,
written in the same transaction, and so are ``operators``, ``acceptances``,
``holds`` and ``work_orders``: the last event that names a row carries the whole row, so that anybody can rebuild
them and compare.  ``transcripts`` do not follow from events: the last event of a
cycle with a ``transcript`` holds the SHA-256 of its text, or null where none is
kept any more.  Nor do ``pins``: the trail says when one was set, and no more.

Rows in events from before ``0003_models`` name no model: it is the one that the text of their recipe names.  What else
such a row does not name was not known then, and is NULL.

Times are UTC in microseconds.  Text that came from a board is stored as it
was judged, and is never trusted.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from sqlite_utils import Migrations

if TYPE_CHECKING:
    from sqlite_utils import Database

migrations = Migrations("ledger")

PROJECTIONS = {
    "cycles": ("id",),
    "boards": ("model", "serial"),
    "recipes": ("sha256",),
    "operators": ("id",),
    "acceptances": ("recipe",),
    "holds": ("model", "serial", "hardware_id"),
    "work_orders": ("id",),
}
"""Each projected table and its key."""


@migrations(name="0001_first")
def _first(db: Database) -> None:
    for statement in _FIRST:
        db.execute(statement)


@migrations(name="0002_transcripts")
def _transcripts(db: Database) -> None:
    for statement in _TRANSCRIPTS:
        db.execute(statement)


@migrations(name="0003_models")
def _models(db: Database) -> None:
    """Tell serial numbers apart within one model, as the fleet does: two products may count alike."""
    db.execute("ALTER TABLE cycles ADD COLUMN model TEXT")
    for sha256, text in db.execute("SELECT sha256, text FROM recipes").fetchall():
        db.execute("UPDATE cycles SET model = ? WHERE recipe = ?", [model_in(text), sha256])
    for statement in _MODELS:
        db.execute(statement)


@migrations(name="0004_people")
def _people(db: Database) -> None:
    for statement in _PEOPLE:
        db.execute(statement)


@migrations(name="0005_rework")
def _rework(db: Database) -> None:
    for statement in _REWORK:
        db.execute(statement)


@migrations(name="0006_lines")
def _lines(db: Database) -> None:
    for statement in _LINES:
        db.execute(statement)


def model_in(recipe: str) -> str:
    """Return the fleet's model that the text of a recipe names; empty if it names none."""
    table = tomllib.loads(recipe.removeprefix("\ufeff"))
    return str(table.get("fleet", {}).get("model", ""))


_FIRST = (
    """
CREATE TABLE events(
  id INTEGER PRIMARY KEY,                       -- 1, 2, 3, ... without a gap
  at INTEGER NOT NULL,                          -- UTC, microseconds
  clock TEXT NOT NULL CHECK (clock IN ('synced', 'unsynced', 'unknown')),
  station TEXT NOT NULL CHECK (instr(station, char(9)) = 0),
  boot TEXT NOT NULL CHECK (instr(boot, char(9)) = 0),       -- the kernel's id of this boot
  kind TEXT NOT NULL CHECK (instr(kind, char(9)) = 0),
  cycle INTEGER,
  actor TEXT NOT NULL CHECK (instr(actor, char(9)) = 0),     -- who: 'station', or an operator
  body TEXT NOT NULL CHECK (json_valid(body)),  -- JSON: sorted keys, no blanks, ASCII, no floats
  previous BLOB NOT NULL CHECK (length(previous) = 32),
  hash BLOB NOT NULL CHECK (length(hash) = 32)  -- SHA-256, see chain.py
) STRICT""",
    "CREATE INDEX events_of_cycle ON events(cycle) WHERE cycle IS NOT NULL",
    # For INSERT OR REPLACE, of which the other two triggers hear nothing; and nothing can fork the chain.
    """CREATE TRIGGER events_follow BEFORE INSERT ON events
WHEN (SELECT (id + 1, hash) IS NOT (NEW.id, NEW.previous) FROM events ORDER BY id DESC LIMIT 1)
BEGIN SELECT RAISE(ABORT, 'events are insert-only, each after the last'); END""",
    """CREATE TRIGGER events_stay BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are insert-only'); END""",
    """CREATE TRIGGER events_remain BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are insert-only'); END""",
    """
CREATE TABLE cycles(
  id INTEGER PRIMARY KEY,
  slot TEXT NOT NULL,
  recipe TEXT NOT NULL,                         -- SHA-256 of the recipe's text
  operator TEXT,
  work_order TEXT,
  opened_at INTEGER NOT NULL,
  serial TEXT,                                  -- once identify has settled
  hardware_id TEXT,
  attempt INTEGER,                              -- counts the cycles of one serial number, from 1
  rid TEXT,                                     -- once enable has settled
  step TEXT,                                    -- the step that is intended and not settled; the last one once closed
  released_at INTEGER,                          -- the slot is free for another board
  closed_at INTEGER,
  outcome TEXT CHECK (outcome IN ('PASS', 'FAIL', 'ERROR', 'ABORTED')),
  error TEXT,                                   -- the code, unless PASS
  duration_ms INTEGER,                          -- monotonic where no restart lies between
  removed_at INTEGER,                           -- the board was seen to leave
  CHECK ((closed_at IS NULL) = (outcome IS NULL)),
  CHECK ((outcome IS 'PASS') <= (error IS NULL AND serial IS NOT NULL AND rid IS NOT NULL))
) STRICT""",
    """CREATE TRIGGER closed_cycles_stay BEFORE UPDATE ON cycles
WHEN OLD.closed_at IS NOT NULL
  AND (OLD.serial, OLD.rid, OLD.closed_at, OLD.outcome, OLD.error) IS NOT
    (NEW.serial, NEW.rid, NEW.closed_at, NEW.outcome, NEW.error)
BEGIN SELECT RAISE(ABORT, 'a closed cycle stays as it is'); END""",
    "CREATE UNIQUE INDEX one_cycle_a_serial ON cycles(serial) WHERE closed_at IS NULL",
    "CREATE UNIQUE INDEX one_cycle_a_slot ON cycles(slot) WHERE released_at IS NULL",
    "CREATE INDEX cycles_of_serial ON cycles(serial)",
    "CREATE INDEX cycles_of_slot ON cycles(slot, id)",
    "CREATE INDEX cycles_by_close ON cycles(closed_at)",
    """
CREATE TABLE boards(
  serial TEXT PRIMARY KEY,
  hardware_id TEXT,
  attempts INTEGER NOT NULL,
  passed_cycle INTEGER,                         -- its last PASS
  last_cycle INTEGER NOT NULL
) STRICT""",
    "CREATE INDEX boards_of_hardware ON boards(hardware_id) WHERE hardware_id <> ''",
    """
CREATE TABLE recipes(
  sha256 TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  text TEXT NOT NULL                            -- the file, whole
) STRICT""",
    """
CREATE VIEW v_steps AS
SELECT i.cycle AS cycle, i.id AS intended, json_extract(i.body, '$.step') AS step,
  i.at AS intended_at, s.at AS settled_at, json_extract(s.body, '$.facts') AS facts
FROM events i LEFT JOIN events s
  ON s.cycle = i.cycle AND s.kind = 'settle' AND json_extract(s.body, '$.step') = json_extract(i.body, '$.step')
  AND s.id > i.id AND NOT EXISTS (
    SELECT 1 FROM events again                  -- intended again after a cut: the last one is what settled
    WHERE again.cycle = i.cycle AND again.kind = 'intend' AND again.id > i.id AND again.id < s.id
      AND json_extract(again.body, '$.step') = json_extract(i.body, '$.step'))
WHERE i.kind = 'intend'""",
)


_TRANSCRIPTS = (
    """
CREATE TABLE transcripts(                       -- of cycles that did not pass, or have been cut
  cycle INTEGER PRIMARY KEY REFERENCES cycles(id),
  text TEXT NOT NULL                            -- without secrets, see transcript.py
) STRICT""",
    *(
        f"""CREATE TRIGGER transcripts_stay_at_{act.lower()} BEFORE {act} ON transcripts
WHEN (SELECT closed_at FROM cycles WHERE id = {row}.cycle) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the transcript of a closed cycle stays as it is'); END"""
        for act, row in (("INSERT", "NEW"), ("UPDATE", "OLD"), ("DELETE", "OLD"))
    ),
)

_MODELS = (
    "DROP INDEX one_cycle_a_serial",
    "CREATE UNIQUE INDEX one_cycle_a_serial ON cycles(model, serial) WHERE closed_at IS NULL",
    "DROP TABLE boards",
    """
CREATE TABLE boards(
  model TEXT NOT NULL,                          -- the fleet's, as the recipe names it
  serial TEXT NOT NULL,
  hardware_id TEXT,
  attempts INTEGER NOT NULL,
  passed_cycle INTEGER,                         -- its last PASS
  last_cycle INTEGER NOT NULL,
  PRIMARY KEY (model, serial)
) STRICT""",
    # Of MAX and bare columns in one SELECT, SQLite takes the columns from the row that has the maximum.
    """INSERT INTO boards(model, serial, hardware_id, attempts, passed_cycle, last_cycle)
SELECT model, serial, hardware_id, COUNT(*),
  (SELECT MAX(id) FROM cycles passed WHERE passed.model = cycles.model AND passed.serial = cycles.serial
    AND passed.outcome = 'PASS'),
  MAX(id) FROM cycles WHERE serial IS NOT NULL GROUP BY model, serial""",
    "CREATE INDEX boards_of_hardware ON boards(hardware_id) WHERE hardware_id <> ''",
)

_PEOPLE = (
    """
CREATE TABLE operators(
  id TEXT PRIMARY KEY,                          -- what is on the badge; the actor of what he does
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('technician', 'supervisor', 'engineer')),
  active INTEGER NOT NULL CHECK (active IN (0, 1))
) STRICT""",
    """
CREATE TABLE acceptances(                       -- recipes that may be made by
  recipe TEXT PRIMARY KEY,                      -- SHA-256 of its text
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  operator TEXT NOT NULL,                       -- who has accepted it
  at INTEGER NOT NULL
) STRICT""",
    """
CREATE TABLE pins(                              -- follow from no event, and are in no export
  operator TEXT PRIMARY KEY,
  salt BLOB NOT NULL,
  hash BLOB NOT NULL,                           -- scrypt (RFC 7914) with N, r and p:
  cost INTEGER NOT NULL,
  block INTEGER NOT NULL,
  lanes INTEGER NOT NULL,
  wrong INTEGER NOT NULL DEFAULT 0,             -- tries in a row
  tried_at INTEGER NOT NULL DEFAULT 0           -- UTC, microseconds
) STRICT""",
)

_REWORK = (
    # the number of its last cycle when a rework was granted: what it did until then counts no more
    "ALTER TABLE boards ADD COLUMN reworked INTEGER",
    "ALTER TABLE boards ADD COLUMN scrapped_at INTEGER",
)

_LINES = (
    "ALTER TABLE cycles ADD COLUMN golden TEXT CHECK (golden IN ('good', 'bad'))",  # a golden unit, and what of it
    "ALTER TABLE cycles ADD COLUMN rework INTEGER",  # 1: by a rework that was granted; counts in no first-pass yield
    "ALTER TABLE cycles ADD COLUMN shift TEXT",  # in which it was closed: the date on which that began, and its name
    """
CREATE TABLE holds(                             -- boards that may not leave the house; the last word on each
  model TEXT NOT NULL,
  serial TEXT NOT NULL,
  hardware_id TEXT NOT NULL,
  code TEXT NOT NULL,                           -- why
  cycle INTEGER NOT NULL,                       -- in which that turned out
  held_at INTEGER NOT NULL,
  released_at INTEGER,
  released_by TEXT,                             -- who: 'station', or an operator
  reason TEXT,
  PRIMARY KEY (model, serial, hardware_id)
) STRICT""",
    "CREATE INDEX holds_open ON holds(held_at) WHERE released_at IS NULL",
    """
CREATE TABLE work_orders(
  id TEXT PRIMARY KEY,
  model TEXT NOT NULL,                          -- the fleet's model of its boards
  planned INTEGER,                              -- so many boards; NULL: nobody has said
  opened_at INTEGER NOT NULL,
  taken_at INTEGER NOT NULL,                    -- the open one that was taken last is the one that is made
  closed_at INTEGER
) STRICT""",
    "CREATE INDEX cycles_of_work_order ON cycles(work_order) WHERE work_order IS NOT NULL",
)
