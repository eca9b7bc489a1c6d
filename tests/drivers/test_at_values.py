"""What the at dialect can say, what it refuses to, what it hides, and what its table in a recipe must be."""

from __future__ import annotations

import functools
import hashlib
import operator
from typing import Any

import pytest
from at_script import AT, MODEM, STORED, modem, says
from pydantic import ValidationError

from drivers.at import At
from drivers.errors import (
    BoardRefused,
    BoardRestarts,
    BoardSilent,
    DriverError,
    ValueUnwritable,
)

BOOT = b"\xff\r\nRDY\r\n"


# ------------------------------------------------------------------ what can't be said, and what may not be shown


@pytest.mark.parametrize(
    ("quote", "value", "said"),
    [
        ("none", "iot.example", b"iot.example"),
        ("raw", '1,"IP","a;b"', b'1,"IP","a;b"'),
        ("plain", "a\\b, 'c' ü", "AT\"a\\b, 'c' ü\"".encode()[2:]),
        ("lines", "a\\b\nü\n", 'AT"a\\b\nü\n"'.encode()[2:]),
        ("v250", 'a"b\\c\r\n ü,;', rb'"a\22b\5Cc\0D\0A \C3\BC,;"'),
        ("backslash", 'a"b\\c,d', rb'"a\"b\\c,d"'),
        ("esp-at", 'a"b\\c,d', rb'"a\"b\\c\,d"'),
    ],
)
def test_values_are_quoted_as_the_recipe_says(quote: str, value: str, said: bytes) -> None:
    with modem([AT, says(b'AT+KV="a",' + said), STORED], quote=quote) as (at, _):
        at.configure({"a": value})


@pytest.mark.parametrize(
    ("quote", "told", "value"),
    [
        ("v250", rb"a\22b\5Cc\0D \C3\BC\zz", 'a"b\\c\r ü\\zz'),
        ("v250", b"a\xc3\xbc", "aü"),
        ("esp-at", rb"a\"b\\c\,d", 'a"b\\c,d'),
        ("plain", rb"a\22", r"a\22"),
    ],
)
def test_a_board_may_tell_values_with_their_escapes(quote: str, told: bytes, value: str) -> None:
    read = MODEM["read"] | {"unquote": True}
    with modem([AT, says(b'AT+KV="a"', b'+KV: "a","' + told + b'"')], quote=quote, read=read) as (at, _):
        assert at.read({"a": ""}) == {"a": value}


@pytest.mark.parametrize(
    ("quote", "value"),
    [
        ("none", ""),
        ("none", "two words"),
        ("none", "a;b"),
        ("none", "a,b"),
        ("raw", "a\rAT&F"),
        ("plain", 'a"b'),
        ("plain", "a\nb"),
        ("lines", 'a\n"b"'),
        ("lines", "a\r\nb"),
        ("backslash", "bell\x07"),
        ("esp-at", "c1\x9b"),
        ("v250", "x" * 40),
    ],
)
def test_what_the_board_can_not_be_told_is_refused_before_anything_is_sent(quote: str, value: str) -> None:
    with modem([], quote=quote, line_limit=53) as (at, _):
        with pytest.raises(ValueUnwritable) as caught:
            at.check({"good": "1", "bad": value})
        with pytest.raises(ValueUnwritable):
            at.configure({"good": "1", "bad": value})
    assert not value or value not in str(caught.value)


def test_a_line_may_be_as_long_as_the_limit() -> None:
    line = b'AT+KV="a","' + b"x" * 30 + b'"'
    with modem([AT, says(line), STORED], line_limit=len(line) + 1) as (at, _):
        at.configure({"a": "x" * 30})


@pytest.mark.parametrize("name", ["", "a b", 'a"', "a;+CFUN=0", "a\r", "a,b"])
def test_a_name_that_would_be_a_command_is_refused(name: str) -> None:
    with modem([]) as (at, _):
        with pytest.raises(ValueUnwritable):
            at.check({name: "1"})
        with pytest.raises(ValueUnwritable):
            at._read(name, "1")


def test_a_setting_without_a_way_is_refused() -> None:
    way = {key: MODEM[key] for key in ("write", "quote", "read")}
    with modem([], write=None, quote=None, read=None, settings={"a": way}) as (at, _):
        at.check({"a": "1"})
        with pytest.raises(ValueUnwritable, match="no way to write the setting b"):
            at.check({"b": "1"})


PEM = "-----BEGIN CERTIFICATE-----\nTUlJ+/=\n-----END CERTIFICATE-----\n"
FILE = {
    "before": 'AT+QFDEL="{name}"',
    "write": 'AT+QFUPL="{name}",{length}',
    "prompt": "CONNECT",
    "read": {"send": 'AT+QFDWL="{name}"', "capture": r"^\+QFDWL: (?P<length>\d+),(?P<xor16>[0-9a-f]+)$"},
}


def checksum(data: bytes) -> bytes:
    """Of a Quectel module's file."""
    words = [int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big") for at in range(0, len(data), 2)]
    return b"%x" % functools.reduce(operator.xor, words)


def downloads(name: bytes, data: bytes) -> tuple[bytes, bytes]:
    """A module that is asked for a file, and gives it with its length and checksum."""
    asked = b'AT+QFDWL="' + name + b'"\r'
    return asked, asked + b"\r\nCONNECT\r\n" + data + b"\r\n+QFDWL: %d," % len(data) + checksum(
        data
    ) + b"\r\n\r\nOK\r\n"


@pytest.mark.parametrize("deleted", [b"OK", b"+CME ERROR: 417"])
@pytest.mark.parametrize("slowly", [True, False])
def test_a_certificate_is_written_as_it_is_after_whatever_was_there_is_deleted(deleted: bytes, slowly: bool) -> None:
    upload, size = b'AT+QFUPL="ca",%d\r' % len(PEM), b"%d" % len(PEM)
    script = [
        AT,
        says(b'AT+QFDEL="ca"', result=deleted),
        (upload, upload + b"\r\nCONNECT\r\n"),
        (PEM.encode(), b"\r\n+QFUPL: " + size + b",1a2b\r\n\r\nOK\r\n"),
        STORED,
        downloads(b"ca", PEM.encode()),
        downloads(b"ca", PEM.encode()[:-1]),
        downloads(b"ca", PEM.replace("TUl", "UUl").encode()),  # as long as it was
    ]
    with modem(script, slowly=slowly, settings={"ca": FILE}) as (at, _):
        at.configure({"ca": PEM})
        assert at.read({"ca": PEM}) == {"ca": PEM}
        assert at.read({"ca": PEM}) == {"ca": f"length:{len(PEM) - 1}"}
        assert at.read({"ca": PEM})["ca"].startswith("xor16:")


def test_a_key_that_is_damaged_on_its_way_is_found_by_a_measure_and_not_by_its_length() -> None:
    """A prompt echoes nothing; the key's file is read back by what the module tells of it."""
    key, damaged = b"0123456789abcdef0123456789abcdef01234567", b"0123456789abcdef0123456789abcdef01234566"
    named = b'AT+QFLST="key"'
    for capture, answers in (
        (FILE["read"], [downloads(b"key", damaged)]),
        ({"send": 'AT+QFLST="{name}"', "capture": "(?P<length>\\d+)|(?P<value>x)"}, [says(named, b"40")]),
    ):
        with modem([AT, *answers], settings={"key": {**FILE, "read": capture}}) as (at, _):
            assert at.read({"key": key.decode()}) != {"key": key.decode()}
    by_name = {"send": 'AT+QFLST="{name}"', "capture": r"^(?P<length>\d+)$", "length_is_enough": True}
    with modem([AT, says(named, b"40")], settings={"key": {**FILE, "read": by_name}}) as (at, _):
        assert at.read({"key": key.decode()}) == {"key": key.decode()}, "as the recipe says"
        assert at._options.proof("key") == "length"


def test_what_a_board_refuses_after_the_deletion_is_refused() -> None:
    refused = says(b'AT+QFUPL="ca",1', result=b"+CME ERROR: 407")
    script = [AT, says(b'AT+QFDEL="ca"'), refused]
    with modem(script, settings={"ca": FILE}) as (at, _), pytest.raises(BoardRefused, match="setting ca"):
        at.configure({"ca": "x"})


@pytest.mark.parametrize("echo", [True, False])
@pytest.mark.parametrize("slowly", [True, False])
def test_a_credential_of_several_lines_is_verified_by_its_digest(echo: bool, slowly: bool) -> None:
    way = {
        "before": "AT%CMNG=3,42,0",
        "write": "AT%CMNG=0,42,0,{value}",
        "quote": "lines",
        "read": {"send": "AT%CMNG=1,42,0", "capture": '^%CMNG: 42,0,"(?P<sha256>[0-9A-F]+)"'},
    }
    digest = hashlib.sha256(PEM.encode()).hexdigest().upper()
    write = b'AT%CMNG=0,42,0,"' + PEM.encode() + b'"\r'
    script = [
        says(b"AT", echo=echo),
        says(b"AT%CMNG=3,42,0", result=b"+CME ERROR: 513", echo=echo),
        (write, (write.replace(b"\n", b"\r\n") if echo else b"") + b"\r\nOK\r\n"),
        says(b"AT&W", echo=echo),
        says(b"AT%CMNG=1,42,0", b'%CMNG: 42,0,"' + digest.encode() + b'"', echo=echo),
        says(b"AT%CMNG=1,42,0", b'%CMNG: 42,0,"' + b"0" * 64 + b'"', echo=echo),
    ]
    with modem(script, slowly=slowly, settings={"ca": way}) as (at, _):
        at.configure({"ca": PEM})
        assert at.read({"ca": PEM}) == {"ca": PEM}
        assert at.read({"ca": PEM}) == {"ca": "sha256:" + "0" * 64}


KEY = 'ab"cd"ef"gh"ij"kl"mn"op'


@pytest.mark.parametrize(
    ("answer", "fault"), [(b"\r\nERROR\r\n", BoardRefused), (b"", BoardSilent), (BOOT, BoardRestarts)]
)
def test_a_secret_is_in_no_error_and_no_transcript(answer: bytes, fault: type[DriverError]) -> None:
    said = KEY.replace('"', r"\22").encode()
    line = b'AT+KV="key","' + said + b'"'
    script = [AT, (line + b"\r", line + b"\r" + answer)] + [(b"AT\r", b"")] * (fault is BoardSilent)
    with modem(script, slowly=True, quote="v250", reply_s=0.6, boot_s=0.6) as (at, link):
        link.hide(KEY)
        with pytest.raises(fault) as caught:
            at.configure({"key": KEY})
        shown = repr(caught.value) + repr(caught.value.details) + repr(link.transcript)
    assert "***" in shown
    assert not any(part[i : i + 8] in shown for part in (KEY, said.decode()) for i in range(len(part) - 7))


def test_shows_what_it_would_send_without_its_secrets() -> None:
    asked = {
        "before": "AT+CERT=0",
        "write": "AT+CERT={length}",
        "prompt": ">",
        "read": {"send": "AT+CERT?", "capture": "(?P<value>.*)"},
    }
    with modem([], quote="v250", settings={"cert": asked}) as (at, link):
        link.hide(KEY)
        lines = at.preview({"a": "1", "cert": "CERT", "key": KEY})
        assert lines[:4] == ['AT+KV="a","1"', "AT+CERT=0", "AT+CERT=4", "CERT"] and lines[5:] == ["AT&W"]
        assert link.masked(lines[4].encode()) == b'AT+KV="key",***'


def test_every_fault_has_bounded_details() -> None:
    with modem([AT, says(b"AT+CGSN=1", b"\x01\xff" * 5000)]) as (at, _), pytest.raises(DriverError) as caught:
        at.identify()
    assert all(len(str(detail)) <= 200 and str(detail).isprintable() for detail in caught.value.details.values())


# ------------------------------------------------------------------ the recipe's table


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"identify": []}, "at least 1"),
        ({"identify": [{"send": "AT", "capture": "(?P<firmware>.)"}]}, "no serial"),
        ({"write": None}, "belong together"),
        ({"write": None, "read": None}, "are missing"),
        ({"write": "AT+KV={value}"}, "needs {name}"),
        ({"write": 'AT+KV="{name}"'}, "needs {value}"),
        ({"write": 'AT+KV="{name}",{value},{cik}'}, "nothing fills {cik}"),
        ({"quote": None}, "quote is missing"),
        ({"quote": "double"}, "quote"),
        ({"prompt": ">"}, "needs {length}"),
        ({"prompt": ">", "write": 'AT+KV="{name}",{length}'}, "with prompt there is none"),
        ({"read": {"send": "AT+KV", "capture": "(?P<value>.)"}}, "needs {name}"),
        ({"read": {"send": "AT+KV={name}", "capture": "{name}=(.)"}}, "P<value>"),
        ({"read": {"send": "AT+KV={name}", "capture": "{name}=(?P<sha1>.)"}}, "sha256"),
        ({"before": "AT+DEL={value}"}, "nothing fills {value}"),
        (
            {"settings": {"a": {"write": "AT+A=1", "read": {"send": "AT+A?", "capture": "(?P<value>.)"}}}},
            "needs {value}",
        ),
        ({"setup": ["AT+X={value}"]}, "nothing fills {value}"),
        ({"wake": {"send": "AT{x}"}}, "nothing fills {x}"),
        ({"unsolicited": ["("]}, "regular expression"),
        ({"results": {"error": [""]}}, "at least 1 character"),
        ({"restart": {"send": "AT+RST", "expect": "RST"}}, "echo"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_a_wrong_table_is_refused_when_it_is_loaded(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint.replace("(", r"\(").replace("{", r"\{")):
        At.Options.model_validate({k: v for k, v in (MODEM | change).items() if v is not None})


def test_every_key_is_explained() -> None:
    schema = At.Options.model_json_schema()
    tables = [schema, *(table for table in schema["$defs"].values() if "properties" in table)]
    keys = [(table["title"], key, field) for table in tables for key, field in table["properties"].items()]
    assert keys and all(field.get("description") for _, _, field in keys), keys
