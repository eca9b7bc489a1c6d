"""Conversations with consoles of every kind, byte for byte as their sources say that they print."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from board_script import PATIENCE_S, UBOOT, WOKEN, Board, expected_protocol

from drivers.board import Identity
from drivers.errors import (
    BoardMisheard,
    BoardRefused,
    BoardRestarts,
    BoardSilent,
    BoardUnreadable,
    LoginRefused,
    ValueUnwritable,
)
from station.recipe import PLACEHOLDERS, load

Script = list[tuple[bytes, Any]]
RECIPES = Path(__file__).parents[2] / "config" / "recipes"


def table(recipe: str) -> dict[str, Any]:
    """The shell's table of a shipped recipe, patient enough for a busy machine."""
    shell: dict[str, Any] = tomllib.loads((RECIPES / f"{recipe}.toml").read_text())["shell"]
    wake = shell["wake"] | {"every_s": PATIENCE_S}
    return shell | {"reply_s": PATIENCE_S, "boot_s": PATIENCE_S, "wake": wake}


def said(line: bytes, answer: bytes, prompt: bytes) -> tuple[bytes, bytes]:
    """One command of a console that echoes it and prints its prompt behind the answer."""
    return line + b"\r", line + b"\r\n" + answer + prompt


# ------------------------------------------------------------------ Zephyr

UART = b"\x1b[1;32muart:~$ \x1b[m"
LOGGED = b"[00:00:03.120,000] \x1b[0m<inf> app: link is up\x1b[0m\r\n"
ERASED = b"\x1b[8D\x1b[J"


def test_zephyr_is_identified_written_restarted_and_read() -> None:
    devid = said(b"hwinfo devid", b"Length: 8\r\nID: 0x0123456789abcdef\r\n", UART)
    version = said(b"kernel version", b"Zephyr version 3.7.0\r\n", UART)
    script: Script = [
        (b"\x03", b"\r\n" + UART),
        devid,
        version,
        said(rb'settings write string gateway/a "it\"s \x5c"', b"", UART),
        (
            b"kernel reboot cold\r",
            b"kernel reboot cold\r\n*** Booting Zephyr OS build v3.7.0 ***\r\n\x1b[m\r\n\r\n" + UART,
        ),
        said(b"settings read string gateway/a", b'it"s \\\r\n', UART),
        said(b"settings read string gateway/b", b"\x1b[1;31mSetting not found\r\n\x1b[m", UART),
    ]
    with expected_protocol(script, table=table("zephyr")) as (shell, _):
        assert shell.identify() == Identity("0123456789abcdef", firmware="3.7.0")
        shell.configure({"a": 'it"s \\'})
        assert shell.restart()
        assert shell.read({"a": "", "b": ""}) == {"a": 'it"s \\', "b": ""}


@pytest.mark.parametrize("slowly", [False, True])
def test_zephyr_logs_behind_a_prompt_and_in_the_middle_of_an_echo(slowly: bool) -> None:
    redrawn = b"\x1b[25D\x1b[J" + LOGGED + UART + b"settings write st"
    line = b'settings write string gateway/a "1"'
    script: Script = [
        (b"\x03", b"\r\n" + UART + ERASED + LOGGED + UART),
        (line + b"\r", line[:17] + redrawn + line[17:] + b"\r\n" + UART),
        (line.replace(b"/a", b"/b") + b"\r", ERASED + LOGGED + UART + line.replace(b"/a", b"/b") + b"\r\n" + UART),
    ]
    with expected_protocol(script, table=table("zephyr"), slowly=slowly) as (shell, _):
        shell.configure({"a": "1", "b": "1"})


def test_a_log_that_never_pauses_does_not_hold_up_an_empty_answer_after_a_wake() -> None:
    heard: list[bool] = []

    def log_on(board: Board) -> None:
        board.say(first[0][:-1] + b"\r\n" + UART)
        until = time.monotonic() + PATIENCE_S / 2
        while not board.hears() and time.monotonic() < until:
            board.say(ERASED + LOGGED + UART)
            time.sleep(0.02)
        heard.append(board.hears())

    first, second = (said(b'settings write string gateway/%c "1"' % name, b"", UART) for name in b"ab")
    script: Script = [(b"\x03", b"\r\n" + UART), (first[0], log_on), second]
    with expected_protocol(script, table=table("zephyr")) as (shell, _):
        shell.configure({"a": "1", "b": "1"})
    assert heard == [True]


def test_a_long_line_that_zephyr_wraps_and_draws_again_is_an_echo() -> None:
    line = b'settings write string gateway/a "' + b"v" * 60 + b'"'
    first, rest = line[:71], line[71:]  # the console is 80 columns wide, the prompt takes 9
    redrawn = b"\x1b[5D\x1b[1A\x1b[J" + LOGGED + UART + first + b"\r\n" + rest[:5]
    script: Script = [
        (b"\x03", b"\r\n" + UART),
        (line + b"\r", first + b"\r\n" + rest[:5] + redrawn + rest[5:] + b"\r\n" + UART),
    ]
    with expected_protocol(script, table=table("zephyr")) as (shell, _):
        shell.configure({"a": "v" * 60})


# ------------------------------------------------------------------ ESP-IDF

ESP = b"esp32s3> "
QUICK = {"wake": {"send": "\x03\r", "every_s": PATIENCE_S}}
NOISE = b"\x1b[0;32mI (3%03d) wifi: connected\x1b[0m\r\n"


def esp(line: bytes, answer: bytes) -> tuple[bytes, bytes]:
    """The plain mode of the line editor: a CR is a newline there, echoed with another one."""
    return line + b"\r", line + b"\r\n\r\n" + answer + ESP


def test_an_esp_is_identified_written_restarted_and_read() -> None:
    booted = b"ets Jun  8 2016 00:22:57\r\n\r\nrst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n" + NOISE % 1
    plain = b"\x1b[5n\r\nYour terminal application does not support escape sequences.\r\n\r\n"
    get = esp(b"nvs_get b str", b"\x1b[0;31mE (3122) cmd_nvs: ESP_ERR_NVS_NOT_FOUND\x1b[0m\r\n" + REFUSED)
    script: Script = [
        (b"\x03\r", b"\x03\r\n\r\n" + ESP),
        esp(b"nvs_namespace gateway", b"\x1b[0;32mI (3100) cmd_nvs: Namespace set to 'gateway'\x1b[0m\r\n"),
        esp(b"id", b"serial=ESP-000007 mac=24:0a:c4:00:00:07\r\n"),
        esp(b"version", b"IDF Version:v5.2.1\r\nChip info:\r\n\tmodel:ESP32-S3\r\n"),
        esp(b'nvs_set a str -v "two words"', b"\x1b[0;32mI (3110) cmd_nvs: Value stored under key 'a'\x1b[0m\r\n"),
        (b"restart\r", b"restart\r\n\r\n" + NOISE % 0 + booted + plain + ESP),
        esp(b"nvs_namespace gateway", b"\x1b[0;32mI (300) cmd_nvs: Namespace set to 'gateway'\x1b[0m\r\n"),
        esp(b"nvs_get a str", b"two words\r\n"),
        get,
        (get[0], get[1].replace(b"3122", b"3133")),
    ]
    with expected_protocol(script, table=table("esp-idf") | QUICK) as (shell, _):
        assert shell.identify() == Identity("ESP-000007", "24:0a:c4:00:00:07", firmware="v5.2.1")
        shell.configure({"a": "two words"})
        assert shell.restart()
        assert shell.read({"a": "", "b": ""}) == {"a": "two words", "b": ""}


REFUSED = b"Command returned non-zero error code: 0x1 (ERROR)\r\n"


@pytest.mark.parametrize("slowly", [False, True])
def test_an_esp_logs_behind_its_prompt_before_an_echo_and_in_it(slowly: bool) -> None:
    script: Script = [
        (b"\x03\r", b"\x03\r\n\r\n" + ESP + NOISE % 1),
        (b'nvs_set a str -v "1"\r', NOISE % 2 + b'nvs_set a str -v "1"\r\n\r\n' + ESP + NOISE % 3),
        (b'nvs_set b str -v "2"\r', b"nvs_set b s" + NOISE % 4 + b'tr -v "2"\r\n\r\n' + NOISE % 5 + ESP),
        (b'nvs_set c str -v "3"\r', b'nvs_set c str -v "3"' + NOISE % 6 + b"\r\n\r\n" + REFUSED + ESP),
    ]
    with (
        expected_protocol(script, table=table("esp-idf") | QUICK, slowly=slowly, setup=[]) as (shell, _),
        pytest.raises(BoardRefused, match="setting c"),
    ):
        shell.configure({"a": "1", "b": "2", "c": "3"})


def test_a_secret_whose_echo_is_cut_into_pieces_by_the_log_is_in_no_transcript_and_no_error() -> None:
    key = "65b58249cb0d1ef3a7c2"
    sent = f'nvs_set a str -v "{key}"'.encode()
    pieces = [sent[i : i + 5] for i in range(0, len(sent), 5)]
    echo = b"".join(piece + NOISE % i for i, piece in enumerate(pieces))
    script: Script = [(b"\x03\r", b"\x03\r\n\r\n" + ESP), (sent + b"\r", echo + b"\r\n" + REFUSED + ESP)]
    with expected_protocol(script, table=table("esp-idf") | QUICK, setup=[]) as (shell, link):
        link.hide(key)
        with pytest.raises(BoardRefused) as caught:
            shell.configure({"a": key})
        heard = b"".join(passage.data for passage in link.transcript if passage.direction == "<")
        shown = [b"nvs_s", b"et a ", b"str -", b'v "***', b"***", b"***", b"***", b'***"']
        log = b"".join(piece + b"I (3%03d) wifi: connected\r\n" % i for i, piece in enumerate(shown))
        assert log + b"\r\nCommand returned" in re.sub(rb"\x1b\[[0-9;]*m", b"", heard)
        assert not any(key[i : i + 3] in repr(caught.value.details) for i in range(len(key) - 2))


# ------------------------------------------------------------------ the log, and what only looks like it

ID = {"identify": [{"send": "id", "capture": "^(?P<serial>.+)"}], "log": [r"I \(\d+\) \w+: "], "setup": []}


def asked(*answers: bytes) -> Script:
    return [WOKEN, *(said(b"id", answer, b"=> ") for answer in answers)]


def test_a_question_whose_answer_holds_a_log_line_is_asked_again() -> None:
    with expected_protocol(asked(b"I (1) x: y\r\nG1\r\n", b"G1\r\n"), **ID) as (shell, _):
        assert shell.identify() == Identity("G1")


def test_two_answers_that_are_alike_while_the_log_goes_on_are_one() -> None:
    answers = [b"G1I (1) x: y\r\n", b"I (2) x: y\r\nG1\r\n"]
    with expected_protocol(asked(*answers), **ID) as (shell, _):
        assert shell.identify() == Identity("G1")


@pytest.mark.parametrize("answer", [b"I (1) looks: like it\r\n", b"G1I (1) looks: like it\r\n"])
def test_an_answer_that_looks_like_the_log_is_not_lost(answer: bytes) -> None:
    with expected_protocol(asked(answer, answer, answer), **ID) as (shell, _):
        with pytest.raises(BoardUnreadable, match="log") as caught:
            shell.identify()
        assert "looks: like it" in str(caught.value.details["received"])


def test_a_setting_that_looks_like_the_log_is_refused_before_anything_is_sent() -> None:
    with expected_protocol([], **ID) as (shell, _), pytest.raises(ValueUnwritable, match="setting a looks like"):
        shell.check({"a": "x I (1) x: y"})


@pytest.mark.parametrize("log", [["x*"], ["good", ""]])
def test_a_log_that_would_be_everything_is_refused(log: list[str]) -> None:
    with pytest.raises(ValueError, match="every line would look like the log"), expected_protocol([], log=log):
        pass


# ------------------------------------------------------------------ NuttX, and pieces

NSH = b"nsh> \x1b[K\0"
TEXT = "0123456789abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 789"


def nsh(line: bytes, answer: bytes = b"") -> tuple[bytes, bytes]:
    return said(line, answer, NSH)


def test_nuttx_is_identified_written_in_pieces_and_read() -> None:
    md5 = hashlib.md5(TEXT.encode()).hexdigest().encode()
    begin, append = (
        nsh(b"rm -f /data/new"),
        [f"echo -n '{TEXT[a:b]}' >>/data/new" for a, b in ((0, 22), (22, 44), (44, 67))],
    )
    wrong = [begin, *(nsh(line.encode()) for line in append), nsh(b"md5 -f /data/new", b"0" * 32 + b"\r\n")]
    right = [*wrong[:4], nsh(b"md5 -f /data/new", md5 + b"\r\n"), nsh(b"mv /data/new /data/b")]
    script: Script = [
        (b"\r", b"\r\n" + NSH),
        nsh(b"cat /data/serial; echo", b"NX-000007\r\n\r\n"),
        nsh(b"uname -r", b"12.9.0\r\n"),
        nsh(b"echo 'two words' >/data/a"),
        *wrong,
        *right,
        (b"reboot\r", b"reboot\r\n\r\nNuttShell (NSH) NuttX-12.9.0\r\n" + NSH),
        nsh(b"cat /data/a; echo", b"two words\r\n\r\n"),
        nsh(b"cat /data/b; echo", TEXT.encode() + b"\r\n"),  # written without a line end, which echo brings
        nsh(b"cat /data/c; echo", b"nsh: cat: open failed: ENOENT\r\n"),  # echo is not run then
    ]
    with expected_protocol(script, table=table("nuttx")) as (shell, _):
        assert shell.identify() == Identity("NX-000007", firmware="12.9.0")
        shell.configure({"a": "two words", "b": TEXT})
        assert shell.restart()
        assert shell.read({"a": "", "b": "", "c": ""}) == {"a": "two words", "b": TEXT, "c": ""}


PIECES = {
    "size": 30,
    "begin": "setenv {name}",
    "append": 'setenv {name} "${{name}}"{piece}',
    "check": {"send": "len {name}", "capture": r"^(?P<length>\d+)$"},
}


def in_pieces(value: str, told: bytes) -> Script:
    halves = value[: len(value) // 2], value[len(value) // 2 :]
    lines = ["setenv a", *(f"setenv a \"${{a}}\"'{half}'" for half in halves)]
    return [*(said(line.encode(), b"", b"=> ") for line in lines), said(b"len a", told + b"\r\n", b"=> ")]


def test_pieces_that_never_come_right_are_misheard() -> None:
    script: Script = [WOKEN, *in_pieces("x" * 60, b"59") * 3]
    with expected_protocol(script, pieces=PIECES, line_limit=60) as (shell, _):
        with pytest.raises(BoardMisheard, match="another a than was sent") as caught:
            shell.configure({"a": "x" * 60})
        assert caught.value.details == {"sent": "len a", "received": "59"}


def test_a_piece_of_a_secret_is_in_no_transcript_however_it_is_cut() -> None:
    key = "0123456789abcdef0123456789abcdef01234567"
    value = "key is: it's " + key[:20] + "'" + key[20:]
    secret = key[:20] + "'" + key[20:]
    script: Script = [WOKEN]
    pieces = [value[:27], value[27:]]
    words = [piece.replace("'", r"'\''") for piece in pieces]
    script += [said(b"setenv a", b"", b"=> ")]
    script += [said(f"setenv a \"${{a}}\"'{word}'".encode(), b"", b"=> ") for word in words]
    script += [said(b"len a", b"54\r\n", b"=> "), said(b"saveenv", b"OK\r\n", b"=> ")]
    with expected_protocol(script, pieces=PIECES, line_limit=60) as (shell, link):
        link.hide(secret)
        shell.configure({"a": value})
        shown = repr(link.transcript)
        assert not any(secret[i : i + 6] in shown for i in range(len(secret) - 5))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"pieces": PIECES}, "line_limit"),
        ({"pieces": PIECES | {"append": "add {name}"}, "line_limit": 60}, "needs {piece}"),
        ({"pieces": PIECES | {"begin": "begin {piece}"}, "line_limit": 60}, "nothing fills {piece}"),
        (
            {"pieces": PIECES | {"check": {"send": "x", "capture": "(?P<sum>.)"}}, "line_limit": 60},
            "named groups out of",
        ),
        ({"file": {"a": {"path": "etc/a"}}}, "match pattern"),
        ({"file": {"a": {"path": "/a", "mode": "rw"}}}, "match pattern"),
        ({"login": {"user": "root", "user_prompt": "Password:"}}, "user would never be asked for"),
        ({"login": {"user": "root", "password": "The Password"}}, "match pattern"),
        ({"setup": ["stty {name}"]}, "nothing fills {name}"),
    ],
)
def test_a_wrong_table_of_pieces_files_or_login_is_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint), expected_protocol([], **change):
        pass


def test_a_piece_that_is_too_long_for_a_line_is_refused_before_anything_is_sent() -> None:
    with expected_protocol([], pieces=PIECES, line_limit=45) as (shell, _), pytest.raises(ValueUnwritable, match="98"):
        shell.check({"a": "'" * 40})


# ------------------------------------------------------------------ Linux: login and setup

SECRET = "correct horse"
KNOWN = {"console": SECRET}
LOGIN = {"user": "root", "password": "console"}
ASKED = b"\r\nDebian GNU/Linux 12 gateway ttyS0\r\n\r\ngateway login: "
LINUX: dict[str, Any] = UBOOT | {
    "prompt": None,
    "prompt_pattern": r"\S* ?[#$] ",
    "interrupt": None,
    "login": LOGIN,
    "setup": ["stty cols 1000"],
    "identify": [{"send": "id", "capture": "(?P<serial>G.+)"}],
    "log": [r"\[ *\d+\.\d{6}\] "],
    "error": "^sh: ",
    "restart": {"send": "reboot", "expect": "Linux version", "timeout_s": PATIENCE_S},
}
ROOT = b"root@gateway:~# "
IN = (b"root\r", b"root\r\nPassword: ")
WELCOME = b"\r\nLast login: Thu Nov 26 00:00:00 UTC 2026 on ttyS0\r\n\x1b[?2004h" + ROOT
SET = said(b"stty cols 1000", b"", ROOT)
WHO = said(b"id", b"G1-7\r\n", ROOT)


@pytest.mark.parametrize("slowly", [False, True])
def test_logs_in_sets_up_and_does_so_again_after_a_restart(slowly: bool) -> None:
    password = (SECRET.encode() + b"\r", WELCOME)
    kernel = b"[    0.000000] Linux version 6.1.0 (gcc)\r\n[    1.234567] random: crng init done\r\n"
    script: Script = [
        (b"\x03", ASKED + b"[   12.345678] eth0: link up\r\n"),
        IN,
        password,
        SET,
        WHO,
        (b"reboot\r", b"reboot\r\n" + ROOT + b"\r\nThe system is going down\r\n" + kernel + ASKED),
        IN,
        password,
        SET,
        said(b"printenv a", b"a=1\r\n", ROOT),
    ]
    with expected_protocol(script, table=LINUX, secrets=KNOWN, slowly=slowly) as (shell, link):
        assert shell.identify() == Identity("G1-7")
        assert shell.restart()
        assert shell.read({"a": "1"}) == {"a": "1"}
        assert SECRET not in repr(link.transcript) and "***" in repr(link.transcript)


@pytest.mark.parametrize("end", [b"\a", b"\x1b\\"])
@pytest.mark.parametrize("slowly", [False, True])
def test_a_prompt_that_names_its_window_is_a_prompt(end: bytes, slowly: bool) -> None:
    prompt = b"\x1b]3008;start=" + b"f" * 300 + end + b"\x1b]0;root@gateway: ~" + end + ROOT
    script: Script = [(b"\x03", b"^C\r\n" + prompt), said(b"id", b"\x1b]133;C" + end + b"G1-7\r\n", prompt)]
    with expected_protocol(script, table=LINUX, secrets=KNOWN, setup=[], slowly=slowly) as (shell, _):
        assert shell.identify() == Identity("G1-7")


def test_a_board_that_is_logged_in_already_is_not_asked_twice() -> None:
    with expected_protocol([(b"\x03", b"^C\r\n" + ROOT), SET, WHO], table=LINUX, secrets=KNOWN) as (
        shell,
        _,
    ):
        assert shell.identify() == Identity("G1-7")


def test_a_getty_that_ignores_the_one_wake_heeds_the_other() -> None:
    script: Script = [(b"\x03", b""), (b"\r", ASKED), IN, (SECRET.encode() + b"\r", WELCOME), SET, WHO]
    wake = {"send": "\x03", "then": "\r", "every_s": 0.1}
    with expected_protocol(script, table=LINUX, secrets=KNOWN, wake=wake) as (shell, _):
        assert shell.identify() == Identity("G1-7")


def test_a_wakes_own_prompt_is_no_answer_even_behind_the_echo() -> None:
    late = (b"id\r", lambda board: (board.say(b"id\r\n" + ROOT), board.hear(0), board.say(b"G1-7\r\n" + ROOT)))
    with expected_protocol([(b"\x03", b"^C\r\n" + ROOT), late], table=LINUX, secrets=KNOWN, setup=[]) as (shell, _):
        assert shell.identify() == Identity("G1-7")


def test_a_user_without_password_is_let_in() -> None:
    script: Script = [(b"\x03", ASKED), (b"root\r", b"root\r\n" + ROOT), SET, WHO]
    with expected_protocol(script, table=LINUX, login={"user": "root"}) as (shell, _):
        assert shell.identify() == Identity("G1-7")


@pytest.mark.parametrize("echo", [b"", SECRET.encode()])
def test_a_wrong_password_is_told_twice_and_shown_never(echo: bytes) -> None:
    no = (SECRET.encode() + b"\r", echo + b"\r\n\r\nLogin incorrect\r\ngateway login: ")
    with expected_protocol([(b"\x03", ASKED), IN, no, IN, no], table=LINUX, secrets=KNOWN) as (
        shell,
        link,
    ):
        with pytest.raises(LoginRefused) as caught:
            shell.identify()
        shown = repr(caught.value) + repr(caught.value.details) + repr(link.transcript)
        assert "Login incorrect" in shown
        assert SECRET not in shown


def test_a_board_that_asks_for_the_password_for_ever_refuses() -> None:
    again = (SECRET.encode() + b"\r", b"\r\nSorry, try again.\r\nPassword: ")
    with (
        expected_protocol([(b"\x03", ASKED), IN, again, again], table=LINUX, secrets=KNOWN) as (shell, _),
        pytest.raises(LoginRefused, match="asks for the password once more, after 2 tries"),
    ):
        shell.identify()


def test_a_board_that_prints_its_question_for_ever_is_not_listened_to_for_ever() -> None:
    done = threading.Event()

    def for_ever(board: Board) -> None:
        while not done.wait(0.01):
            board.say(b"\r\ngateway login: ")

    options = {"login": LOGIN | {"timeout_s": 0.3}, "boot_s": 0.3}
    with expected_protocol([(b"\x03", ASKED), (b"root\r", for_ever)], table=LINUX, secrets=KNOWN, **options) as (
        shell,
        _,
    ):
        with pytest.raises(BoardSilent):
            shell.identify()
        done.set()


def test_a_board_that_asks_for_a_password_that_the_recipe_does_not_have_refuses() -> None:
    with (
        expected_protocol([(b"\x03", ASKED), IN], table=LINUX, login={"user": "root"}) as (shell, _),
        pytest.raises(LoginRefused, match="the recipe has none"),
    ):
        shell.identify()


def test_a_password_is_told_to_nobody_who_was_not_told_the_user() -> None:
    script: Script = [
        (b"\x03", b"Password: "),
        (b"\x03", b"\r\n" + ASKED),
        IN,
        (SECRET.encode() + b"\r", WELCOME),
        SET,
        WHO,
    ]
    options = {"wake": {"every_s": 0.1}, "login": LOGIN | {"timeout_s": PATIENCE_S}}
    with expected_protocol(script, table=LINUX, secrets=KNOWN, **options) as (shell, _):
        assert shell.identify() == Identity("G1-7")


def test_a_setup_that_is_refused_is_the_boards_fault() -> None:
    script: Script = [(b"\x03", b"^C\r\n" + ROOT), said(b"stty cols 1000", b"sh: stty: not found\r\n", ROOT)]
    with (
        expected_protocol(script, table=LINUX, secrets=KNOWN) as (shell, _),
        pytest.raises(BoardRefused, match="refuses stty cols 1000"),
    ):
        shell.identify()


def test_an_echo_that_setup_switches_off_is_not_missed() -> None:
    off = (b"stty -echo\r", b"stty -echo\r\n" + ROOT)
    script: Script = [(b"\x03", b"^C\r\n" + ROOT), off, (b"id\r", b"G1-7\r\n" + ROOT)]
    options = {"setup": ["stty -echo"]}
    with expected_protocol(script, table=LINUX, secrets=KNOWN, **options) as (shell, _):
        assert shell.identify() == Identity("G1-7")


def test_a_kernel_that_starts_by_itself_is_a_restart_although_a_time_stands_before_it() -> None:
    script: Script = [
        (b"\x03", b"^C\r\n" + ROOT),
        SET,
        WHO,
        (b"printenv a\r", b"printenv a\r\n[    0.000000] Linux version 6.1.0 (gcc)\r\n"),
    ]
    with expected_protocol(script, table=LINUX, secrets=KNOWN) as (shell, _):
        shell.identify()
        with pytest.raises(BoardRestarts):
            shell.read({"a": ""})


# ------------------------------------------------------------------ files

FILE = {"file": {"ca": {"path": "/etc/it's/ca.pem", "mode": "0600"}}, "setup": [], "commit": None}
CONTENT = "-----BEGIN-----\n" + "Grüße; $x 'q'\n" * 120
PLACE = rb"'/etc/it'\''s/ca.pem"


def uploaded(content: str, digest: str, *, inside: bool = False) -> Script:
    """What is said for one file.  ``inside``: the shell's signs come in the middle of each line's echo."""
    text = base64.b64encode(content.encode()).decode()
    lines = [text[at : at + 76] for at in range(0, len(text), 76)]
    begin = b"(umask 077; rm -f " + PLACE + b".b64'; : >" + PLACE + b".b64'); echo rc=$?"
    script: Script = [said(begin, b"rc=0\r\n", ROOT)]
    for at in range(0, len(lines), 24):
        first = b"cat >>" + PLACE + b".b64' <<':END:'; echo rc=$?"
        sent = [first, *(line.encode() for line in lines[at : at + 24]), b":END:"]
        half = [len(line) // 2 if inside else 0 for line in sent]
        signs = [b"", *(b"> " for _ in sent[1:])]
        echo = b"".join(
            line[:at] + sign + line[at:] + b"\r\n" for line, sign, at in zip(sent, signs, half, strict=True)
        )
        script.append((b"\r".join(sent) + b"\r", echo + b"rc=0\r\n" + ROOT))
    new, sent64 = PLACE + b".new'", PLACE + b".b64'"
    decode = b"base64 -d <" + sent64 + b" >" + new + b" && sha256sum <" + new
    unpack = b"(umask 077; rm -f " + new + b"; " + decode + b"; s=$?; rm -f " + sent64 + b"; exit $s); echo rc=$?"
    return [*script, said(unpack, digest.encode() + b"  -\r\nrc=0\r\n", ROOT)]


INSTALL = b"chmod 0600 " + PLACE + b".new' && sync && mv -f " + PLACE + b".new' " + PLACE + b"' && sync; echo rc=$?"
GOOD = hashlib.sha256(CONTENT.encode()).hexdigest()
START: Script = [(b"\x03", b"^C\r\n" + ROOT)]


def test_a_file_is_sent_in_short_lines_verified_and_put_into_its_place() -> None:
    script = START + uploaded(CONTENT, "0" * 64) + uploaded(CONTENT, GOOD) + [said(INSTALL, b"rc=0\r\n", ROOT)]
    assert max(len(line) for sent, _ in script for line in sent.split(b"\r")) < 255
    with expected_protocol(script, table=LINUX, secrets=KNOWN, **FILE) as (shell, _):
        shell.configure({"ca": CONTENT})


def test_the_signs_of_a_shell_that_waits_for_more_stand_anywhere_in_the_echo() -> None:
    arrived, broken = uploaded(CONTENT, GOOD, inside=True), uploaded(CONTENT, "0" * 64, inside=True)
    assert b"\r\n:E> ND:\r\n" in arrived[2][1]
    with expected_protocol(
        [*START, *broken, *arrived, said(INSTALL, b"rc=0\r\n", ROOT)], table=LINUX, secrets=KNOWN, **FILE
    ) as (shell, _):
        shell.configure({"ca": CONTENT})


def test_a_file_that_never_arrives_whole_is_misheard_and_put_nowhere() -> None:
    script = START + uploaded(CONTENT, "0" * 64) * 3
    with (
        expected_protocol(script, table=LINUX, secrets=KNOWN, **FILE) as (shell, _),
        pytest.raises(BoardMisheard, match="what arrived for"),
    ):
        shell.configure({"ca": CONTENT})


def test_a_file_that_can_not_be_put_into_its_place_is_refused() -> None:
    no = b"mv: cannot move: Read-only file system\r\nrc=1\r\n"
    script = START + uploaded("x", hashlib.sha256(b"x").hexdigest()) + [said(INSTALL, no, ROOT)]
    with expected_protocol(script, table=LINUX, secrets=KNOWN, **FILE) as (shell, _):
        with pytest.raises(BoardRefused, match="into its place") as caught:
            shell.configure({"ca": "x"})
        assert "Read-only" in str(caught.value.details["received"])


@pytest.mark.parametrize(
    ("told", "read"),
    [
        (GOOD.encode() + b"  -\r\nrc=0\r\n", CONTENT),
        (b"0" * 64 + b"  -\r\nrc=0\r\n", "sha256:" + "0" * 64),
        (b"sh: 1: cannot open /etc/it's/ca.pem: No such file\r\nrc=2\r\n", "(no such file)"),
    ],
)
def test_a_file_is_read_back_by_its_digest(told: bytes, read: str) -> None:
    script = [*START, said(b"sha256sum <" + PLACE + b"'; echo rc=$?", told, ROOT)]
    with expected_protocol(script, table=LINUX, secrets=KNOWN, **FILE) as (shell, _):
        assert shell.read({"ca": CONTENT}) == {"ca": read}


def test_a_secret_in_a_file_is_hidden_in_its_base64_too() -> None:
    key = "0123456789abcdef0123456789abcdef01234567"
    content = f"x{key}y"
    script = START + uploaded(content, hashlib.sha256(content.encode()).hexdigest())
    with expected_protocol([*script, said(INSTALL, b"rc=0\r\n", ROOT)], table=LINUX, secrets=KNOWN, **FILE) as (
        shell,
        link,
    ):
        link.hide(key)
        shell.configure({"ca": content})
        shown, text = repr(link.transcript), base64.b64encode(content.encode()).decode()
        assert not any(text[i : i + 8] in shown for i in range(len(text) - 7))


# ------------------------------------------------------------------ the recipes themselves


@pytest.mark.parametrize("name", ["uboot-qemu", "linux-console", "zephyr", "esp-idf", "nuttx"])
def test_what_a_shipped_recipe_writes_can_be_told_its_board(name: str) -> None:
    recipe = load(RECIPES / f"{name}.toml")
    values = {word: "f" * 40 for word in PLACEHOLDERS} | {"serial": "NX-000007", "vendor": "acme", "model": name}
    with expected_protocol([], table=recipe.options.model_dump(exclude_unset=True), secrets=KNOWN) as (shell, _):
        shell.check(recipe.settings(values))
