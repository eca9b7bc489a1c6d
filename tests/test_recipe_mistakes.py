"""What a wrong recipe is told: one line that names file, key and what was expected."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from recipe_page import GOOD

from drivers import dialects
from station.errors import RecipeError
from station.recipe import load

DIALECTS = ", ".join(dialects())
TEXT = "expected text in quotation marks"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "g1.toml"


def refused(path: Path) -> str:
    """Return the one line that a file is refused with, without its name."""
    with pytest.raises(RecipeError) as error:
        load(path)
    text = error.value.text
    assert text.startswith(f"{path}: ") and "\n" not in text
    return text.removeprefix(f"{path}: ")


MISTAKES = {
    # unknown keys, wherever they are
    "top": (
        'version = "3"',
        'version = "3"\ncolour = "red"',
        "colour: unknown key; known here: config, dialect, fleet,",
    ),
    "table": ("baud = 115200", "bauds = 115200", "link.bauds: unknown key; known here: baud, data_bits, dtr, flow,"),
    "alias": (
        'register = "station"',
        'registre = "station"',
        "fleet.registre: unknown key; known here: activate, deferred, fetch_s, model,",
    ),
    "dialect's": ("reply_s = 2", "replys = 2", "shell.replys: unknown key; known here: boot_s, commit, error,"),
    "list item": ("S+)' },\n]", "S+)', x = 1 },\n]", "shell.identify #2.x: unknown key; known here: capture, send"),
    "wrong dialect": (
        "[shell]",
        "[shel]",
        "shel: unknown key; known here: config, dialect, fleet, golden, label,",
    ),
    # missing ones
    "no name": ('name = "gateway-g1"\n', "", "name: is missing; expected the recipe's name"),
    "no dialect": ('dialect = "shell"', "", f"dialect: is missing; expected one of: {DIALECTS}"),
    "no register": (
        'register = "station"',
        "",
        'fleet.register: is missing; expected who lists serial numbers: "station" or "listed"',
    ),
    "no pattern": (
        "pattern = 'G1-[0-9]{4}'",
        "",
        "serial.pattern: is missing; expected a regular expression that the whole serial",
    ),
    "no write": (
        'write = "setenv {name} {value}"',
        "",
        "shell.write: is missing; expected the command that writes one setting",
    ),
    "no capture": (
        ", capture = 'ethaddr=(?P<hardware_id>\\S+)'",
        "",
        "shell.identify #2.capture: is missing; expected ",
    ),
    "an endless expression": (
        ", capture = 'ethaddr=(?P<hardware_id>\\S+)'",
        ", capture = 'ethaddr=(?P<hardware_id>(?:[0-9a-f]+:?)+)'",
        "shell.identify #2.capture: 'ethaddr=(?P<hardware_id>(?:[0-9a-f]+:?)+)' repeats a repeat",
    ),
    # wrong types; nothing is converted silently
    "text for a number": (
        "baud = 115200",
        'baud = "115200"',
        "link.baud: expected a whole number (bits a second); found '115200'",
    ),
    "fraction": ("baud = 115200", "baud = 9600.5", "link.baud: expected a whole number (bits a second); found 9600.5"),
    "text for seconds": ("reply_s = 2", 'reply_s = "2"', "shell.reply_s: expected a number (seconds within which"),
    "number for text": ('version = "3"', "version = 3", f"version: {TEXT} (the recipe's version;"),
    "bool for text": ('key = "{cik}"', "key = true", f"config.key: {TEXT}; found true"),
    "number for a dialect": (
        'dialect = "shell"',
        "dialect = 4",
        f"dialect: found 4, expected one of: {DIALECTS}",
    ),
    "number for a pattern": ("error = '^Unknown command'", "error = 5", f"shell.error: {TEXT} ("),
    "text for a table": ("[link]\nbaud = 115200", "", "link: is missing; expected a table [link]"),
    "date": (
        'version = "3"',
        "version = 2026-11-23",
        "version: expected text, a number, true, false, a list or a table; found 2026-11-23",
    ),
    "for ever": ("reply_s = 2", "reply_s = 1e308", "shell.reply_s: expected less than or equal to 3600; found 1e+308"),
    "not a number": ("reply_s = 2", "reply_s = nan", "shell.reply_s: expected a finite number; found nan"),
    "infinite": (
        "reply_s = 2",
        "reply_s = inf",
        "shell.reply_s: expected a finite number; found inf",
    ),
    # wrong values
    "empty": (
        'version = "3"',
        'version = ""',
        "version: expected the recipe's version; raise it with every change; found ''",
    ),
    "bad regex": ("'G1-[0-9]{4}'", "'G1-[0-9'", "serial.pattern: is no regular expression: unterminated character set"),
    "huge regex": (
        "'G1-[0-9]{4}'",
        "'a{99999999999999999999}'",
        "serial.pattern: is no regular expression: the repetition number is too",
    ),
    "dialect's regex": (
        "error = '^Unknown command'",
        "error = '(('",
        "shell.error: is no regular expression: missing ), unterminated subpattern at position 1",
    ),
    "unknown dialect": (
        'dialect = "shell"',
        'dialect = "shel"',
        f"dialect: no dialect 'shel'; there are: {DIALECTS}",
    ),
    "unknown word": (
        'activate = "station"',
        'activate = "online"',
        "fleet.activate: expected 'station', 'on-line' or 'field'; found 'online'",
    ),
    "out of range": ("baud = 115200", "baud = 5", "link.baud: expected greater than or equal to 50; found 5"),
    "blank in model": (
        'model = "gateway-g1"',
        'model = "g 1"',
        "fleet.model: expected the name of the model in the fleet, 1 to 64 characters without blanks",
    ),
    "slash in model": (
        'model = "gateway-g1"',
        'model = "g/1"',
        "fleet.model: expected the name of the model in the fleet",
    ),
    "nobody fills": (
        '"{model}/{serial}"',
        '"{modell}/{serial}"',
        "config.place: nothing fills {modell}; known: cik, hardware_id, model,",
    ),
    "capitals": (
        '"{model}/{serial}"',
        '"{model}/{Serial}"',
        "config.place: nothing fills {Serial}; probably {serial} is meant (write {{Serial}} for the text itself)",
    ),
    "blanks": (
        '"{model}/{serial}"',
        '"{model}/{ serial }"',
        "config.place: nothing fills { serial }; probably {serial} is meant (write {{ serial }} for the text itself)",
    ),
    "a digit": ('"{model}/{serial}"', '"{model}/{serial2}"', "config.place: nothing fills {serial2}; known: cik,"),
    "a shell's": ('"{model}/{serial}"', '"${HOME}"', "config.place: nothing fills {HOME}; known: cik,"),
    "JSON with a slip": ('"{model}/{serial}"', "'{\"sn\": {Serial}}'", "config.place: nothing fills {Serial};"),
    "placeholder in a name": (
        'place = "{model}/{serial}"',
        '"place_{serial}" = "a"',
        "config: expected names without placeholders, which are filled in values only; found 'place_{serial}'",
    ),
    "a slip in a name": (
        'place = "{model}/{serial}"',
        '"{Serial}" = "a"',
        "config: expected names without placeholders, which are filled in values only; found '{Serial}'",
    ),
    "no word of a restart": (
        'restart = "none"',
        "",
        'shell.restart: is missing; expected how the board is restarted, or "none"',
    ),
    "restart by two": (
        'restart = "none"',
        'restart = { send = "reset", by_hand = true, expect = "x" }',
        "shell.restart: by_hand and send exclude each other",
    ),
    "restart by lines that nobody named": (
        'restart = "none"',
        'restart = { expect = "x" }',
        "shell.restart: without send the board is restarted by link.reset, which is missing",
    ),
    "on-line without a time": (
        'activate = "station"',
        'activate = "on-line"',
        'fleet: fetch_s is missing; activate = "on-line" needs it: seconds that a board is given to fetch its key',
    ),
    "field without a window": (
        'activate = "station"',
        'activate = "field"',
        'fleet: window_h is missing; activate = "field" needs it: hours after its enabling',
    ),
    "field without anybody": (
        'activate = "station"',
        'activate = "field"\nwindow_h = 24',
        'fleet: reenabled_by is missing; activate = "field" needs it: who enables a board again',
    ),
    "window in vain": (
        'activate = "station"',
        'activate = "station"\nwindow_h = 24',
        'fleet: window_h: only activate = "field" has it; found "station"',
    ),
    "deferred in vain": (
        'activate = "station"',
        'activate = "station"\ndeferred = true',
        'fleet: deferred: expected activate = "field" with it; with "station" the fleet must answer while',
    ),
    "rid of a deferred board": (
        'activate = "station"\nregister = "station"\n\n[link]',
        'activate = "field"\nwindow_h = 24\nreenabled_by = "x"\ndeferred = true\nregister = "station"\n\n[link]',
        "config.key: nothing fills {cik}",
    ),
    "cik in the field": (
        'activate = "station"',
        'activate = "field"\nwindow_h = 24\nreenabled_by = "the installer"',
        'config.key: nothing fills {cik}, since fleet.activate is not "station"',
    ),
    "blank in a name": (
        'key = "{cik}"',
        '"a key" = "{cik}"',
        "config: expected names of 1 to 128 ASCII characters without blanks; found 'a key'",
    ),
    "file": (
        "[config]",
        '[shell.file]\nca = { path = "/etc/ca.pem" }\n\n[config]',
        "shell.file.ca: is no setting of [config], so nothing would be written",
    ),
    "no settings": (
        'key = "{cik}"\nplace = "{model}/{serial}"\n',
        "",
        "config: expected a table [config] of settings that are written to the board and read back; found an em",
    ),
}


@pytest.mark.parametrize(("before", "after", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_in_one_line(path: Path, before: str, after: str, told: str) -> None:
    assert GOOD.count(before) == 1, before
    path.write_text(GOOD.replace(before, after))
    assert refused(path).startswith(told)


def test_a_pattern_that_no_computer_can_hold_is_one_line_too(path: Path) -> None:
    path.write_text(GOOD.replace("error = '^Unknown command'", "error = 'a{99999999999999999999}'"))
    assert refused(path) == "a regular expression can't be used: the repetition number is too large"


def test_a_line_has_one_meaning(path: Path) -> None:
    text = GOOD.replace('dialect = "shell"', 'dialect = "shell"\npresence = "cts"', 1)
    path.write_text(text)
    load(path)
    path.write_text(text.replace("baud = 115200", 'baud = 115200\nflow = "rts/cts"'))
    assert refused(path) == 'presence: "cts" is the flow control\'s line with link.flow = "rts/cts"; expected another'


def test_a_long_wrong_value_is_not_repeated_whole(path: Path) -> None:
    path.write_text(GOOD.replace('"gateway-g1"\nactivate', f'"{"x y" * 100}"\nactivate'))
    assert len(refused(path)) < 250


def test_a_missing_table(path: Path) -> None:
    path.write_text(GOOD.split("[config]", maxsplit=1)[0])
    assert refused(path).startswith("config: is missing; expected a table [config]")
    path.write_text(re.sub(r"(?s)\[shell\].*\[config\]", "[config]", GOOD))
    assert refused(path) == "shell: is missing; expected a table [shell]: what the dialect needs to know of this board"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", f"dialect: is missing; expected one of: {DIALECTS}"),
        (b"name = ", "is not TOML: "),
        (b'name = "a"\nname = "b"', "is not TOML: "),
        (b"name = 'Gr\xfc\xdfe'", "is not UTF-8 text (byte 10)"),
    ],
    ids=["empty", "broken", "twice", "Latin-1"],
)
def test_a_file_that_is_no_recipe_at_all(path: Path, content: bytes, told: str) -> None:
    path.write_bytes(content)
    assert refused(path).startswith(told)


def test_a_file_that_is_not_there(path: Path) -> None:
    assert refused(path) == "can't be read: No such file or directory"
    path.mkdir()
    assert refused(path) == "can't be read: Is a directory"
