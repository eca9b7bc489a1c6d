"""Which fleet the commands speak to, and as whom: options first, then the settings, then the environment."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from station.fleet.client import Client
    from station.fleet.client.shared_serials import SharedSerials
    from station.settings import Settings


@dataclass(frozen=True)
class Fleet:
    """What the options before the noun say.  Files are read when something needs them."""

    url: str | None
    vendor: str | None
    token_file: Path | None
    cik_file: Path | None
    settings: Path | None
    ca_file: Path | None
    allow_plain_http: bool

    def client(self, *, as_device: bool = False) -> Client:
        """Return a client, to be closed; ``as_device`` for procedures that name the vendor.

        Raises ``click.UsageError`` for what nobody said, ``BadInput`` for a
        file that is wrong, ``Unsendable`` for an address that can't be used.
        """
        from station.fleet.client import Client

        facts = self._facts
        url = self.url or (facts.fleet.url if facts else os.environ.get("STATION_FLEET_URL"))
        if not url:
            raise click.UsageError("which fleet? --url, --settings or STATION_FLEET_URL, before the noun, says it")
        vendor = self.vendor or (facts.fleet.vendor if facts else os.environ.get("STATION_FLEET_VENDOR"))
        if as_device and not vendor:
            raise click.UsageError(
                "which vendor? --vendor, --settings or STATION_FLEET_VENDOR, before the noun, says it"
            )
        ca_file = self.ca_file
        if ca_file is None and facts and facts.fleet.ca_file:
            ca_file = facts.path(facts.fleet.ca_file)
        if ca_file is not None:
            _check_authorities(ca_file)
        return Client(
            url,
            vendor or "",
            self._token,
            cik=self._cik,
            ca_file=ca_file,
            allow_plain_http=self.allow_plain_http or bool(facts and facts.fleet.allow_plain_http),
        )

    @property
    def is_vendor(self) -> bool:
        """Whether there is a credential that shows the vendor."""
        return self._token is not None or self._cik is not None

    @property
    def owner(self) -> str | None:
        """The RID below which the settings put new devices."""
        return self._facts.fleet.owner if self._facts else None

    @cached_property
    def _facts(self) -> Settings | None:
        if self.settings is None:
            return None
        from station import settings

        return settings.load(self.settings)

    @cached_property
    def _token(self) -> Callable[[], str] | None:
        if self.token_file is None and self._facts:
            return self._facts.token
        return _secret(self.token_file, "STATION_FLEET_TOKEN", "vendor's token")

    @cached_property
    def _cik(self) -> Callable[[], str] | None:
        return _secret(self.cik_file, "STATION_FLEET_CIK", "vendor's CIK")


def _check_authorities(file: Path) -> None:
    """Raise ``click.UsageError`` for a file without a certificate, before any connection stumbles over it."""
    import ssl

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except OSError as error:  # an SSLError is one, too
        why = "there is no certificate in it" if isinstance(error, ssl.SSLError) else error.strerror
        raise click.UsageError(f"{file}: expected certificate authorities: {why}") from None


def _secret(file: Path | None, variable: str, what: str) -> Callable[[], str] | None:
    from station.cli.fleet import secret_files

    secret = os.environ.get(variable, "").strip() if file is None else secret_files.read(file, what)
    return (lambda: secret) if secret else None


def serials_of(client: Client, shared_by: str | None) -> SharedSerials:
    """Return what may be done with serial numbers of our own models, or of those that another vendor shares."""
    return client.serials if shared_by is None else client.serials.shared_by(shared_by)


connected = click.make_pass_decorator(Fleet)
"""Hands a command the ``Fleet`` as its first argument."""
