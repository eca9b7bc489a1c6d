"""``station.toml``: the facts of this station.  What a product needs is in its recipe.

Paths are relative to the file.  A secret is never in it: the fleet token is
read from a file or from a systemd credential whenever it is needed, so that a
new token needs no restart.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from datetime import time
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PrivateAttr, field_validator, model_validator

from drivers.opening import port_complaint
from station.errors import SettingsError
from station.shifts import Shifts
from station.timekeeper import Doubt
from station.toml import Table, parse, validate


def _at_home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError(f"there is no such home folder; found {str(path)!r}") from None


Place = Annotated[Path, AfterValidator(_at_home)]
"""A file or folder: absolute, relative to the settings file, or below a home (``~``)."""

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

    token_file: Place | None = None
    """A file that holds the vendor token, readable by the station alone."""

    token_credential: str | None = None
    """The name of a systemd credential that holds the vendor token (LoadCredential=)."""

    ca_file: Place | None = None
    """A file of certificate authorities to trust in place of those that come with the program."""

    allow_plain_http: bool = False
    """Plain HTTP to another machine is refused unless this is true: the token would travel readably."""

    patience_s: Annotated[int, Field(ge=0)] = 900
    """Seconds that a board waits for a fleet that does not answer, before its cycle ends as an ERROR."""

    late_s: Annotated[int, Field(ge=0, le=3600)] = 75
    """Seconds after its beginning in which a call that got no answer may still be carried out, 0 to 3600: as long as
    a proxy on the way holds one, and 15 s of our own.  No board passes while one could kill its key."""

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        if not _is_address(url):
            found = "one with a name or a password in it" if "@" in url else repr(url)
            raise ValueError(f'expected an address such as "https://fleet.example.com"; found {found}')
        return url.rstrip("/")

    @model_validator(mode="after")
    def _one_token(self) -> FleetSettings:
        if (self.token_file is None) == (self.token_credential is None):
            raise ValueError("expected exactly one of token_file and token_credential")
        return self


def _is_address(url: str) -> bool:
    """Tell whether it is scheme, host and perhaps a port, and nothing else."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # its text may repeat a password
        return False
    beside = "@" in parts.netloc or parts.path.strip("/") or parts.query or parts.fragment
    if beside or port == 0 or parts.scheme not in ("http", "https"):
        return False
    return bool(parts.hostname) and url.isprintable() and " " not in url


def _is_readable_on_its_way(url: str) -> bool:
    """Tell whether it is plain HTTP to another machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        here = ip_address(host).is_loopback
    except ValueError:
        here = host == "localhost"
    return parts.scheme == "http" and not here


class ClockSettings(Table):
    """``[clock]``: what is expected of this machine's clock, with which records are stamped."""

    tolerance_s: Annotated[int, Field(ge=1, le=3600)] = 5
    """Seconds that the clock may be set at once, or differ from the fleet's, before it is doubted: 1 to 3600."""

    stops: tuple[Doubt, ...] = ()
    """What stops the line until it is over: a list of "unsynced", "jumped", "behind", "fleet-differs"."""


class BackupSettings(Table):
    """``[backup]``: where a running station copies its ledger to, once a day."""

    folder: Place | None = None
    """A folder for the copies, best on another disk; where left out, "backups" in the state folder."""

    keep: Annotated[int, Field(ge=1, le=10_000)] = 14
    """So many copies are kept, the newest ones."""


class PeopleSettings(Table):
    """``[people]``: who has to say that he is here."""

    sign_in: bool = False
    """True: no board is begun while nobody is signed in."""

    sign_out_min: Annotated[int, Field(ge=0, le=1440)] = 30
    """Minutes without a board, a key or a scan after which whoever is signed in is signed out, 0 to 1440; 0: never."""


class LineSettings(Table):
    """``[line]``: when the line, or a slot, has failed so often that somebody has to look first."""

    fpy_min: Annotated[int, Field(ge=0, le=100)] = 0
    """Percent of the newest boards that have to pass at their first attempt, else the line stops; 0: it does not."""

    fpy_boards: Annotated[int, Field(ge=2, le=10_000)] = 20
    """So many boards are the newest ones."""

    equal_failures: Annotated[int, Field(ge=0, le=1000)] = 0
    """So many equal failures in a row, across slots, stop the line; 0: none do."""

    slot_failures: Annotated[int, Field(ge=0, le=1000)] = 0
    """So many equal failures in a row in one slot close that slot; 0: none do."""


class WedgeSettings(Table):
    """``[wedge]``: a scanner that types into the screen."""

    prefix: Annotated[str, Field(max_length=16)] = ""
    """What it types first, which nobody else does: a character, or a key such as "ctrl+b" or "f13"; left out, there is
    none."""

    suffix: Annotated[str, Field(min_length=1, max_length=16)] = "enter"
    """What it types last: a character, or a key such as "enter" or "tab"."""


class WorkOrderSettings(Table):
    """``[work_order]``: what is made, for whoever doesn't scan it."""

    needed: bool = False
    """True: no board is begun without a work order."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,31}$")] | None = None
    """The work order that is taken when the station starts, unless it was closed."""

    planned: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    """How many boards it has; left out, nobody counts."""


class ShiftSettings(Table):
    """One of ``[[shifts]]``: a day of figures is a shift."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,16}$")]
    """The shift's name, 1 to 16 letters, digits, dots, dashes."""

    begins: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    """When it begins by the clock on the wall, such as "06:00"; it lasts until the next one begins."""


class SecretPlace(Table):
    """One of ``[secrets]``: where a secret is read from; exactly one of the two."""

    file: Place | None = None
    """A file that holds the secret, one line, readable by the station alone."""

    credential: str | None = None
    """The name of a systemd credential that holds it (LoadCredential=)."""

    @model_validator(mode="after")
    def _one_place(self) -> SecretPlace:
        if (self.file is None) == (self.credential is None):
            raise ValueError("expected exactly one of file and credential")
        return self


class SlotSettings(Table):
    """One of ``[[slots]]``: a place for a board."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,16}$")]
    """The slot's name on the screen and in the records, 1 to 16 letters, digits, dots, dashes."""

    port: Text
    """The serial port: a path that stays ("/dev/serial/by-path/..."), or a URL ("socket://host:port", "rfc2217://...")."""

    @field_validator("port")
    @classmethod
    def _openable(cls, port: str) -> str:
        if complaint := port_complaint(port):
            raise ValueError(f"{complaint}; found {port!r}")
        return port


class Settings(Table):
    """The whole of ``station.toml``."""

    station: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{8,64}$")]
    """This station's random uid, 8 to 64 letters, digits or dashes; not the host name, which clones share."""

    name: Text
    """The station's name for people."""

    recipe: Place
    """The recipe file of the product that this station makes."""

    state: Place
    """The folder for the ledger and everything else that this station remembers."""

    fleet: FleetSettings
    """A table [fleet]: where the fleet is."""

    clock: ClockSettings = ClockSettings()
    """A table [clock]: what is expected of this machine's clock."""

    backup: BackupSettings = BackupSettings()
    """A table [backup]: where the ledger is copied to, once a day."""

    people: PeopleSettings = PeopleSettings()
    """A table [people]: who has to say that he is here."""

    line: LineSettings = LineSettings()
    """A table [line]: when it has failed so often that somebody has to look first."""

    scanner: Text | None = None
    """The serial port of a scanner: a path that stays ("/dev/serial/by-id/..."), or a URL; works without a screen."""

    scanner_baud: Annotated[int, Field(ge=300, le=4_000_000)] = 9600
    """Bits a second of that scanner."""

    wedge: WedgeSettings = WedgeSettings()
    """A table [wedge]: a scanner that types into the screen."""

    work_order: WorkOrderSettings = WorkOrderSettings()
    """A table [work_order]: what is made, for whoever doesn't scan it."""

    shifts: Annotated[tuple[ShiftSettings, ...], Field(max_length=24)] = ()
    """Tables [[shifts]] with name and beginning; without any, a day of figures is the calendar's."""

    secrets: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")], SecretPlace] = Field(default_factory=dict)
    """A table [secrets]: where to read what recipes need and may not hold, such as a console's password."""

    slots: Annotated[tuple[SlotSettings, ...], Field(min_length=1, max_length=32)]
    """One to 32 tables [[slots]] with name and port."""

    _folder: Path = PrivateAttr(default=Path())

    @field_validator("slots")
    @classmethod
    def _distinct(cls, slots: tuple[SlotSettings, ...]) -> tuple[SlotSettings, ...]:
        for what, values in (("name", [s.name for s in slots]), ("port", [_normal(s.port) for s in slots])):
            value, count = Counter(values).most_common(1)[0]
            if count > 1:
                raise ValueError(f"{count} slots have the {what} {value!r}; expected a different one each")
        return slots

    @field_validator("scanner")
    @classmethod
    def _scannable(cls, port: str | None) -> str | None:
        if port is not None and (complaint := port_complaint(port)):
            raise ValueError(f"{complaint}; found {port!r}")
        return port

    @model_validator(mode="after")
    def _no_board_is_a_scanner(self) -> Settings:
        for slot in self.slots:
            if self.scanner is not None and _normal(slot.port) == _normal(self.scanner):
                raise ValueError(f"scanner: {self.scanner!r} is the port of slot {slot.name}; expected another one")
        return self

    @field_validator("shifts")
    @classmethod
    def _successive(cls, shifts: tuple[ShiftSettings, ...]) -> tuple[ShiftSettings, ...]:
        for what, values in (("name", [s.name for s in shifts]), ("beginning", [s.begins for s in shifts])):
            for value, count in Counter(values).most_common(1):
                if count > 1:
                    raise ValueError(f"{count} shifts have the {what} {value!r}; expected a different one each")
        return shifts

    @model_validator(mode="after")
    def _token_travels_unread(self) -> Settings:
        if _is_readable_on_its_way(self.fleet.url) and not self.fleet.allow_plain_http:
            raise ValueError(
                "fleet.url: plain HTTP would show the fleet token on its way; expected https, "
                f"or allow_plain_http = true in [fleet]; found {self.fleet.url!r}"
            )
        return self

    def path(self, path: Path) -> Path:
        """Return a path of the settings, as seen from the file they were read from."""
        return self._folder / path

    @property
    def calendar(self) -> Shifts:
        """The shifts of this station."""
        return Shifts([(shift.name, time.fromisoformat(shift.begins)) for shift in self.shifts])

    @property
    def backups(self) -> Path:
        """The folder for copies of the ledger."""
        return self.path(self.backup.folder if self.backup.folder is not None else self.state / "backups")

    def token(self) -> str:
        """Read the vendor token; raises ``SettingsError`` that names the place, never the token."""
        fleet = self.fleet
        if fleet.token_file is not None:
            return _line_of("fleet.token_file", self.path(fleet.token_file), "the fleet token")
        assert fleet.token_credential is not None
        return _line_of(*_handed_over("fleet.token_credential", fleet.token_credential), "the fleet token")

    def secret(self, name: str) -> str:
        """Read one of ``[secrets]``; raises ``SettingsError`` that names key and place, never the secret."""
        key = f"secrets.{name}"
        place = self.secrets.get(name)
        if place is None:
            known = ", ".join(sorted(self.secrets)) or "none"
            raise SettingsError(f"{key}: is missing; the recipe needs this secret, known here: {known}")
        if place.file is not None:
            return _line_of(f"{key}.file", self.path(place.file), "the secret")
        assert place.credential is not None
        return _line_of(*_handed_over(f"{key}.credential", place.credential), "the secret")


def _handed_over(key: str, credential: str) -> tuple[str, Path]:
    """Return the key and the place of a systemd credential."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise SettingsError(
            f"{key}: expected systemd to hand over {credential!r} "
            "(LoadCredential= in the unit); CREDENTIALS_DIRECTORY is not set"
        )
    return key, Path(folder, credential)


def _line_of(key: str, path: Path, what: str) -> str:
    """Read the one line of a secret's file."""
    try:
        with open(path) as file:  # at each request to the fleet, so not by ``read_text``, which takes twice as long
            secret = file.read().strip()
    except (OSError, UnicodeDecodeError) as cause:
        raise SettingsError(f"{key}: {path}: {what} can't be read: {getattr(cause, 'strerror', 'not text')}") from None
    if not secret or not secret.isascii() or not secret.isprintable():
        raise SettingsError(f"{key}: {path}: expected {what}, one line of printable characters")
    return secret


def _normal(port: str) -> str:
    """One spelling for one port; links are not followed, since theirs come and go with the boards."""
    return port if "://" in port else os.path.normpath(port).replace("//", "/", 1)  # POSIX keeps two at the start


def load(path: Path) -> Settings:
    """Read ``station.toml``; raises ``SettingsError`` with one line that names file, key and what was expected."""
    content, _ = parse(path, SettingsError)
    settings = validate(path, Settings, content, SettingsError)
    settings._folder = path.absolute().parent
    for complaint in _misplaced(settings):
        raise SettingsError(f"{path}: {complaint}")
    return settings


def _misplaced(settings: Settings) -> Iterator[str]:
    """Complain about files that must be there, and folders that can't be."""
    if settings.fleet.ca_file is not None:
        file = settings.path(settings.fleet.ca_file)
        try:
            file.open("rb").close()
        except OSError as cause:
            yield f"fleet.ca_file: {file} can't be read: {cause.strerror}; expected a file of certificate authorities"
    state = settings.path(settings.state)
    nearest = next(folder for folder in (state, *state.parents) if os.path.lexists(folder))
    if not os.path.isdir(nearest):
        yield f"state: expected a folder, there or to be made; {nearest} is none"
