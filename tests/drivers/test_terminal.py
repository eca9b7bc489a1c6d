"""What a terminal shows of bytes, and what a log line is: as consoles really send them."""

from __future__ import annotations

import re

import pytest

from drivers.terminal import Log, shown

ZEPHYR = Log([re.compile(r"\[\d\d:\d\d:\d\d\.\d{3},\d{3}\] <(?:err|wrn|inf|dbg)> ")])
ESP = Log([re.compile(r"[EWIDV] \(\d+\) [\w.-]+: ")])
PROMPT = b"\x1b[1;32muart:~$ \x1b[m"
MESSAGE = b"[00:00:03.120,000] \x1b[0m<inf> app: ready\x1b[0m\r\n"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain\r\ntext", "plain\r\ntext"),
        (b"\x1b[1;32mcolour\x1b[m", "colour"),
        (b"gone\x1b[4D\x1b[J", ""),
        (b"gone\x1b[9D\x1b[Jhere", "here"),
        (b"keep\r\ngone\x1b[4D\x1b[Jhere", "keep\r\nhere"),
        (b"gone\r\x1b[K", ""),
        (b"keep\r\ngone\r\x1b[Khere", "keep\r\nhere"),
        (b"gone\x1b[2Khere", "here"),
        (b"abc\x1b[2Dx\x1b[K", "ax"),
        (b"abc\x1b[2Dx\x1b[1C\x1b[K", "axc"),
        (b"nsh> \x1b[K\0", "nsh> "),
        # window titles and other strings, ended by BEL or by ST
        (b"\r\n\x1b]0;root@box: ~\x07root@box:~# ", "\r\nroot@box:~# "),
        (b"\x1b]3008;start=1f;type=shell\x1b\\$ \x1b[K", "$ "),
        (b"a\x1bP+q544e\x1b\\b\x1b_G\x07c\x1b^pm\x1b\\d\x1bXsos\x1b\\e", "abcde"),
        (b"\x1b]R\x1b]P0000000=> ", "=> "),
        # what never ends, or not in its line, is no string
        (b"\x1b]=> ", "=> "),
        (b"\x1b]0;x\r\n=> \x07", "0;x\r\n=> \x07"),
        (b"\x1b]" + b"x" * 600 + b"\x07", "x" * 600 + "\x07"),
        # a line that a console of 4 columns has wrapped twice, erased from its first row
        (b"abcd\r\nefgh\r\nij\x1b[2D\x1b[2A\x1b[Jnew", "new"),
        (b"one\r\ntwo\x1b[1A\x1b[3D\x1b[1B\x1b[Kend", "one\nend"),
        # no console erases the screen, or what stands to the left, while somebody types: a value may say so
        (b"SIM\x1b[2J\x1b[1J\x1b[1K7\x1b[K", "SIM7"),
        (b"a\rb\r\r\n\x1b[K", "a\rb\r\r\n"),
    ],
)
def test_what_a_terminal_does_not_show_is_gone(data: bytes, text: str) -> None:
    assert shown(data) == text


def test_zephyr_takes_its_prompt_away_to_log_and_draws_it_again() -> None:
    typed = PROMPT + b"settings re" + b"\x1b[19D\x1b[J" + MESSAGE + PROMPT + b"settings re" + b"ad a\r\n"
    text, cuts = ZEPHYR.cut(shown(typed))
    assert text == "uart:~$ settings read a\r\n"
    assert [cut.line for cut in cuts] == ["[00:00:03.120,000] <inf> app: ready"]


def test_a_log_line_that_splits_another_is_taken_out_with_its_end() -> None:
    text, cuts = ESP.cut("esp> nvs_gI (1234) wifi: connected\r\net a\r\n")
    assert text == "esp> nvs_get a\r\n"
    assert [(cut.at, cut.line) for cut in cuts] == [(10, "I (1234) wifi: connected")]


def test_a_log_line_that_has_not_ended_stays() -> None:
    assert ESP.cut("esp> I (1234) wifi: conn") == ("esp> I (1234) wifi: conn", [])


def test_several_log_lines_are_found_where_they_were() -> None:
    text, cuts = ESP.cut("I (1) a: 1\r\nx\r\nW (2) b: 2\nE (3) c: 3\ry")
    assert text == "x\r\ny"
    assert [(cut.at, cut.line) for cut in cuts] == [(0, "I (1) a: 1"), (3, "W (2) b: 2"), (3, "E (3) c: 3")]


def test_without_patterns_nothing_is_a_log() -> None:
    assert Log([]).cut("I (1) a: 1\r\n") == ("I (1) a: 1\r\n", [])
    assert not Log([]).holds("I (1) a: 1")
