"""``station boards ports``, ``identify``, ``configure`` and ``probe``, with simulated boards on real ptys."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from board_on_port import LABEL, RECIPES, board_on_port
from click.testing import CliRunner, Result
from pytest_mock import MockerFixture
from station_process import station

from drivers.ports import Held, Holder, Port, Usb
from station.cli import main
from station.cli.boards import command

RECIPE = str(RECIPES / "rehearsal-shell.toml")
KEY = "0123456789abcdef0123456789abcdef01234567"


def run(*words: str | Path) -> Result:
    result = CliRunner().invoke(main, ["boards", *map(str, words)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert KEY not in result.output
    return result


@pytest.fixture
def key(tmp_path: Path) -> Path:
    file = tmp_path / "key"
    file.touch(mode=0o600)
    file.write_text(KEY + "\n")
    return file


# ------------------------------------------------------------------ ports


PORTS = [
    Port(
        "/dev/ttyUSB0",
        ("/dev/serial/by-id/usb-FTDI",),
        ("/dev/serial/by-path/pci-1",),
        "ftdi_sio",
        Usb("0403", "6001", "FTDI", "UART\x1b[2J", "A1", "00"),
        Held((Holder(4242, "ModemManager", "root"),), partial=True),
    ),
    Port("/dev/ttyS0", (), (), "serial8250", None, Held()),
]


def test_ports_are_listed_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.ports.ports", lambda: PORTS)
    monkeypatch.setattr("drivers.ports.denial", lambda path: "belongs to root:dialout" if "USB" in path else None)
    result = run("ports")
    assert result.stdout == (
        "/dev/ttyUSB0\n"
        "  by-path  /dev/serial/by-path/pci-1\n"
        "  by-id    /dev/serial/by-id/usb-FTDI\n"
        "  usb      0403:6001  FTDI UART\\x1b[2J, serial number A1, interface 00\n"
        "  driver   ftdi_sio\n"
        "  held by  ModemManager (process 4242, user root)\n"
        "  denied   it belongs to root:dialout\n"
        "/dev/ttyS0\n"
        "  driver   serial8250\n"
    )
    assert "as root, all that have a port are named" in result.stderr


def test_ports_are_listed_for_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.ports.ports", lambda: PORTS)
    usb, uart = map(json.loads, run("ports", "--json").stdout.splitlines())
    assert usb["usb"]["vid"] == "0403" and usb["held_by"] == [{"pid": 4242, "program": "ModemManager", "user": "root"}]
    assert (uart["usb"], uart["held_by"], uart["partial"]) == (None, [], False)


def test_the_ports_of_this_machine_are_listed_whatever_they_are() -> None:
    done = station("boards", "ports")
    assert done.returncode == 0, done.stderr


# ------------------------------------------------------------------ identify


def test_a_board_says_who_it_is(tmp_path: Path) -> None:
    with board_on_port(tmp_path) as board:
        done = station("boards", "identify", board.port, "--recipe", RECIPE)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[:2] == [
            f"serial             {LABEL.serial}",
            f"hardware id        {LABEL.mac}",
        ]
        told = json.loads(run("identify", board.port, "--recipe", RECIPE, "--json").stdout)
        assert (told["serial"], told["hardware_id"], told["complaint"]) == (LABEL.serial, LABEL.mac, None)
        shown = run("identify", board.port, "--recipe", RECIPE, "--show")
        assert "> printenv serial#\\r\n" in shown.stderr and f"serial#={LABEL.serial}\\r\\n=> " in shown.stderr


def test_a_board_of_another_product_fails(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(Path(RECIPE).read_text().replace("SIM-[0-9]{8}", "G1-[0-9]{8}"))
    with board_on_port(tmp_path) as board:
        result = run("identify", board.port, "--recipe", recipe)
        assert result.exit_code == 1 and f"serial number '{LABEL.serial}', expected 'G1-[0-9]{{8}}'" in result.stderr
        result = run("configure", board.port, "--recipe", recipe, "--set", "device_name=x")
        assert result.exit_code == 1 and "nothing was written" in result.stderr
        assert "device_name" not in board.memory.flash


def test_a_silent_board_fails_with_its_code_and_what_was_said(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(Path(RECIPE).read_text().replace("boot_s = 10.0", "boot_s = 0.3"))
    with board_on_port(tmp_path, faults=["silent"]) as board:
        result = run("identify", board.port, "--recipe", recipe)
    assert result.exit_code == 1 and result.stdout == ""
    assert "[board-silent]" in result.stderr and "sent      \\x03" in result.stderr
    assert "The board does not answer. Check that it has power" in result.stderr


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (["/dev/no-such-port", "--recipe", RECIPE], 1, "[port-missing]"),
        (["no-such-port", "--recipe", RECIPE], 2, "there is no port 'no-such-port'; a slot's name needs --config"),
        (["foo://x", "--recipe", RECIPE], 2, "there is no foo://"),
        (["/dev/no-such-port"], 2, "which recipe?"),
        (["/dev/no-such-port", "--recipe", "no-such-recipe.toml"], 2, "no-such-recipe.toml"),
        (["/dev/no-such-port", "--recipe", RECIPE, "--secret", "pin=1234"], 2, "put the secret into a file"),
    ],
)
def test_what_can_not_be_is_refused_in_one_sentence(words: list[str], code: int, expected: str) -> None:
    result = run("identify", *words)
    assert (result.exit_code, result.stdout) == (code, "") and expected in result.stderr


SETTINGS = """\
station = "9f2c41d07a3e4b56"
name = "line 3"
recipe = "{recipe}"
state = "state"
fleet = {{ url = "http://127.0.0.1:9", vendor = "a", owner = "{owner}", token_file = "token" }}
slots = [{{ name = "left", port = "{port}" }}]
"""


def test_a_slot_names_its_port_and_the_settings_the_recipe(tmp_path: Path) -> None:
    config = tmp_path / "station.toml"
    with board_on_port(tmp_path) as board:
        config.write_text(SETTINGS.format(recipe=RECIPE, owner=KEY, port=board.port))
        assert json.loads(run("identify", "left", "--config", config, "--json").stdout)["serial"] == LABEL.serial
        assert run("identify", board.port, "--config", config).exit_code == 0
        result = run("identify", "right", "--config", config)
    assert result.exit_code == 2 and "there is no port 'right'; the slots are left" in result.stderr


# ------------------------------------------------------------------ configure


def test_settings_are_written_made_permanent_and_read_back(tmp_path: Path, key: Path) -> None:
    words = ["--set", "device_name=a;b 'c'", "--set", f"fleet_key=@{key}", "--set", "motd=@@all"]
    with board_on_port(tmp_path) as board:
        result = run("configure", board.port, "--recipe", RECIPE, *words, "--show")
        assert result.exit_code == 0, result.output
        flash = board.memory.flash
        assert (flash["device_name"], flash["fleet_key"], flash["motd"]) == ("a;b 'c'", KEY, "@all")
    assert "device_name  a;b 'c'                  yes   value      -\n" in result.stdout
    assert "fleet_key    (secret, 40 characters)  yes   value      -\n" in result.stdout
    assert f"{LABEL.serial}: writing device_name, fleet_key, motd\nrestarting\n" in result.stderr
    assert "remark: motd is no setting of the recipe's [config]" in result.stderr
    assert "> setenv fleet_key '***'\\r\n" in result.stderr


@pytest.mark.parametrize("dialect", ["at", "line", "micropython"])
def test_boards_of_other_languages_keep_their_settings_too(dialect: str, tmp_path: Path, key: Path) -> None:
    recipe = RECIPES / f"rehearsal-{dialect}.toml"
    words = ["--recipe", recipe, "--set", "device_name=Line A, left", "--set", f"fleet_key=@{key}", "--show"]
    with board_on_port(tmp_path, dialect=dialect) as board:
        result = run("configure", board.port, *words)
    assert result.exit_code == 0, result.output
    proven = "value" if dialect == "at" else "-    "
    assert f"device_name  Line A, left             yes   {proven}      -\n" in result.stdout
    assert f"fleet_key    (secret, 40 characters)  yes   {proven}      -\n" in result.stdout


def test_what_the_board_did_not_keep_fails(tmp_path: Path, key: Path) -> None:
    words = ["--set", "device_name=x", "--set", f"fleet_key=@{key}", "--json"]
    with board_on_port(tmp_path, faults=["wrong-readback"]) as board:
        result = run("configure", board.port, "--recipe", RECIPE, *words)
    assert result.exit_code == 1
    name, secret = map(json.loads, result.stdout.splitlines())
    assert (name["kept"], name["read_back"], secret["kept"], secret["read_back"]) == (False, "x?", False, "(secret)")


def test_what_only_looks_the_same_is_shown_as_what_it_is(tmp_path: Path, mocker: MockerFixture) -> None:
    mocker.patch("drivers.shell.Shell.read", return_value={"device_name": "u\u0308"})
    with board_on_port(tmp_path) as board:
        result = run("configure", board.port, "--recipe", RECIPE, "--set", "device_name=\u00fc", "--json")
    (name,) = map(json.loads, result.stdout.splitlines())
    assert (name["kept"], name["read_back"]) == (False, r"'u\u0308'")


def test_a_port_without_a_name_is_none() -> None:
    result = run("identify", "", "--recipe", RECIPE)
    assert result.exit_code == 2 and "PORT: is empty" in result.output


def test_a_dry_run_says_what_would_be_sent_and_opens_nothing(key: Path) -> None:
    words = ["--set", "device_name=a;b", "--set", f"fleet_key=@{key}", "--dry-run"]
    result = run("configure", "/dev/no-such-port", "--recipe", RECIPE, *words)
    assert result.exit_code == 0, result.output
    assert result.stdout == "WOULD SEND\nsetenv device_name 'a;b'\nsetenv fleet_key '***'\nsaveenv\n"
    told = [
        json.loads(line)
        for line in run("configure", "/dev/x", "--recipe", RECIPE, *words, "--json").stdout.splitlines()
    ]
    assert told[0] == {"would_send": "setenv device_name 'a;b'"}


def test_a_dry_run_sends_nothing_to_a_board_that_is_there(tmp_path: Path) -> None:
    with board_on_port(tmp_path) as board:
        before = board.memory.flash, board.memory.ram
        assert run("configure", board.port, "--recipe", RECIPE, "--set", "device_name=x", "--dry-run").exit_code == 0
        assert (board.memory.flash, board.memory.ram) == before


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        (f"fleet_key={KEY}", "fleet_key is a secret, and others can read an argument"),
        ("device_name", "expected NAME=VALUE or NAME=@FILE"),
        ("=x", "expected NAME=VALUE or NAME=@FILE"),
        ("fleet_key=@/no/such/file", "fleet_key: /no/such/file can't be read: No such file"),
        ("fleet_key=@/dev/null", "/dev/null is no regular file"),
    ],
)
def test_a_setting_that_can_not_be_is_refused(setting: str, expected: str) -> None:
    result = run("configure", "/dev/no-such-port", "--recipe", RECIPE, "--set", setting)
    assert (result.exit_code, result.stdout) == (2, "") and expected in result.stderr


def test_a_secret_that_others_can_read_is_refused(key: Path) -> None:
    key.chmod(0o644)
    result = run("configure", "/dev/no-such-port", "--recipe", RECIPE, "--set", f"fleet_key=@{key}")
    assert result.exit_code == 2 and f"chmod 600 {key}" in result.stderr


def test_a_value_that_the_board_can_not_be_told_is_known_without_it() -> None:
    words = ["--set", f"device_name={'x' * 600}", "--dry-run"]
    result = run("configure", "/dev/no-such-port", "--recipe", RECIPE, *words)
    assert result.exit_code == 1 and "[value-unwritable]" in result.stderr and result.stdout == ""


def test_a_setting_twice_is_refused() -> None:
    result = run("configure", "/dev/x", "--recipe", RECIPE, "--set", "a=1", "--set", "a=2")
    assert result.exit_code == 2 and "a is there twice" in result.stderr


# ------------------------------------------------------------------ probe


def test_a_board_at_another_speed_is_found(tmp_path: Path) -> None:
    """The simulated wire garbles what goes over it at another speed, both ways."""
    words = ["--baud", "115200", "--baud", "9600", "--baud", "57600"]
    with board_on_port(tmp_path, baud=57600) as board:
        result = run("probe", board.port, *words)
        assert result.exit_code == 0, result.output
        assert 'dialect = "shell"\n\n  [link]\n  baud = 57600\n\n  [shell]\n  prompt = "=> "\n' in result.stdout
        assert "Best guess: shell at 57600 baud" in result.stdout
        assert "115200  Ctrl-C" in result.stdout and "57600  Ctrl-C     16 bytes, text: " in result.stdout
        fits = run("probe", board.port, *words, "--recipe", RECIPE)
        assert f"{RECIPE}: does not fit: it says 115200 baud" in fits.stdout
        told = [json.loads(line) for line in run("probe", board.port, "--baud", "57600", "--json").stdout.splitlines()]
        assert told[-1]["guess"]["prompt"] == "=> " and told[0]["asked"] == "listening"


def test_nothing_at_all_is_said_so(tmp_path: Path) -> None:
    with board_on_port(tmp_path, faults=["silent"]) as board:
        result = run("probe", board.port, "--baud", "115200")
    assert result.exit_code == 1 and "Nothing came at any speed.  Has the board power?" in result.stdout


def test_a_socket_is_probed_at_the_one_speed_that_it_has() -> None:
    result = run("probe", "socket://127.0.0.1:1")
    assert result.exit_code == 1 and "a socket has no speed" in result.stderr and "[port-missing]" in result.stderr


# ------------------------------------------------------------------ help


def test_every_command_explains_itself_and_its_help_is_there_at_once() -> None:
    for name in command.list_commands(click.Context(command)):
        found = command.get_command(click.Context(command), name)
        assert found is not None and found.help
        assert all(option.help for option in found.params if isinstance(option, click.Option)), name
    code = "from station.cli import main\ntry: main(['boards', '--help'])\nexcept SystemExit: pass"
    code += "\nimport sys; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "probe" in done.stdout
    assert not set(done.stderr.split()) & {
        "pydantic",
        "serial",
        "requests",
        "sqlite_utils",
        "textual",
        "station.recipe",
    }
