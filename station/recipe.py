"""A recipe: what one product model needs, as one TOML file.

It reads like a page of a work instruction, and it is stored whole, under its
SHA-256, beside every cycle that it ruled.  Tables that a board may not be
passed without (serial, fleet, config, and the dialect's own) have no silent
defaults.  ``docs/recipes.md`` explains every key.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import BaseModel, Field, PrivateAttr, create_model, field_validator, model_validator

from drivers import dialect, dialects
from drivers.board import Identity
from drivers.command import Restart
from drivers.uart import LinkOptions, ModemLine
from station.errors import RecipeError
from station.fleet_rules import Activation, FleetRules
from station.golden_rules import GoldenRules
from station.label_rules import LabelRules
from station.model import Edition, Step
from station.print_rules import PrintRules
from station.rework_rules import ReworkRules
from station.toml import Expression, Table, parse, parsed, validate

_WORD = r"[ \t]*[A-Za-z_][A-Za-z0-9_]*[ \t]*"
_PLACEHOLDER = re.compile(rf"\{{\{{({_WORD})\}}\}}|\{{({_WORD})\}}")
"""``{word}`` is filled in, ``{{word}}`` stands for ``{word}``; other braces are themselves (JSON values are common).

Blanks, capitals and digits count in, so that a placeholder with a slip is refused and not written to boards.
"""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
"""What some decoders make of broken bytes: no text, since nothing can store, send or show it."""

PLACEHOLDERS = frozenset({"vendor", "model", "owner", "station", "serial", "hardware_id", "rid", "cik"})
"""What the station can fill into a setting's value."""

SECRET = frozenset({"cik"})
"""Placeholders whose value may be seen by the board alone."""


class Presence(StrEnum):
    """How a slot knows that a board is there."""

    PORT = "port"
    """The board brings its port: it arrives and leaves with it (USB, or a simulated board)."""
    PROBE = "probe"
    """The port is the fixture's and always there: ask, with bytes that execute nothing on the board."""
    CTS = "cts"
    """The port is the fixture's, and a board in it asserts this line; likewise the next two."""
    DSR = "dsr"
    DCD = "dcd"
    START = "start"
    """Nothing shows that a board is there: an operator says so, and again for the next one."""

    @property
    def line(self) -> ModemLine | None:
        """The line that a board asserts while it is there, if that is how it is seen."""
        return self.value if self in (Presence.CTS, Presence.DSR, Presence.DCD) else None  # type: ignore[return-value]


Text = Annotated[str, Field(min_length=1)]


class SerialRules(Table):
    """``[serial]``: what a good serial number looks like."""

    pattern: Expression
    """A regular expression that the whole serial number matches."""

    hardware_id_pattern: Expression | None = None
    """A regular expression that the whole hardware id matches; without it, any text will do."""


class Recipe(Table):
    """A whole recipe.  ``load`` adds the dialect's own table as a field of the dialect's name."""

    name: Text
    """The recipe's name."""

    version: Text
    """The recipe's version; raise it with every change."""

    dialect: Text
    """The language that the board speaks."""

    presence: Presence = Presence.PORT
    """How a slot knows that a board is there: "port", "probe", "cts", "dsr", "dcd" or "start"."""

    serial: SerialRules
    """A table [serial]: what a good serial number looks like."""

    fleet: FleetRules
    """A table [fleet]: how boards of this model live in the fleet."""

    golden: GoldenRules = GoldenRules()
    """A table [golden]: units that are known, with which each slot is tried before a shift."""

    label: LabelRules = LabelRules()
    """A table [label]: whether the board's label is scanned, and what is on it."""

    print: PrintRules = PrintRules()
    """A table [print]: a command that prints a label for each board that has passed."""

    rework: ReworkRules = ReworkRules()
    """A table [rework]: how often a board is tried, and what is said before it is tried again."""

    link: LinkOptions
    """A table [link]: the serial port's settings, such as baud."""

    config: Annotated[dict[str, str], Field(min_length=1)]
    """A table [config] of settings that are written to the board and read back."""

    _text: str = PrivateAttr(default="")
    _folder: Path = PrivateAttr(default=Path())

    @field_validator("config")
    @classmethod
    def _names(cls, config: dict[str, str]) -> dict[str, str]:
        for name in config:
            if not re.fullmatch(r"[!-~]{1,128}", name):
                raise ValueError(f"expected names of 1 to 128 ASCII characters without blanks; found {name!r}")
            if _PLACEHOLDER.search(name):
                raise ValueError(
                    f"expected names without placeholders, which are filled in values only; found {name!r}"
                )
        return config

    @model_validator(mode="after")
    def _filled(self) -> Recipe:
        for name, value in self.config.items():
            for word in sorted(_words(value)):
                if word not in PLACEHOLDERS:
                    raise ValueError(f"config.{name}: nothing fills {{{word}}}; {_meant(word)}")
                if word == "cik" and self.fleet.activate is not Activation.STATION:
                    raise ValueError(
                        f"config.{name}: nothing fills {{cik}}, since fleet.activate is not "
                        f'"station": the key is not fetched here'
                    )
        if self.fleet.activate is Activation.STATION and not self.needs("cik"):
            raise ValueError('config: no setting takes {cik}, the key that fleet.activate = "station" fetches')
        if self.fleet.deferred and self.needs("rid"):
            raise ValueError("config: a setting takes {rid}, which is not known yet with fleet.deferred")
        return self

    @model_validator(mode="after")
    def _files_are_settings(self) -> Recipe:
        files = getattr(self.options, "file", None)
        if isinstance(files, Mapping) and (strange := sorted(files.keys() - self.config.keys())):
            raise ValueError(
                f"{self.dialect}.file.{strange[0]}: is no setting of [config], so nothing would be written"
            )
        return self

    @model_validator(mode="after")
    def _restartable(self) -> Recipe:
        if "restart" not in type(self.options).model_fields:
            return self  # the dialect restarts boards in its own way
        if "restart" not in self.options.model_fields_set and isinstance(self._restart, Restart | None):
            raise ValueError(
                f'{self.dialect}.restart: is missing; expected how the board is restarted, or "none", which says that '
                "it is read back without"
            )
        restart = self._restart
        if isinstance(restart, Restart) and restart.send is None and not restart.by_hand and self.link.reset is None:
            raise ValueError(
                f"{self.dialect}.restart: without send the board is restarted by link.reset, which is missing"
            )
        return self

    @property
    def _restart(self) -> Any:
        return getattr(self.options, "restart", None)

    @property
    def restarted_by_hand(self) -> bool:
        """Whether an operator has to restart the board before it is read back."""
        return isinstance(self._restart, Restart) and self._restart.by_hand

    @model_validator(mode="after")
    def _seen_by_a_line_of_its_own(self) -> Recipe:
        if self.presence is Presence.CTS and self.link.flow == "rts/cts":
            raise ValueError('presence: "cts" is the flow control\'s line with link.flow = "rts/cts"; expected another')
        return self

    @property
    def text(self) -> str:
        """The file, whole, as it was written."""
        return self._text

    @property
    def folder(self) -> Path:
        """The folder that it lies in."""
        return self._folder

    @property
    def sha256(self) -> str:
        """SHA-256 of the file, hex."""
        return hashlib.sha256(self._text.encode()).hexdigest()

    @property
    def options(self) -> BaseModel:
        """The dialect's own table."""
        return cast(BaseModel, getattr(self, self.dialect))

    @property
    def secrets(self) -> frozenset[str]:
        """The names of the station's secrets that the dialect needs."""
        return frozenset(getattr(self.options, "secrets", ()))

    @property
    def edition(self) -> Edition:
        """The recipe as the records name it."""
        return Edition(self.sha256, self.name, self.version, self.text, self.fleet.model)

    @property
    def plan(self) -> tuple[Step, ...]:
        """The steps of a cycle, in their order."""
        activate = (Step.ACTIVATE,) if self.fleet.activate is Activation.STATION else ()
        fleet, board = (Step.REGISTER, Step.ENABLE, *activate), (Step.CONFIGURE, Step.VERIFY_BOARD)
        label = (Step.LABEL,) if self.label.scan else ()
        return Step.IDENTIFY, *label, *(board + fleet if self.fleet.deferred else fleet + board), Step.VERIFY_FLEET

    @property
    def dry_plan(self) -> tuple[Step, ...]:
        """The steps of a golden unit: nothing is written to it, and the fleet never hears of it."""
        return Step.IDENTIFY, Step.VERIFY_BOARD

    @property
    def released_after(self) -> Step | None:
        """The step after which the board may leave, though the fleet has yet to be told; None if it has to stay."""
        return Step.VERIFY_BOARD if self.fleet.deferred else None

    def needs(self, placeholder: str) -> bool:
        """Tell whether any setting uses a placeholder."""
        return any(placeholder in _words(value) for value in self.config.values())

    def from_fleet(self, name: str) -> bool:
        """Tell whether a setting's value comes from the fleet, so that a golden unit has none."""
        return bool({"rid", "cik"}.intersection(_words(self.config[name])))

    def secret(self, name: str) -> bool:
        """Tell whether a setting's value is a secret."""
        return bool(SECRET.intersection(_words(self.config[name])))

    def proof(self, name: str) -> str:
        """Return by what a setting is verified: "value", or what the board tells instead, "sha256", "length" ...

        Empty for a dialect that doesn't say; one whose boards may tell too little does, by ``proof`` of its table.
        """
        proof: Callable[[str], str] | None = getattr(self.options, "proof", None)
        return proof(name) if proof else ""

    @property
    def secret_settings(self) -> tuple[str, ...]:
        """The names of the settings whose values are secrets."""
        return tuple(name for name in self.config if self.secret(name))

    def settings(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return every setting with its placeholders filled; each one it uses must be among ``values``."""

        def fill(match: re.Match[str]) -> str:
            return f"{{{match[1]}}}" if match[1] else values[match[2]]

        return {name: _PLACEHOLDER.sub(fill, value) for name, value in self.config.items()}

    def complaint(self, identity: Identity) -> str | None:
        """Say what is wrong with what a board says of itself; None if nothing is."""
        for what, said in (("serial number", identity.serial), ("hardware id", identity.hardware_id)):
            if _LONE_SURROGATE.search(said):
                return f"{what} {said[:128]!r}, expected text"
        if not re.fullmatch(self.serial.pattern, identity.serial):
            return f"serial number {identity.serial[:128]!r}, expected {self.serial.pattern!r}"
        pattern = self.serial.hardware_id_pattern
        if pattern is not None and not re.fullmatch(pattern, identity.hardware_id):
            return f"hardware id {identity.hardware_id[:128]!r}, expected {pattern!r}"
        if self.needs("hardware_id") and not identity.hardware_id:
            return "no hardware id, expected one: a setting uses {hardware_id}"
        return None


def load(path: Path) -> Recipe:
    """Read a recipe; raises ``RecipeError`` with one line that names file, key and what was expected."""
    return _checked(path, *parse(path, RecipeError))


def stored(sha256: str, text: str) -> Recipe:
    """Return a recipe as the ledger has kept it; raises ``RecipeError`` if this version can't read it any more."""
    path, raw = Path(f"the stored recipe {sha256[:12]}"), text.encode()
    return _checked(path, parsed(path, raw, RecipeError), raw)


def _checked(path: Path, content: Mapping[str, Any], raw: bytes) -> Recipe:
    name = content.get("dialect")
    if not isinstance(name, str):
        found = "is missing;" if name is None else f"found {name!r},"
        raise RecipeError(f"{path}: dialect: {found} expected one of: {', '.join(dialects())}")
    try:
        options = options_of(name)
    except RecipeError as unusable:
        raise RecipeError(f"{path}: {unusable.text}") from unusable
    field: Any = (options, Field(description=f"A table [{name}]: what the dialect needs to know of this board."))
    whole = create_model("Recipe", __base__=Recipe, **{name: field})
    recipe = validate(path, whole, content, RecipeError)
    recipe._text, recipe._folder = raw.decode(), path.absolute().parent
    return recipe


def options_of(name: str) -> type[BaseModel]:
    """Return the model of a dialect's own table; raises ``RecipeError`` if there is no such one, or it is broken."""
    try:
        return dialect(name).Options
    except LookupError as unknown:
        raise RecipeError(f"dialect: {unknown.args[0]}") from None
    except (ImportError, AttributeError) as broken:
        raise RecipeError(f"dialect: {name!r} is installed but can't be used: {broken}") from broken


def _words(value: str) -> set[str]:
    """The placeholders in a value, as they are written."""
    return {match[2] for match in _PLACEHOLDER.finditer(value) if match[2]}


def _meant(word: str) -> str:
    """Say what somebody may have meant by a placeholder that there is not."""
    likely = word.strip().lower()
    what = f"probably {{{likely}}} is meant" if likely in PLACEHOLDERS else f"known: {', '.join(sorted(PLACEHOLDERS))}"
    return f"{what} (write {{{{{word}}}}} for the text itself)"
