"""The words of the command line; tests/real types most of these at the real one too."""

from __future__ import annotations

import pytest

from drivers.sim import hush


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("setenv a b", ["setenv", "a", "b"]),
        ("  setenv   a  b  ", ["setenv", "a", "b"]),
        ("setenv a ''", ["setenv", "a", ""]),
        ("setenv a '  x ; $v \"q\" '", ["setenv", "a", '  x ; $v "q" ']),
        (r"setenv a 'x\\y'", ["setenv", "a", r"x\y"]),
        (r"setenv a '\n\\n'", ["setenv", "a", r"n\n"]),
        (r"setenv a 'it'\''s'", ["setenv", "a", "it's"]),
        ("setenv a 'x''y'z", ["setenv", "a", "xyz"]),
        (r"setenv a b\ c\;d", ["setenv", "a", "b c;d"]),
        ("setenv a $v-${v}-$none.", ["setenv", "a", "V-V-."]),
        ('setenv a "x  ; $v"', ["setenv", "a", "x  ; V"]),
        ("setenv a b#c #d", ["setenv", "a", "b#c"]),
        ("setenv a '$(x) `y` & | ä'", ["setenv", "a", "$(x) `y` & | ä"]),
        ("setenv a $", ["setenv", "a", "$"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert list(hush.commands(text, {"v": "V"})) == [words]


def test_a_semicolon_ends_a_command() -> None:
    assert list(hush.commands("a 1;b 2 ; ;c", {})) == [["a", "1"], ["b", "2"], ["c"]]


def test_a_command_sees_what_the_one_before_has_set() -> None:
    variables = {"v": "old"}
    commands = hush.commands("first; second $v", variables)
    assert next(commands) == ["first"]
    variables["v"] = "new"
    assert next(commands) == ["second", "new"]


@pytest.mark.parametrize("text", ["", "   ", "# nothing", ";"])
def test_nothing_to_do(text: str) -> None:
    assert list(hush.commands(text, {})) == []


@pytest.mark.parametrize("text", ["a 'b", 'a "b', r"a 'x\'y'", "a 'b;c"])
def test_an_open_quotation_asks_for_more(text: str) -> None:
    assert not hush.complete(text)
    assert hush.complete("a 'b'")
