"""``station.toml``: the facts of this station.  What a product needs is in its recipe.

Paths are relative to the file.  A secret is never in it: the fleet token is
read from a file or from a systemd credential whenever it is needed, so that a
new token needs no restart.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr, field_validator, model_validator

from station.errors import SettingsError
from station.toml import Table, parse, validate

Text = Annotated[str, Field(min_length=1)]
Rid = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]


class FleetSettings(Table):
    """``[fleet]``: where the fleet is, and as whom we speak to it."""

    url: Text
    """The fleet's base address, such as "https://fleet.example.com"."""

    vendor: Text
    """The vendor's name in the fleet."""

    owner: Rid
    """The RID, 40 hex digits, of the client (portal) that owns the boards."""

    token_file: Path | None = None
    """A file that holds the vendor token, readable by the station alone."""

    token_credential: str | None = None
    """The name of a systemd credential that holds the vendor token (LoadCredential=)."""

    ca_file: Path | None = None
    """A file of certificate authorities to trust in place of those that come with the program."""

    allow_plain_http: bool = False
    """Plain HTTP to another machine is refused unless this is true: the token would travel readably."""

    patience_s: Annotated[int, Field(ge=0)] = 900
    """Seconds that a board waits for a fleet that does not answer, before its cycle ends as an ERROR."""

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError(f'expected an address such as "https://fleet.example.com"; found {url!r}')
        return url.rstrip("/")

    @model_validator(mode="after")
    def _one_token(self) -> FleetSettings:
        if (self.token_file is None) == (self.token_credential is None):
            raise ValueError("expected exactly one of token_file and token_credential")
        return self


class SlotSettings(Table):
    """One of ``[[slots]]``: a place for a board."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,16}$")]
    """The slot's name on the screen and in the records, 1 to 16 letters, digits, dots, dashes."""

    port: Text
    """The serial port: a path that stays ("/dev/serial/by-path/..."), or a URL ("socket://host:port", "rfc2217://...")."""


class Settings(Table):
    """The whole of ``station.toml``."""

    station: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{8,64}$")]
    """This station's random uid, 8 to 64 letters, digits or dashes; not the host name, which clones share."""

    name: Text
    """The station's name for people."""

    recipe: Path
    """The recipe file of the product that this station makes."""

    state: Path
    """The folder for the ledger and everything else that this station remembers."""

    fleet: FleetSettings
    """A table [fleet]: where the fleet is."""

    slots: Annotated[tuple[SlotSettings, ...], Field(min_length=1, max_length=32)]
    """One to 32 tables [[slots]] with name and port."""

    _folder: Path = PrivateAttr(default=Path())

    @field_validator("slots")
    @classmethod
    def _distinct(cls, slots: tuple[SlotSettings, ...]) -> tuple[SlotSettings, ...]:
        for what, values in (("name", [s.name for s in slots]), ("port", [s.port for s in slots])):
            value, count = Counter(values).most_common(1)[0]
            if count > 1:
                raise ValueError(f"{count} slots have the {what} {value!r}; expected a different one each")
        return slots

    def path(self, path: Path) -> Path:
        """Return a path of the settings, as seen from the file they were read from; raises ``SettingsError``."""
        try:
            return self._folder / path.expanduser()
        except RuntimeError as cause:
            raise SettingsError(f"{path}: no such home folder; expected a path") from cause

    def token(self) -> str:
        """Read the vendor token; raises ``SettingsError`` that names the place, never the token."""
        path = self._token_path()
        try:
            token = path.read_text().strip()
        except (OSError, UnicodeDecodeError) as cause:
            raise SettingsError(
                f"{path}: the fleet token can't be read: {getattr(cause, 'strerror', 'not text')}"
            ) from None
        if not token or not token.isascii() or not token.isprintable():
            raise SettingsError(f"{path}: expected the fleet token, one line of printable characters")
        return token

    def _token_path(self) -> Path:
        fleet = self.fleet
        if fleet.token_file is not None:
            return self.path(fleet.token_file)
        assert fleet.token_credential is not None
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            raise SettingsError(
                f"fleet.token_credential: expected systemd to hand over {fleet.token_credential!r} "
                "(LoadCredential= in the unit); CREDENTIALS_DIRECTORY is not set"
            )
        return Path(folder, fleet.token_credential)


def load(path: Path) -> Settings:
    """Read ``station.toml``; raises ``SettingsError`` with one line that names file, key and what was expected."""
    content, _ = parse(path, SettingsError)
    settings = validate(path, Settings, content, SettingsError)
    settings._folder = path.absolute().parent
    return settings
