"""What a recipe says: of its file, of a cycle's steps, of settings, and of a board."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recipe_page import GOOD, loaded

from drivers.board import Identity
from station.errors import RecipeError
from station.model import Step
from station.recipe import PLACEHOLDERS, Presence, Recipe, load, stored

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The machine may be busy."""
SHIPPED = sorted((Path(__file__).parents[1] / "config" / "recipes").glob("*.toml"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "g1.toml"


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda path: path.stem)
def test_shipped_recipes_load(shipped: Path) -> None:
    recipe = load(shipped)
    assert recipe.name == shipped.stem
    assert recipe.plan[0] is Step.IDENTIFY and recipe.plan[-1] is Step.VERIFY_FLEET


def test_there_are_shipped_recipes() -> None:
    assert {path.stem for path in SHIPPED} >= {"rehearsal-shell", "uboot-qemu"}


def test_the_text_and_its_hash_are_the_files(path: Path) -> None:
    for text in (GOOD, "\ufeff" + GOOD, GOOD.replace("\n", "\r\n")):
        path.write_bytes(text.encode())
        recipe = load(path)
        assert recipe.text.encode() == path.read_bytes()
        assert recipe.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert recipe.name == "gateway-g1"


BOARD, FLEET = ["configure", "verify-board"], ["register", "enable"]
FIELD = 'activate = "field"\nwindow_h = 24\nreenabled_by = "the installer"'


@pytest.mark.parametrize(
    ("activate", "steps", "released_after"),
    [
        ('activate = "station"', [*FLEET, "activate", *BOARD], None),
        ('activate = "on-line"\nfetch_s = 60', [*FLEET, *BOARD], None),
        (FIELD, [*FLEET, *BOARD], None),
        (f"{FIELD}\ndeferred = true", [*BOARD, *FLEET], Step.VERIFY_BOARD),
    ],
)
def test_the_plan_follows_the_activation(
    activate: str, steps: list[str], released_after: Step | None, path: Path
) -> None:
    key = ('"{cik}"', '"{cik}"' if activate.endswith('"station"') else '"none"')
    recipe = loaded(path, ('activate = "station"', activate), key)
    assert [str(step) for step in recipe.plan] == ["identify", *steps, "verify-fleet"]
    assert recipe.released_after is released_after


def test_a_setting_of_a_deferred_board_holds_nothing_that_the_fleet_has_yet_to_say(path: Path) -> None:
    deferred = ('activate = "station"', f"{FIELD}\ndeferred = true")
    with pytest.raises(RecipeError, match=r"config: a setting takes \{rid\}, which is not known yet"):
        loaded(path, deferred, ('"{cik}"', '"{rid}"'))


def test_a_stored_recipe_is_read_as_it_was(path: Path) -> None:
    recipe = loaded(path)
    again = stored(recipe.sha256, recipe.text)
    assert (again.sha256, again.plan, again.config) == (recipe.sha256, recipe.plan, recipe.config)
    with pytest.raises(RecipeError, match=r"^the stored recipe 0123456789ab: dialect: is missing"):
        stored("0123456789abcdef", "name = 'x'")


def test_a_probe_must_be_asked_for(path: Path) -> None:
    assert loaded(path).presence is Presence.PORT
    assert loaded(path, ('version = "3"', 'version = "3"\npresence = "probe"')).presence is Presence.PROBE


def test_the_dialects_own_table(path: Path) -> None:
    options = loaded(path).options
    assert options.prompt == "=> "  # type: ignore[attr-defined]
    assert options.reply_s == 2.0  # type: ignore[attr-defined]


def test_a_recipe_cannot_be_changed(path: Path) -> None:
    recipe = loaded(path)
    with pytest.raises(ValueError, match="frozen"):
        recipe.name = "other"


# --------------------------------------------------------------------------- settings

VALUES = {
    "vendor": "acme",
    "model": "g1",
    "owner": "a" * 40,
    "station": "uid",
    "serial": "{cik}",
    "hardware_id": "02:00",
    "rid": "b" * 40,
    "cik": "c" * 40,
}


def with_setting(path: Path, value: str) -> Recipe:
    return loaded(path, ('"{model}/{serial}"', json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")))


@pytest.mark.parametrize(
    ("written", "filled"),
    [
        ("{model}/{rid}", f"g1/{'b' * 40}"),
        ('{"a":{"b":1}}', '{"a":{"b":1}}'),
        ('{"model":"{model}","n":{"x":[{}]}}', '{"model":"g1","n":{"x":[{}]}}'),
        ("{{model}}", "{model}"),
        ("{{{model}}}", "{{model}}"),
        ("${{MODEL}} {{Model}} {{ model }}", "${MODEL} {Model} { model }"),
        ('{"a"} {1} {a-b} {a b} {é}', '{"a"} {1} {a-b} {a b} {é}'),
        ("{serial}", "{cik}"),
        ("", ""),
    ],
)
def test_placeholders_are_filled_once_and_other_braces_are_themselves(path: Path, written: str, filled: str) -> None:
    assert with_setting(path, written).settings(VALUES)["place"] == filled


@pytest.fixture(scope="module")
def skeleton(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    return loaded(tmp_path_factory.mktemp("recipe") / "g1.toml")


@UNHURRIED
@given(st.lists(st.sampled_from(sorted(PLACEHOLDERS)) | st.text(st.characters(codec="utf-8", exclude_characters="{}"))))
def test_any_text_between_placeholders_stays(skeleton: Recipe, parts: list[str]) -> None:
    written = "".join(f"{{{part}}}" if part in PLACEHOLDERS else part for part in parts)
    recipe = skeleton.model_copy(update={"config": {"a": written}})
    assert recipe.settings(VALUES)["a"] == "".join(VALUES.get(part, part) for part in parts)
    assert all(recipe.needs(part) == (part in parts) for part in PLACEHOLDERS)


@UNHURRIED
@given(st.dictionaries(st.text("AB\"'\\ 1"), st.dictionaries(st.text("AB"), st.integers() | st.none())))
def test_json_stays_json(skeleton: Recipe, value: object) -> None:
    written = json.dumps(value)
    assert skeleton.model_copy(update={"config": {"a": written}}).settings(VALUES)["a"] == written


def test_a_secret_is_what_holds_the_key(path: Path) -> None:
    recipe = with_setting(path, "id={serial};k={cik}")
    assert recipe.secret("key") and recipe.secret("place")
    assert not with_setting(path, "{{cik}} {rid}").secret("place")


def test_a_setting_without_its_value_is_not_made_up(path: Path) -> None:
    with pytest.raises(KeyError):
        loaded(path).settings({"model": "g1", "serial": "G1-0001"})


# --------------------------------------------------------------------------- who the board says it is


@pytest.mark.parametrize(
    ("serial", "told"),
    [
        ("G1-0001", None),
        ("G1-00011", "serial number 'G1-00011', expected 'G1-[0-9]{4}'"),
        (" G1-0001", "serial number ' G1-0001', expected 'G1-[0-9]{4}'"),
        ("G1-0001\n", "serial number 'G1-0001\\n', expected 'G1-[0-9]{4}'"),
        ("", "serial number '', expected 'G1-[0-9]{4}'"),
        ("G1-\udcff001", "serial number 'G1-\\udcff001', expected text"),
    ],
)
def test_a_serial_number_matches_as_a_whole(path: Path, serial: str, told: str | None) -> None:
    assert loaded(path).complaint(Identity(serial)) == told


def test_a_serial_number_of_any_length_is_quoted_short(path: Path) -> None:
    told = loaded(path).complaint(Identity("x" * 100_000))
    assert told is not None and len(told) < 200


def test_a_hardware_id_is_judged_where_the_recipe_has_a_rule_or_a_use_for_it(path: Path) -> None:
    recipe = loaded(path)
    assert recipe.complaint(Identity("G1-0001", "anything\0at all")) is None
    assert recipe.complaint(Identity("G1-0001", "\ud800")) == "hardware id '\\ud800', expected text"
    ruled = loaded(path, ("[fleet]", "hardware_id_pattern = '02:[0-9a-f]{2}'\n[fleet]"))
    assert ruled.complaint(Identity("G1-0001", "02:ab")) is None
    assert ruled.complaint(Identity("G1-0001", "03:ab")) == "hardware id '03:ab', expected '02:[0-9a-f]{2}'"
    used = with_setting(path, "{hardware_id}")
    assert used.complaint(Identity("G1-0001", "02:ab")) is None
    assert used.complaint(Identity("G1-0001")) == "no hardware id, expected one: a setting uses {hardware_id}"


def test_broken_text_is_no_text_even_for_the_loosest_pattern(path: Path) -> None:
    loose = loaded(path, ("'G1-[0-9]{4}'", "'.*'"))
    assert loose.complaint(Identity("\udcff")) == "serial number '\\udcff', expected text"
    assert loose.complaint(Identity("Σ-🏭")) is None
