"""A key that is damaged on its way fails its board, on a whole station; and what proves a key is in the record."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from damaging_boards import (
    DamagingConsole,
    DamagingModule,
    FileModule,
    SummingConsole,
    flipped,
)
from engine_floor import Floor
from engine_world import RECIPE

from drivers.sim.board import SimulatedBoard
from station.errors import RecipeError

HEADER = RECIPE[: RECIPE.index("[shell]")].replace('"shell"', '"at"')
MODULE = """\
[at]
setup = ["AT+CMEE=1"]
unsolicited = ['\\+CREG: ', '\\^HCSQ: ']
identify = [
  { send = "AT+CGSN=1", capture = '^\\+CGSN: "(?P<serial>.*)"$' },
  { send = "AT+MAC?", capture = '^\\+MAC: "(?P<hardware_id>.*)"$' },
]
restart = { send = "AT+CFUN=1,1", expect = "RDY", timeout_s = 20 }
"""
CONFIG = '[config]\nfleet_key = "{cik}"\n'

UPLOAD = """\
[at.settings.fleet_key]
before = 'AT+QFDEL="{name}"'
write = 'AT+QFUPL="{name}",{length}'
prompt = "CONNECT"
"""
LISTED = """read = { send = 'AT+QFLST="{name}"', capture = '^\\+QFLST: "{name}",(?P<length>\\d+)$' }\n"""
ENOUGH = LISTED.replace("$' }", "$', length_is_enough = true }")
COUNTED = """read = { send = 'AT+QFDWL="{name}"', capture = '^\\+QFDWL: (?P<length>\\d+),(?P<xor16>[0-9a-f]+)$' }\n"""
WHOLE = """read = { send = 'AT+QFDWL="{name}"', capture = '^CONNECT\\n(?P<value>.*)\\n\\+QFDWL: ' }\n"""


def at(*way: str) -> str:
    return HEADER + MODULE + "".join(way) + CONFIG


def shell(*changes: tuple[str, str]) -> str:
    text = RECIPE
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return text


VALUE = """{ send = "printenv {name}", capture = '{name}=(?P<value>.*)' }"""
SUM = (VALUE, """{ send = "sum {name}", capture = '^(?P<length>[0-9]+) (?P<md5>[0-9a-f]{32})$' }""")
LENGTH = (VALUE, """{ send = "sum {name}", capture = '^(?P<length>[0-9]+) ', length_is_enough = true }""")
PIECES = """
line_limit = 55
pieces = { size = 20, begin = "setenv {name}", append = 'setenv {name} "${{name}}"{piece}', check = {\
 send = "sum {name}", capture = '^(?P<length>[0-9]+) %s' } }

[config]"""
BY_LENGTH = ("\n[config]", PIECES % "")
BY_DIGEST = ("\n[config]", PIECES % "(?P<md5>[0-9a-f]{32})$")
SHORT = ('label = "{vendor} {model} {serial}"', 'label = "{serial}"')


def run(floor: Floor, recipe: str, board: type[SimulatedBoard]) -> tuple[str, str | None]:
    """Return how a board's cycle ends, and its code."""
    (floor.folder / "widget.toml").write_text(recipe)
    watcher = floor.start()
    floor.insert(board=board)
    finished = watcher.wait_finished()
    return str(finished.outcome), finished.error


def proofs(floor: Floor) -> dict[str, Any]:
    """Return what was told in place of each setting's value, as the closing event has it; the step's facts agree."""
    sql = "SELECT json_extract(body, '$.facts') FROM events WHERE kind = ? ORDER BY id DESC LIMIT 1"
    ((record,),) = floor.ledger(sql, "close")
    settings = json.loads(record)["settings"]
    found = {name: setting["proof"] for name, setting in settings.items() if "proof" in setting}
    sql = "SELECT json_extract(body, '$.facts.proofs') FROM events WHERE kind = 'settle'"
    assert [json.loads(facts) for (facts,) in floor.ledger(sql) if facts] == ([found] if found else [])
    return found


@pytest.mark.parametrize(
    ("recipe", "board", "code"),
    [
        (at(UPLOAD, COUNTED), DamagingModule, "readback-differs"),
        (at(UPLOAD, WHOLE), DamagingModule, "readback-differs"),
        (shell(), DamagingConsole, "readback-differs"),
        (shell(SUM), DamagingConsole, "readback-differs"),
        (shell(SHORT, BY_LENGTH), DamagingConsole, "readback-differs"),
        (shell(SHORT, BY_LENGTH, SUM), DamagingConsole, "readback-differs"),
        (shell(SHORT, BY_DIGEST), DamagingConsole, "board-misheard"),
    ],
    ids=[
        "at: checksum",
        "at: whole",
        "shell: value",
        "shell: digest",
        "pieces by length, value",
        "pieces by length, digest",
        "pieces by digest",
    ],
)
def test_a_damaged_key_fails_its_board(recipe: str, board: type[SimulatedBoard], code: str, floor: Floor) -> None:
    assert run(floor, recipe, board) == ("FAIL", code)
    phase, key = floor.entry("SIM-00000001") or ("", "")
    assert phase == "expired" and floor.flash().get("fleet_key", flipped(key)) == flipped(key)
    content = b"".join(path.read_bytes() for path in (floor.folder / "state").glob("ledger.db*"))
    for secret in (key, flipped(key)):
        assert not any(secret[i : i + 12].encode() in content for i in range(len(secret) - 11))


@pytest.mark.parametrize(
    ("recipe", "board", "proven"),
    [
        (at(UPLOAD, COUNTED), FileModule, {"fleet_key": "length, xor16"}),
        (at(UPLOAD, WHOLE), FileModule, {}),
        (at(UPLOAD, ENOUGH), DamagingModule, {"fleet_key": "length"}),
        (shell(SUM), SummingConsole, dict.fromkeys(("fleet_key", "fleet_rid", "label"), "length, md5")),
        (shell(LENGTH), DamagingConsole, dict.fromkeys(("fleet_key", "fleet_rid", "label"), "length")),
    ],
    ids=["at: checksum", "at: whole", "at: length", "shell: digest", "shell: length"],
)
def test_what_proves_a_key_is_in_the_record_of_a_pass(
    recipe: str, board: type[SimulatedBoard], proven: dict[str, str], floor: Floor
) -> None:
    assert run(floor, recipe, board) == ("PASS", None)
    assert proofs(floor) == proven


UNPROVEN = LENGTH[1].replace(", length_is_enough = true", "")


@pytest.mark.parametrize("recipe", [at(UPLOAD, LISTED), shell((VALUE, UNPROVEN))], ids=["at", "shell"])
def test_a_station_does_not_start_with_a_recipe_that_proves_no_key(recipe: str, make: Callable[..., Floor]) -> None:
    floor = make()
    (floor.folder / "widget.toml").write_text(recipe)
    with pytest.raises(RecipeError, match=r"tells only the length, and a damaged value has the same"):
        floor.build()
