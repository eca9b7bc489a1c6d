"""A station with one slot, at a port where a board is that nobody here made, and the fleet that it speaks to."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from station import settings
from station.bench import Bench
from station.build import build
from station.fleet.client import Client, ModelInfo
from station.fleet.server import FleetServer, init
from station.model import Finished, SlotView

RECIPES = Path(__file__).parents[2] / "config" / "recipes"


class Verdicts:
    """Listens to a bench."""

    def __init__(self) -> None:
        self.finished: queue.Queue[Finished] = queue.Queue()
        self.left: queue.Queue[SlotView] = queue.Queue()

    def slot_changed(self, view: SlotView) -> None:
        if view.last:
            self.left.put(view)

    def wait_for_last(self, last: str) -> None:
        """Wait until the slot says this of the board that was in it last."""
        while self.left.get(timeout=30).last != last:
            pass

    def cycle_finished(self, finished: Finished) -> None:
        self.finished.put(finished)


@contextmanager
def fleet_for(folder: Path, recipe: Path, model: str, port: Path) -> Iterator[Client]:
    """Serve a fleet that knows the model; ``station.toml`` in the folder leads there, and to the port."""
    grant = init(folder / "fleet.db", "acme")
    server = FleetServer(folder / "fleet.db")
    server.start()
    (folder / "token").write_text(grant.token)
    (folder / "station.toml").write_text(
        f"""
station = "5ca1ab1e-0000-4000-8000-000000000001"
name = "real boards"
recipe = "{recipe}"
state = "state"
[fleet]
url = "{server.url}"
vendor = "acme"
owner = "{grant.owner_rid}"
token_file = "token"
[[slots]]
name = "1"
port = "{port}"
"""
    )
    with Client(server.url, "acme", lambda: grant.token) as client:
        client.models.create(model, ModelInfo(rid=grant.template_rid))
        yield client
    server.stop()


def bench_of(folder: Path) -> tuple[Bench, Verdicts]:
    """Start the station of a folder."""
    bench, verdicts = build(settings.load(folder / "station.toml")), Verdicts()
    bench.subscribe(verdicts)
    bench.start()
    return bench, verdicts
