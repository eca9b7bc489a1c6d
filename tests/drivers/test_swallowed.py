"""What a terminal swallows is part of a value that a board holds, and never of a PASS."""

from __future__ import annotations

import pytest
from at_script import AT as GREETED
from at_script import FIRMWARE, SERIAL, modem, says
from board_script import WOKEN, expected_protocol

from drivers.errors import BoardUnreadable
from drivers.terminal import unswallowed

IDENTIFIED = [
    WOKEN,
    (b"printenv serial#\r", b"printenv serial#\r\nserial#=SN1\r\n=> "),
    (b"printenv ethaddr\r", b"printenv ethaddr\r\nethaddr=02:01\r\n=> "),
]


def told(answer: bytes) -> tuple[bytes, bytes]:
    return b"printenv a\r", b"printenv a\r\n" + answer + b"=> "


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (b"a=be\0e\r\n", "be\0e"),
        (b"a=bee\0\r\n", "bee\0"),
        (b"a=\0bee\r\n", "\0bee"),
        (b"a=be\x1bMe\r\n", "be\x1bMe"),
        (b"a=be\x1b[me\r\n", "be\x1b[me"),
        (b"a=bee\x1b[0m\r\n", "bee\x1b[0m"),
        (b"a=bee\x1b]0;x\a\r\n", "bee\x1b]0;x\a"),
        (b"a=bee\r\r\n", "bee\r"),
    ],
)
def test_a_value_with_something_in_it_that_no_terminal_shows_is_another(answer: bytes, value: str) -> None:
    with expected_protocol([*IDENTIFIED, *[told(answer)] * 3]) as (shell, _):
        shell.identify()
        assert shell.read({"a": "bee"}) == {"a": value}


def test_noise_on_the_wire_is_asked_away() -> None:
    with expected_protocol([*IDENTIFIED, told(b"a=be\0e\r\n"), told(b"a=bee\r\n")]) as (shell, _):
        shell.identify()
        assert shell.read({"a": "bee"}) == {"a": "bee"}


@pytest.mark.parametrize(
    "answer",
    [
        b"\x1b[1;32ma=bee\x1b[0m\r\n",
        b"\x1b[8D\x1b[Ja=bee\r\n",
        b"\r\n\0\0a=bee\r\n",
        b"a=bee\r\n\x1b[m",
        b"\x1b[0ma=bee\r\n\0",
    ],
)
def test_decoration_at_the_edges_of_a_line_is_none_of_the_value(answer: bytes) -> None:
    with expected_protocol([*IDENTIFIED, told(answer)]) as (shell, _):
        shell.identify()
        assert shell.read({"a": "bee"}) == {"a": "bee"}


def test_a_board_that_always_ends_its_lines_with_two_crs_adds_none_to_a_value() -> None:
    identified = [
        (sent, said.replace(b"=SN1\r", b"=SN1\r\r").replace(b"=02:01\r", b"=02:01\r\r")) for sent, said in IDENTIFIED
    ]
    with expected_protocol([*identified, told(b"a=bee\r\r\n")]) as (shell, _):
        shell.identify()
        assert shell.read({"a": "bee"}) == {"a": "bee"}


def test_lines_that_end_with_a_cr_or_an_lf_alone() -> None:
    for end in (b"\r", b"\n"):
        with expected_protocol([*IDENTIFIED, told(b"a=bee" + end)]) as (shell, _):
            shell.identify()
            assert shell.read({"a": "bee"}) == {"a": "bee"}


@pytest.mark.parametrize("slowly", [False, True])
def test_a_log_line_in_the_middle_of_an_answer_is_still_none_of_it(slowly: bool) -> None:
    log = {"log": [r"^\[\d+\.\d+\] "]}
    script = [*IDENTIFIED, told(b"\x1b[32m[12.3] up\x1b[0m\r\na=bee\r\n"), told(b"a=bee\r\n")]
    with expected_protocol(script, slowly=slowly, **log) as (shell, _):
        shell.identify()
        assert shell.read({"a": "bee"}) == {"a": "bee"}


def test_an_answer_that_is_none_without_what_was_swallowed_is_unreadable() -> None:
    with (
        expected_protocol([*IDENTIFIED, *[told(b"a\0=bee\r\n")] * 3]) as (shell, _),
        pytest.raises(BoardUnreadable, match="swallows") as caught,
    ):
        shell.identify()
        shell.read({"a": "bee"})
    assert r"a\x00=bee" in str(caught.value.details["received"])


@pytest.mark.parametrize("value", [b"be\0e", b"bee\0", b"be\x1b[me"])
def test_a_modules_value_likewise(value: bytes) -> None:
    read = says(b'AT+KV="a"', b'+KV: "a","' + value + b'"')
    with modem([GREETED, SERIAL, FIRMWARE, read]) as (at, _):
        at.identify()
        assert at.read({"a": "bee"}) == {"a": value.decode()}


def test_noise_before_a_modules_line_is_none_of_it() -> None:
    read = (b'AT+KV="a"\r', b'AT+KV="a"\r\r\n\0\x1b[m+KV: "a","bee"\r\n\r\n\0OK\r\n')
    with modem([GREETED, SERIAL, FIRMWARE, read]) as (at, _):
        at.identify()
        assert at.read({"a": "bee"}) == {"a": "bee"}


def test_colours_belong_to_a_line_that_began_with_one() -> None:
    assert unswallowed(b"\x1b[1ma\x1b[0m\r\nb\x1b[0m\r\n", 1) == "a\nb\x1b[0m\n"
    assert unswallowed(b"a\r\r\nb\r\nc\rd\n", 1) == "a\r\nb\nc\nd\n"
    assert unswallowed(b"a\r\r\nb\r\n", None) == "a\nb\n"
