"""Whether the people who have to say something have said it: the recipe is accepted where there are roles."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

from station import words
from station.check.finding import Finding, fail, ok
from station.database import traceless, translated
from station.errors import DatabaseError
from station.recipe import Recipe
from station.settings import Settings
from station.state import ledger_in

_ROLES = "SELECT COUNT(*) FROM operators WHERE active = 1 AND role <> 'technician'"


def check(settings: Settings, recipe: Recipe | None) -> Iterator[Finding]:
    """Look the recipe up among those that were accepted; says nothing where there are no roles."""
    path = ledger_in(settings.path(settings.state))
    if recipe is None or not path.exists():
        return
    try:
        with translated(path), closing(traceless(path)) as ledger:
            (roles,) = ledger.execute(_ROLES).fetchone()
            by = ledger.execute("SELECT operator FROM acceptances WHERE recipe = ?", [recipe.sha256]).fetchone()
    except (DatabaseError, sqlite3.Error):
        return  # that was said of the ledger, or it is of before there were people
    what = f"{recipe.name} {recipe.version}"
    if roles and by is None:
        yield fail("acceptance", f"nobody has accepted {what} as it is written now", words.advice("recipe-unaccepted"))
    elif by is not None:
        yield ok("acceptance", f"{what}: accepted by {by[0]}")
