"""A fleet that ``station fleet serve`` serves, and the commands that speak to it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any, Self

from station_process import Station, station


class Served:
    """The vendors acme and beta, each with its credentials in a folder of its name."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self.database = folder, folder / "fleet.db"
        self.grants = {
            vendor: json.loads(self._init(vendor, "--credentials", folder / vendor).stdout)
            for vendor in ("acme", "beta")
        }
        self.process = Station("fleet", "serve", "--db", self.database, *options)
        self.url = self.process.line().strip()
        self._models = count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.__exit__()

    def _init(self, vendor: str, *more: str | Path) -> subprocess.CompletedProcess[str]:
        done = station("fleet", "init", "--db", self.database, "--vendor", vendor, *more)
        assert done.returncode == 0, done.stderr
        return done

    def model(self) -> str:
        """Make a model of acme's, and return its name."""
        name = f"g{next(self._models)}"
        self._init("acme", "--model", name)
        return name

    def options(self, vendor: str = "acme", url: str | None = None) -> list[str]:
        """Where the fleet is, and the vendor's credentials."""
        folder = self.folder / vendor
        files = ["--token-file", f"{folder / 'fleet_token'}", "--cik-file", f"{folder / 'vendor_cik'}"]
        return ["--url", url or self.url, "--vendor", vendor, *files]

    def run(self, *words: str | Path, vendor: str = "acme", url: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, in the fleet's folder."""
        done = station("fleet", *self.options(vendor, url), *words, cwd=self.folder)
        assert "Traceback" not in done.stderr
        said = done.stdout + done.stderr
        assert not [secret for secret in self.secrets() if secret in said]
        return done

    def says(self, *words: str | Path, vendor: str = "acme", url: str | None = None) -> str:
        """Run a command that succeeds, and return what it prints."""
        done = self.run(*words, vendor=vendor, url=url)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def told(self, *words: str | Path, vendor: str = "acme") -> list[Any]:
        """Run a command that succeeds, and return the objects that it prints."""
        return [json.loads(line) for line in self.says(*words, "--json", vendor=vendor).splitlines()]

    def fails(self, code: int, *words: str | Path, vendor: str = "acme", url: str | None = None) -> str:
        """Run a command that fails, and return what it prints on standard error."""
        done = self.run(*words, vendor=vendor, url=url)
        assert done.returncode == code, done
        return done.stderr

    def status(self, model: str, serial: str) -> str:
        """What M43 tells of a serial number."""
        [facts] = self.told("serials", "show", model, serial)
        return str(facts["status"])

    def secrets(self) -> list[str]:
        """Every token and every key in the fleet."""
        with closing(sqlite3.connect(f"{self.database.as_uri()}?mode=ro", uri=True)) as fleet:
            return [secret for (secret,) in fleet.execute("SELECT cik FROM clients UNION SELECT token FROM tokens")]
