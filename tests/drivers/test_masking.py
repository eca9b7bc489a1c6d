"""Secrets are not shown: neither those that are known, in any form, nor those that a board tells unasked."""

from __future__ import annotations

import base64
import json
import re
import shlex
import time
from collections.abc import Callable
from typing import Literal
from urllib.parse import quote

import pytest
from board_script import open_link
from hypothesis import given
from hypothesis import strategies as st

from drivers.masking import Masking, Piece
from drivers.transcript import Transcript

KEY = "0123456789abcdef0123456789abcdef01234567"
PASSWORD = 'it\'s a "long" pass\\word $with 100% & more'
OLD = "fedcba9876543210fedcba9876543210fedcba98"


def masked(text: bytes | str, *secrets: str, names: tuple[str, ...] = ()) -> bytes:
    masking = Masking()
    for secret in secrets:
        masking.hide(secret)
    for name in names:
        masking.hide_setting(name)
    return masking.conversation([("<", text.encode() if isinstance(text, str) else text)])[0]


def gives_away(shown: bytes, form: str) -> bool:
    """Tell whether eight characters of a form of the secret are there in a row."""
    return any(form[i : i + 8].encode() in shown for i in range(max(1, len(form) - 7)))


def spaced(secret: str) -> str:
    return secret.encode().hex(" ")


FORMS: dict[str, Callable[[str], str]] = {
    "itself": str,
    "hex": lambda secret: secret.encode().hex(),
    "HEX": lambda secret: secret.encode().hex().upper(),
    "hex dump": spaced,
    "C array": lambda secret: ", ".join(f"0x{byte:02x}" for byte in secret.encode()),
    "escapes": lambda secret: "".join(f"\\x{byte:02X}" for byte in secret.encode()),
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64 for URLs": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode(),
    "percent": lambda secret: quote(secret, safe=""),
    "all percent": lambda secret: "".join(f"%{byte:02x}" for byte in secret.encode()),
    "base32": lambda secret: base64.b32encode(secret.encode()).decode(),
    "base32 in small letters": lambda secret: base64.b32encode(secret.encode()).decode().lower().rstrip("="),
    "octal escapes": lambda secret: "".join(f"\\{byte:o}" for byte in secret.encode()),
    "octal dump": lambda secret: " ".join(f"{byte:03o}" for byte in secret.encode()),
    "JSON list": lambda secret: json.dumps(list(secret.encode())),
    "numbers": lambda secret: " ".join(f"{byte:>3}" for byte in secret.encode()),
    "turned round": lambda secret: secret[::-1],
    "capitals": str.upper,
    "capitals turned round": lambda secret: secret.upper()[::-1],
    "hex turned round": lambda secret: secret.encode()[::-1].hex(" "),
    "shell": shlex.quote,
    "double": lambda secret: '"' + secret.replace("\\", r"\\").replace('"', r"\"").replace("$", r"\$") + '"',
    "JSON": json.dumps,
    "Python": repr,
    "U-Boot": lambda secret: "'" + secret.replace("\\", r"\\").replace("'", r"'\''") + "'",
    "Zephyr": lambda secret: '"' + secret.replace("\\", r"\x5c").replace('"', r"\"") + '"',
}


@pytest.mark.parametrize("secret", [KEY, PASSWORD], ids=["key", "password"])
@pytest.mark.parametrize("form", FORMS)
def test_a_known_secret_is_masked_in_every_form(form: str, secret: str) -> None:
    written = FORMS[form](secret)
    shown = masked(f"before {written} after", secret)
    assert b"***" in shown and not gives_away(shown, written)
    assert shown.startswith(b"before ") and shown.endswith(b" after")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("wrap", [b"\r\n", b" \r", b"\b", b"\x1b[80C\r\n"])
def test_a_console_that_wraps_it_gives_nothing_away(form: str, wrap: bytes) -> None:
    written = FORMS[form](KEY).encode()
    wrapped = wrap.join(written[i : i + 23] for i in range(0, len(written), 23))
    shown = masked(wrapped, KEY)
    assert not any(gives_away(shown, written[i : i + 23].decode()) for i in range(0, len(written) - 8, 23))


def test_a_console_that_wraps_by_printing_a_character_twice_gives_nothing_away() -> None:
    for at in range(1, len(KEY)):
        assert masked(f"{KEY[: at + 1]}\b{KEY[at:]}", KEY) == b"***"


def test_the_signs_of_a_shell_that_waits_for_more_give_nothing_away() -> None:
    sent = base64.b64encode(KEY.encode()).decode().rstrip("=")
    for at in range(1, len(sent) - 5):
        shown = masked(f"{sent[:at]}> {sent[at : at + 4]}> > {sent[at + 4 :]}", KEY)
        assert len(shown) <= len(b"***" + sent[-2:].encode())  # the last two depend on what follows the key


@pytest.mark.parametrize("before", range(3))
def test_base64_of_something_that_holds_it_gives_nothing_away(before: int) -> None:
    shown = masked(base64.b64encode(f"{'k' * before}{KEY}, and more".encode()), KEY)
    assert b"***" in shown
    left = [re.sub(rb"[^A-Za-z0-9+/]", b"", part) for part in shown.split(b"***")]
    for part in left:
        for shift in range(4):
            decoded = base64.b64decode(b"A" * shift + part + b"A" * (-(shift + len(part)) % 4))
            assert not any(KEY[i : i + 2].encode() in decoded for i in range(len(KEY) - 1)), decoded


BYTES: dict[str, Callable[[str], str]] = {
    "capitals": str.upper,
    "hex dump": lambda key: bytes.fromhex(key).hex(" "),
    "colons": lambda key: bytes.fromhex(key).hex(":"),
    "groups": lambda key: bytes.fromhex(key).hex("-", 2),
    "words": lambda key: " ".join(f"0x{key[i : i + 8]}" for i in range(0, len(key), 8)),
    "C array": lambda key: "{" + ", ".join(f"0x{byte:02X}" for byte in bytes.fromhex(key)) + "}",
    "spaced": " ".join,
    "unsigned": lambda key: ",".join(f"0x{byte:02x}u" for byte in bytes.fromhex(key)),
    "assembler": lambda key: ", ".join(f"{byte:02x}h" for byte in bytes.fromhex(key)),
}


@pytest.mark.parametrize("form", BYTES)
def test_a_key_of_hex_digits_is_masked_as_the_bytes_that_it_stands_for(form: str) -> None:
    shown = masked(f"key: {BYTES[form](OLD)}\r\n=> ", OLD)
    digits = re.sub(r"0x|[^0-9a-f]", "", shown.decode().lower().removeprefix("key"))
    assert b"***" in shown and len(digits) <= 2, shown


def test_a_key_of_hex_digits_is_masked_as_raw_bytes_and_as_numbers() -> None:
    data = bytes.fromhex(OLD)
    signed = ", ".join(str(byte - 256 if byte > 127 else byte) for byte in data)
    for form in (data, signed.encode(), " ".join(f"{byte:08b}" for byte in data).encode()):
        masking = Masking()
        masking.hide(OLD)
        assert masking.conversation([("<", b"key: " + form + b"\r\n")])[0].replace(b"-", b"") == b"key: ***\r\n"


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("before", range(4))
@pytest.mark.parametrize("data", [KEY.encode(), bytes.fromhex(OLD), PASSWORD.encode()], ids=["text", "bytes", "word"])
def test_a_dump_in_little_endian_words_gives_no_more_than_a_word_away_at_each_end(
    data: bytes, before: int, size: int
) -> None:
    around = bytes(before) + data + bytes(-(before + len(data)) % size)
    words = [around[at : at + size][::-1].hex() for at in range(0, len(around), size)]
    lines = [f"{n * 16:08x}: {' '.join(words[n * 16 // size : (n + 1) * 16 // size])}\r\n" for n in range(4)]
    secret = OLD if data == bytes.fromhex(OLD) else data.decode()
    shown = masked("".join(lines), secret).decode()
    left = re.findall("[0-9a-f]+", re.sub("(?m)^[0-9a-f]{8}:", "", shown))
    assert sum(word in words and int(word, 16) != 0 for word in left) <= 2, shown


def test_base64_of_the_bytes_of_a_key_is_masked() -> None:
    shown = masked(base64.b64encode(bytes.fromhex(OLD)), OLD)
    assert shown.startswith(b"***") and len(shown) <= 6


def test_digits_of_something_else_are_shown() -> None:
    line = "serial 00112233445566778899 rid 98badcfe98badcfe98badcfe98badcfe98badcfe crc32 0x5a5a5a5a"
    assert masked(line, KEY) == line.encode()


def test_a_short_secret_is_masked_as_it_is() -> None:
    assert masked("pin 4711, hex 34373131, b64 NDcxMQ==", "4711") == b"pin ***, hex ***, b64 ***Q=="
    assert masked("a'\"'b", "a'\"'b") == b"***"


@given(st.data())
def test_bytes_of_every_kind_are_masked_without_an_error(data: st.DataObject) -> None:
    secret = data.draw(st.text(min_size=1, max_size=60))
    pieces: list[tuple[Literal[">", "<"], bytes]] = data.draw(
        st.lists(st.tuples(st.sampled_from([">", "<"]), st.binary(max_size=40) | st.just(secret.encode())), max_size=12)
    )
    masking = Masking()
    masking.hide(secret)
    masking.hide_setting("key")
    shown = masking.conversation(pieces, cut=data.draw(st.booleans()))
    assert len(shown) == len(pieces)
    streams = {way: b"".join(piece for (to, _), piece in zip(pieces, shown, strict=True) if to == way) for way in "><"}
    assert not any(secret.encode() in stream for stream in streams.values() if "*" not in secret)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "hostile",
    [b"a", b"key", b"device_key ", b'device_key="', b"\b", b"\x1b[", b"' ", b"0x", b"-----BEGIN PRIVATE KEY-----"],
)
def test_no_stream_takes_long(hostile: bytes) -> None:
    assert len(masked(hostile * (65536 // len(hostile)), KEY, PASSWORD, names=("device_key",))) <= 65536


# ------------------------------------------------------------------ what a board puts in between

IDF = r"[EWIDV] \([0-9]+\) [^\s:]+: "
KERNEL = r"\[ *[0-9]+\.[0-9]{6}\] "


def undisturbed(log: str, *said: Piece, secrets: tuple[str, ...] = (KEY,), names: tuple[str, ...] = ()) -> list[bytes]:
    """Return what is shown of a conversation with a board whose log looks like this."""
    masking = Masking()
    masking.know_log([re.compile(log, re.MULTILINE)])
    for secret in secrets:
        masking.hide(secret)
    for name in names:
        masking.hide_setting(name)
    return masking.conversation(said)


@pytest.mark.parametrize(
    ("log", "line"),
    [
        (IDF, "W (200) wifi: x\r\n"),
        (IDF, "\x1b[0;33mW (200) wifi: x\x1b[0m\r\n"),
        (IDF, "W (200) wifi: x\r\r\nI (201) wifi: y\n"),
        (KERNEL, "\r\n[   12.345678] random: crng init done\r\n"),
        ("^\\+C[A-Z]+: ", "\r\n+CREG: 1\r\n"),
        ("Grüße: ", "Grüße: \N{SNOWMAN}\r\n"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 5, 7])
@pytest.mark.parametrize("form", ["itself", "hex dump", "base64"])
def test_a_secret_between_log_lines_is_masked_and_they_are_shown(form: str, size: int, log: str, line: str) -> None:
    secret = KEY[:39]  # base64 without padding
    written = FORMS[form](secret)
    pieces = [written[i : i + size] for i in range(0, len(written), size)]
    begun = re.search(log, line, re.MULTILINE)
    assert begun
    told = f"\N{SNOWMAN} set key {line.join(pieces)}\r\nok\r\n".encode() + b"\xff"
    shown = f"\N{SNOWMAN} set key {line[begun.start() :].join(['***'] * len(pieces))}\r\nok\r\n".encode() + b"\xff"
    assert undisturbed(log, ("<", told), secrets=(secret,)) == [shown]


def test_an_echo_between_log_lines_is_masked_byte_for_byte() -> None:
    echo = b"65b58W (200) wifi: x\r\n249cbW (201) wifi: y\r\n0d1eW (202) wifi: z\r\nf\r\nesp32> "
    assert undisturbed(IDF, ("<", echo), secrets=("65b58249cb0d1ef",)) == [
        b"***W (200) wifi: x\r\n***W (201) wifi: y\r\n***W (202) wifi: z\r\n***\r\nesp32> "
    ]


@pytest.mark.parametrize("size", [1, 3, 5])
def test_a_key_that_is_sent_and_echoed_in_short_pieces_is_masked_each_way(size: int) -> None:
    said: list[Piece] = [(">", b"set key ")]
    for i in range(0, len(KEY), size):
        piece = KEY[i : i + size].encode()
        said += [(">", piece), ("<", piece), ("<", b"W (2"), ("<", b"00) wifi: x\r"), ("<", b"\n")]
    shown = undisturbed(IDF, *said, (">", b"\r"), ("<", b"\r\nok"))
    assert b"".join(piece for (way, _), piece in zip(said, shown, strict=False) if way == ">") == b"set key ***"
    heard = b"".join(piece for (way, _), piece in zip(said, shown, strict=False) if way == "<")
    assert heard == b"***W (200) wifi: x\r\n" * -(-len(KEY) // size)
    assert shown[-2:] == [b"\r", b"\r\nok"]


def test_an_old_key_behind_or_between_log_lines_is_masked() -> None:
    line = b"W (200) wifi: x\r\n"
    asked: list[Piece] = [(">", b"get device_key\r"), ("<", b"get device_key\r\n")]
    answer = [("<", line), ("<", OLD[:7].encode() + line + OLD[7:].encode()), ("<", b"\r\n> " + line)]
    shown = undisturbed(IDF, *asked, *[("<", data) for _, data in answer], names=("device_key",))
    assert shown[3:] == [b"***" + line + b"***", b"\r\n> " + line]
    told = b"device_key=" + OLD[:7].encode() + line + OLD[7:].encode() + b"\r\nplace=left"
    assert undisturbed(IDF, ("<", told), names=("device_key",)) == [b"device_key=***\r\n***\r\nplace=left"]


def test_a_secret_in_a_log_line_is_masked() -> None:
    told = f"W (200) wlan: psk {KEY} taken\r\n".encode()
    assert undisturbed(IDF, ("<", told)) == [b"W (200) wlan: psk *** taken\r\n"]


def test_a_log_without_secrets_is_shown() -> None:
    log = b"".join(b"I (%d) wifi: rid %040x\r\nesp32> " % (i, i * 7919) for i in range(200))
    assert undisturbed(IDF, ("<", log), names=("device_key",)) == [log]


@pytest.mark.parametrize("end", [b"\x07", b"\x1b\\"])
def test_a_title_in_the_middle_of_a_secret_gives_nothing_away_nor_does_a_secret_in_a_title(end: bytes) -> None:
    title = b"\x1b]0;esp32" + end
    cut = title.join(KEY[i : i + 5].encode() for i in range(0, len(KEY), 5))
    assert masked(b"set " + cut + b"\r\nok", KEY) == b"set " + title.join([b"***"] * 8) + b"\r\nok"
    assert masked(b"\x1b]0;set " + KEY.encode() + end + b"$ ", KEY) == b"\x1b]0;set ***" + end + b"$ "


@pytest.mark.timeout(60)
@pytest.mark.parametrize("hostile", [b"W (1) x: ", b"W (1) x: \r\n", b"W (1", b"\x1b]", b"\x1b]0;\x07", b"\xff\r"])
def test_no_log_takes_long(hostile: bytes) -> None:
    [shown] = undisturbed(IDF, ("<", hostile * (65536 // len(hostile))), names=("device_key",))
    assert len(shown) <= 65536


# ------------------------------------------------------------------ by name


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (f"device_key={OLD}", b"device_key=***"),
        (f"  device_key = {OLD}\r\nserial#=SN1", b"  device_key = ***\r\nserial#=SN1"),
        (f'{{"device_key": "{OLD}", "place": "left"}}', b'{"device_key": "***", "place": "left"}'),
        (f'{{"device_key": "with \\" quote {OLD}", "n": 1}}', b'{"device_key": "***", "n": 1}'),
        (f"{{'device_key': '{OLD}', 'n': 1}}", b"{'device_key': '***', 'n': 1}"),
        (f"cfg['device_key'] = '{OLD}'", b"cfg['device_key'] = '***'"),
        (f'+CFG: "device_key","{OLD}"\r\nOK\r\n', b'+CFG: "device_key","***"\r\nOK\r\n'),
        ("device_key correct horse battery\nnext", b"device_key ***\nnext"),
        ("\x1b[32mdevice_key\x1b[0m=correct horse\x1b[0m\r\n=> ", b"\x1b[32mdevice_key\x1b[0m=***\x1b[0m\r\n=> "),
        ("setenv device_key 'it'\\''s'\nok", b"setenv device_key ***\nok"),
        ("device_keymap=us", b"device_keymap=us"),
        ("device_key=\r\nnext=1", b"device_key=\r\nnext=1"),
    ],
)
def test_the_value_of_a_secret_setting_is_masked_by_its_name(line: str, shown: bytes) -> None:
    assert masked(line, names=("device_key",)) == shown


@pytest.mark.parametrize(
    "line", [f"cik={OLD}", f"WIFI_PSK: {OLD}", f'"apiToken" : "{OLD}"', f"root_passwd={OLD}", f"old.device-key={OLD}"]
)
def test_a_name_that_tells_of_a_secret_is_enough(line: str) -> None:
    shown = masked(f"{line}\r\nrest")
    assert OLD.encode() not in shown and shown.endswith(b"\r\nrest")


def test_a_private_key_is_masked_whole() -> None:
    key = "-----BEGIN EC PRIVATE KEY-----\r\nMHcCAQEEIA\r\n-----END EC PRIVATE KEY-----"
    assert masked(f"before\r\n{key}\r\nafter") == b"before\r\n***\r\nafter"
    assert masked(f"before\r\n{key[:40]}") == b"before\r\n***"


@pytest.mark.parametrize(
    "ordinary", ["Hit any key to stop autoboot:  2", "keyboard: us", "monkey=banana", "tokens: 12"]
)
def test_ordinary_words_are_shown(ordinary: str) -> None:
    assert masked(ordinary) == ordinary.encode()


# ------------------------------------------------------------------ what answers a question


@pytest.mark.parametrize(
    ("asked", "echo"),
    [(b"get device_key\r", b"get device_key\r\n"), (b"get device_key\r", b""), (b"print(c['device_key'])\r\n", b"")],
)
def test_the_answer_to_a_question_for_a_secret_setting_is_masked(asked: bytes, echo: bytes) -> None:
    masking = Masking()
    masking.hide_setting("device_key")
    half = len(asked) // 2
    said: list[tuple[Literal[">", "<"], bytes]] = [
        (">", asked[:half]),
        ("<", echo[:half]),
        (">", asked[half:]),
        ("<", echo[half:] + OLD[:11].encode()),
        ("<", OLD[11:].encode() + b"\r\nOK\r\n"),
        (">", b"get place\r"),
        ("<", b"left\r\n"),
    ]
    shown = masking.conversation(said)
    assert shown[3:5] == [echo[half:] + b"***", b"\r\nOK\r\n"]
    assert shown[5:] == [b"get place\r", b"left\r\n"]
    assert b"device_key" in shown[0] + shown[2]


def test_the_answer_to_a_write_is_shown() -> None:
    masking = Masking()
    masking.hide_setting("device_key")
    masking.hide(KEY)
    shown = masking.conversation([(">", f"set device_key {KEY}\r".encode()), ("<", b"ERR 5\r\n")])
    assert shown == [b"set device_key ***\r", b"ERR 5\r\n"]


def test_an_error_shows_no_answer_that_may_be_an_old_key() -> None:
    with open_link() as (board, link):
        link.hide_setting("device_key")
        link.write(b"get device_key\r", time.monotonic() + 20)
        board.say(b"get device_key\r\n" + OLD.encode() + b"\r\n> ")
        assert link.masked(b"get device_key") == b"get device_key"
        assert link.masked(OLD.encode() + b"\r\n> ") == b"***\r\n> "
        assert link.masked_text("the board refuses the setting device_key: no room") == (
            "the board refuses the setting device_key: no room"
        )


def test_a_line_whose_beginning_is_forgotten_may_be_a_secret() -> None:
    transcript = Transcript()
    transcript.hide_setting("device_key")
    transcript.add("<", b"device_key=")
    for _ in range(40):
        transcript.add("<", OLD.encode() * 100)  # far more than is kept
    transcript.add("<", b"\r\nafter\r\n")
    shown = b"".join(passage.data for passage in transcript.passages())
    assert shown == b"***\r\nafter\r\n"
