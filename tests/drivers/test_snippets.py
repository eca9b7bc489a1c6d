"""What runs on a MicroPython board, as text: run here, as far as it is plain Python, and cut in pieces."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import snippets

TEXTS = st.text(max_size=60)
SETTINGS = st.dictionaries(TEXTS, TEXTS, max_size=8)
Run = Callable[[str], str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run orders on a board that is this interpreter; return what is printed."""
    names: dict[str, object] = {}

    def run_(code: str) -> str:
        capsys.readouterr()
        exec(code, names)
        return capsys.readouterr().out

    assert run_(snippets.greeting()) == "\x02\nfresh\n"
    return run_


def test_a_board_is_known_once_it_was_greeted(run: Run) -> None:
    assert run(snippets.greeting()) == "\x02\nknown\n"


@given(SETTINGS, st.integers(min_value=32, max_value=200))
def test_pieces_make_up_the_document(settings: dict[str, str], size: int) -> None:
    parts = snippets.pieces(settings, size)
    assert json.loads("".join(parts)) == settings
    assert "".join(parts) == snippets.document(settings)
    assert all(0 < len(part) <= size for part in parts)
    assert all(part.isascii() and part.isprintable() for part in parts)


@given(SETTINGS)
def test_settings_that_fit_are_not_cut(settings: dict[str, str]) -> None:
    entries = [json.dumps({name: value}, separators=(",", ":"))[1:-1] for name, value in settings.items()]
    longest = max((len(entry) for entry in entries), default=0) + 2
    parts = snippets.pieces(settings, longest)
    assert all(sum(entry in part for part in parts) >= 1 for entry in entries)


@given(SETTINGS)
def test_an_order_is_one_line_of_printable_ascii(settings: dict[str, str]) -> None:
    for code in snippets.writing("/c.json", snippets.pieces(settings, 64)):
        order = snippets.order(code)
        assert order.endswith("\n")
        assert order[:-1].isascii()
        assert order[:-1].isprintable()


def test_writes_signs_keeps_tells_and_drops_a_file(run: Run, tmp_path: Path) -> None:
    new, path = str(tmp_path / "c.new"), str(tmp_path / "c.json")
    settings = {"a": "1", "grüße": "∞ \x00 '\"\\ \U0001f600", "long": "x" * 300}
    (tmp_path / "c.json").write_text("old")
    said = ""
    for code in snippets.writing(new, snippets.pieces(settings, 64)):
        said = run(snippets.order(code))
    assert snippets.signed(said) == hashlib.sha256(Path(new).read_bytes()).hexdigest()
    assert json.loads(Path(new).read_text("ascii")) == settings
    assert run(snippets.order(snippets.keep(new, path))) == "\x02\nrenamed\n"
    assert snippets.told(run(snippets.order(snippets.tell(path))).strip()) == snippets.document(settings)
    assert run(snippets.order(snippets.drop(path))) == "\x02\ndropped\n"
    assert snippets.signed(run(snippets.order(snippets.sign(path)))) == "missing"
    assert snippets.told(run(snippets.order(snippets.tell(path))).strip()) is None


@pytest.mark.parametrize("lost", range(0, 60))
def test_an_order_that_lost_a_byte_does_nothing(run: Run, tmp_path: Path, lost: int) -> None:
    order = snippets.order(f"open({str(tmp_path / 'f')!a},'w').close()\nprint(1)\n")
    damaged = order[:lost] + order[lost + 1 :] if lost < 50 else order[: 50 - lost - 1] + order[50 - lost :]
    try:
        said = run(damaged)
    except (SyntaxError, NameError, TypeError):
        said = ""
    # without its line end it is the same order
    assert "\x02" not in said or damaged == order[:-1]
    assert not (tmp_path / "f").exists() or damaged == order[:-1]


@pytest.mark.parametrize("lost", [1, 2, 3, 5, 8, 13, 21, 34])
def test_a_greeting_that_lost_bytes_teaches_what_it_should_or_nothing(
    lost: int, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = snippets.greeting()
    right: dict[str, object] = {}
    exec(whole, right)
    taught = 0
    for at in range(0, len(whole) - lost):
        names: dict[str, object] = {}
        capsys.readouterr()
        with suppress(Exception):  # whatever the board's Python says
            exec(whole[:at] + whole[at + lost :], names)
        assert ("_st" in names) == ("\x02" in capsys.readouterr().out) == (names.get("_tk") == {})
        if "_st" in names:
            taught += 1
            assert names["_ts"] == right["_ts"]
    assert taught <= 2  # the line end is not needed


@pytest.mark.parametrize("said", ["", "<a> 1", "<a", "sha256", "sha256 0", "sha256 " + "0" * 63, "fresh"])
def test_a_damaged_answer_is_none(said: str) -> None:
    with pytest.raises(ValueError):
        snippets.signed(said)
    with pytest.raises(ValueError):
        snippets.told(said)
