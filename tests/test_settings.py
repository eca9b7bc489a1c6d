"""``station.toml``: what a wrong one is told, what paths are relative to, and where the token comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from station.errors import SettingsError
from station.settings import Settings, load
from station.timekeeper import Doubt

EXAMPLE = Path(__file__).parents[1] / "config" / "station.toml"
TOKEN = "5ecret5ecret5ecret5ecret5ecret5ecret5ecre"

GOOD = """\
station = "0123456789abcdef"
name = "Line 1"
recipe = "recipes/g1.toml"
state = "/var/lib/station"

[fleet]
url = "https://fleet.example.com/"
vendor = "acme"
owner = "0123456789abcdef0123456789abcdef01234567"
token_file = "secrets/token"

[[slots]]
name = "1"
port = "/dev/serial/by-path/a"

[[slots]]
name = "2"
port = "socket://127.0.0.1:7001"
"""
TEXT = "expected text in quotation marks"
SLOTS = GOOD[GOOD.index("[[slots]]") :]
FLEET = GOOD[GOOD.index("[fleet]") : GOOD.index("[[slots]]")]
KNOWN_FLEET = "allow_plain_http, ca_file, late_s, owner, patience_s, token_credential, token_file, url, vendor"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "station.toml"


def loaded(path: Path, *changes: tuple[str, str]) -> Settings:
    text = GOOD
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    path.write_text(text)
    return load(path)


MISTAKES = {
    "unknown key": (
        'name = "Line 1"',
        'name = "Line 1"\ncolor = 1',
        "color: unknown key; known here: "
        "backup, clock, fleet, line, name, people, recipe, scanner, scanner_baud, "
        "secrets, shifts, slots, state, station, wedge, work_order",
    ),
    "the token itself": (
        'token_file = "secrets/token"',
        f'token = "{TOKEN}"',
        f"fleet.token: unknown key; known here: {KNOWN_FLEET}",
    ),
    "unknown in a slot": (
        'name = "2"',
        'name = "2"\nbaud = 9600',
        "slots #2.baud: unknown key; known here: name, port",
    ),
    "no station": (
        'station = "0123456789abcdef"',
        "",
        "station: is missing; expected this station's random uid, 8 to 64 letters",
    ),
    "no port": (
        'port = "socket://127.0.0.1:7001"',
        "",
        "slots #2.port: is missing; expected the serial port: a path that stays",
    ),
    "no fleet": (FLEET, "", "fleet: is missing; expected a table [fleet]: where the fleet is"),
    "no slots": (SLOTS, "", "slots: is missing; expected one to 32 tables [[slots]] with name and port"),
    "empty slots": (
        GOOD,
        "slots = []\n" + GOOD.replace(SLOTS, ""),
        "slots: expected one to 32 tables [[slots]] with name and port; found an empty list",
    ),
    "33 slots": (
        SLOTS,
        "".join(f'[[slots]]\nname = "{n}"\nport = "/dev/{n}"\n' for n in range(33)),
        "slots: expected one to 32 tables [[slots]] with name and port; found a list",
    ),
    "one slot as a table": (
        SLOTS,
        '[slots]\nname = "1"\nport = "/dev/a"',
        "slots: expected a list (one to 32 tables [[slots]] with name and port); found a table",
    ),
    "text for a table": (
        GOOD,
        'fleet = "x"\n' + GOOD.replace(FLEET, ""),
        "fleet: expected a table (a table [fleet]: where the fleet is); found 'x'",
    ),
    "number for a path": (
        'recipe = "recipes/g1.toml"',
        "recipe = 5",
        f"recipe: {TEXT} (the recipe file of the product",
    ),
    "number for text": (
        'vendor = "acme"',
        "vendor = 5",
        f"fleet.vendor: {TEXT} (the vendor's name in the fleet); found 5",
    ),
    "bool for a number": (
        'vendor = "acme"',
        'vendor = "acme"\npatience_s = true',
        "fleet.patience_s: expected a whole number (seconds that a board waits",
    ),
    "text for a bool": (
        'vendor = "acme"',
        'vendor = "acme"\nallow_plain_http = "no"',
        "fleet.allow_plain_http: expected true or false (plain HTTP to another machine",
    ),
    "negative": (
        'vendor = "acme"',
        'vendor = "acme"\npatience_s = -1',
        "fleet.patience_s: expected greater than or equal to 0; found -1",
    ),
    "unknown doubt": (
        '[[slots]]\nname = "1"',
        '[clock]\nstops = ["unsynced", "late"]\n[[slots]]\nname = "1"',
        "clock.stops #2: expected 'unsynced', 'jumped', 'behind' or 'fleet-differs'; found 'late'",
    ),
    "bool for doubts": (
        '[[slots]]\nname = "1"',
        '[clock]\nstops = true\n[[slots]]\nname = "1"',
        "clock.stops: expected a list (what stops the line until it is over",
    ),
    "no tolerance": (
        '[[slots]]\nname = "1"',
        '[clock]\ntolerance_s = 0\n[[slots]]\nname = "1"',
        "clock.tolerance_s: expected greater than or equal to 1; found 0",
    ),
    "short uid": (
        '"0123456789abcdef"',
        '"line1"',
        "station: expected this station's random uid, 8 to 64 letters",
    ),
    "no RID": (
        '"0123456789abcdef0123456789abcdef01234567"',
        '"me"',
        "fleet.owner: expected the RID, 40 hex digits, of the client (portal) that owns the boards; found 'me'",
    ),
    "no address": (
        '"https://fleet.example.com/"',
        '"fleet.example.com"',
        "fleet.url: expected an address such as \"https://fleet.example.com\"; found 'fleet.example.com'",
    ),
    "ftp": ('"https://fleet.example.com/"', '"ftp://fleet"', "fleet.url: expected an address such as"),
    "address with a question": (
        '"https://fleet.example.com/"',
        '"https://fleet/?a=1"',
        "fleet.url: expected an address such as",
    ),
    "broken address": ('"https://fleet.example.com/"', '"https://[fleet"', "fleet.url: "),
    "port out of range": (
        '"https://fleet.example.com/"',
        '"http://127.0.0.1:99999"',
        "fleet.url: expected an address ",
    ),
    "port 0": ('"https://fleet.example.com/"', '"http://127.0.0.1:0"', "fleet.url: expected an address such as"),
    "port of letters": ('"https://fleet.example.com/"', '"http://h:abc"', "fleet.url: expected an address such as"),
    "address with a fragment": (
        '"https://fleet.example.com/"',
        '"https://h/#a"',
        "fleet.url: expected an address such",
    ),
    "address with a blank": ('"https://fleet.example.com/"', '"https://fl eet"', "fleet.url: expected an address such"),
    "plain HTTP": (
        '"https://fleet.example.com/"',
        '"http://fleet.example.com"',
        "fleet.url: plain HTTP would show the fleet token on its way; expected https, or allow_plain_http = true "
        "in [fleet]; found 'http://fleet.example.com'",
    ),
    "plain HTTP in capitals": ('"https://fleet.example.com/"', '"HTTP://192.0.2.1"', "fleet.url: plain HTTP would"),
    "no CA file": (
        'vendor = "acme"',
        'vendor = "acme"\nca_file = "/no-such-folder/ca.pem"',
        "fleet.ca_file: /no-such-folder/ca.pem can't be read: No such file or directory; expected a file of",
    ),
    "CA folder": (
        'vendor = "acme"',
        'vendor = "acme"\nca_file = "/"',
        "fleet.ca_file: / can't be read: Is a directory",
    ),
    "state is a device": (
        '"/var/lib/station"',
        '"/dev/null"',
        "state: expected a folder, there or to be made; /dev/null is none",
    ),
    "state below a file": (
        '"/var/lib/station"',
        '"station.toml/a/b"',
        "state: expected a folder, there or to be made; ",
    ),
    "nobody's home": (
        '"/var/lib/station"',
        '"~nobody-of-this-name/state"',
        "state: there is no such home folder; found '~nobody-of-this-name/state'",
    ),
    "port without a number": (
        '"socket://127.0.0.1:7001"',
        '"socket://127.0.0.1"',
        "slots #2.port: needs a host and a port",
    ),
    "unknown kind of port": ('"socket://127.0.0.1:7001"', '"sockets://127.0.0.1:7001"', "slots #2.port: "),
    "same port, spelt otherwise": (
        '"socket://127.0.0.1:7001"',
        '"//dev/./serial//by-id/../by-path/a"',
        "slots: 2 slots have the port '/dev/serial/by-path/a'; expected a different one each",
    ),
    "no token": ('token_file = "secrets/token"', "", "fleet: expected exactly one of token_file and token_credential"),
    "two tokens": (
        'token_file = "secrets/token"',
        'token_file = "a"\ntoken_credential = "b"',
        "fleet: expected exactly one of token_file and token_credential",
    ),
    "same name": ('name = "2"', 'name = "1"', "slots: 2 slots have the name '1'; expected a different one each"),
    "same port": (
        '"socket://127.0.0.1:7001"',
        '"/dev/serial/by-path/a"',
        "slots: 2 slots have the port '/dev/serial/by-path/a'; expected a different one each",
    ),
    "slot's name": (
        'name = "2"',
        'name = "a b"',
        "slots #2.name: expected the slot's name on the screen and in the records, 1 to 16 letters",
    ),
}


def test_a_clock_is_doubted_and_stops_nobody_unless_the_settings_say_so(path: Path) -> None:
    assert (loaded(path).clock.tolerance_s, loaded(path).clock.stops) == (5, ())
    table = '[clock]\ntolerance_s = 60\nstops = ["behind", "fleet-differs"]\n'
    clock = loaded(path, ('[[slots]]\nname = "1"', f'{table}[[slots]]\nname = "1"')).clock
    assert (clock.tolerance_s, clock.stops) == (60, (Doubt.BEHIND, Doubt.FLEET_DIFFERS))


@pytest.mark.parametrize(("before", "after", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_in_one_line(path: Path, before: str, after: str, told: str) -> None:
    with pytest.raises(SettingsError) as error:
        loaded(path, (before, after))
    assert error.value.text.startswith(f"{path}: {told}") and "\n" not in error.value.text
    assert TOKEN not in error.value.text


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"station = 'a", "is not TOML: "),
        (b"name = '\xe4'", "is not UTF-8 text (byte 8)"),
        (b"", "station: is missing; expected this station's random uid"),
    ],
)
def test_a_file_that_is_no_settings_at_all(path: Path, content: bytes, told: str) -> None:
    path.write_bytes(content)
    with pytest.raises(SettingsError) as error:
        load(path)
    assert error.value.text.startswith(f"{path}: {told}")


def test_a_file_that_is_not_there(path: Path) -> None:
    with pytest.raises(SettingsError, match=r"station\.toml: can't be read: No such file or directory"):
        load(path)


@pytest.mark.parametrize(
    "address", ["http://a:5ecret@h", "ftp://a:5ecret@h", "http://a:5ecret@[h", "http://a:5ecret@h\u2100"]
)
def test_an_address_with_a_password_is_not_repeated(path: Path, address: str) -> None:
    with pytest.raises(SettingsError) as error:
        loaded(path, ("https://fleet.example.com/", address))
    assert error.value.text == (
        f'{path}: fleet.url: expected an address such as "https://fleet.example.com"; '
        "found one with a name or a password in it"
    )


@pytest.mark.parametrize("address", ["http://127.0.0.1:8080", "http://[::1]:8080", "http://localhost"])
def test_plain_http_is_taken_for_this_machine(path: Path, address: str) -> None:
    assert loaded(path, ("https://fleet.example.com/", address)).fleet.url == address


def test_plain_http_to_another_machine_must_be_asked_for(path: Path) -> None:
    asked = ('vendor = "acme"', 'vendor = "acme"\nallow_plain_http = true')
    assert loaded(path, ("https://fleet", "http://fleet"), asked).fleet.url == "http://fleet.example.com"


def test_a_link_and_what_it_leads_to_are_two_ports(path: Path, tmp_path: Path) -> None:
    """Links below /dev/serial come and go with the boards: where they lead today says nothing of tomorrow."""
    (tmp_path / "by-id").symlink_to("/dev/null")
    loaded(path, ("/dev/serial/by-path/a", str(tmp_path / "by-id")), ("socket://127.0.0.1:7001", "/dev/null"))


def test_a_state_folder_may_be_there_or_not(path: Path) -> None:
    for state in (path.parent, path.parent / "new" / "er"):
        settings = loaded(path, ("/var/lib/station", str(state)))
        assert settings.path(settings.state) == state
    assert not (path.parent / "new").exists()


def test_the_example_loads() -> None:
    assert load(EXAMPLE).slots


def test_good_settings(path: Path) -> None:
    settings = loaded(path)
    assert settings.fleet.url == "https://fleet.example.com"
    assert settings.fleet.patience_s == 900 and not settings.fleet.allow_plain_http
    assert [(slot.name, slot.port) for slot in settings.slots] == [
        ("1", "/dev/serial/by-path/a"),
        ("2", "socket://127.0.0.1:7001"),
    ]


def test_paths_are_relative_to_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded(path)
    monkeypatch.chdir(path.parent)
    for settings in (load(path), load(Path("station.toml"))):
        monkeypatch.chdir("/")
        assert settings.path(settings.recipe) == path.parent / "recipes" / "g1.toml"
        assert settings.path(settings.state) == Path("/var/lib/station")
        monkeypatch.chdir(path.parent)


def test_home_folders(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/line")
    settings = loaded(path, ("recipes/g1.toml", "~/g1.toml"))
    assert settings.path(settings.recipe) == Path("/home/line/g1.toml")


# --------------------------------------------------------------------------- the token


def test_the_token_is_read_when_it_is_needed(path: Path) -> None:
    settings = loaded(path)
    file = path.parent / "secrets" / "token"
    file.parent.mkdir()
    for token in (TOKEN, TOKEN[::-1]):
        file.write_text(f"{token}\n")
        assert settings.token() == token
    assert TOKEN[::-1] not in repr(settings)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "the fleet token can't be read: No such file or directory"),
        (b"", "expected the fleet token, one line of printable characters"),
        (b" \n", "expected the fleet token, one line of printable characters"),
        (TOKEN.encode() + b"\nmore", "expected the fleet token, one line of printable characters"),
        (TOKEN.encode() + b"\xc3\xa4", "expected the fleet token, one line of printable characters"),
        (TOKEN.encode() + b"\xff", "the fleet token can't be read: not text"),
    ],
    ids=["no file", "empty", "blank", "two lines", "umlaut", "bytes"],
)
def test_a_token_that_is_none_is_never_repeated(path: Path, content: bytes | None, told: str) -> None:
    settings = loaded(path)
    file = path.parent / "secrets" / "token"
    file.parent.mkdir()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError) as error:
        settings.token()
    assert error.value.text == f"fleet.token_file: {file}: {told}"
    assert error.value.__cause__ is None and TOKEN not in repr(error.value)


def test_a_token_from_systemd(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(path, ('token_file = "secrets/token"', 'token_credential = "fleet-token"'))
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(SettingsError) as error:
        settings.token()
    assert error.value.text.startswith("fleet.token_credential: expected systemd to hand over 'fleet-token'")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    with pytest.raises(SettingsError) as error:
        settings.token()
    place = tmp_path / "credentials" / "fleet-token"
    assert error.value.text == (
        f"fleet.token_credential: {place}: the fleet token can't be read: No such file or directory"
    )
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "fleet-token").write_text(TOKEN)
    assert settings.token() == TOKEN
