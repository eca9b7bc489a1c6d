"""Boards that were passed to be activated in the field, and have not been: whose window is over, or soon is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from station import recipe as recipes
from station.errors import RecipeError
from station.fleet.client import Client
from station.inquiry import ask_for_good
from station.ledger.archive import Archive
from station.situation import Found


@dataclass(frozen=True, slots=True)
class Lapsing:
    """One board that has passed and is not activated; times are UTC microseconds."""

    serial: str
    model: str
    passed_at: int
    expires_at: int
    found: Found
    """What the fleet says of it now: ``notactivated``, or what it has become in place of ``activated``."""
    reenabled_by: str
    """Whom the recipe names; empty if it can't be read any more."""


def lapsing(archive: Archive, fleet: Client, since: int) -> Iterator[Lapsing]:
    """Look at each board that passed since then with a window, and yield those that are not activated.

    In the order in which their windows end.  Raises ``FleetError``.
    """
    for window in archive.windows(since):
        model = archive.model(window.recipe)
        found, rid, _ = ask_for_good(fleet, model, window.serial)
        if found is not Found.ACTIVATED or rid != window.rid:
            by = _reenabled_by(archive, window.recipe)
            yield Lapsing(window.serial, model, window.passed_at, window.expires_at, found, by)


def _reenabled_by(archive: Archive, sha256: str) -> str:
    try:
        return recipes.stored(sha256, archive.recipe(sha256)).fleet.reenabled_by or ""
    except RecipeError:
        return ""
