"""The page about recipes: every key is explained, and the dialect that it shows works."""

from __future__ import annotations

import os
import re
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from pydantic import BaseModel

from drivers import GROUP, dialect, dialects
from drivers.board import Identity
from drivers.errors import BoardRefused, CommitFailed, ValueUnwritable
from drivers.link import Link
from station import recipe as recipes
from station.cli import main
from station.recipe import Recipe, options_of
from station.recipe_schema import schema

PAGE = (Path(__file__).parents[1] / "docs" / "recipes.md").read_text()
OWN = PAGE.partition("\n## A dialect of your own\n")[2]
KEY = "0123456789abcdef0123456789abcdef01234567"


def fenced(text: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)


def models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield a model and those of the tables in it."""

    def inner(annotation: Any) -> Iterator[type[BaseModel]]:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from models(annotation)
        for argument in getattr(annotation, "__args__", ()):
            yield from inner(argument)

    yield model
    for field in model.model_fields.values():
        yield from inner(field.annotation)


def keys(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for table in models(model) for name, field in table.model_fields.items()}


def words(text: str) -> set[str]:
    """Return what stands in code, in a line or in a block."""
    return set(re.findall(r"\w+", " ".join(re.findall(r"```.*?```|``.+?``|`[^`\n]+`", text, re.DOTALL))))


def test_every_key_of_a_recipe_is_in_the_page() -> None:
    assert keys(Recipe) - words(PAGE.partition("\n## The recipe\n")[2].partition("\n## ")[0]) == set()


@pytest.mark.parametrize("name", dialects())
def test_every_key_of_a_dialect_is_in_its_section(name: str) -> None:
    section = PAGE.partition(f"\n## The `{name}` dialect: `[{name}]`\n")[2].partition("\n## ")[0]
    assert keys(options_of(name)) - words(section) == set()


@pytest.mark.parametrize("anchor", re.findall(r"\]\(#([^)]+)\)", PAGE))
def test_a_link_within_the_page_leads_somewhere(anchor: str) -> None:
    headings = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


# --------------------------------------------------------------------------- a dialect of one's own


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """Install the page's package, and load the page's recipe."""
    (code,) = fenced(OWN, "python")
    project, page = (tomllib.loads(text) for text in fenced(OWN, "toml"))
    points = project["project"]["entry-points"][GROUP]
    info = tmp_path / "acme_boards-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-boards\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        f"[{GROUP}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
    )
    (tmp_path / "acme_boards.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    path = tmp_path / f"{page['name']}.toml"
    path.write_text(fenced(OWN, "toml")[1])
    return recipes.load(path)


class KeyvalBoard:
    """A far end of the page's board, on a pty; ``heard`` is every byte that it got."""

    def __init__(self) -> None:
        self._master, self._slave = os.openpty()
        self.port = os.ttyname(self._slave)
        self.ram = {"serial": "K1-00001", "mac": "02:00:00:00:00:01"}
        self.flash = dict(self.ram)
        self.heard = b""
        self.saves = True
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        begun = b""
        while True:
            try:
                data = os.read(self._master, 1024)
            except OSError:
                return
            self.heard += data
            *lines, begun = (begun + data).split(b"\n")
            for line in lines:
                os.write(self._master, b"[1.0] a line of the log\r\n" + self._answer(line.decode()).encode())

    def _answer(self, line: str) -> str:
        verb, _, rest = line.partition(" ")
        name, _, value = rest.partition(" ")
        match verb:
            case "get":
                return f"get {name}={self.ram[name]}\r\n" if name in self.ram else f"get {name}!unknown\r\n"
            case "set":
                self.ram[name] = value
                return f"set {name}=ok\r\n"
            case "save":
                self.flash = dict(self.ram) if self.saves else self.flash
                return f"save{'=ok' if self.saves else '!flash error'}\r\n"
            case "restart":
                self.ram = dict(self.flash)
                return "booting\r\nready\r\n"
        return "\r\n"

    def close(self) -> None:
        os.close(self._slave)
        self._thread.join(20)
        os.close(self._master)


@pytest.fixture
def board() -> Iterator[KeyvalBoard]:
    board = KeyvalBoard()
    yield board
    board.close()


def test_the_pages_dialect_is_one_like_any_other(recipe: Recipe) -> None:
    assert recipe.dialect == "keyval" and dialects().count("keyval") == 1
    said = CliRunner().invoke(main, ["rehearse", "--dialect", "keyval", "--headless"])
    assert said.exit_code == 2 and "'keyval' has no simulated board" in said.output
    made = schema(dialects())
    jsonschema.Draft7Validator(made).validate(tomllib.loads(recipe.text))
    assert made["definitions"]["KeyvalOptions"]["properties"]["boot_s"]["description"].startswith("Seconds from")


def test_the_pages_dialect_provisions_a_board(recipe: Recipe, board: KeyvalBoard) -> None:
    with Link.open(board.port, recipe.link) as link:
        near_end = dialect("keyval")(link, recipe.options, {})
        identity = near_end.identify()
        assert identity == Identity("K1-00001", "02:00:00:00:00:01") and recipe.complaint(identity) is None
        assert board.heard == b"get serial\nget mac\n"
        settings = recipe.settings({"cik": KEY, "serial": identity.serial})
        near_end.configure(settings)
        assert board.heard.endswith(f"set fleet_key {KEY}\nset place line A, K1-00001\nsave\n".encode())
        board.ram["place"] = "lost at the restart"
        assert near_end.restart() is True
        assert near_end.read(settings) == settings == {name: board.flash[name] for name in settings}
        assert near_end.present()


def test_the_pages_dialect_names_what_goes_wrong(recipe: Recipe, board: KeyvalBoard) -> None:
    with Link.open(board.port, recipe.link) as link:
        near_end = dialect("keyval")(link, recipe.options, {})
        with pytest.raises(ValueUnwritable):
            near_end.configure({"place": "Straße"})
        with pytest.raises(BoardRefused) as refused:
            near_end.read({"nothing": ""})
        assert refused.value.details["received"] == r"get nothing!unknown\r\n"
        board.saves = False
        with pytest.raises(CommitFailed):
            near_end.configure({"place": "x"})
