"""What must be true when a storm is over, of ledger, fleet and boards: each as a function that returns what is wrong.

Read from the files with SQL and JSON of their own; nothing here trusts the station's code.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from engine_world import rows

from station.fleet.client import Client, FleetError


class Aftermath:
    """The files that a rehearsal leaves in its folder."""

    def __init__(self, folder: Path) -> None:
        self._ledger, self._fleet = folder / "ledger.db", folder / "fleet.db"
        self._escrow = folder / "escrow"
        self.passes = self._rows(self._ledger, "SELECT serial, rid FROM cycles WHERE outcome = 'PASS' ORDER BY id")
        self.clients: dict[str, tuple[str, str, str]] = {
            serial: (rid, key, phase)
            for serial, rid, key, phase in self._rows(
                self._fleet,
                """SELECT serials.sn, clients.rid, clients.cik, clients.phase FROM serials
                JOIN clients ON clients.rid = serials.rid""",
            )
        }
        self.flashes = [path.read_text() for path in sorted((folder / "far-end" / "boards").glob("*.json"))]

    def wrong(self) -> list[str]:
        """Return everything that is wrong."""
        checks = (
            self.a_number_passes_once,
            self.a_number_has_one_client,
            self.who_passed_lives,
            self.who_did_not_pass_is_dead,
            self.nothing_is_left_over,
            self.the_record_is_whole,
        )
        return [f"{check.__name__}: {complaint}" for check in checks for complaint in check()]

    def a_number_passes_once(self) -> list[str]:
        """Else two boards ship with one identity, or one board had its key made anew for nothing."""
        counted = Counter(serial for serial, _ in self.passes)
        return [f"{serial} has passed {count} times" for serial, count in counted.items() if count > 1]

    def a_number_has_one_client(self) -> list[str]:
        """Else somebody pays for a client that no board will ever use, and may be claimed by a stranger."""
        sql = """SELECT name, COUNT(*) FROM clients WHERE name IN (SELECT sn FROM serials)
            GROUP BY name HAVING COUNT(*) > 1"""
        return [f"{serial} has had {count} clients" for serial, count in self._rows(self._fleet, sql)]

    def who_passed_lives(self) -> list[str]:
        """Else a board is shipped as good that can't speak to its fleet: what it holds is not what the fleet holds."""
        wrong = []
        for serial, rid in self.passes:
            found, key, phase = self.clients.get(serial, ("", "", "unknown"))
            if (found, phase) != (rid, "activated"):
                wrong.append(f"{serial} has passed with {rid}, the fleet holds {found or 'nothing'}, {phase}")
            elif not any(key in flash and rid in flash for flash in self.flashes):
                wrong.append(f"{serial} has passed, and no board holds its key and RID")
        return wrong

    def who_did_not_pass_is_dead(self) -> list[str]:
        """Else a scrapped board is a living identity."""
        good = {serial for serial, _ in self.passes}
        living = {serial for serial, (_, _, phase) in self.clients.items() if phase in ("activated", "notactivated")}
        return [f"{serial} has not passed, and lives" for serial in sorted(living - good)]

    def nothing_is_left_over(self) -> list[str]:
        """Else a key lies about in a file, or a board waits for a verdict that never comes."""
        open_cycles = self._rows(self._ledger, "SELECT id FROM cycles WHERE closed_at IS NULL")
        keys = [path.name for path in self._escrow.iterdir() if path.name != "digest.key"]
        return [f"cycle {number} is open" for (number,) in open_cycles] + [f"{name} is in escrow" for name in keys]

    def the_record_is_whole(self) -> list[str]:
        """Else nothing defends a PASS before an auditor: each setting was read back as written, after a restart."""
        sql = """SELECT cycles.serial, json_extract(events.body, '$.facts') FROM cycles JOIN events
            ON events.cycle = cycles.id AND events.kind = 'close' WHERE cycles.outcome = 'PASS'"""
        wrong = []
        for serial, text in self._rows(self._ledger, sql):
            facts: dict[str, Any] = json.loads(text)
            settings = facts["settings"].values()
            if not settings or any(one["expected"] != one["read"] for one in settings) or not facts["restarted"]:
                wrong.append(f"{serial} has passed, and its record doesn't show why")
        return wrong

    def keys_work(self, fleet: Client, model: str) -> list[str]:
        """Ask the fleet itself, as the boards would; else the fleet's tables lie."""
        wrong = []
        for serial, _ in self.passes:
            try:
                fleet.device.contents(model, self.clients[serial][1])
            except FleetError as fault:
                wrong.append(f"{serial}: its key does not work: {fault.code}")
        return wrong

    @staticmethod
    def _rows(database: Path, sql: str) -> list[tuple[Any, ...]]:
        return rows(database, sql)
